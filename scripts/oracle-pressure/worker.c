/*
 * worker.c - plays a scenario of memory pressure on the running kernel, in a memory group of its own; JSON on stdout. Root only.
 *
 *   worker [--measure FILE] [--extra [GROUP=]BYTES]... [--flush N] [--global] [--v2 DIR] [--fs DIR] [--disk NAME] [--swapfile PATH] SCENARIO.scn
 *
 *   --measure writes to FILE what the kernel charged to the groups for itself at most, as options: --extra GROUP=BYTES
 *   --extra   what the kernel charges to a group for itself (page tables, xarray nodes): added to its limits; default /g
 *   --flush   reads memory.stat after every N steps: the kernel decides about activation and deactivation by statistics of
 *             the group that are otherwise brought up to date every two seconds only
 *   --global  no group: the whole machine (a guest) is short of memory
 *   --v2      the unified hierarchy: DIR becomes /g of the scenario
 *
 *   --disk    the block device below DIR of --fs, whose readahead is set as the scenario says
 *
 * Everything runs on CPU 0 without huge pages. Each process of the scenario is a process here, told "from step, to step"
 * over a socket; consecutive steps of one process are one batch.
 */
#define _GNU_SOURCE
#include "kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_SECONDS 900
#define MAX_PAGES (1 << 18)

static struct scenario S;
static struct cgroups cg = { "/sys/fs/cgroup/memory/rfs-oracle", 0 };
static const char *fs = "/tmp/rfs-pressure/fs", *swap_file = "/tmp/rfs-pressure/swapfile";
static const char *measured, *disk;
static int flush, global, swapped;
static u64 kernel_memory[MAX_GROUPS]; /* at most, at any snap */

/* What the processes tell of themselves, in shared memory. */
struct state {
  pid_t pid;
  int alive, step, killed_at_line;
  u64 page, minflt, majflt, address[MAX_MAPS];
  int has[MAX_MAPS];
};
static struct state *P;
static volatile u64 sink;

/* ---- a process of the scenario ---- */

static void touch(int me, const struct step *step) {
  u64 base = P[me].address[step->target];
  for (u64 at = step->offset; at < step->offset + step->length; at += step->stride) {
    volatile u64 *word = (u64 *)(base + at);
    P[me].page = at / PAGE;
    if (step->arg) *word = at + 1 + (step - S.steps);
    else sink += *word;
  }
}

static void map(int me, int m) {
  struct map *map = &S.maps[m];
  int flags = map->shared ? MAP_SHARED : MAP_PRIVATE;
  if (map->object < 0) flags |= MAP_ANONYMOUS | MAP_NORESERVE;
  if (map->locked) flags |= MAP_LOCKED;
  void *address = mmap(0, map->size, map->prot, flags, map->object < 0 ? -1 : S.objects[map->object].fd, 0);
  if (address == MAP_FAILED) _exit(9);
  P[me].address[m] = (u64)address;
  P[me].has[m] = 1;
}

#define BUFFER_SIZE (4UL << 20)
static char *buffer; /* of the worker, not of a group */

/* read(2), write(2), posix_fadvise(2) on the process's own open file. */
static void file_call(const struct step *step) {
  int fd = S.objects[step->target].fd;
  if (step->op == OP_FADVISE) {
    if (posix_fadvise(fd, step->offset, step->length, step->arg)) die("fadvise");
    return;
  }
  if (step->length > BUFFER_SIZE) die("line %d: %lu bytes at once", step->line, step->length);
  if (step->op == OP_READ) {
    if (pread(fd, buffer, step->length, step->offset) < 0) die("read");
  } else if (pwrite(fd, buffer, step->length, step->offset) < 0) die("write");
}

/* Each process that is not forked by another opens the files itself: readahead goes by open file. */
static void open_files(void) {
  for (int o = 0; o < S.nr_objects; o++) {
    if (S.objects[o].memfd) continue;
    close(S.objects[o].fd);
    if ((S.objects[o].fd = open(S.objects[o].path, O_RDWR)) < 0) die("%s", S.objects[o].path);
  }
}

static __attribute__((noreturn)) void run_process(int me);

static void fork_process(int me, int child) {
  memcpy(P[child].has, P[me].has, sizeof P[me].has);
  memcpy(P[child].address, P[me].address, sizeof P[me].address);
  pid_t pid = fork();
  if (!pid) run_process(child);
  P[child].pid = pid;
  P[child].alive = 1;
}

