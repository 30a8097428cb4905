/** Event counters of the machine since boot, named as in /proc/vmstat (include/linux/vm_event_item.h). */
export class VmEvents {
  pgpgin = 0;
  pgpgout = 0;
  pswpin = 0;
  pswpout = 0;
  pgalloc_normal = 0;
  allocstall_normal = 0;
  allocstall_movable = 0;
  pgfree = 0;
  pgactivate = 0;
  pgdeactivate = 0;
  pglazyfree = 0;
  pglazyfreed = 0;
  pgfault = 0;
  pgmajfault = 0;
  pgrefill = 0;
  pgreuse = 0;
  pgsteal_kswapd = 0;
  pgsteal_direct = 0;
  pgscan_kswapd = 0;
  pgscan_direct = 0;
  pgscan_anon = 0;
  pgscan_file = 0;
  pgsteal_anon = 0;
  pgsteal_file = 0;
  slabs_scanned = 0;
  pginodesteal = 0;
  kswapd_inodesteal = 0;
  kswapd_low_wmark_hit_quickly = 0;
  kswapd_high_wmark_hit_quickly = 0;
  pageoutrun = 0;
  pgrotated = 0;
  drop_pagecache = 0;
  drop_slab = 0;
  oom_kill = 0;
  unevictable_pgs_culled = 0;
  unevictable_pgs_mlocked = 0;
  unevictable_pgs_munlocked = 0;
  unevictable_pgs_cleared = 0;
  swap_ra = 0;
  swap_ra_hit = 0;
  // Node counters that only ever rise.
  nr_vmscan_write = 0;
  nr_vmscan_immediate_reclaim = 0;
  nr_dirtied = 0;
  nr_written = 0;
  workingset_refault_anon = 0;
  workingset_refault_file = 0;
  workingset_activate_anon = 0;
  workingset_activate_file = 0;
  workingset_restore_anon = 0;
  workingset_restore_file = 0;
  workingset_nodereclaim = 0;
  // Ours: pages of volatile ranges thrown away.
  pgvolatile_discarded = 0;
}
