#!/bin/bash
# As found on phones of 2014: whatever is in the background cpuset and cached (oom_adj 15) gives back everything.
# The list has thread ids, not only process ids; /proc/TID works all the same.
#   reclaim-background.sh [FILE with a task per line]
tasks=${1:-/dev/cpuset/background/tasks}

cat "$tasks" | while read line; do
  [[ -f /proc/$line/oom_adj ]] && [[ `cat /proc/$line/oom_adj` == 15 ]] && echo all > /proc/$line/reclaim 2>/dev/null
done
# Old scripts also try the numbers of the first patches: those kernels that know words only refuse, and nobody sees it.
cat "$tasks" | while read line; do
  [ -w "/proc/$line/reclaim" ] && echo 1000 >"/proc/$line/reclaim" 2>/dev/null
done
true