static void carry_out(int me, const struct step *step) {
  switch (step->op) {
  case OP_MMAP: map(me, step->target); break;
  case OP_TOUCH: touch(me, step); break;
  case OP_MUNMAP: munmap((void *)(P[me].address[step->target] + step->offset), step->length); break;
  case OP_MADVISE:
    if (madvise((void *)(P[me].address[step->target] + step->offset), step->length, step->arg)) perror("madvise");
    break;
  case OP_MLOCK:
    if (mlock((void *)(P[me].address[step->target] + step->offset), step->length)) perror("mlock");
    break;
  case OP_MUNLOCK: munlock((void *)(P[me].address[step->target] + step->offset), step->length); break;
  case OP_READ:
  case OP_WRITE:
  case OP_FADVISE: file_call(step); break;
  case OP_FORK: fork_process(me, step->target); break;
  case OP_EXIT: _exit(0);
  case OP_ADJ: write_file("/proc/self/oom_score_adj", "%d", step->arg); break;
  default: break;
  }
}

static void run_process(int me) {
  int range[2];
  struct rusage first, last;
  getrusage(RUSAGE_SELF, &first);
  for (;;) {
    if (read(S.procs[me].socket[1], range, sizeof range) != sizeof range) _exit(0);
    for (int i = range[0]; i < range[1]; i++) {
      P[me].step = i;
      carry_out(me, &S.steps[i]);
    }
    getrusage(RUSAGE_SELF, &last);
    P[me].minflt = last.ru_minflt - first.ru_minflt;
    P[me].majflt = last.ru_majflt - first.ru_majflt;
    if (write(S.procs[me].socket[1], range, sizeof range) != sizeof range) _exit(1);
  }
}

/* ---- the worker ---- */

static int is_dead(int p) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/stat", P[p].pid);
  char *end = strrchr(read_file(path), ')');
  return !end || end[2] == 'Z' || end[2] == 'X';
}

static void note_deaths(int step) {
  for (int p = 0; p < S.nr_procs; p++) {
    if (!P[p].alive || !is_dead(p)) continue;
    P[p].alive = 0;
    if (S.steps[P[p].step].op != OP_EXIT) P[p].killed_at_line = S.steps[step].line;
  }
}

/* Steps from..to-1 are all of one process. */
static void tell(int p, int from, int to) {
  int range[2] = { from, to };
  struct pollfd socket = { S.procs[p].socket[0], POLLIN, 0 };
  if (!P[p].alive) return;
  if (write(socket.fd, range, sizeof range) < 0) die("write");
  while (poll(&socket, 1, 20) <= 0)
    if (is_dead(p)) break;
  if (socket.revents && read(socket.fd, range, sizeof range) < 0) die("read");
  note_deaths(P[p].step);
}

static int64_t vmstat_before[MAX_VMSTAT];
static int pressure_events[3];
static u64 nr_pressure_events[3], began_us;

static void print_runs(const char *key, int *nr, const unsigned char *states, u64 n) {
  printf("%s\"%s\":[", (*nr)++ ? "," : "", key);
  for (u64 i = 0, next; i < n; i = next) {
    for (next = i; next < n && states[next] == states[i]; next++) continue;
    printf("%s[\"%c\",%lu]", i ? "," : "", states[i], next - i);
  }
  putchar(']');
}

/* memory.stat with the groups below counted in, and a few other files. */
static void print_group(const struct group *group) {
  char *text = read_file(group_file(&cg, group, "memory.stat"));
  int nr = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
    char key[64];
    int64_t value;
    if (sscanf(line, "%63s %" SCNd64, key, &value) != 2) continue;
    int total = !strncmp(key, "total_", 6);
    if (!cg.v2 && !total && strncmp(key, "hierarchical", 12)) continue;
    printf("%s\"%s\":%" PRId64, nr++ ? "," : "", key + (total ? 6 : 0), value);
  }
  u64 kernel = group_kernel_memory(&cg, group), *most = &kernel_memory[group - S.groups];
  if (kernel > *most) *most = kernel;
  printf("%s\"usage\":%lu,\"kmem\":%lu", nr ? "," : "", group_usage(&cg, group), kernel);
  if (cg.v2) {
    printf(",\"swap\":%s", strtok(read_file(group_file(&cg, group, "memory.swap.current")), "\n") ?: "0");
    const char *events = read_file(group_file(&cg, group, "memory.events"));
    printf(",\"max_events\":%ld,\"high_events\":%ld,\"low_events\":%ld", row(events, "max"), row(events, "high"), row(events, "low"));
  } else {
    printf(",\"failcnt\":%lld", atoll(read_file(group_file(&cg, group, "memory.failcnt"))));
  }
}

