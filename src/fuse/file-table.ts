/**
 * Objects under small numbers, as a process has its descriptors: the number of a released slot is given out again.
 * Numbers begin at 1, since transports use 0 for "none".
 */
export class FileTable<T> {
  #slots: (T | undefined)[] = [undefined];
  #free: number[] = [];

  get size(): number {
    return this.#slots.length - 1 - this.#free.length;
  }

  add(value: T): number {
    const number = this.#free.pop() ?? this.#slots.length;
    this.#slots[number] = value;
    return number;
  }

  get(number: number): T | undefined {
    return this.#slots[number];
  }

  /** Takes the object out and returns it; undefined when there is none. */
  remove(number: number): T | undefined {
    const value = this.#slots[number];
    if (value === undefined) return undefined;
    this.#slots[number] = undefined;
    this.#free.push(number);
    return value;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const value of this.#slots) if (value !== undefined) yield value;
  }
}
