/**
 * Runs of numbers as text, so that what is alike takes one word however long it is:
 *
 *   17          one number
 *   17*512      the same 512 times
 *   1..512      each one more (or less) than the one before
 *   8..4096/8   each 8 more than the one before
 *
 * Numbers that are flags and a number in one are written as words: `present+dirty:17`; the last part is what the words
 * leave over, and is what counts up in `present+dirty:1..512`.
 */

/** How the bits of a number are written as words. */
export interface BitWords {
  /** Names of bits from bit `shift` on; null: a bit that has no name. */
  readonly names: readonly (string | null)[];
  readonly shift: number;
  /** Values of some upper bits that have a name together: kind of an entry. */
  readonly kinds?: { readonly shift: number; readonly names: readonly (string | null)[] };
}

export type Numbers = ArrayLike<number>;

/** The bits of a word form that are a number of their own. */
function lowMask(words: BitWords): number {
  return words.shift === 0 ? 0 : (2 ** words.shift - 1) >>> 0;
}

/** `present+dirty:`, or nothing where no bit is set. */
function prefixOf(value: number, words: BitWords): string | undefined {
  const found: string[] = [];
  let rest = (value & ~lowMask(words)) >>> 0;
  if (words.kinds !== undefined) {
    const { shift, names } = words.kinds;
    const kind = value >>> shift;
    const name = names[kind];
    if (name === undefined) return undefined;
    if (name !== null) found.push(name);
    rest = (rest & (2 ** shift - 1)) >>> 0;
  }
  for (let bit = 0; rest !== 0 && bit < words.names.length; bit++) {
    const mask = (1 << (words.shift + bit)) >>> 0;
    if ((rest & mask) === 0) continue;
    const name = words.names[bit];
    if (name === null || name === undefined) return undefined;
    found.push(name);
    rest = (rest & ~mask) >>> 0;
  }
  return rest === 0 ? found.join('+') : undefined;
}

/** The number that words stand for, without its low part; undefined: one of them is not known. */
export function wordsValue(text: string, words: BitWords): number | undefined {
  let value = 0;
  for (const name of text.split('+')) {
    const bit = words.names.indexOf(name);
    const kind = words.kinds?.names.indexOf(name) ?? -1;
    if (bit >= 0) value |= 1 << (words.shift + bit);
    else if (kind >= 0) value |= kind << words.kinds!.shift;
    else return undefined;
  }
  return value >>> 0;
}

/** Writes the numbers of [0, end) run by run. */
export function writeRuns(
  numbers: Numbers,
  end: number,
  words: BitWords | undefined,
  put: (run: string) => void,
): void {
  const high = words === undefined ? 0 : ~lowMask(words);
  for (let at = 0; at < end; ) {
    const first = numbers[at]!;
    let stop = at + 1;
    const step = stop < end ? numbers[stop]! - first : 0;
    if (stop < end && (step === 0 || (Number.isSafeInteger(first) && Number.isSafeInteger(step)))) {
      if (step === 0) while (stop < end && Object.is(numbers[stop], first)) stop++;
      else {
        const kind = first & high;
        while (stop < end && numbers[stop]! - numbers[stop - 1]! === step && (numbers[stop]! & high) === kind) stop++;
        // Two numbers are no run; the second may begin one.
        if (stop - at === 2) stop = at + 1;
      }
    }
    put(runText(first, numbers[stop - 1]!, stop - at, step, words));
    at = stop;
  }
}

function runText(first: number, last: number, count: number, step: number, words: BitWords | undefined): string {
  const prefix = words === undefined ? '' : prefixOf(first, words);
  const low = words === undefined ? -1 : lowMask(words);
  const coded = prefix !== undefined && prefix !== '';
  const part = (value: number): string => (coded ? String((value & low) >>> 0) : numberText(value));
  let text = part(first);
  if (count > 1) {
    if (step === 0) text += `*${count}`;
    else text += `..${part(last)}${step === 1 || step === -1 ? '' : `/${Math.abs(step)}`}`;
  }
  if (!coded) return text;
  if (low === 0) return text === '0' ? prefix : prefix + text.slice(1);
  return `${prefix}:${text}`;
}

export function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