static void print_machine(void) {
  printf(",\"psi\":\"");
  for (char *p = read_file("/proc/pressure/memory"); *p; p++) putchar(*p == '\n' ? '|' : *p);
  printf("\",\"meminfo\":{");
  int nr = 0;
  for (char *line = strtok(read_file("/proc/meminfo"), "\n"); line; line = strtok(0, "\n")) {
    char key[64];
    long kb;
    if (sscanf(line, "%63[^:]: %ld", key, &kb) == 2) printf("%s\"%s\":%ld", nr++ ? "," : "", key, kb);
  }
  printf("}");
}

static void print_process(int p) {
  static u64 entries[MAX_PAGES];
  static unsigned char states[MAX_PAGES];
  printf("%s\"%s\":{\"minflt\":%lu,\"majflt\":%lu,\"alive\":%d,\"killed_at_line\":%d,\"page\":%lu,\"maps\":{", p ? "," : "",
         S.procs[p].name, P[p].minflt, P[p].majflt, P[p].alive, P[p].killed_at_line, P[p].page);
  int nr = 0;
  for (int m = 0; m < S.nr_maps && P[p].alive; m++) {
    if (!P[p].has[m]) continue;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/pagemap", P[p].pid);
    int fd = open(path, O_RDONLY);
    u64 n = S.maps[m].size / PAGE;
    if (pread(fd, entries, n * sizeof *entries, P[p].address[m] / PAGE * sizeof *entries) < 0) die("pagemap");
    close(fd);
    for (u64 i = 0; i < n; i++) states[i] = entries[i] >> 63 ? '1' : entries[i] >> 62 & 1 ? 's' : '-';
    print_runs(S.maps[m].name, &nr, states, n);
  }
  printf("}}");
}

static void print_objects(void) {
  static unsigned char states[MAX_PAGES];
  int nr = 0;
  for (int o = 0; o < S.nr_objects; o++) {
    u64 n = S.objects[o].size / PAGE;
    void *view = mmap(0, S.objects[o].size, PROT_READ, MAP_SHARED, S.objects[o].fd, 0);
    mincore(view, S.objects[o].size, states);
    munmap(view, S.objects[o].size);
    for (u64 i = 0; i < n; i++) states[i] = states[i] & 1 ? '1' : '-';
    print_runs(S.objects[o].name, &nr, states, n);
  }
}

static void snap(const char *label) {
  static int first = 1;
  int64_t vmstat[MAX_VMSTAT];
  if (S.swap_on_disk) wait_for_writeback();
  drain_batches();
  read_vmstat(vmstat);
  printf("%s\n {\"snap\":\"%s\",\"us\":%lu,\"vmstat\":{", first ? "" : ",", label, now_us() - began_us);
  first = 0;
  for (int i = 0; VMSTAT_KEYS[i]; i++)
    printf("%s\"%s\":%" PRId64, i ? "," : "", VMSTAT_KEYS[i], vmstat[i] - vmstat_before[i]);
  printf("},\n  \"memcg\":{");
  if (!global) print_group(&S.groups[0]);
  printf("},\"groups\":{");
  for (int g = 1, nr = 0; g < S.nr_groups && !global; g++) {
    if (access(group_file(&cg, &S.groups[g], ""), F_OK)) continue; /* removed */
    printf("%s\"%s\":{", nr++ ? "," : "", S.groups[g].path);
    print_group(&S.groups[g]);
    printf("}");
  }
  printf("}");
  if (global) print_machine();
  for (int i = 0; i < 3 && !cg.v2; i++) {
    u64 n;
    if (read(pressure_events[i], &n, sizeof n) == sizeof n) nr_pressure_events[i] += n;
  }
  printf(",\"vmpressure\":{\"low\":%lu,\"medium\":%lu,\"critical\":%lu},\n  \"procs\":{", nr_pressure_events[0],
         nr_pressure_events[1], nr_pressure_events[2]);
  for (int p = 0; p < S.nr_procs; p++) print_process(p);
  printf("},\"objects\":{");
  print_objects();
  printf("}}");
  fflush(stdout);
}

