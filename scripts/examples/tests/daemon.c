/* The daemon from C: the mount point is the first argument, the daemon the second. CMakeLists.txt makes it a ctest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long kb(const char *proc, int pid, const char *key) {
  char path[4096], line[256];
  snprintf(path, sizeof path, "%s/%d/status", proc, pid);
  FILE *file = fopen(path, "r");
  long value = -1;
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, key, strlen(key)) == 0) value = atol(line + strlen(key) + 1);
  if (file) fclose(file);
  return value;
}

int main(int argc, char **argv) {
  char command[8192];
  if (argc != 3) return 2;
  snprintf(command, sizeof command, "sh '%s' '%s' 1048576", argv[2], argv[1]);
  if (system(command) != 0) return 1;
  return kb(argv[1], 1234, "RssAnon") == 0 && kb(argv[1], 1201, "VmSwap") == 0 ? 0 : 1;
}
