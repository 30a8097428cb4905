/**
 * Splitting a line of the step language into words, and reading words as sizes, times, protections and choices. Lines are
 * byte strings: white space is that of ASCII, and `\xNN` in a quoted word is that byte.
 */
import { hexBytes, rewrite } from '../util/bytes.ts';
import { closest, suggestion } from '../util/suggest.ts';
import { ScenarioError } from './scenario-error.ts';

/** One word of a line. `key=value` words have both; quotes around a value are taken off and may hold spaces. */
export interface Word {
  /** As written, without quotes. */
  readonly text: string;
  /** Column of its first character, from 1. */
  readonly column: number;
  readonly key: string | undefined;
  readonly value: string;
}

/** No step has so many. */
const MAX_WORDS = 4096;

/** The words of a line up to a `#` that begins a word. Throws ScenarioError for an open quote and for too many words. */
export function splitWords(line: string, file: string, lineNumber: number): Word[] {
  const words: Word[] = [];
  if (!line.includes('"')) {
    for (const match of line.matchAll(/[^ \t\r\v\f]+/g)) {
      if (match[0].startsWith('#')) break;
      if (words.length === MAX_WORDS)
        throw new ScenarioError(file, lineNumber, match.index + 1, `a line has at most ${MAX_WORDS} words`);
      words.push(makeWord(match[0], match.index + 1, match[0].indexOf('=')));
    }
    return words;
  }
  let i = 0;
  while (i < line.length) {
    if (isSpace(line[i]!)) {
      i++;
      continue;
    }
    if (line[i] === '#') break;
    const column = i + 1;
    if (words.length === MAX_WORDS)
      throw new ScenarioError(file, lineNumber, column, `a line has at most ${MAX_WORDS} words`);
    let text = '';
    let quoted = false;
    let equals = -1;
    for (; i < line.length && (quoted || !isSpace(line[i]!)); i++) {
      const c = line[i]!;
      if (c === '"') {
        quoted = !quoted;
        continue;
      }
      if (quoted && c === '\\' && i + 1 < line.length) {
        const hex = /^x([0-9a-f]{2})/i.exec(line.slice(i + 1));
        text +=
          hex === null ? (ESCAPES[line[i + 1]!] ?? line[i + 1]!) : String.fromCharCode(Number.parseInt(hex[1]!, 16));
        i += hex === null ? 1 : 3;
        continue;
      }
      if (c === '=' && !quoted && equals < 0) equals = text.length;
      text += c;
    }
    if (quoted) throw new ScenarioError(file, lineNumber, column, 'a quote is not closed', 'add a closing "');
    words.push(makeWord(text, column, equals));
  }
  return words;
}

