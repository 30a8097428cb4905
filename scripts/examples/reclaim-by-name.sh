#!/bin/sh
# Gives back the memory of every process whose command line matches.
#   reclaim-by-name.sh NAME [all|file|anon]
name=${1:?usage: reclaim-by-name.sh NAME [all|file|anon]}
mode=${2:-all}

pgrep -f "$name" | while read -r pid; do
  [ -w "/proc/$pid/reclaim" ] || continue
  echo "$mode" > "/proc/$pid/reclaim" 2>/dev/null && echo "$pid $mode"
done
