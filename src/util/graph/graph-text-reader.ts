/** Reads what graph-text.ts writes, changed by a person or not. */

import { type Catalogue, fieldsOf, type GraphClass } from './graph.ts';
import { TYPE_NAMES } from './graph-text.ts';
import { type BitWords, wordsValue } from './number-runs.ts';
import { newTypedArray, type TypedArray } from './typed-arrays.ts';

/** Text that is no graph of these classes, and where it stops being one. */
export class GraphTextError extends Error {
  override readonly name = 'GraphTextError';
  readonly line: number;
  readonly column: number;

  constructor(line: number, column: number, message: string) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

type Fields = Record<string, unknown>;

/** Longest array that is not a typed one, or run in it. */
const MOST_ELEMENTS = 2 ** 28;
const WORD = /[^\s,:{}[\]#>]+/y;
const NAME = /[A-Za-z_$][\w$]*/y;
const INTEGER = /\d+/y;
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
const SPACE = /(?:[ \t\r\n]+|#[^\n]*)*/y;
const RUN =
  /(?:([a-z][a-z+]*)(?::|(?=[*,\s}])))?(-?(?:\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|Infinity)|NaN)?(?:\.\.(-?\d+)(?:\/(\d+))?|\*(\d+))?(?=[\s,}\]#])/y;

/** What is known of an object while others are read that refer to it. */
interface Known {
  readonly object: object;
  readonly className: string;
  isDescribed: boolean;
}

/** The root of the graph (its first object), and where in the text it ends: at the word `end`. Throws GraphTextError. */
export function readGraphText(text: string, at: number, catalogue: Catalogue): { root: object; end: number } {
  return new Reader(text, at, catalogue).read();
}

class Reader {
  private readonly text: string;
  private at: number;
  private readonly classes: ReadonlyMap<string, GraphClass>;
  private readonly objects = new Map<number, Known>();

  constructor(text: string, at: number, catalogue: Catalogue) {
    this.text = text;
    this.at = at;
    this.classes = new Map([...catalogue.values()].map((graphClass) => [graphClass.name, graphClass]));
  }

  read(): { root: object; end: number } {
    let root: object | undefined;
    for (;;) {
      const name = this.#token(NAME, 'the name of a class, or end');
      if (name === 'end') break;
      const known = this.#reference(name);
      if (known.isDescribed) throw this.#fail(`${name} is described twice`);
      known.isDescribed = true;
      root ??= known.object;
      this.#describe(known);
    }
    if (root === undefined) throw this.#fail('there is nothing in it');
    for (const [number, { isDescribed, className }] of this.objects)
      if (!isDescribed) throw this.#fail(`${className} ${number} is referred to, but not described`);
    return { root, end: this.at };
  }

  #fail(message: string, at = this.at): GraphTextError {
    const before = this.text.slice(0, at);
    const lineStart = before.lastIndexOf('\n') + 1;
    let line = 1;
    for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line++;
    return new GraphTextError(line, at - lineStart + 1, message);
  }

  #skip(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }

  #token(pattern: RegExp, wanted: string): string {
    this.#skip();
    const found = this.#match(pattern);
    if (found === null) throw this.#fail(`${wanted} should stand here${this.#seen()}`);
    return found[0];
  }

