/* scenario.c - reads the same file that reclaimfs plays. What is of no use to a real kernel (ticks, remarks) is skipped. */
#define _GNU_SOURCE
#include "scenario.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_WORDS 24

static const struct { const char *name; int advice; } ADVICE[] = {
  { "cold", 20 }, { "pageout", 21 }, { "willneed", MADV_WILLNEED }, { "dontneed", MADV_DONTNEED }, { "free", MADV_FREE },
  { "normal", MADV_NORMAL }, { "random", MADV_RANDOM }, { "sequential", MADV_SEQUENTIAL },
};
static const char *const FILE_ADVICE[] = { "normal", "random", "sequential", "willneed", "dontneed", "noreuse" };

void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  fprintf(stderr, " (%s)\n", strerror(errno));
  exit(2);
}

/* 12p, 64K, 8M, 1G, bytes; a quote before it is skipped. */
u64 parse_size(const char *text) {
  char *end;
  u64 value = strtoull(text + (*text == '"'), &end, 0);
  switch (*end) {
  case 'p': return value * PAGE;
  case 'K': return value << 10;
  case 'M': return value << 20;
  case 'G': return value << 30;
  default: return value;
  }
}

static int find(const char *name, const void *table, size_t each, int nr) {
  for (int i = 0; i < nr; i++)
    if (!strcmp((const char *)table + i * each, name)) return i;
  return -1;
}

static struct step *add(struct scenario *s, enum op op, int proc, int line) {
  struct step *step = &s->steps[s->nr_steps++];
  step->op = op;
  step->proc = proc;
  step->line = line;
  return step;
}

int find_group(struct scenario *s, const char *path) {
  return find(path, s->groups, sizeof *s->groups, s->nr_groups);
}

static int add_proc(struct scenario *s, const char *name) {
  if (s->nr_procs == MAX_PROCS) die("too many processes");
  struct proc *p = &s->procs[s->nr_procs];
  snprintf(p->name, sizeof p->name, "%s", name);
  p->group = find_group(s, "/g");
  return s->nr_procs++;
}

static void parse_group(struct scenario *s, char **w, int n, int line, int *pids) {
  if (n < 3) die("line %d", line);
  if (!strcmp(w[1], "mkdir")) {
    if (s->nr_groups == MAX_GROUPS) die("too many groups");
    snprintf(s->groups[s->nr_groups].path, sizeof s->groups[0].path, "%s", w[2]);
    add(s, OP_MKDIR, -1, line)->target = s->nr_groups++;
    return;
  }
  if (!strcmp(w[1], "swappiness")) {
    int group = find_group(s, w[2]);
    if (group < 0) die("line %d: no group %s", line, w[2]);
    struct step *step = add(s, OP_GROUP, -1, line);
    step->target = group;
    snprintf(step->word, sizeof step->word, "memory.swappiness");
    snprintf(step->text, sizeof step->text, "%s", w[3]);
    return;
  }
  char *slash = strrchr(w[2], '/');
  if (!strcmp(w[1], "rmdir")) {
    add(s, OP_RMDIR, -1, line)->target = find_group(s, w[2]);
    return;
  }
  char file[24];
  snprintf(file, sizeof file, "%s", slash + 1);
  *slash = 0;
  int group = find_group(s, w[2]);
  if (group < 0) return; /* the root group */
  char text[40];
  snprintf(text, sizeof text, "%s%s%s", w[3], n > 4 ? " " : "", n > 4 ? w[4] : "");
  memmove(text, text + (*text == '"'), strlen(text));
  text[strcspn(text, "\"")] = 0;
  if (!strcmp(file, "cgroup.procs")) {
    for (int p = 0; p < s->nr_procs; p++)
      if (pids[p] == atoi(text)) s->procs[p].group = group;
    return;
  }
  struct step *step = add(s, OP_GROUP, -1, line);
  step->target = group;
  snprintf(step->word, sizeof step->word, "%s", file);
  snprintf(step->text, sizeof step->text, "%s", text);
  if (!strcmp(file, "memory.max") && !strcmp(w[2], "/g") && s->limit == ~0UL) s->limit = parse_size(text);
}

