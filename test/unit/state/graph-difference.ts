/** Fields that belong to who looks on. */
const ONLOOKERS = new Set([
  ...['onExit', 'onUserChanged', 'onEvent', 'origin', 'watched', 'generation'],
  ...['lastMapping', 'lastDirectory', 'lastPmd', 'lastTable', 'knownSizes'],
]);

/** The first place in which two graphs of objects differ, as a path from their roots; undefined: they are equal. */
export function graphDifference(left: object, right: object): string | undefined {
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
    const [x, y] = [partsOf(a), partsOf(b)];
    for (let i = 0; i < Math.max(x.length, y.length); i++) {
      const [name, value] = x[i] ?? [`nothing ${i}`, undefined];
      const [otherName, other] = y[i] ?? ['nothing', undefined];
      if (name !== otherName) return `${path}: ${name} and ${otherName}`;
      queue.push({ left: value, right: other, path: `${path}.${name}` });
    }
  }
  return undefined;
}

function partsOf(object: object): (readonly [string, unknown])[] {
  if (object instanceof Map)
    return [...object].flatMap(([key, value], i) => [[`key${i}`, key] as const, [`value${i}`, value] as const]);
  if (object instanceof Set) return [...object].map((value, i) => [`member${i}`, value] as const);
  return Object.entries(object).filter(([name]) => !ONLOOKERS.has(name));
}
