#!/bin/bash
# After Pixel's memory_reclaimerd: writes "all", then finds in pagemap where in swap every page has gone, and has zram
# write those pages to its backing device.
#   memory-reclaimerd.sh PID [FILE for the page indexes]
pid=${1:?usage: memory-reclaimerd.sh PID [FILE]}
target=${2:-/sys/block/zram0/writeback}

echo all > "/proc/$pid/reclaim" || exit 1
count=0
while read -r range _; do
  start=$((0x${range%-*})) end=$((0x${range#*-}))
  # A page has 8 bytes: bit 62 in swap; then bits 0-4 the swap area, 5-54 the offset in it.
  while read -r entry; do
    (((0x$entry >> 62) & 1)) || continue
    echo "page_index=$(((0x$entry >> 5) & 0x3ffffffffffff))"
    count=$((count + 1))
  done < <(dd if="/proc/$pid/pagemap" bs=64K iflag=skip_bytes,count_bytes skip=$((start / 512)) \
    count=$(((end - start) / 512)) 2>/dev/null | od -A n -v -t x8 -w8)
done < "/proc/$pid/maps" > "$target"
echo "$count pages of $pid in swap"
