#!/bin/sh
# Records who may do what in the genuine /proc of this kernel: record.sh > linux-VERSION.json. As root. Three processes: one
# of user 1000, one of root, one of user 1000 that may not be looked into (PR_SET_DUMPABLE 0); /proc with hidepid 0, 1 and 2.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${RECORDING:-}" ]; then RECORDING=1 exec unshare -m --propagation private sh "$0"; fi
work=$(mktemp -d)
chmod 755 "$work"
python=$(command -v /usr/bin/python3 || command -v python3)
setpriv --reuid=1000 --regid=1000 --clear-groups sleep 600 &
user=$!
sleep 600 &
root=$!
"$python" -c 'import ctypes,os,time
os.setgroups([]); os.setresgid(1000,1000,1000); os.setresuid(1000,1000,1000)
ctypes.CDLL(None).prctl(4,0,0,0,0); time.sleep(600)' &
hidden=$!
trap 'kill $user $root $hidden; rm -rf "$work"' EXIT
sleep 1
printf '{\n"kernel": "%s"' "$(uname -r)"
for hidepid in 0 1 2; do
  mkdir "$work/$hidepid"
  mount -t proc -o hidepid=$hidepid proc "$work/$hidepid"
  printf ',\n"hidepid%s": ' $hidepid
  "$python" "$here/probe.py" "$work/$hidepid" $user $root $hidden
  umount "$work/$hidepid"
done
printf '}\n'
