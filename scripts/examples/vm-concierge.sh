#!/bin/sh
# As ChromeOS's vm_concierge for a virtual machine in the background: the guest's memory, which is shared memory, first
# by the word of its own; where the kernel does not know that word, by "file", which includes shared memory.
#   vm-concierge.sh PID
pid=${1:?usage: vm-concierge.sh PID}

for word in shmem file; do
  if (printf %s "$word" > "/proc/$pid/reclaim") 2>/dev/null; then
    echo "$word $(awk '/^RssShmem:/ { print $2 }' "/proc/$pid/status")"
    exit 0
  fi
  [ -e "/proc/$pid/reclaim" ] || break
done
echo "$pid: cannot be reclaimed" >&2
exit 1
