/* scenario.h - a scenario of memory pressure as the worker carries it out. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#define PAGE 4096UL
#define MAX_PROCS 32
#define MAX_MAPS 32
#define MAX_OBJECTS 8
#define MAX_GROUPS 16

typedef uint64_t u64;

enum op { OP_MMAP, OP_MUNMAP, OP_MADVISE, OP_TOUCH, OP_FORK, OP_EXIT, OP_ADJ, OP_SNAP, OP_GROUP, OP_MKDIR, OP_RMDIR, OP_DROP,
  OP_MLOCK, OP_MUNLOCK, OP_READ, OP_WRITE, OP_FADVISE };

struct step {
  enum op op;
  int proc; /* -1: done by the worker itself */
  int target; /* mapping, process to be forked, group, object */
  int line;
  int arg; /* touch: writes; madvise, fadvise: the advice; dropcaches: what */
  u64 stride; /* touch: bytes from one access to the next */
  u64 offset, length; /* bytes */
  char word[24], text[40]; /* snap: label; group: file and what is written */
};

struct map {
  char name[16];
  u64 size;
  int object; /* -1: anonymous */
  int shared, prot, locked;
};

struct object {
  char name[16], path[200];
  u64 size;
  int memfd, fd;
};

struct proc {
  char name[16];
  int group, forked;
  int socket[2];
};

struct group {
  char path[64]; /* in the scenario: /g, /g/a */
  u64 extra; /* what the kernel charges for itself: added to limits */
  int made_before; /* before the first process */
};

struct scenario {
  struct step *steps;
  int nr_steps, nr_maps, nr_objects, nr_procs, nr_groups;
  int first_live; /* steps before this one set the scene: no process has done anything yet */
  struct map maps[MAX_MAPS];
  struct object objects[MAX_OBJECTS];
  struct proc procs[MAX_PROCS];
  struct group groups[MAX_GROUPS];
  u64 swap_size, limit; /* limit: memory.max of /g at the beginning; ~0: none */
  int swap_on_disk, swappiness, page_cluster;
  int readahead_kb; /* of files */
};

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void parse_scenario(struct scenario *s, const char *file);
int find_group(struct scenario *s, const char *path);
u64 parse_size(const char *text);
