/** Numbers of control groups: a group keeps its number while it exists, and a number never comes back. */

export const ROOT_GROUP = 1;
/** No group: the directory above the hierarchy of version 1. */
export const TOP = 2;

export class GroupNumbers {
  readonly #numbers = new Map<string, number>([['/', ROOT_GROUP]]);
  readonly #paths = new Map<number, string>([[ROOT_GROUP, '/']]);
  #next = TOP + 1;

  of(path: string): number {
    let number = this.#numbers.get(path);
    if (number === undefined) {
      number = this.#next++;
      this.#numbers.set(path, number);
      this.#paths.set(number, path);
    }
    return number;
  }

  /** Undefined for a group that has been removed, or never was. */
  pathOf(number: number): string | undefined {
    return this.#paths.get(number);
  }

  /** The group has been removed. */
  forget(path: string): void {
    const number = this.#numbers.get(path);
    this.#numbers.delete(path);
    if (number !== undefined) this.#paths.delete(number);
  }
}
