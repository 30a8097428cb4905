/** Which pages are resident: as runs of states, as the bitmap of a golden, and how alike two sets are. */

/** Runs of equal states: [state, number of pages]. */
export type Runs = readonly (readonly [string, number])[];

/** One byte a page: 1 where the page is present. */
export function fromRuns(runs: Runs): Uint8Array {
  const pages = new Uint8Array(runs.reduce((n, [, length]) => n + length, 0));
  let at = 0;
  for (const [state, length] of runs) {
    if (state === '1') pages.fill(1, at, at + length);
    at += length;
  }
  return pages;
}

/** From base64, least bit first. */
export function fromBitmap(base64: string, nrPages: number): Uint8Array {
  const bits = Buffer.from(base64, 'base64');
  return Uint8Array.from({ length: nrPages }, (_, page) => ((bits[page >> 3] ?? 0) >> (page & 7)) & 1);
}

/** Jaccard index: pages in both over pages in either; 1 for two empty sets. */
export function jaccard(a: Uint8Array, b: Uint8Array): number {
  let both = 0;
  let either = 0;
  for (let page = 0; page < Math.max(a.length, b.length); page++) {
    const inA = a[page] ?? 0;
    const inB = b[page] ?? 0;
    both += inA & inB;
    either += inA | inB;
  }
  return either === 0 ? 1 : both / either;
}
