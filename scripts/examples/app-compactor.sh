#!/bin/sh
# A daemon after Android 10's AppCompactor: processes that go to the background give their memory back, but not too
# often, and not when there is little to gain.
#   app-compactor.sh [SECONDS to run]          (default: for ever)
#
# oom_score_adj decides: 900 and above is cached: "full" (all); 200 to 899 perceptible or previous: "some" (file).
seconds=${1:-0}
: "${POLL:=1}" "${SOME_AFTER_SOME:=5}" "${SOME_AFTER_FULL:=10}" "${FULL_AFTER_SOME:=1}" "${FULL_AFTER_FULL:=10}"
: "${MIN_ANON_KB:=12000}" "${MIN_CHANGE_KB:=8000}"
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
trap 'exit 0' INT TERM

uptime() { read -r up _ < /proc/uptime && echo "${up%.*}"; }

# file, anonymous, swap, in kB
rss() { awk '/^RssFile:/ { f = $2 } /^RssShmem:/ { f += $2 } /^RssAnon:/ { a = $2 } /^VmSwap:/ { s = $2 } END { print f + 0, a + 0, s + 0 }' "/proc/$1/status" 2>/dev/null; }

abs() { [ "$1" -lt 0 ] && echo $((-$1)) || echo "$1"; }

compact() { # PID file|all
  pid=$1 action=$2 now=$(uptime)
  set -- $(rss "$pid")
  [ $# -eq 3 ] && [ $(($1 + $2 + $3)) -gt 0 ] || return 0   # dead, or a kernel thread
  last_action='' last_time=0 last_file=0 last_anon=0 last_swap=0
  [ -f "$state/$pid" ] && read -r last_action last_time last_file last_anon last_swap < "$state/$pid"
  if [ -n "$last_action" ]; then
    case $action-$last_action in
      file-file) wait=$SOME_AFTER_SOME ;;
      file-all) wait=$SOME_AFTER_FULL ;;
      all-file) wait=$FULL_AFTER_SOME ;;
      all-all) wait=$FULL_AFTER_FULL ;;
    esac
    [ $((now - last_time)) -lt "$wait" ] && return 0
  fi
  if [ "$action" = all ]; then
    [ "$2" -lt "$MIN_ANON_KB" ] && return 0
    changed=$(($(abs $(($1 - last_file))) + $(abs $(($2 - last_anon))) + $(abs $(($3 - last_swap)))))
    [ "$last_action" = all ] && [ $changed -le "$MIN_CHANGE_KB" ] && return 0
  fi
  before="$*"
  # No newline, as Java writes it. An error means that the process has died.
  printf %s "$action" 2>/dev/null > "/proc/$pid/reclaim" || return 0
  after=$(rss "$pid")
  echo "$action $now $after" > "$state/$pid"
  echo "compacted $pid $action: $before -> $after"
}

end=$(($(uptime) + seconds))
while :; do
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/}
    [ -e "$dir/reclaim" ] && read -r adj 2>/dev/null < "$dir/oom_score_adj" || continue
    if [ "$adj" -ge 900 ]; then compact "$pid" all
    elif [ "$adj" -ge 200 ]; then compact "$pid" file
    fi
  done
  [ "$seconds" -gt 0 ] && [ "$(uptime)" -ge $end ] && exit 0
  sleep "$POLL"
done
