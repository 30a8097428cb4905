/* kernel.c - see kernel.h. */
#define _GNU_SOURCE
#include "kernel.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const char *const VMSTAT_KEYS[] = {
  "pswpin", "pswpout", "swpout_zero", "pgscan_anon", "pgscan_file", "pgsteal_anon", "pgsteal_file", "pgrefill",
  "pgactivate", "pgdeactivate", "pgrotated", "workingset_refault_anon", "workingset_refault_file",
  "workingset_activate_anon", "workingset_activate_file", "workingset_restore_anon", "workingset_restore_file",
  "nr_vmscan_write", "nr_vmscan_immediate_reclaim", "nr_dirtied", "nr_written", "swap_ra", "swap_ra_hit",
  "pgscan_kswapd", "pgsteal_kswapd", "pgscan_direct", "pgsteal_direct", "allocstall_normal", "allocstall_dma32",
  "allocstall_movable", "pageoutrun", "kswapd_low_wmark_hit_quickly", "kswapd_high_wmark_hit_quickly", "oom_kill", 0,
};

int write_file(const char *path, const char *format, ...) {
  char text[128];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args), fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int done = write(fd, text, n), error = errno;
  close(fd);
  errno = error;
  return done == n ? 0 : -1;
}

char *read_file(const char *path) {
  static char text[1 << 17];
  int fd = open(path, O_RDONLY), n = 0, got;
  text[0] = 0;
  if (fd < 0) return text;
  while ((got = read(fd, text + n, sizeof text - 1 - n)) > 0) n += got;
  text[n] = 0;
  close(fd);
  return text;
}

int64_t row(const char *text, const char *key) {
  size_t length = strlen(key);
  for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : 0)
    if (!strncmp(p, key, length) && p[length] == ' ') return strtoll(p + length + 1, 0, 10);
  return -1;
}

u64 now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000UL + t.tv_nsec / 1000;
}

const char *group_file(const struct cgroups *cg, const struct group *group, const char *file) {
  static char paths[4][256];
  static int at;
  char *path = paths[at = (at + 1) & 3];
  snprintf(path, sizeof paths[0], "%s%s%s%s", cg->root, group->path + strlen("/g"), *file ? "/" : "", file);
  return path;
}

u64 group_usage(const struct cgroups *cg, const struct group *group) {
  return strtoull(read_file(group_file(cg, group, cg->v2 ? "memory.current" : "memory.usage_in_bytes")), 0, 10);
}

u64 group_kernel_memory(const struct cgroups *cg, const struct group *group) {
  if (cg->v2) return row(read_file(group_file(cg, group, "memory.stat")), "kernel");
  return strtoull(read_file(group_file(cg, group, "memory.kmem.usage_in_bytes")), 0, 10);
}

/* Version 1 has no memory.reclaim: the limit is lowered to usage - SIZE and put back. */
static void reclaim_v1(const struct cgroups *cg, const struct group *group, u64 bytes) {
  const char *file = group_file(cg, group, "memory.limit_in_bytes");
  u64 limit = strtoull(read_file(file), 0, 10), usage = group_usage(cg, group);
  write_file(file, "%lu", usage - bytes);
  write_file(file, "%lu", limit);
}

void write_group(const struct cgroups *cg, const struct group *group, const char *file, const char *text) {
  int size = !strcmp(file, "memory.max") || !strcmp(file, "memory.high") || !strcmp(file, "memory.low") ||
             !strcmp(file, "memory.min");
  if (!strcmp(file, "cgroup.subtree_control") && !cg->v2) return;
  if (!strcmp(file, "memory.reclaim") && !cg->v2) {
    if (strchr(text, ' ')) die("%s: memory.reclaim %s needs version 2", group->path, text);
    reclaim_v1(cg, group, parse_size(text));
    return;
  }
  if (!cg->v2 && size && strcmp(file, "memory.max")) die("%s: %s needs version 2", group->path, file);
  const char *path = group_file(cg, group, cg->v2 || !size ? file : "memory.limit_in_bytes");
  int failed;
  if (size && strcmp(text, "max")) failed = write_file(path, "%lu", parse_size(text) + group->extra);
  else failed = write_file(path, "%s", size && !cg->v2 ? "-1" : text);
  if (failed) fprintf(stderr, "%s/%s %s: %s\n", group->path, file, text, strerror(errno));
}

void drain_batches(void) {
  static char *page;
  if (!page) {
    page = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 1;
  }
  void *pages = page;
  int node = 0, status;
  syscall(SYS_move_pages, 0, 1UL, &pages, &node, &status, 2);
}

void wait_for_writeback(void) {
  for (int i = 0; i < 300; i++) {
    read_file("/proc/sys/vm/stat_refresh");
    if (row(read_file("/proc/vmstat"), "nr_writeback") <= 0) return;
    usleep(5000);
  }
}

void read_vmstat(int64_t *values) {
  read_file("/proc/sys/vm/stat_refresh");
  const char *text = read_file("/proc/vmstat");
  for (int i = 0; VMSTAT_KEYS[i]; i++) values[i] = row(text, VMSTAT_KEYS[i]);
}

void swap_begin(const struct scenario *s, const char *swap_file) {
  char command[512];
  if (s->swap_on_disk) {
    snprintf(command, sizeof command, "rm -f %s; fallocate -l %lu %s && chmod 600 %s && mkswap %s >/dev/null 2>&1",
             swap_file, s->swap_size + PAGE, swap_file, swap_file, swap_file);
    if (system(command) || swapon(swap_file, 0)) die("swap file");
    return;
  }
  write_file("/sys/block/zram0/reset", "1");
  if (write_file("/sys/block/zram0/disksize", "%lu", s->swap_size + PAGE)) die("zram0");
  if (system("mkswap /dev/zram0 >/dev/null 2>&1") || swapon("/dev/zram0", 0)) die("swap on zram0");
}

void swap_end(const struct scenario *s, const char *swap_file) {
  if (swapoff(s->swap_on_disk ? swap_file : "/dev/zram0")) perror("swapoff");
  if (s->swap_on_disk) unlink(swap_file);
  else write_file("/sys/block/zram0/reset", "1");
}
