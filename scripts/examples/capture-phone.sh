#!/bin/sh
# What `reclaimfs capture --from` reads, of this machine, as an archive on standard output. For a phone's shell (toybox) as well as for any other: needs sh, cat,
# tar and mkdir, and leaves nothing behind.
#   adb shell 'sh -s' < capture-phone.sh > phone.tar && reclaimfs capture --from phone.tar -o phone.scn
# As root it has everything; an ordinary shell gets what it may read: meminfo, and of other users' processes no smaps.
set -u
umask 077
dir="${TMPDIR:-/tmp}"
[ -w "$dir" ] || dir=/data/local/tmp
[ -w "$dir" ] || { echo "capture-phone.sh: no directory to write to: set TMPDIR" >&2; exit 1; }
copy="$dir/reclaimfs-proc.$$"
mkdir "$copy" || exit 1
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM

for file in meminfo stat version uptime swaps vmstat; do
  cat "/proc/$file" > "$copy/$file" 2>/dev/null || rm -f "$copy/$file"
done
for process in /proc/[0-9]*; do
  pid="${process#/proc/}"
  [ "$pid" = "$$" ] && continue
  mkdir -p "$copy/$pid"
  for file in smaps stat status cmdline comm cgroup oom_score_adj; do
    cat "$process/$file" > "$copy/$pid/$file" 2>/dev/null || rm -f "$copy/$pid/$file"
  done
  # Where smaps is forbidden, sums may not be.
  if [ ! -s "$copy/$pid/smaps" ]; then
    rm -f "$copy/$pid/smaps"
    for file in smaps_rollup maps statm; do
      cat "$process/$file" > "$copy/$pid/$file" 2>/dev/null || rm -f "$copy/$pid/$file"
    done
  fi
done
tar -cf - -C "$copy" .
