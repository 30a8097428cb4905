#!/bin/sh
# The daemon under plain sh: RECLAIMFS=reclaimfs sh daemon.sh
set -eu
reclaimfs=${RECLAIMFS:-reclaimfs}
daemon=${DAEMON:-$(dirname "$0")/../reclaim-daemon.sh}
proc=$(mktemp -d)
# shellcheck disable=SC2086 # a command and its arguments
$reclaimfs mount "$proc" --clock manual
# shellcheck disable=SC2086
trap '$reclaimfs umount "$proc"; rmdir "$proc"' EXIT

sh "$daemon" "$proc" 1048576
grep -q '^RssAnon:[[:space:]]*0 kB' "$proc/1234/status"
grep -q '^VmSwap:[[:space:]]*0 kB' "$proc/1201/status"
[ "$(cat "$proc/reclaimfs/check")" = ok ]
echo 'the daemon works'
