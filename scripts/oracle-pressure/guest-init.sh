#!/bin/sh
# The guest's /init: plays every scenario of /scn several times and prints what came out between @@BEGIN and @@END.
# /settings: RUNS, FLUSH, MODE (v2: a group of the unified hierarchy; global: the whole machine), GENERATIONS (y: MGLRU).
export PATH=/bin
. /settings
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo 3 >/proc/sys/kernel/printk
for module in zsmalloc lz4_compress lz4hc_compress lzo lzo-rle zram; do
  [ -f /mod/$module.ko ] && insmod /mod/$module.ko
done
mount -t ext4 -o noatime /dev/nvme0n1 /mnt && echo 0 >/sys/block/nvme0n1/queue/read_ahead_kb
echo never >/sys/kernel/mm/transparent_hugepage/enabled
[ ! -e /sys/kernel/mm/lru_gen/enabled ] || echo "$GENERATIONS" >/sys/kernel/mm/lru_gen/enabled
mkdir -p /cg
mount -t cgroup2 none /cg
echo +memory >/cg/cgroup.subtree_control
echo @@BEGIN machine
cat /proc/version /sys/kernel/mm/lru_gen/enabled /proc/meminfo /proc/sys/vm/min_free_kbytes /proc/zoneinfo
echo @@END
for scenario in /scn/*.scn; do
  name=${scenario##*/}
  name=${name%.scn}
  if [ "$MODE" = v2 ]; then
    worker --v2 /cg/g --flush "$FLUSH" --measure /tmp/extra --fs /mnt "$scenario" >/tmp/out 2>/tmp/err || { echo "$name failed"; cat /tmp/err; continue; }
    options="--v2 /cg/g --flush $FLUSH $(cat /tmp/extra)"
  else
    options=--global
  fi
  i=0
  while [ $i -lt "$RUNS" ]; do
    i=$((i + 1))
    echo 3 >/proc/sys/vm/drop_caches
    # shellcheck disable=SC2086
    worker $options --fs /mnt "$scenario" >/tmp/out 2>/tmp/err
    echo "$name $i: $? $(cat /tmp/err)"
    echo "@@BEGIN run $name $i"
    cat /tmp/out
    echo
    echo @@END
  done
done
echo @@ALLDONE
poweroff -f
