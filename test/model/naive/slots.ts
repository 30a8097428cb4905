/**
 * The second model: which slot is next. Clusters of 512 slots in four queues, looked at as the kernel does; the slots are
 * kept by number, and a queue is a plain list.
 */
import { freeSwapOf, type Slot, type World } from './world.ts';

const SIZE = 512;
type Queue = 'free' | 'nonfull' | 'frag' | 'full';

export class Slots extends Set<Slot> {
  readonly #byNumber = new Map<number, Slot>();
  readonly #queues: Record<Queue, number[]> = { free: [], nonfull: [], frag: [], full: [] };
  #counts: number[] = [];
  #total = 0;
  #next = 0;

  /** An empty area with the numbers 1 … `total`. */
  setTotal(total: number): void {
    this.#total = total;
    this.#next = 0;
    this.#queues.free = [];
    this.#queues.nonfull = [];
    this.#counts = [];
    for (let cluster = 0; cluster * SIZE <= total; cluster++) {
      this.#counts.push(0);
      this.#queues[this.#isEmpty(cluster) ? 'free' : 'nonfull'].push(cluster);
    }
  }

  /** Whole, and without a slot in use; the header and what is missing at the end count as used. */
  #isEmpty(cluster: number): boolean {
    return cluster > 0 && (cluster + 1) * SIZE <= this.#total + 1 && this.#counts[cluster] === 0;
  }

  override delete(slot: Slot): boolean {
    if (!super.delete(slot)) return false;
    this.#byNumber.delete(slot.number);
    const cluster = Math.floor(slot.number / SIZE);
    this.#counts[cluster]!--;
    const empty = this.#isEmpty(cluster);
    if (empty || !this.#queues.nonfull.includes(cluster)) this.#put(cluster, empty ? 'free' : 'nonfull');
    return true;
  }

  /** A slot for a page, taken from the swap cache if it must be. */
  take(world: World): Slot | undefined {
    if (this.#next > 0) {
      const slot = this.#scan(world, Math.floor(this.#next / SIZE), this.#next);
      if (slot !== undefined) return slot;
    }
    const { free, nonfull, frag, full } = this.#queues;
    while (nonfull.length > 0) {
      const slot = this.#scan(world, nonfull.shift()!);
      if (slot !== undefined) return slot;
    }
    if (free.length > 0) return this.#scan(world, free.shift()!);
    if (world.swapFull && full.length > 0) {
      const cluster = full.shift()!;
      for (let n = cluster * SIZE; n < (cluster + 1) * SIZE; n++) this.#takeBack(world, n);
      if (!Object.values(this.#queues).some((queue) => queue.includes(cluster))) full.push(cluster);
    }
    const [first] = frag;
    if (first === undefined) return undefined;
    frag.shift();
    return this.#scan(world, first);
  }

  #scan(world: World, cluster: number, from = cluster * SIZE): Slot | undefined {
    const end = Math.min((cluster + 1) * SIZE, this.#total + 1);
    const first = Math.max(1, cluster * SIZE);
    let found: Slot | undefined;
    if (this.#counts[cluster]! < end - first) {
      for (let n = Math.max(from, first); n < end && found === undefined; n++) {
        if (this.#byNumber.has(n) && !(world.swapFull && this.#takeBack(world, n))) continue;
        const number = this.#isEmpty(cluster) ? first : n;
        found = { number, content: '0', users: new Set(), cached: undefined };
        this.#byNumber.set(number, found);
        this.#counts[cluster]!++;
        this.add(found);
      }
    }
    const more = found !== undefined && found.number + 1 < end && this.#counts[cluster]! < end - first;
    this.#next = more ? found!.number + 1 : 0;
    const queue = this.#counts[cluster] === end - first ? 'full' : this.#isEmpty(cluster) ? 'free' : 'frag';
    if (!this.#queues[queue].includes(cluster)) this.#put(cluster, queue);
    return found;
  }

  #takeBack(world: World, number: number): boolean {
    const slot = this.#byNumber.get(number);
    if (slot?.cached === undefined || slot.users.size > 0) return false;
    return freeSwapOf(world, slot.cached);
  }

  #put(cluster: number, queue: Queue): void {
    for (const list of Object.values(this.#queues)) {
      const at = list.indexOf(cluster);
      if (at >= 0) list.splice(at, 1);
    }
    this.#queues[queue].push(cluster);
  }
}
