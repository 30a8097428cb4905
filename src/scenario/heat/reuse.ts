/**
 * Reuse distances in one pass: how many different pages were accessed since the last access to the same one. An LRU of m
 * pages has a page exactly when that distance is below m, so that one pass gives the faults for every m (Mattson and
 * others, Evaluation techniques for storage hierarchies, 1970). The count of pages is a Fenwick tree over the moments of
 * last accesses.
 */

const FIRST_MOMENTS = 1 << 16;

export class ReuseDistances {
  /** First accesses. */
  nrCold = 0;
  nrAccesses = 0;
  /** Accesses by distance. */
  #counts = new Float64Array(1024);
  /** Of each page the moment of its last access, oldest first: a page that is accessed moves to the end. */
  #last = new Map<string | number, number>();
  #tree = new Int32Array(FIRST_MOMENTS + 1);
  #now = 0;

  access(page: string | number): void {
    this.nrAccesses++;
    if (this.#now + 1 >= this.#tree.length) this.#compact();
    const before = this.#last.get(page);
    if (before === undefined) this.nrCold++;
    else {
      this.#count(this.#last.size - this.#sum(before));
      this.#add(before, -1);
      this.#last.delete(page);
    }
    this.#now++;
    this.#last.set(page, this.#now);
    this.#add(this.#now, 1);
  }

  /** Different pages. */
  get nrPages(): number {
    return this.#last.size;
  }

  /** Faults of an LRU of so many pages, first accesses among them. */
  faults(nrPages: number): number {
    let faults = this.nrCold;
    for (let distance = nrPages; distance < this.#counts.length; distance++) faults += this.#counts[distance]!;
    return faults;
  }

  #count(distance: number): void {
    if (distance >= this.#counts.length) {
      const counts = new Float64Array(Math.max(distance + 1, this.#counts.length * 2));
      counts.set(this.#counts);
      this.#counts = counts;
    }
    this.#counts[distance]!++;
  }

  /** Pages whose last access was at or before a moment. */
  #sum(moment: number): number {
    let sum = 0;
    for (let at = moment; at > 0; at -= at & -at) sum += this.#tree[at]!;
    return sum;
  }

  #add(moment: number, value: number): void {
    for (let at = moment; at < this.#tree.length; at += at & -at) this.#tree[at]! += value;
  }

  /** Moments are numbered anew: only those of last accesses count. */
  #compact(): void {
    const pages = [...this.#last.keys()];
    const size = Math.max(FIRST_MOMENTS, pages.length * 4);
    this.#tree = new Int32Array(size + 1);
    this.#now = 0;
    this.#last = new Map();
    for (const page of pages) {
      this.#now++;
      this.#last.set(page, this.#now);
      this.#add(this.#now, 1);
    }
  }
}