function makeWord(text: string, column: number, equals: number): Word {
  if (equals <= 0 || !/^[a-z][a-z0-9_]*$/.test(text.slice(0, equals)))
    return { text, column, key: undefined, value: text };
  return { text, column, key: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** White space within a line. Not the `\s` of regular expressions: that takes 0xa0, a byte of many characters, for a space. */
export function isSpace(c: string): boolean {
  return c === ' ' || c === '\t' || c === '\r' || c === '\v' || c === '\f';
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '0': '\0' };

/** A value as it has to be written so that splitWords gives it back: readable where it is UTF-8, else byte by byte. */
export function quoteValue(value: string): string {
  if (/^[\w./:@+,%()[\]{}<>|~^!?;&*$'-]+$/.test(value)) return value;
  return `"${rewrite(value, (c) => (c === '"' || c === '\\' ? `\\${c}` : c), hexBytes)}"`;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  p: 4096,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  P: 1024 ** 5,
  e: 1024 ** 6,
};
/** Longer numbers are out of every range. */
const MAX_DIGITS = 40;

/** Bytes of `12p` (pages), `64K`, `1.5M`, `0x1000`; undefined where it is no size, or none that is a whole number below 2^53. */
export function parseSize(text: string): number | undefined {
  if (text.length > MAX_DIGITS) return undefined;
  if (/^0x[0-9a-f]{1,14}$/i.test(text)) return safe(Number(text));
  const match = /^(\d+(?:\.\d+)?)([pkmgte]?)b?$/i.exec(text);
  if (match === null) return undefined;
  const unit = match[2] === 'P' ? 'P' : match[2]!.toLowerCase();
  return safe(Number(match[1]) * UNITS[unit]!);
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}

const TIME_UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1000, '': 1e6, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9 };

/** Microseconds of `5s`, `200ms`, `1.5` (seconds), `2m`, `1h`; undefined where it is no time, or none below 2^53. */
export function parseTime(text: string): number | undefined {
  if (text.length > MAX_DIGITS) return undefined;
  const match = /^\+?(\d+(?:\.\d+)?)(us|ms|s|min|m|h|)$/.exec(text);
  return match === null ? undefined : safe(Math.round(Number(match[1]) * TIME_UNITS[match[2]!]!));
}

function parseInteger(text: string): number | undefined {
  return text.length <= MAX_DIGITS && /^-?(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : undefined;
}

/** The end of user addresses: 128 TiB. */
export const MAX_ADDRESS = 2 ** 47;
/** A hundred years: the end of virtual time. */
export const MAX_TIME_US = 3_153_600_000_000_000;

function sizeText(bytes: number): string {
  for (const [unit, name] of [
    [1024 ** 4, 'T'],
    [1024 ** 3, 'G'],
    [1024 ** 2, 'M'],
    [1024, 'K'],
  ] as const)
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${name}`;
  return String(bytes);
}

/** The words of one step behind its name, read in order or by key; complains about what is left over. */
export class Args {
  readonly #words: readonly Word[];
  readonly #used = new Set<Word>();
  /** Words that name something which has to be there: a mapping, an object. */
  readonly names: { readonly what: string; readonly word: Word }[] = [];
  /** What the step has looked for, for suggestions. */
  readonly #askedKeys = new Set<string>();
  readonly #askedFlags = new Set<string>();
  /** Keys and lone words that stand there and are known to the step. */
  readonly given: Word[] = [];
  /** What is done, but probably not as it was meant. */
  readonly warnings: string[] = [];
  /** The step takes text up to the end of the line: it is no wonder that the line is accepted. */
  takesAnything = false;
  readonly #inOrder: { readonly what: string; readonly word: Word }[] = [];
  readonly #file: string;
  readonly line: number;
  readonly #end: number;
  /** The usage of the step, for messages. */
  readonly usage: string;
  /** The whole line as written, without comment. */
  readonly source: string;

  constructor(words: readonly Word[], file: string, line: number, source: string, usage: string) {
    this.#words = words;
    this.#file = file;
    this.line = line;
    this.source = source;
    this.#end = source.length + 1;
    this.usage = usage;
  }

  /** What is wrong with a word; without one: what is missing, unless a word that nobody knows was probably meant for it. */
  fail(reason: string, word?: Word, hint = `usage: ${this.usage}`): ScenarioError {
    const misspelled = word === undefined ? this.#misspelled() : undefined;
    if (misspelled !== undefined) return misspelled;
    return new ScenarioError(this.#file, this.line, word?.column ?? this.#end, reason, hint);
  }

  /** Notes that a word is probably not meant as it is understood. */
  warn(word: Word, what: string): void {
    this.warnings.push(`column ${word.column}: ${what}`);
  }

  /** Whether the step looks for a lone word of this name. */
  knowsFlag(name: string): boolean {
    return this.#askedFlags.has(name);
  }

  /** The complaint about a word that nobody has read, where one that is read was probably meant. */
  #misspelled(): ScenarioError | undefined {
    for (const word of this.#words) {
      if (this.#used.has(word)) continue;
      const asked = word.key === undefined ? this.#askedFlags : this.#askedKeys;
      const name = word.key ?? word.text;
      if (this.given.some((other) => (other.key ?? other.text) === name)) {
        const twice = `${word.key === undefined ? name : `${name}=`} is there twice`;
        return new ScenarioError(this.#file, this.line, word.column, twice, 'leave one of them out');
      }
      const meant = closest(name, asked);
      if (meant === undefined || meant === name) continue;
      const hint = `did you mean ${word.key === undefined ? meant : `${meant}=`}?`;
      return new ScenarioError(this.#file, this.line, word.column, `"${word.text}" is not expected here`, hint);
    }
    return undefined;
  }

  /** The next word that is not `key=value`, or undefined. */
  optional(): Word | undefined {
    const word = this.#words.find((w) => w.key === undefined && !this.#used.has(w));
    if (word !== undefined) this.#used.add(word);
    return word;
  }

  next(what: string): Word {
    const word = this.optional();
    if (word === undefined) throw this.fail(`${what} is missing`);
    this.#inOrder.push({ what, word });
    return word;
  }

  /** The next word, which names something that has to be there when the step is carried out. */
  name(what: 'mapping' | 'object'): Word {
    const word = this.next(what);
    this.names.push({ what, word });
    return word;
  }

  /** The value of a key that names an object which has to be there. */
  objectKey(key: string): string | undefined {
    const word = this.key(key);
    if (word !== undefined) this.names.push({ what: 'object', word });
    return word?.value;
  }

  /** The values of a key that lists objects which have to be there when the step is carried out. */
  objectsKey(key: string): string[] {
    const word = this.key(key);
    if (word === undefined) return [];
    const names: string[] = [];
    let column = word.column + key.length + 1;
    for (const name of word.value.split(',')) {
      if (name !== '') this.names.push({ what: 'object', word: { text: name, column, key: undefined, value: name } });
      if (name !== '') names.push(name);
      column += name.length + 1;
    }
    return names;
  }

  /** One of some words. */
  choice<T extends string>(what: string, choices: readonly T[]): T {
    const word = this.next(what);
    const found = choices.find((choice) => choice === word.text);
    if (found === undefined)
      throw this.fail(`${what} "${word.text}" is not known`, word, suggestion(word.text, choices));
    return found;
  }

  /** Whether a lone word stands there; takes it. */
  flag(name: string): boolean {
    this.#askedFlags.add(name);
    const word = this.#words.find((w) => w.key === undefined && w.text === name && !this.#used.has(w));
    if (word !== undefined) {
      this.#used.add(word);
      this.given.push(word);
    }
    return word !== undefined;
  }

  /** The value of a key that is one of some words. */
  choiceKey<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const word = this.key(name);
    if (word === undefined) return undefined;
    const found = choices.find((choice) => choice === word.value);
    if (found === undefined)
      throw this.fail(`${name} "${word.value}" is not known`, word, suggestion(word.value, choices));
    return found;
  }

  /** The value of `key=…`. */
  key(name: string): Word | undefined {
    this.#askedKeys.add(name);
    const word = this.#words.find((w) => w.key === name);
    if (word === undefined) return undefined;
    this.#used.add(word);
    if (!this.given.includes(word)) this.given.push(word);
    return word;
  }

  /**
   * A number that has been read, within its range; every number of the language passes here. `undefined`: it is none.
   * `is`: what it should be.
   */
  checked(what: string, word: Word, value: number | undefined, min: number, max: number, is = 'number'): number {
    if (value !== undefined && value >= min && value <= max) return value;
    const shown = word.value.length > 60 ? `${word.value.slice(0, 60)}...` : word.value;
    const known = is === 'size' || is === 'time' ? value !== undefined : true;
    const ends =
      is === 'size' ? `${sizeText(min)} to ${sizeText(max)}` : `${min} to ${max}${is === 'time' ? ' us' : ''}`;
    const hint = is === 'size' ? 'bytes, or with p K M G: 12p, 64K' : 'seconds, or 200ms 5s 2m 1h';
    if (!known) throw this.fail(`${what} "${shown}" is no ${is}`, word, hint);
    throw this.fail(`${what} "${shown}" is no ${is} from ${ends}`, word);
  }

  /** Bytes; without a range: anything that an address space has room for. */
  size(what: string, word: Word = this.next(what), min = 0, max = MAX_ADDRESS): number {
    return this.checked(what, word, parseSize(word.value), min, max, 'size');
  }

  sizeKey(name: string, min?: number, max?: number): number | undefined {
    const word = this.key(name);
    return word === undefined ? undefined : this.size(name, word, min, max);
  }

  integer(
    what: string,
    word: Word = this.next(what),
    min = Number.MIN_SAFE_INTEGER,
    max = Number.MAX_SAFE_INTEGER,
  ): number {
    return this.checked(what, word, parseInteger(word.value), min, max);
  }

  integerKey(name: string, min?: number, max?: number): number | undefined {
    const word = this.key(name);
    return word === undefined ? undefined : this.integer(name, word, min, max);
  }

  /** `key=1,2,3`; empty: none. */
  integersKey(name: string, min: number, max: number, most: number): number[] | undefined {
    const word = this.key(name);
    if (word === undefined) return undefined;
    const texts = word.value === '' ? [] : word.value.split(',', most + 1);
    if (texts.length > most) throw this.fail(`${name} has more than ${most} numbers`, word);
    return texts.map((text) => this.checked(name, { ...word, value: text }, parseInteger(text), min, max));
  }

  /** Microseconds; without a range: any that virtual time has. */
  time(what: string, word: Word = this.next(what), min = 0, max = MAX_TIME_US): number {
    return this.checked(what, word, parseTime(word.value), min, max, 'time');
  }

  /** Everything not yet read, as written. */
  rest(): string {
    this.takesAnything = true;
    const first = this.#words.find((w) => !this.#used.has(w));
    for (const word of this.#words) this.#used.add(word);
    return first === undefined ? '' : this.source.slice(first.column - 1).replace(/[ \t\r\v\f]+$/, '');
  }

  /** The words not yet read, `key=value` among them, with a blank between each two. */
  others(what: string): string {
    const left = this.#words.filter((word) => !this.#used.has(word));
    if (left.length === 0) throw this.fail(`${what} is missing`);
    for (const word of left) this.#used.add(word);
    return left.map(({ text }) => text).join(' ');
  }

  /** The rest of the line: one (quoted) word as it is, or everything as written. */
  text(what: string): string {
    const first = this.next(what);
    this.#inOrder.pop();
    const more = this.rest();
    return more === '' ? first.text : `${first.text} ${more}`;
  }

  /** Complains about words that nobody has read. */
  end(): void {
    const word = this.#words.find((w) => !this.#used.has(w));
    if (word !== undefined) throw this.#misspelled() ?? this.fail(`"${word.text}" is not expected here`, word);
    for (const { what, word: taken } of this.#inOrder)
      if (this.#askedFlags.has(taken.text) && !this.given.some(({ text }) => text === taken.text))
        this.warn(taken, `"${taken.text}" is taken for the ${what}, not for the word ${taken.text} of the step`);
  }
}
