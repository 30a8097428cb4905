#!/bin/sh
# A task manager: when memory is short, apps in the background give theirs up, the longest unused first.
#
#   reclaimfs run --scenario phone-16-apps --speed 10 -- sh scripts/examples/task-manager-pressure.sh
#   sh scripts/examples/task-manager-pressure.sh /tmp/proc
#
# Waits for lines of reclaimfs/vmpressure, the stand-in of the vmpressure_fd() that was proposed with the reclaim file.
# Which app is in the background, and for how long, says oom_score_adj, as on Android: 700 the one before, 900 and more
# those before that, the oldest highest.
#
#   EVENTS=N   end after N events (0: never)
#   ADJ=N      what counts as background (700)
set -u
proc=${1:-/proc}
events=${EVENTS:-0}
background=${ADJ:-700}

# Numbers of the background processes that hold 10 MB or more, oldest first.
oldest_first() {
  for dir in "$proc"/[0-9]*; do
    read -r adj < "$dir/oom_score_adj" || continue
    [ "$adj" -ge "$background" ] || continue
    kb=$(awk '$1 == "VmRSS:" { print $2 }' "$dir/status")
    [ "${kb:-0}" -ge 10240 ] && echo "$adj ${dir##*/}"
  done 2> /dev/null | sort -k1,1nr -k2,2n | cut -d' ' -f2
}

seen=0
while read -r level; do
  case $level in
    low) wanted=1 ;;
    medium) wanted=2 ;;
    critical) wanted=4 ;;
    *) continue ;;
  esac
  for pid in $(oldest_first | head -n "$wanted"); do
    # The process may be gone by now: then there is nothing to do.
    echo all > "$proc/$pid/reclaim" && echo "$level: $pid reclaimed"
  done 2> /dev/null
  seen=$((seen + 1))
  [ "$seen" = "$events" ] && break
done < "$proc/reclaimfs/vmpressure"
