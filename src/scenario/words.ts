/**
 * Splitting a line of the step language into words, and reading words as sizes, times, protections and choices. Lines are
 * byte strings: white space is that of ASCII, and `\xNN` in a quoted word is that byte.
 */
import { hexBytes, rewrite } from '../util/bytes.ts';
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

/** The words of a line up to a `#` that begins a word. Throws ScenarioError for an open quote. */
export function splitWords(line: string, file: string, lineNumber: number): Word[] {
  const words: Word[] = [];
  if (!line.includes('"')) {
    for (const match of line.matchAll(/[^ \t\r\v\f]+/g)) {
      if (match[0].startsWith('#')) break;
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

const UNITS: Readonly<Record<string, number>> = { '': 1, p: 4096, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes of `12p`, `64K`, `1.5M`, `0x1000`; undefined where it is no size. */
export function parseSize(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text);
  const match = /^(\d+(?:\.\d+)?)([pkmgt]?)b?$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * UNITS[match[2]!.toLowerCase()]!;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const TIME_UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1000, '': 1e6, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9 };

/** Microseconds of `5s`, `200ms`, `1.5` (seconds), `2m`, `1h`; undefined where it is no time. */
export function parseTime(text: string): number | undefined {
  const match = /^\+?(\d+(?:\.\d+)?)(us|ms|s|min|m|h|)$/.exec(text);
  return match === null ? undefined : Math.round(Number(match[1]) * TIME_UNITS[match[2]!]!);
}

/** The words of one step behind its name, read in order or by key; complains about what is left over. */
export class Args {
  readonly #words: readonly Word[];
  readonly #used = new Set<Word>();
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

  fail(reason: string, word?: Word, hint = `usage: ${this.usage}`): ScenarioError {
    return new ScenarioError(this.#file, this.line, word?.column ?? this.#end, reason, hint);
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
    return word;
  }

  /** One of some words. */
  choice<T extends string>(what: string, choices: readonly T[]): T {
    const word = this.next(what);
    const found = choices.find((choice) => choice === word.text);
    if (found === undefined)
      throw this.fail(`${what} "${word.text}" is not known`, word, `one of ${choices.join(' ')}`);
    return found;
  }

  /** Whether a lone word stands there; takes it. */
  flag(name: string): boolean {
    const word = this.#words.find((w) => w.key === undefined && w.text === name && !this.#used.has(w));
    if (word !== undefined) this.#used.add(word);
    return word !== undefined;
  }

  /** The value of `key=…`. */
  key(name: string): Word | undefined {
    const word = this.#words.find((w) => w.key === name);
    if (word !== undefined) this.#used.add(word);
    return word;
  }

  size(what: string, word: Word = this.next(what)): number {
    const bytes = parseSize(word.value);
    if (bytes === undefined)
      throw this.fail(`${what} "${word.value}" is no size`, word, 'bytes, or with p K M G: 12p, 64K');
    return bytes;
  }

  sizeKey(name: string): number | undefined {
    const word = this.key(name);
    return word === undefined ? undefined : this.size(name, word);
  }

  integer(
    what: string,
    word: Word = this.next(what),
    min = Number.MIN_SAFE_INTEGER,
    max = Number.MAX_SAFE_INTEGER,
  ): number {
    const value = /^-?(0x[0-9a-f]+|\d+)$/i.test(word.value) ? Number(word.value) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw this.fail(`${what} "${word.value}" is no number from ${min} to ${max}`, word);
    }
    return value;
  }

  integerKey(name: string, min?: number, max?: number): number | undefined {
    const word = this.key(name);
    return word === undefined ? undefined : this.integer(name, word, min, max);
  }

  time(what: string, word: Word = this.next(what)): number {
    const us = parseTime(word.value);
    if (us === undefined) throw this.fail(`${what} "${word.value}" is no time`, word, 'seconds, or 200ms 5s 2m 1h');
    return us;
  }

  /** Everything not yet read, as written. */
  rest(): string {
    const first = this.#words.find((w) => !this.#used.has(w));
    for (const word of this.#words) this.#used.add(word);
    return first === undefined ? '' : this.source.slice(first.column - 1).replace(/[ \t\r\v\f]+$/, '');
  }

  /** The rest of the line: one (quoted) word as it is, or everything as written. */
  text(what: string): string {
    const first = this.next(what);
    const more = this.rest();
    return more === '' ? first.text : `${first.text} ${more}`;
  }

  /** Complains about words that nobody has read. */
  end(): void {
    const word = this.#words.find((w) => !this.#used.has(w));
    if (word !== undefined) throw this.fail(`"${word.text}" is not expected here`, word);
  }
}
