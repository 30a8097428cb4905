#!/bin/sh
# A small daemon: whenever available memory falls below MIN_KB, the background process (oom_score_adj >= 700) with the
# most resident memory is asked to give up its anonymous pages. reclaim-daemon.sh PROC MIN_KB [ROUNDS]
set -eu
proc=$1
min_kb=$2
rounds=${3:-1}

largest() { # the pid of the largest background process
  for status in "$proc"/[0-9]*/status; do
    dir=${status%/status}
    [ "$(cat "$dir/oom_score_adj" 2>/dev/null || echo 0)" -ge 700 ] || continue
    awk -v pid="${dir##*/}" '$1 == "RssAnon:" { print $2, pid }' "$status"
  done | sort -rn | head -n 1 | cut -d ' ' -f 2
}

while [ "$rounds" -gt 0 ]; do
  available=$(awk '$1 == "MemAvailable:" { print $2 }' "$proc/meminfo")
  if [ "$available" -lt "$min_kb" ]; then
    pid=$(largest)
    [ -z "$pid" ] || echo anon > "$proc/$pid/reclaim"
  fi
  rounds=$((rounds - 1))
done
