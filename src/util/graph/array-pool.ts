/**
 * The large typed arrays of a graph that nobody wants any more, for one that is put in its place: their memory is there
 * already, which is most of what making them costs.
 */
import { type Catalogue, fieldsOf } from './graph.ts';
import { type TypedArray, typeOf, type UsedPart } from './typed-arrays.ts';

/** Smaller ones are not worth looking for. */
const LEAST_BYTES = 1 << 12;

interface Pooled {
  readonly array: TypedArray;
  /** What of it is not zeros. */
  readonly used: UsedPart;
}

export class ArrayPool {
  private readonly free = new Map<string, Pooled[]>();
  private readonly taken = new Map<TypedArray, UsedPart>();

  /** `root` must not be used any more once something has been made from its pool. */
  constructor(root: object, catalogue: Catalogue) {
    const met = new Set<object>([root]);
    const used = new Map<unknown, UsedPart>();
    for (const object of met) {
      if (ArrayBuffer.isView(object)) {
        if (object.byteLength >= LEAST_BYTES) this.#add(object as TypedArray, used.get(object));
        continue;
      }
      const graphClass = catalogue.get(object.constructor);
      if (graphClass === undefined) continue;
      for (const [field, part] of Object.entries(graphClass.used?.(object) ?? {}))
        used.set((object as Record<string, unknown>)[field], part);
      for (const field of fieldsOf(graphClass).fields) {
        const value = (object as Record<string, unknown>)[field];
        // What is large hangs off instances by their fields; lists and maps are not walked.
        if (typeof value === 'object' && value !== null && !Array.isArray(value)) met.add(value);
      }
    }
  }

  #add(array: TypedArray, used: UsedPart = [array.length, 0]): void {
    const key = keyOf(typeOf(array), array.length);
    const same = this.free.get(key);
    if (same === undefined) this.free.set(key, [{ array, used }]);
    else same.push({ array, used });
  }

  /** An array that may hold anything: what is in use now is put over it, then comes `clear`. */
  take(type: number, length: number): TypedArray | undefined {
    const found = this.free.get(keyOf(type, length))?.shift();
    if (found !== undefined) this.taken.set(found.array, found.used);
    return found?.array;
  }

  /** Puts zeros between the parts at the ends of an array that are in use now. */
  clear(array: TypedArray, front: number, back: number): void {
    const used = this.taken.get(array);
    if (used === undefined) return;
    const end = array.length - back;
    if (used[0] > front) array.fill(0, front, Math.min(used[0], end));
    if (used[1] > back) array.fill(0, Math.max(front, array.length - used[1]), end);
  }
}

function keyOf(type: number, length: number): string {
  return `${type}:${length}`;
}
