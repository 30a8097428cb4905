/** Sets of CPUs and nodes as text. Mirrors: lib/bitmap.c. */

/** Numbers 0 to count − 1 as a list, `0-3`; empty for none. Mirrors: bitmap_print_to_pagebuf(list). */
export function rangeList(count: number): string {
  if (count === 0) return '';
  return count === 1 ? '0' : `0-${count - 1}`;
}

/** A mask of `width` bits, in hexadecimal words of 32 bits. `isSet`: of a bit. Mirrors: bitmap_print_to_pagebuf. */
export function bitMask(width: number, isSet: (bit: number) => boolean): string {
  const words: string[] = [];
  for (let first = 0; first < width; first += 32) {
    let word = 0;
    const bits = Math.min(32, width - first);
    for (let bit = 0; bit < bits; bit++) if (isSet(first + bit)) word += 2 ** bit;
    words.unshift(word.toString(16).padStart(Math.ceil(bits / 4), '0'));
  }
  return words.join(',');
}
