#!/bin/sh
# A task manager: apps are compacted as they are left, as AppCompactor of Android Q did it. One that has just been left
# gives up its file pages ("some"), one that is cached everything ("full"); throttles keep it from happening too often.
#
#   reclaimfs run --scenario phone-16-apps -- sh scripts/examples/task-manager-compact.sh
#   sh scripts/examples/task-manager-compact.sh /tmp/proc
#
#   INTERVAL=S   seconds between two looks at the processes (1)
#   ROUNDS=N     end after N looks (0: never)
set -u
proc=${1:-/proc}
interval=${INTERVAL:-1}
rounds=${ROUNDS:-0}

# Least milliseconds between two compactions of a process, and kB that make a full one worth while.
some_after_some=5000
some_after_full=10000
full_after_some=500
full_after_full=10000
full_least_anon=12000
full_least_change=8000

now_ms() { awk '{ printf "%d\n", $1 * 1000 }' "$proc/uptime"; }
# rss PID: file, anonymous and swapped kB
rss() { awk '{ kb[$1] = $2 } END { print kb["RssFile:"] + 0, kb["RssAnon:"] + 0, kb["VmSwap:"] + 0 }' "$proc/$1/status" 2> /dev/null; }
distance() { if [ "$1" -gt "$2" ]; then echo $(($1 - $2)); else echo $(($2 - $1)); fi; }

# compact PID some|full WORD
compact() {
  pid=$1 action=$2 word=$3
  set -- $(rss "$pid")
  [ $# = 3 ] || return 0
  file=$1 anon=$2 swap=$3
  [ $((file + anon + swap)) -gt 0 ] || return 0 # dead
  eval "last_action=\${action_$pid:-} last_ms=\${ms_$pid:-0} last_rss=\${rss_$pid:-}"
  if [ -n "$last_action" ]; then
    eval "throttle=\$${action}_after_${last_action}"
    [ $((now - last_ms)) -ge "$throttle" ] || return 0
  fi
  if [ "$action" = full ]; then
    [ "$anon" -ge "$full_least_anon" ] || return 0
    if [ "$last_action" = full ]; then
      set -- $last_rss
      change=$(($(distance "$file" "$1") + $(distance "$anon" "$2") + $(distance "$swap" "$3")))
      [ "$change" -gt "$full_least_change" ] || return 0
    fi
  fi
  printf %s "$word" > "$proc/$pid/reclaim" 2> /dev/null || return 0
  after=$(rss "$pid")
  eval "action_$pid=$action ms_$pid=$now rss_$pid='$after'"
  echo "$pid $action: $file $anon $swap kB -> $after kB"
}

round=0
while :; do
  now=$(now_ms)
  for dir in "$proc"/[0-9]*; do
    read -r adj < "$dir/oom_score_adj" || continue
    pid=${dir##*/}
    eval "before=\${adj_$pid:-\$adj} adj_$pid=$adj"
    if [ "$adj" -ge 900 ] && [ "$before" -lt 900 ]; then
      compact "$pid" full all
    elif [ "$adj" -ge 600 ] && [ "$before" -le 200 ]; then
      compact "$pid" some file
    fi
  done 2> /dev/null
  round=$((round + 1))
  [ "$round" = "$rounds" ] && break
  sleep "$interval"
done
