/**
 * The names of /proc/vmstat in the order of each kernel; zoneinfo shows the first two groups. `>=` and `<`: the kernels that have
 * a name, which stands twice where it has moved. Mirrors: mm/vmstat.c:vmstat_text.
 */
import { wordsByKernel } from '../machine/kernels.ts';

/** Of a zone. */
export const zoneKeys = wordsByKernel(`
  nr_free_pages nr_free_pages_blocks>=6.18 nr_zone_inactive_anon nr_zone_active_anon nr_zone_inactive_file
  nr_zone_active_file nr_zone_unevictable nr_zone_write_pending nr_mlock nr_page_table_pages<6.1
  nr_kernel_stack<5.10 nr_bounce<6.18 nr_zspages nr_free_cma numa_hit numa_miss numa_foreign numa_interleave
  numa_local numa_other
`);

/** Of a node. */
export const nodeKeys = wordsByKernel(`
  nr_inactive_anon nr_active_anon nr_inactive_file nr_active_file nr_unevictable nr_slab_reclaimable
  nr_slab_unreclaimable nr_isolated_anon nr_isolated_file workingset_refault<5.10 workingset_activate<5.10
  workingset_nodes>=5.10 workingset_refault_anon>=5.10 workingset_refault_file>=5.10
  workingset_activate_anon>=5.10 workingset_activate_file>=5.10 workingset_restore_anon>=5.10
  workingset_restore_file>=5.10 workingset_nodereclaim nr_anon_pages nr_mapped nr_file_pages nr_dirty
  nr_writeback nr_writeback_temp<6.18 nr_shmem nr_shmem_hugepages nr_shmem_pmdmapped nr_file_hugepages>=5.10
  nr_file_pmdmapped>=5.10 nr_anon_transparent_hugepages nr_unstable<5.10 nr_vmscan_write
  nr_vmscan_immediate_reclaim nr_dirtied nr_written nr_throttled_written>=6.1 nr_kernel_misc_reclaimable>=5.10
  nr_foll_pin_acquired>=5.10 nr_foll_pin_released>=5.10 nr_kernel_stack>=5.10 nr_page_table_pages>=6.1
  nr_sec_page_table_pages>=6.1 nr_iommu_pages>=6.18 nr_swapcached>=6.1 pgpromote_success>=6.1
  pgpromote_candidate>=6.1 pgpromote_candidate_nrl>=6.18 pgdemote_kswapd>=6.18 pgdemote_direct>=6.18
  pgdemote_khugepaged>=6.18 pgdemote_proactive>=6.18 nr_hugetlb>=6.18 nr_balloon_pages>=6.18
  nr_kernel_file_pages>=6.18
`);

/** Of the machine: thresholds, then what has happened since boot. */
export const eventKeys = wordsByKernel(`
  nr_dirty_threshold nr_dirty_background_threshold nr_memmap_pages>=6.18 nr_memmap_boot_pages>=6.18 pgpgin
  pgpgout pswpin pswpout pgalloc_dma pgalloc_dma32 pgalloc_normal pgalloc_movable pgalloc_device>=6.1
  allocstall_dma allocstall_dma32 allocstall_normal allocstall_movable allocstall_device>=6.1 pgskip_dma
  pgskip_dma32 pgskip_normal pgskip_movable pgskip_device>=6.1 pgfree pgactivate pgdeactivate pglazyfree pgfault
  pgmajfault pglazyfreed pgrefill pgreuse>=5.10 pgsteal_kswapd pgsteal_direct pgdemote_kswapd>=6.1<6.18
  pgdemote_direct>=6.1<6.18 pgsteal_khugepaged>=6.18 pgsteal_proactive>=6.18 pgscan_kswapd pgscan_direct
  pgscan_khugepaged>=6.18 pgscan_proactive>=6.18 pgscan_direct_throttle pgscan_anon>=5.10 pgscan_file>=5.10
  pgsteal_anon>=5.10 pgsteal_file>=5.10 zone_reclaim_success>=6.18 zone_reclaim_failed pginodesteal
  slabs_scanned kswapd_inodesteal kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly pageoutrun
  pgrotated drop_pagecache drop_slab oom_kill numa_pte_updates numa_huge_pte_updates numa_hint_faults
  numa_hint_faults_local numa_pages_migrated pgmigrate_success pgmigrate_fail thp_migration_success>=5.10
  thp_migration_fail>=5.10 thp_migration_split>=5.10 compact_migrate_scanned compact_free_scanned
  compact_isolated compact_stall compact_fail compact_success compact_daemon_wake compact_daemon_migrate_scanned
  compact_daemon_free_scanned htlb_buddy_alloc_success htlb_buddy_alloc_fail unevictable_pgs_culled
  unevictable_pgs_scanned unevictable_pgs_rescued unevictable_pgs_mlocked unevictable_pgs_munlocked
  unevictable_pgs_cleared unevictable_pgs_stranded thp_fault_alloc thp_fault_fallback
  thp_fault_fallback_charge>=5.10 thp_collapse_alloc thp_collapse_alloc_failed thp_file_alloc
  thp_file_fallback>=5.10 thp_file_fallback_charge>=5.10 thp_file_mapped thp_split_page thp_split_page_failed
  thp_deferred_split_page thp_underused_split_page>=6.18 thp_split_pmd thp_scan_exceed_none_pte>=6.1
  thp_scan_exceed_swap_pte>=6.1 thp_scan_exceed_share_pte>=6.1 thp_split_pud thp_zero_page_alloc
  thp_zero_page_alloc_failed thp_swpout thp_swpout_fallback balloon_inflate balloon_deflate balloon_migrate
  swap_ra swap_ra_hit swpin_zero>=6.18 swpout_zero>=6.18 ksm_swpin_copy>=6.1 cow_ksm>=6.1 zswpin>=6.1
  zswpout>=6.1 zswpwb>=6.18 direct_map_level2_splits>=6.1 direct_map_level3_splits>=6.1
  direct_map_level2_collapses>=6.18 direct_map_level3_collapses>=6.18 nr_unstable>=5.10
`);

/** Ours: pages of volatile ranges that were thrown away. */
export const OWN_KEYS: readonly string[] = ['pgvolatile_discarded'];
