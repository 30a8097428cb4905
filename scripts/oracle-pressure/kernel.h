/* kernel.h - files of the kernel: /proc, control groups of either version, swap. */
#pragma once
#include "scenario.h"

/* Where the groups of the scenario lie: /g is this directory, /g/a one below it. */
struct cgroups {
  const char *root;
  int v2;
};

int write_file(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text of a file, in one buffer that the next call uses again; "" if it cannot be read. */
char *read_file(const char *path);
/* A row "KEY VALUE" of such a text; -1: there is none. */
int64_t row(const char *text, const char *key);
u64 now_us(void);

const char *group_file(const struct cgroups *cg, const struct group *group, const char *file);
/* A write to a file of a group in the names of version 2; what version 1 does not have is refused or done in its way. */
void write_group(const struct cgroups *cg, const struct group *group, const char *file, const char *text);
u64 group_usage(const struct cgroups *cg, const struct group *group);
u64 group_kernel_memory(const struct cgroups *cg, const struct group *group);

/* Pages that lie in per-CPU batches are put where they can be seen. */
void drain_batches(void);
void wait_for_writeback(void);

extern const char *const VMSTAT_KEYS[];
enum { MAX_VMSTAT = 64 };
void read_vmstat(int64_t *values);

void swap_begin(const struct scenario *s, const char *swap_file);
void swap_end(const struct scenario *s, const char *swap_file);
