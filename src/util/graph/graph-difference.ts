import { type Catalogue, fieldsOf } from './graph.ts';
import type { TypedArray } from './typed-arrays.ts';

/**
 * The first place in which two graphs of objects differ, as a path from their roots, with what is there; undefined: they
 * are equal. Fields that are not saved do not count.
 */
export function graphDifference(left: object, right: object, catalogue: Catalogue): string | undefined {
  const met = new Map<object, object>();
  const queue: { readonly left: unknown; readonly right: unknown; readonly path: string }[] = [
    { left, right, path: '' },
  ];
  for (const { left: a, right: b, path } of queue) {
    if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
      if (!Object.is(a, b)) return `${path}: ${String(a)} and ${String(b)}`;
      continue;
    }
    const known = met.get(a);
    if (known === b) continue;
    if (known !== undefined) return `${path}: shared otherwise`;
    met.set(a, b);
    if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
      const at = firstDifference(a as TypedArray, b as TypedArray);
      if (at >= 0) return `${path}.${at}: ${(a as TypedArray)[at]} and ${(b as TypedArray)[at]}`;
      continue;
    }
    const [x, y] = [partsOf(a, catalogue), partsOf(b, catalogue)];
    for (let i = 0; i < Math.max(x.length, y.length); i++) {
      const [name, value] = x[i] ?? [`nothing ${i}`, undefined];
      const [otherName, other] = y[i] ?? ['nothing', undefined];
      if (name !== otherName) return `${path}: ${name} and ${otherName}`;
      queue.push({ left: value, right: other, path: `${path}.${name}` });
    }
  }
  return undefined;
}

/** −1: none. */
function firstDifference(a: TypedArray, b: TypedArray): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
}

function partsOf(object: object, catalogue: Catalogue): (readonly [string, unknown])[] {
  if (object instanceof Map)
    return [...object].flatMap(([key, value], i) => [[`key${i}`, key] as const, [`value${i}`, value] as const]);
  if (object instanceof Set) return [...object].map((value, i) => [`member${i}`, value] as const);
  const graphClass = catalogue.get(object.constructor);
  if (graphClass === undefined) return Object.entries(object);
  return fieldsOf(graphClass).fields.map((field) => [field, (object as Record<string, unknown>)[field]] as const);
}