static void set_readahead(int kb) {
  char path[128];
  snprintf(path, sizeof path, "/sys/block/%s/queue/read_ahead_kb", disk ?: "none");
  if (disk && write_file(path, "%d", kb)) perror(path);
}

/* Everything as it was, whatever happened. */
static void clean_up(void) {
  static int once;
  if (once++) return;
  for (int p = 0; P && p < S.nr_procs; p++)
    if (P[p].pid > 0) kill(P[p].pid, SIGKILL);
  usleep(20000);
  while (waitpid(-1, 0, WNOHANG) > 0) continue;
  for (int g = 0; g < S.nr_groups && !global; g++)
    if (!access(group_file(&cg, &S.groups[g], ""), F_OK)) write_group(&cg, &S.groups[g], "memory.max", "max");
  for (int o = 0; o < S.nr_objects; o++) {
    close(S.objects[o].fd); /* a memfd: or swapoff finds no room for its pages */
    if (S.objects[o].path[0]) unlink(S.objects[o].path);
  }
  if (swapped) swap_end(&S, swap_file);
  write_file("/proc/sys/vm/page-cluster", "3");
  set_readahead(0);
  if (cg.v2 || global) write_file("/proc/sys/vm/swappiness", "60");
  for (int g = S.nr_groups - 1; g >= 0 && !global; g--)
    for (int i = 0; i < 50 && rmdir(group_file(&cg, &S.groups[g], "")) && errno == EBUSY; i++) usleep(20000);
}

static void terminate(int signal) {
  (void)signal;
  exit(3);
}

static void read_arguments(int argc, char **argv) {
  static const char *extras[MAX_GROUPS];
  const char *file = 0;
  int nr_extras = 0;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--global")) global = 1;
    else if (argv[i][0] != '-') file = argv[i];
    else if (i + 1 == argc) die("%s what?", argv[i]);
    else if (!strcmp(argv[i], "--extra") && nr_extras < MAX_GROUPS) extras[nr_extras++] = argv[++i];
    else if (!strcmp(argv[i], "--measure")) measured = argv[++i];
    else if (!strcmp(argv[i], "--flush")) flush = atoi(argv[++i]);
    else if (!strcmp(argv[i], "--v2")) cg = (struct cgroups){ argv[++i], 1 };
    else if (!strcmp(argv[i], "--fs")) fs = argv[++i];
    else if (!strcmp(argv[i], "--disk")) disk = argv[++i];
    else if (!strcmp(argv[i], "--swapfile")) swap_file = argv[++i];
    else die("what is %s?", argv[i]);
  }
  if (!file) die("which scenario?");
  parse_scenario(&S, file);
  for (int i = 0; i < nr_extras; i++) {
    char path[64] = "/g";
    const char *value = strchr(extras[i], '=');
    if (value) snprintf(path, sizeof path, "%.*s", (int)(value - extras[i]), extras[i]);
    int group = find_group(&S, path);
    if (group >= 0) S.groups[group].extra = strtoull(value ? value + 1 : extras[i], 0, 10);
  }
  if (!global && find_group(&S, "/g") != 0) die("the first group must be /g");
}

