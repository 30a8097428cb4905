/**
 * Frames in the order in which they were queued, each at most once, with the moment of its turn.
 *
 *   pfn    ring: frame number, 0 where the frame was taken out before its turn
 *   turn   ring: the moment, microseconds
 *   place  by frame: place in the ring + 1; 0: not queued
 *
 * A place left empty keeps its turn: a device works through it as through any other. Invariant: `length` counts the places
 * with a frame.
 */
export class WriteQueue {
  length = 0;
  private pfn = new Uint32Array(1024);
  private turn = new Float64Array(1024);
  private readonly place: Uint32Array;
  private head = 0;
  /** Places in use, those left empty included. */
  private used = 0;
  /** Frames below this number have been queued at least once. */
  usedFrames = 0;

  /** For frames 1 … `frames`. */
  constructor(frames: number) {
    this.place = new Uint32Array(frames + 1);
  }

  has(pfn: number): boolean {
    return this.place[pfn] !== 0;
  }

  /** Precondition: the frame is not queued; turns do not fall. */
  push(pfn: number, turnUs: number): void {
    if (this.used === this.pfn.length) this.#grow();
    const at = (this.head + this.used++) & (this.pfn.length - 1);
    this.pfn[at] = pfn;
    this.turn[at] = turnUs;
    this.place[pfn] = at + 1;
    if (pfn >= this.usedFrames) this.usedFrames = pfn + 1;
    this.length++;
  }

  /** Takes a frame out before its turn; nothing happens when it is not queued. */
  remove(pfn: number): void {
    const place = this.place[pfn]!;
    if (place === 0) return;
    this.place[pfn] = 0;
    this.pfn[place - 1] = 0;
    this.length--;
  }

  /** No place is left, not even an empty one. */
  get isEmpty(): boolean {
    return this.used === 0;
  }

  /** The turn of the first place; Infinity: there is none. */
  get firstTurnUs(): number {
    return this.used === 0 ? Number.POSITIVE_INFINITY : this.turn[this.head]!;
  }

  /** Takes the first place away: its frame, or 0. Precondition: there is one. */
  shift(): number {
    const pfn = this.pfn[this.head]!;
    if (pfn !== 0) this.remove(pfn);
    this.head = (this.head + 1) & (this.pfn.length - 1);
    this.used--;
    return pfn;
  }

  /** The turn of the `n`-th from 1, or of the last when there are fewer. Precondition: there is one. */
  turnOf(n: number): number {
    const mask = this.pfn.length - 1;
    let turnUs = 0;
    for (let i = 0, left = Math.min(n, this.length); left > 0; i++) {
      const at = (this.head + i) & mask;
      if (this.pfn[at] === 0) continue;
      turnUs = this.turn[at]!;
      left--;
    }
    return turnUs;
  }

  #grow(): void {
    const { length } = this.pfn;
    const pfn = new Uint32Array(2 * length);
    const turn = new Float64Array(2 * length);
    for (let i = 0; i < this.used; i++) {
      const at = (this.head + i) & (length - 1);
      pfn[i] = this.pfn[at]!;
      turn[i] = this.turn[at]!;
      if (pfn[i] !== 0) this.place[pfn[i]!] = i + 1;
    }
    this.pfn = pfn;
    this.turn = turn;
    this.head = 0;
  }
}
