/**
 * Clusters of swap slots and the lists on which the allocator finds them: which slot a page gets, and so which pages are
 * neighbours in swap, follows from their order. Mirrors: mm/swapfile.c, struct swap_cluster_info.
 *
 *   free      no slot in use
 *   nonfull   slots have been given back since it was scanned last
 *   frag      scanned, and not full
 *   full      every slot in use
 *   none      being scanned
 *
 * Slots are numbered from 1; what a cluster lacks at the ends of the area (the header, slots past the end) counts as used.
 */
export const CLUSTER_SLOTS = 512;

export const CLUSTER_NONE = 0;
export const CLUSTER_FREE = 1;
export const CLUSTER_NONFULL = 2;
export const CLUSTER_FRAG = 3;
export const CLUSTER_FULL = 4;
const NR_LISTS = 5;

/** Stands for no cluster in the links. */
const NIL = 0xffffffff;

export class SwapClusters {
  /** Slots in use, by cluster. */
  readonly count: Uint16Array;
  /** The list that a cluster is on: CLUSTER_*. */
  readonly list: Uint8Array;
  /** The slot at which the next allocation begins to look; 0: it takes a cluster from the lists. */
  next = 0;
  private readonly after: Uint32Array;
  private readonly before: Uint32Array;
  private readonly heads = new Uint32Array(NR_LISTS).fill(NIL);
  private readonly tails = new Uint32Array(NR_LISTS).fill(NIL);

  /** For slots 1 … `total`. Mirrors: setup_clusters. */
  constructor(total: number) {
    const nrClusters = Math.ceil((total + 1) / CLUSTER_SLOTS);
    this.count = new Uint16Array(nrClusters);
    this.list = new Uint8Array(nrClusters);
    this.after = new Uint32Array(nrClusters).fill(NIL);
    this.before = new Uint32Array(nrClusters).fill(NIL);
    this.count[0] = 1;
    this.count[nrClusters - 1]! += nrClusters * CLUSTER_SLOTS - (total + 1);
    for (let cluster = 0; cluster < nrClusters; cluster++)
      this.move(cluster, this.count[cluster] === 0 ? CLUSTER_FREE : CLUSTER_NONFULL);
  }

  /** Takes the first cluster off a list; undefined: there is none. Mirrors: isolate_lock_cluster. */
  isolate(list: number): number | undefined {
    const cluster = this.heads[list]!;
    if (cluster === NIL) return undefined;
    this.unlink(cluster);
    return cluster;
  }

  /** To the end of a list. Mirrors: move_cluster. */
  move(cluster: number, list: number): void {
    this.unlink(cluster);
    const last = this.tails[list]!;
    this.before[cluster] = last;
    if (last === NIL) this.heads[list] = cluster;
    else this.after[last] = cluster;
    this.tails[list] = cluster;
    this.list[cluster] = list;
  }

  /** After a scan: onto the list that its count asks for. Mirrors: relocate_cluster. */
  relocate(cluster: number): void {
    const used = this.count[cluster]!;
    const list = used === 0 ? CLUSTER_FREE : used === CLUSTER_SLOTS ? CLUSTER_FULL : CLUSTER_FRAG;
    if (this.list[cluster] !== list) this.move(cluster, list);
  }

  noteUsed(slot: number): void {
    this.count[Math.floor(slot / CLUSTER_SLOTS)]!++;
  }

  /** Mirrors: free_cluster, partial_free_cluster. */
  noteFreed(slot: number): void {
    const cluster = Math.floor(slot / CLUSTER_SLOTS);
    const left = --this.count[cluster]!;
    if (left === 0) this.move(cluster, CLUSTER_FREE);
    else if (this.list[cluster] !== CLUSTER_NONFULL) this.move(cluster, CLUSTER_NONFULL);
  }

  private unlink(cluster: number): void {
    const list = this.list[cluster]!;
    if (list === CLUSTER_NONE) return;
    const after = this.after[cluster]!;
    const before = this.before[cluster]!;
    if (before === NIL) this.heads[list] = after;
    else this.after[before] = after;
    if (after === NIL) this.tails[list] = before;
    else this.before[after] = before;
    this.after[cluster] = this.before[cluster] = NIL;
    this.list[cluster] = CLUSTER_NONE;
  }
}
