#!/bin/sh
# A memory monitor: a line every so often with free memory, swap in use, pages written to swap since the line before, and
# the largest process.
#   memory-monitor.sh [SECONDS [LINES]]
interval=${1:-2}
lines=${2:-0}

written() { awk '$1 == "pswpout" { print $2 }' /proc/vmstat; }

before=$(written)
n=0
while :; do
  now=$(written)
  largest=$(cat /proc/[0-9]*/status 2>/dev/null | awk '
    $1 == "Name:" { name = $2 }
    $1 == "Pid:" { pid = $2 }
    $1 == "VmRSS:" && $2 > most { most = $2; who = pid " " name }
    END { print most + 0 " kB " who }')
  awk -v written=$((now - before)) -v largest="$largest" '
    { kb[$1] = $2 }
    END {
      printf "free %d kB available %d kB swapped %d kB written %d pages largest %s\n",
        kb["MemFree:"], kb["MemAvailable:"], kb["SwapTotal:"] - kb["SwapFree:"], written, largest
    }' /proc/meminfo
  before=$now
  n=$((n + 1))
  [ "$n" = "$lines" ] && break
  sleep "$interval"
done