static void make_objects(void) {
  static char block[1 << 16];
  memset(block, 'x', sizeof block);
  for (int o = 0; o < S.nr_objects; o++) {
    struct object *object = &S.objects[o];
    if (object->memfd) {
      object->fd = memfd_create(object->name, 0);
      if (ftruncate(object->fd, object->size)) die("truncate");
      continue;
    }
    snprintf(object->path, sizeof object->path, "%s/%s", fs, object->name);
    object->fd = open(object->path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    for (u64 i = 0; i < object->size; i += sizeof block)
      if (write(object->fd, block, sizeof block) < 0) die("%s", object->path);
    fsync(object->fd);
    posix_fadvise(object->fd, 0, 0, POSIX_FADV_DONTNEED);
  }
}

/* The group's vmpressure events, which version 1 has. */
static void listen_to_pressure(void) {
  static const char *levels[] = { "low", "medium", "critical" };
  int level = open(group_file(&cg, &S.groups[0], "memory.pressure_level"), O_RDONLY);
  for (int i = 0; i < 3; i++) {
    pressure_events[i] = eventfd(0, EFD_NONBLOCK);
    write_file(group_file(&cg, &S.groups[0], "cgroup.event_control"), "%d %d %s", pressure_events[i], level, levels[i]);
  }
}

static void carry_out_here(const struct step *step) {
  struct group *group = &S.groups[step->target];
  switch (step->op) {
  case OP_SNAP: snap(step->word); break;
  case OP_MKDIR:
    if (!global && mkdir(group_file(&cg, group, ""), 0755)) die("mkdir %s", group->path);
    if (!global && !cg.v2) write_file(group_file(&cg, group, "memory.swappiness"), "%d", S.swappiness);
    break;
  case OP_RMDIR:
    if (!global && rmdir(group_file(&cg, group, ""))) fprintf(stderr, "rmdir %s: %s\n", group->path, strerror(errno));
    break;
  case OP_GROUP:
    drain_batches();
    if (!global) write_group(&cg, group, step->word, step->text);
    break;
  case OP_DROP: write_file("/proc/sys/vm/drop_caches", "%d", step->arg); break;
  default: break;
  }
}

static void write_measured(void) {
  FILE *f = fopen(measured, "w");
  if (!f) die("%s", measured);
  for (int g = 0; g < S.nr_groups; g++) fprintf(f, "--extra %s=%lu\n", S.groups[g].path, kernel_memory[g]);
  fclose(f);
}

static void start_processes(void) {
  buffer = mmap(0, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memset(buffer, 'y', BUFFER_SIZE);
  for (int p = 0; p < S.nr_procs; p++)
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, S.procs[p].socket)) die("socketpair");
  for (int p = 0; p < S.nr_procs; p++) {
    if (S.procs[p].forked) continue;
    pid_t pid = fork();
    if (!pid) {
      open_files();
      mlockall(MCL_CURRENT);
      if (!global) write_file(group_file(&cg, &S.groups[S.procs[p].group], "cgroup.procs"), "%d", getpid());
      run_process(p);
    }
    P[p].pid = pid;
    P[p].alive = 1;
  }
}

static void play(void) {
  for (int i = S.first_live, next; i < S.nr_steps; i = next) {
    const struct step *step = &S.steps[i];
    next = i + 1;
    if (step->proc < 0) {
      carry_out_here(step);
      continue;
    }
    while (next < S.nr_steps && S.steps[next].proc == step->proc && S.steps[next - 1].op != OP_FORK && (!flush || next - i < flush)) next++;
    tell(step->proc, i, next);
    for (int g = 0; g < S.nr_groups && flush && !global; g++) read_file(group_file(&cg, &S.groups[g], "memory.stat"));
  }
}

int main(int argc, char **argv) {
  P = mmap(0, MAX_PROCS * sizeof *P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  read_arguments(argc, argv);
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  cpu_set_t first_cpu;
  CPU_ZERO(&first_cpu);
  CPU_SET(0, &first_cpu);
  sched_setaffinity(0, sizeof first_cpu, &first_cpu);
  if (strchr(read_file("/proc/swaps"), '/')) die("somebody else has swap on");
  atexit(clean_up);
  signal(SIGTERM, terminate);
  signal(SIGINT, terminate);
  signal(SIGALRM, terminate);
  alarm(TIMEOUT_SECONDS);
  for (int g = S.nr_groups - 1; g >= 0 && !global; g--) rmdir(group_file(&cg, &S.groups[g], ""));
  make_objects();
  if (S.swap_size) {
    swapped = 1;
    swap_begin(&S, swap_file);
  }
  write_file("/proc/sys/vm/page-cluster", "%d", S.page_cluster);
  if (S.readahead_kb && !disk) die("readahead= needs --disk");
  set_readahead(S.readahead_kb);
  for (int i = 0; i < S.first_live; i++) carry_out_here(&S.steps[i]);
  if (cg.v2 || global) write_file("/proc/sys/vm/swappiness", "%d", S.swappiness);
  if (!cg.v2 && !global) listen_to_pressure();
  start_processes();
  usleep(50000);
  drain_batches();
  read_vmstat(vmstat_before);
  began_us = now_us();
  const char *name = strrchr(argv[argc - 1], '/');
  printf("{\"scenario\":\"%s\",\"extra\":%lu,\"swap\":\"%s\",\"swappiness\":%d,\"page_cluster\":%d,\"limit\":%lu,\"snaps\":[",
         name ? name + 1 : argv[argc - 1], S.groups[0].extra, !S.swap_size ? "none" : S.swap_on_disk ? "disk" : "zram",
         S.swappiness, S.page_cluster, S.limit);
  play();
  printf("]}\n");
  if (measured) write_measured();
  return 0;
}
