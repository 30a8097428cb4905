#!/bin/sh
# A policy of one's own as a program: what `none/pressure` does, written as a daemon for sh. Told of pressure, it reclaims
# apps in the background whole, the longest unused first.
#
#   reclaimfs compare phone-16-apps --policies kernel,none/pressure --policy 'mine=sh scripts/examples/policies/pressure.sh'
#
# Time is virtual: it passes on the machine while this waits for lines of vmpressure or sleeps, and stands still while it
# works. So every run of it is the same, however fast this machine is.
set -u
memory=10240       # an app with fewer kB in memory is not worth a write
rest=10000000      # an app is not asked again within so many microseconds
asked=' '          # pid:time of those that have been

now() { echo $(($(date +%s%N) / 1000)); }

# Numbers of the background apps with enough memory, the longest unused first: the higher their adj.
oldest_first() {
  for dir in /proc/[0-9]*; do
    read -r adj < "$dir/oom_score_adj" && [ "$adj" -ge 700 ] || continue
    read -r _ resident _ < "$dir/statm" && [ $((resident * 4)) -ge $memory ] || continue
    echo "$adj ${dir##*/}"
  done 2> /dev/null | sort -k1,1nr -k2,2n | cut -d' ' -f2
}

reclaim() {
  for pid in $(oldest_first); do
    [ "$wanted" -gt 0 ] || break
    last=${asked##* $pid:}
    [ "$last" = "$asked" ] || [ $(($1 - ${last%% *})) -ge $rest ] || continue
    asked=" $pid:$1$asked"
    echo all > "/proc/$pid/reclaim"
    wanted=$((wanted - 1))
  done
}

exec 3< /proc/reclaimfs/vmpressure
before=$(now)
# One read gives all that has come since the last.
while levels=$(dd bs=65536 count=1 status=none <&3) && [ -n "$levels" ]; do
  case $levels in
    *critical*) wanted=4 ;;
    *medium*) wanted=2 ;;
    *) wanted=1 ;;
  esac
  # Woken from sleep, a daemon takes a moment to be scheduled.
  [ "$(now)" = "$before" ] || sleep 0.002
  reclaim "$(now)"
  sleep 0.5
  before=$(now)
done
