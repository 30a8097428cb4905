#!/bin/sh
# The test that ChromeOS has for the file: after a write of "all" for a process that has allocated so many MB, swap use has
# risen by at least nine tenths of it.
#   swap-test.sh PID MB
pid=${1:?usage: swap-test.sh PID MB}
mb=${2:?usage: swap-test.sh PID MB}

used() { awk 'NR > 1 { used += $4 } END { print used + 0 }' /proc/swaps; }

before=$(used)
echo all > "/proc/$pid/reclaim" || exit 1
risen=$(($(used) - before))
echo "swap use has risen by $risen kB, $mb MB had been allocated"
if [ "$risen" -ge $((mb * 1024 * 9 / 10)) ]; then
  echo PASS
else
  echo FAIL
  exit 1
fi
