#!/bin/sh
# A task manager: under pressure a bounded number of pages from many apps, in proportion to their size, as Qualcomm's
# process_reclaim did it in the kernel: no app has to come back from nothing. The bound is kept by ranges: of each
# mapping so much as holds about the wanted number of resident pages, going on where the last range ended.
#
#   reclaimfs run --scenario phone-16-apps -- sh scripts/examples/task-manager-proportional.sh
#   sh scripts/examples/task-manager-proportional.sh /tmp/proc
#
#   EVENTS=N          end after N events (0: never)
#   PER_SWAP_SIZE=N   pages at each event, all processes together (1024)
#   MIN_SCORE_ADJ=N   what counts as background (360)
#   LEVELS="L…"       levels to act at: the module acts from a pressure of 50 up to 90, which is nearest to (medium)
set -u
proc=${1:-/proc}
events=${EVENTS:-0}
per_swap_size=${PER_SWAP_SIZE:-1024}
min_score_adj=${MIN_SCORE_ADJ:-360}
levels=" ${LEVELS:-medium} "

# "anonymous-pages pid" of the background processes, largest first, at most 32.
largest_first() {
  for dir in "$proc"/[0-9]*; do
    read -r adj < "$dir/oom_score_adj" || continue
    [ "$adj" -ge "$min_score_adj" ] || continue
    awk -v pid="${dir##*/}" '$1 == "RssAnon:" && $2 > 0 { print $2 / 4, pid }' "$dir/status"
  done 2> /dev/null | sort -rn | head -n 32
}

# ranges PID PAGES CURSOR: lines "address bytes end" that hold about PAGES resident pages, from the address CURSOR on.
ranges() {
  awk -v wanted="$2" -v cursor="$3" '
    function hex(text,   value, i) {
      value = 0
      for (i = 1; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
      return value
    }
    # A mapping without a file, as its name says.
    $1 ~ /^[0-9a-f]+-[0-9a-f]+$/ { split($1, at, "-"); start = hex(at[1]); end = hex(at[2]); anon = $5 == 0 }
    $1 == "Rss:" && anon && $2 > 0 && wanted > 0 && end > cursor {
      from = start > cursor ? start : cursor
      density = $2 * 1024 / (end - start)
      bytes = int(wanted / density) * 4096
      if (bytes < 4096) bytes = 4096
      if (from + bytes > end) bytes = end - from
      wanted -= bytes * density / 4096
      printf "%.0f %.0f %.0f\n", from, bytes, from + bytes
    }' "$proc/$1/smaps" 2> /dev/null
}

reclaim() { # PID PAGES
  eval "cursor=\${cursor_$1:-0}"
  list=$(ranges "$1" "$2" "$cursor")
  [ -n "$list" ] || list=$(ranges "$1" "$2" 0)
  [ -n "$list" ] || return 0
  echo "$list" | while read -r address bytes _; do
    echo "$address $bytes" > "$proc/$1/reclaim"
  done 2> /dev/null
  end=$(echo "$list" | tail -n 1)
  eval "cursor_$1=${end##* }"
  echo "$1: about $2 pages"
}

seen=0
while read -r level; do
  if [ "${levels#* $level }" != "$levels" ]; then
    apps=$(largest_first)
    total=$(echo "$apps" | awk '{ sum += $1 } END { print int(sum) }')
    if [ "$total" -ge 32 ]; then
      while read -r pages pid; do
        share=$((${pages%.*} * per_swap_size / total))
        reclaim "$pid" $((share > 0 ? share : 1))
      done << END
$apps
END
    fi
  fi
  seen=$((seen + 1))
  [ "$seen" = "$events" ] && break
done < "$proc/reclaimfs/vmpressure"
