/**
 * One swap area: parallel typed arrays indexed by slot number, 19 bytes a slot, on zram 26.
 *
 *   users    swap entries in page tables and shmem objects that name the slot
 *   frame    the frame in the swap cache for it, or 0; such a slot is in use even without users
 *   content  what was written to it
 *   stored   1 while the content stands for bytes in the area (a zero page is only noted: SLOT_ZERO)
 *
 * Slot 0 holds the header of a real swap area and is never given out.
 */
import { BugError } from '../../util/errors.ts';
import { MAX_NUMBER, MAX_PAGES } from '../pages/pte.ts';
import { CLUSTER_SLOTS, SwapClusters } from './swap-clusters.ts';
import { Zram } from './zram.ts';

/** zram: memory-backed, writes complete in the call. disk: writes take device time, pages wait in the swap cache. */
export type SwapKind = 'zram' | 'disk';

const SLOT_USED = 1;

/** Hits of readahead before there have been any, so that the first window is more than one page. */
export const INITIAL_HITS = 4;

/** The window of readahead by neighbours in swap: one for the whole machine (swap-readahead.ts). */
export interface SwapWindow {
  hits: number;
  previousSlot: number;
  lastPages: number;
}

export class SwapArea {
  readonly kind: SwapKind;
  /** Writes complete in the call: zram. */
  readonly synchronous: boolean;
  /** Usable slots. */
  readonly total: number;
  readonly users: Uint32Array;
  readonly frame: Uint32Array;
  readonly content: Uint32Array;
  /** What reclaim noted when the page left (lruvec.ts); 0: nothing. */
  readonly shadow: Uint32Array;
  /** Control group that is charged for the slot. */
  readonly memcg: Uint16Array;
  private readonly state: Uint8Array;
  /** Neighbours on the device are what is cheap to read, not neighbours in memory. Mirrors: nr_rotate_swap. */
  rotational: boolean;
  nrUsed = 0;
  /** Slots below this number may have been given out. */
  usedSlots = 0;
  /** As /proc/swaps shows it. Pretend: of zram 100, as Android's and zram-generator's scripts give it; else what swapon gives by itself. */
  priority: number;
  /** Swapped on; after swapoff nothing is allocated. */
  active = true;
  /** Some slot may be held by nothing but the swap cache. */
  mayHaveIdle = false;
  /** Bytes that the contents take when compressed, for zram. */
  compressedBytes = 0;
  /** The device, where it is one of zram. */
  readonly zram: Zram | null;
  readonly clusters: SwapClusters;

  constructor(kind: SwapKind, total: number) {
    if (total > MAX_PAGES) throw new BugError('swap area too large for a page table entry');
    this.kind = kind;
    this.synchronous = kind === 'zram';
    this.total = total;
    this.rotational = kind === 'disk';
    this.priority = kind === 'zram' ? 100 : -2;
    this.users = new Uint32Array(total + 1);
    this.frame = new Uint32Array(total + 1);
    this.content = new Uint32Array(total + 1);
    this.shadow = new Uint32Array(total + 1);
    this.memcg = new Uint16Array(total + 1);
    this.state = new Uint8Array(total + 1);
    this.zram = kind === 'zram' ? new Zram(total) : null;
    this.clusters = new SwapClusters(Math.min(total, MAX_NUMBER));
  }

  get nrFree(): number {
    return this.active ? this.total - this.nrUsed : 0;
  }

  /** More than half in use: slots are freed early. Mirrors: include/linux/swap.h:vm_swap_full. */
  get isFull(): boolean {
    return this.nrFree * 2 < this.total;
  }

  isUsed(slot: number): boolean {
    return this.state[slot] === SLOT_USED;
  }

  /** Takes a free slot into use. */
  take(slot: number): void {
    if (this.state[slot] !== 0) throw new BugError(`swap slot ${slot} taken while in use`);
    this.state[slot] = SLOT_USED;
    if (slot >= this.usedSlots) this.usedSlots = slot + 1;
    this.nrUsed++;
    this.clusters.noteUsed(slot);
  }

  /** From a slot on, the first one of a cluster in which any is in use; so far beyond the last one where there is none. */
  nextCluster(slot: number): number {
    const { count } = this.clusters;
    let cluster = Math.floor(slot / CLUSTER_SLOTS);
    if (count[cluster] !== 0) return slot;
    while (cluster < count.length && count[cluster] === 0) cluster++;
    return cluster * CLUSTER_SLOTS;
  }

  /** Preconditions: no users, no frame. */
  free(slot: number): void {
    if (this.state[slot] !== SLOT_USED || this.users[slot] !== 0 || this.frame[slot] !== 0) {
      throw new BugError(`swap slot ${slot} freed while in use`);
    }
    this.state[slot] = 0;
    this.content[slot] = 0;
    this.shadow[slot] = 0;
    this.nrUsed--;
    this.clusters.noteFreed(slot);
  }
}