static void parse_mmap(struct scenario *s, int proc, char **w, int n, int line) {
  int m = find(w[2], s->maps, sizeof *s->maps, s->nr_maps);
  if (m < 0) {
    if (s->nr_maps == MAX_MAPS) die("too many mappings");
    m = s->nr_maps++;
    snprintf(s->maps[m].name, sizeof s->maps[m].name, "%s", w[2]);
    s->maps[m].object = -1;
    s->maps[m].prot = PROT_READ | PROT_WRITE;
  }
  for (int i = 3; i < n; i++) {
    if (!strncmp(w[i], "size=", 5)) s->maps[m].size = parse_size(w[i] + 5);
    else if (!strncmp(w[i], "obj=", 4)) s->maps[m].object = find(w[i] + 4, s->objects, sizeof *s->objects, s->nr_objects);
    else if (!strcmp(w[i], "shared")) s->maps[m].shared = 1;
    else if (!strcmp(w[i], "locked")) s->maps[m].locked = 1;
    else if (!strcmp(w[i], "prot=r")) s->maps[m].prot = PROT_READ;
    else if (!strcmp(w[i], "prot=rx")) s->maps[m].prot = PROT_READ | PROT_EXEC;
  }
  add(s, OP_MMAP, proc, line)->target = m;
}

/* read, write, fadvise OBJECT OFF LEN [ADVICE] */
static void parse_file_call(struct scenario *s, int proc, char **w, int n, int line) {
  int advises = !strcmp(w[1], "fadvise");
  if (n < 5 + advises) die("line %d", line);
  struct step *step = add(s, advises ? OP_FADVISE : !strcmp(w[1], "read") ? OP_READ : OP_WRITE, proc, line);
  step->target = find(w[2], s->objects, sizeof *s->objects, s->nr_objects);
  if (step->target < 0) die("line %d: no object %s", line, w[2]);
  step->offset = parse_size(w[3]);
  step->length = parse_size(w[4]);
  if (!advises) return;
  step->arg = -1;
  for (int i = 0; i < 6; i++)
    if (!strcmp(w[5], FILE_ADVICE[i])) step->arg = i; /* POSIX_FADV_* are numbered so */
  if (step->arg < 0) die("line %d: what is '%s'?", line, w[5]);
}

static void parse_process_step(struct scenario *s, int proc, char **w, int n, int line) {
  if (!strcmp(w[1], "fork")) {
    int child = add_proc(s, w[2]);
    s->procs[child].forked = 1;
    s->procs[child].group = s->procs[proc].group;
    add(s, OP_FORK, proc, line)->target = child;
    return;
  }
  if (!strcmp(w[1], "exit")) {
    add(s, OP_EXIT, proc, line);
    return;
  }
  if (!strcmp(w[1], "adj")) {
    add(s, OP_ADJ, proc, line)->arg = atoi(w[2]);
    return;
  }
  if (!strcmp(w[1], "mmap")) {
    parse_mmap(s, proc, w, n, line);
    return;
  }
  if (!strcmp(w[1], "read") || !strcmp(w[1], "write") || !strcmp(w[1], "fadvise")) {
    parse_file_call(s, proc, w, n, line);
    return;
  }
  static const struct { const char *word; enum op op; int words; } OPS[] = {
    { "touch", OP_TOUCH, 6 }, { "madvise", OP_MADVISE, 6 }, { "munmap", OP_MUNMAP, 5 }, { "mlock", OP_MLOCK, 5 }, { "munlock", OP_MUNLOCK, 5 },
  };
  size_t known = 0;
  while (known < sizeof OPS / sizeof *OPS && strcmp(w[1], OPS[known].word)) known++;
  if (known == sizeof OPS / sizeof *OPS) die("line %d: what is '%s'?", line, w[1]);
  if (n < OPS[known].words) die("line %d", line);
  enum op op = OPS[known].op;
  struct step *step = add(s, op, proc, line);
  step->target = find(w[2], s->maps, sizeof *s->maps, s->nr_maps);
  if (step->target < 0) die("line %d: no mapping %s", line, w[2]);
  step->offset = parse_size(w[3]);
  step->length = parse_size(w[4]);
  step->stride = PAGE;
  if (op == OP_TOUCH) step->arg = !strcmp(w[5], "write");
  for (int i = 6; i < n; i++)
    if (!strncmp(w[i], "stride=", 7)) step->stride = parse_size(w[i] + 7);
  if (op != OP_MADVISE) return;
  step->arg = -1;
  for (size_t i = 0; i < sizeof ADVICE / sizeof *ADVICE; i++)
    if (!strcmp(w[5], ADVICE[i].name)) step->arg = ADVICE[i].advice;
  if (step->arg < 0) die("line %d: what is '%s'?", line, w[5]);
}