  #seen(): string {
    const [word] = /^[^\s]{0,20}/.exec(this.text.slice(this.at, this.at + 20)) ?? [''];
    return word === '' ? '' : `, not ${JSON.stringify(word)}`;
  }

  #take(literal: string): boolean {
    this.#skip();
    if (!this.text.startsWith(literal, this.at)) return false;
    this.at += literal.length;
    return true;
  }

  #need(literal: string): void {
    if (!this.#take(literal)) throw this.#fail(`"${literal}" should stand here${this.#seen()}`);
  }

  /** The object of a class and a number, made at its first mention. */
  #reference(name: string): Known {
    const start = this.at - name.length;
    const number = Number(this.#token(INTEGER, 'the number of an object'));
    const known = this.objects.get(number);
    if (known !== undefined) {
      if (known.className !== name) throw this.#fail(`object ${number} is a ${known.className} elsewhere`, start);
      return known;
    }
    const made: Known = { object: this.#make(name, start), className: name, isDescribed: false };
    this.objects.set(number, made);
    return made;
  }

  #make(name: string, start: number): object {
    const graphClass = this.classes.get(name);
    if (graphClass !== undefined) return graphClass.blank();
    if (name === 'Object') return {};
    if (name === 'Array') return [];
    if (name === 'Map') return new Map();
    if (name === 'Set') return new Set();
    throw this.#fail(`there are no objects of class ${name} (a state of another version?)`, start);
  }

  #describe({ object, className }: Known): void {
    const graphClass = this.classes.get(className);
    if (graphClass === undefined) {
      this.#need('=');
      this.#container(object);
      return;
    }
    const { fields } = fieldsOf(graphClass);
    const wanted = new Set(fields);
    const blank = { ...(object as Fields) };
    while (wanted.size > 0) {
      this.#skip();
      const start = this.at;
      const field = this.#token(NAME, `${[...wanted][0]}, a field of ${className},`);
      if (!this.#take(':')) throw this.#fail(`${className} lacks ${[...wanted].join(', ')}`, start);
      if (!wanted.delete(field))
        throw this.#fail(`${className} has no ${field}${fields.includes(field) ? ' more than once' : ''}`, start);
      this.#skip();
      const valueStart = this.at;
      const value = this.#value(graphClass.words?.[field]);
      if (!isAlike(blank[field], value))
        throw this.#fail(`${className}.${field} is of another kind: ${kindOf(blank[field])}`, valueStart);
      (object as Fields)[field] = value;
    }
  }

  #value(words?: BitWords): unknown {
    this.#skip();
    const { text } = this;
    const start = this.at;
    switch (text[start]) {
      case '"':
        return this.#string();
      case '[':
        return this.#container([]);
      case '{':
        return this.#container({});
    }
    const word = this.#token(WORD, 'a value');
    switch (word) {
      case 'true':
        return true;
      case 'false':
        return false;
      case 'null':
        return null;
      case 'undefined':
        return undefined;
      case 'map':
        if (text[this.at] === '{') return this.#container(new Map());
        break;
      case 'set':
        if (text[this.at] === '{') return this.#container(new Set());
        break;
    }
    const type = (TYPE_NAMES as readonly string[]).indexOf(word);
    if (type >= 0 && text[this.at] === '[') return this.#typed(type, words);
    if (/^-?\d+n$/.test(word)) return BigInt(word.slice(0, -1));
    const value = word === 'NaN' ? Number.NaN : Number(word);
    if (word === 'NaN' || (!Number.isNaN(value) && /^[-\dI]/.test(word))) return value;
    if (/^[A-Z]/.test(word)) return this.#reference(word).object;
    throw this.#fail(`${JSON.stringify(word)} is no value`, start);
  }

  #string(): string {
    const start = this.at;
    const quoted = this.#match(STRING);
    try {
      if (quoted !== null) return JSON.parse(quoted[0]) as string;
    } catch {
      // Said below.
    }
    throw this.#fail('this string does not end, or has an escape that JSON has not', start);
  }

  #container(object: object): object {
    if (Array.isArray(object)) this.#array(object);
    else if (object instanceof Map) {
      this.#take('map');
      this.#list('{', '}', () => {
        const key = this.#value();
        this.#need('->');
        object.set(key, this.#value());
      });
    } else if (object instanceof Set) {
      this.#take('set');
      this.#list('{', '}', () => void object.add(this.#value()));
    } else {
      this.#list('{', '}', () => {
        this.#skip();
        const key = this.text[this.at] === '"' ? this.#string() : this.#token(NAME, 'a name');
        if (key === '__proto__') throw this.#fail('this name is not possible');
        this.#need(':');
        (object as Fields)[key] = this.#value();
      });
    }
    return object;
  }

  #list(open: string, close: string, item: () => void): void {
    this.#need(open);
    while (!this.#take(close)) {
      item();
      if (this.#take(',')) continue;
      this.#need(close);
      return;
    }
  }

  #array(array: unknown[]): void {
    this.#list('[', ']', () => {
      this.#skip();
      const start = this.at;
      if (this.text.startsWith('hole*', start)) {
        this.at += 5;
        array.length += this.#count(start);
        return;
      }
      if (!/[-\dIN]/.test(this.text[start] ?? '')) {
        array.push(this.#value());
        return;
      }
      const run = this.#match(RUN);
      if (run === null || run[1] !== undefined) array.push(this.#value());
      else this.#run(run, start, undefined, MOST_ELEMENTS - array.length, (value) => void array.push(value));
    });
  }

  #count(start: number): number {
    const count = Number(this.#token(INTEGER, 'a number'));
    if (count > MOST_ELEMENTS) throw this.#fail(`${count} is too many`, start);
    return count;
  }

  #typed(type: number, words: BitWords | undefined): TypedArray {
    this.#need('[');
    const start = this.at;
    const length = Number(this.#token(INTEGER, 'a length'));
    this.#need(']');
    let array: TypedArray;
    try {
      array = newTypedArray(type, length);
    } catch {
      throw this.#fail(`an array of ${length} is too long`, start);
    }
    let next = 0;
    this.#list('{', '}', () => {
      this.#skip();
      const at = this.at;
      const run = this.#match(RUN);
      if (run === null || run[0] === '')
        throw this.#fail(`a number or a run of numbers should stand here${this.#seen()}`);
      this.#run(run, at, words, length - next, (value) => {
        array[next] = value;
        if (!Object.is(array[next], value)) throw this.#fail(`${value} does not fit in ${TYPE_NAMES[type]}`, at);
        next++;
      });
    });
    return array;
  }

  #run(
    [, prefix, first = '0', last, by, times]: RegExpExecArray,
    start: number,
    words: BitWords | undefined,
    room: number,
    put: (value: number) => void,
  ): void {
    const high = prefix === undefined ? 0 : words === undefined ? undefined : wordsValue(prefix, words);
    if (high === undefined) throw this.#fail(`${prefix} is not known here`, start);
    const from = Number(first);
    const to = last === undefined ? from : Number(last);
    const step = (by === undefined ? 1 : Number(by)) * (to < from ? -1 : 1);
    const count = times === undefined ? Math.floor((to - from) / step) + 1 || 1 : Number(times);
    if (!(count <= room)) throw this.#fail(`the array ends before these ${count} do`, start);
    const moves = last === undefined ? 0 : step;
    for (let i = 0; i < count; i++) put(high + from + moves * i);
  }
}

/** Whether a value may stand where this stands in a fresh object. */
function isAlike(blank: unknown, value: unknown): boolean {
  if (blank === null || blank === undefined || value === null || value === undefined) return true;
  if (typeof blank !== typeof value) return false;
  if (typeof blank !== 'object') return true;
  return (
    Array.isArray(blank) === Array.isArray(value) &&
    ArrayBuffer.isView(blank) === ArrayBuffer.isView(value) &&
    (!ArrayBuffer.isView(blank) || blank.constructor === (value as object).constructor) &&
    blank instanceof Map === value instanceof Map &&
    blank instanceof Set === value instanceof Set
  );
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  return `a ${value.constructor.name}`;
}