void parse_scenario(struct scenario *s, const char *file) {
  FILE *f = fopen(file, "r");
  if (!f) die("%s", file);
  int nr_lines = 1;
  for (int c; (c = getc(f)) != EOF;) nr_lines += c == '\n';
  rewind(f);
  /* shared: the processes find their steps in it */
  s->steps = mmap(0, nr_lines * sizeof *s->steps, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  s->swap_size = 64 << 20;
  s->swappiness = 60;
  s->limit = ~0UL;
  s->first_live = -1;
  char text[512], *w[MAX_WORDS + 1];
  int pids[MAX_PROCS] = { 0 }, line = 0;
  while (fgets(text, sizeof text, f)) {
    int n = 0;
    line++;
    for (char *t = strtok(text, " \n"); t && *t != '#' && n < MAX_WORDS; t = strtok(0, " \n")) w[n++] = t;
    if (!n) continue;
    w[n] = 0;
    if (!strcmp(w[0], "machine")) {
      for (int i = 1; i < n; i++) {
        if (!strncmp(w[i], "swap=", 5)) s->swap_size = parse_size(w[i] + 5);
        else if (!strcmp(w[i], "swapkind=disk")) s->swap_on_disk = 1;
        else if (!strncmp(w[i], "readahead=", 10)) s->readahead_kb = parse_size(w[i] + 10) >> 10; /* off: 0 */
      }
    } else if (!strcmp(w[0], "sysctl")) {
      if (strstr(w[1], "swappiness")) s->swappiness = atoi(w[2]);
      else if (strstr(w[1], "page-cluster")) s->page_cluster = atoi(w[2]);
    } else if (!strcmp(w[0], "object")) {
      if (s->nr_objects == MAX_OBJECTS) die("too many objects");
      struct object *o = &s->objects[s->nr_objects++];
      snprintf(o->name, sizeof o->name, "%s", w[1]);
      o->memfd = !strcmp(w[2], "memfd");
      o->size = parse_size(w[3]);
    } else if (!strcmp(w[0], "proc")) {
      int p = add_proc(s, w[1]);
      for (int i = 2; i < n; i++) if (!strncmp(w[i], "pid=", 4)) pids[p] = atoi(w[i] + 4);
    } else if (!strcmp(w[0], "cgroup")) {
      parse_group(s, w, n, line, pids);
    } else if (!strcmp(w[0], "snap")) {
      snprintf(add(s, OP_SNAP, -1, line)->word, sizeof s->steps->word, "%s", w[1]);
      if (s->first_live < 0) s->first_live = s->nr_steps - 1;
    } else if (!strcmp(w[0], "dropcaches")) {
      add(s, OP_DROP, -1, line)->arg = atoi(w[1]);
    } else {
      int p = find(w[0], s->procs, sizeof *s->procs, s->nr_procs);
      if (p < 0) continue;
      if (s->first_live < 0) s->first_live = s->nr_steps;
      parse_process_step(s, p, w, n, line);
    }
  }
  if (s->first_live < 0) s->first_live = s->nr_steps;
  fclose(f);
}
