/**
 * A graph of objects as text that a person can read and change (graph.ts: the same as bytes).
 *
 *   Task 12                          an object: its class, and a number by which others refer to it
 *     pid: 50                        its fields
 *     comm: "cat"
 *     mm: Mm 13                      another object
 *     ids: {uid: 0, gid: 0}          a plain object, array, Map (map{key -> value}) or Set (set{…}) that nothing else
 *                                    refers to stands where it is; one that is referred to twice has a number
 *   Array 14 = [1, 2, hole*3, 4]
 *   Frames 15
 *     flags: u32[16385]{0, used+lru+anon*1024, 0*3, …}
 *
 * Typed arrays leave out the zeros at their end; runs of numbers: number-runs.ts. Line ends and spaces mean nothing; from
 * `#` on a line is a remark.
 */
import { BugError } from '../errors.ts';
import type { Job } from '../job.ts';
import { type Catalogue, fieldsOf, type GraphClass } from './graph.ts';
import { type BitWords, type Numbers, numberText, writeRuns } from './number-runs.ts';
import { type TypedArray, typeOf, usedLength } from './typed-arrays.ts';

/** Names of the typed arrays, in the order of typed-arrays.ts. */
export const TYPE_NAMES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'f64'] as const;
const WIDTH = 110;
/** Containers within containers within …: from here on they have numbers. */
const MOST_DEPTH = 6;
const PIECE_BYTES = 1 << 18;

/** Says something about an object to whoever reads the text. */
export type Remark = (object: object) => string | undefined;

/** Text that grows, as bytes. */
class TextWriter {
  readonly done: Buffer[] = [];
  bytes = 0;
  private text = '';
  private column = 0;

  put(text: string): void {
    this.text += text;
    this.column += text.length;
    if (this.text.length > 1 << 16) this.#flush();
  }

  line(indent: number): void {
    this.text += `\n${' '.repeat(indent)}`;
    this.column = indent;
  }

  /** A word of a long list: goes on a new line where this one is full. */
  word(text: string, indent: number): void {
    if (this.column + text.length <= WIDTH) this.put(text);
    else {
      this.line(indent);
      this.put(text.trimStart());
    }
  }

  /** Whether so much fits on this line. */
  fits(length: number): boolean {
    return this.column + length <= WIDTH;
  }

  end(): Buffer {
    this.#flush();
    return Buffer.concat(this.done);
  }

  #flush(): void {
    const bytes = Buffer.from(this.text, 'latin1');
    this.done.push(bytes);
    this.bytes += bytes.length;
    this.text = '';
  }
}

/** The graph as text, in pieces; it must not change between them. Throws BugError. */
export function* graphText(root: object, catalogue: Catalogue, remark: Remark = () => undefined): Job<Uint8Array> {
  return yield* new Writer(catalogue, remark).write(root);
}

class Writer {
  private readonly catalogue: Catalogue;
  private readonly remark: Remark;
  private readonly out = new TextWriter();
  private readonly queue: object[] = [];
  private readonly numbers = new Map<object, number>();
  private shared = new Set<object>();

  constructor(catalogue: Catalogue, remark: Remark) {
    this.catalogue = catalogue;
    this.remark = remark;
  }

  *write(root: object): Job<Uint8Array> {
    this.shared = sharedContainers(root, this.catalogue);
    this.#number(root);
    let told = 0;
    for (let i = 0; i < this.queue.length; i++) {
      yield* this.#paragraph(this.queue[i]!, i);
      if (this.out.bytes - told < PIECE_BYTES) continue;
      told = this.out.bytes;
      yield;
    }
    return this.out.end();
  }

  #number(object: object): number {
    const known = this.numbers.get(object);
    if (known !== undefined) return known;
    const number = this.queue.length;
    this.numbers.set(object, number);
    this.queue.push(object);
    return number;
  }

  *#paragraph(object: object, number: number): Job<void> {
    const { out } = this;
    const remark = this.remark(object);
    if (remark !== undefined) out.put(`# ${remark}\n`);
    out.put(`${this.#nameOf(object)} ${number}`);
    if (isContainer(object)) {
      out.put(' = ');
      this.#container(object, 2, 0);
    } else {
      const graphClass = this.#classOf(object);
      for (const field of fieldsOf(graphClass).fields) {
        const value = (object as Record<string, unknown>)[field];
        out.line(2);
        out.put(`${field}: `);
        this.#value(value, 4, 0, graphClass.words?.[field]);
        if (ArrayBuffer.isView(value) && value.byteLength > PIECE_BYTES) yield;
      }
    }
    out.put('\n\n');
  }

  #nameOf(object: object): string {
    return isContainer(object) ? containerName(object) : this.#classOf(object).name;
  }

  #classOf(object: object): GraphClass {
    const graphClass = this.catalogue.get(object.constructor);
    if (graphClass === undefined)
      throw new BugError(`there is a ${object.constructor?.name}, which is not in the catalogue of classes`);
    return graphClass;
  }

  #value(value: unknown, indent: number, depth: number, words?: BitWords): void {
    const { out } = this;
    if (typeof value !== 'object' || value === null) out.put(scalar(value));
    else if (ArrayBuffer.isView(value)) this.#typed(value as TypedArray, indent, words);
    else if (!isContainer(value) || this.shared.has(value) || depth >= MOST_DEPTH)
      out.put(`${this.#nameOf(value)} ${this.#number(value)}`);
    else this.#container(value, indent, depth + 1);
  }

  #typed(array: TypedArray, indent: number, words: BitWords | undefined): void {
    const type = typeOf(array);
    if (type < 0) throw new BugError(`an array of class ${array.constructor.name} cannot be written`);
    this.out.put(`${TYPE_NAMES[type]}[${array.length}]{`);
    this.#numbers(array, usedLength(array), indent, words);
    this.out.put('}');
  }

  #numbers(array: Numbers, end: number, indent: number, words?: BitWords): void {
    let first = true;
    writeRuns(array, end, words, (run) => {
      if (!first) this.out.put(',');
      this.out.word(first ? run : ` ${run}`, indent);
      first = false;
    });
  }

  #container(object: object, indent: number, depth: number): void {
    const { out } = this;
    if (Array.isArray(object)) {
      if (object.length > 0 && isNumbers(object)) {
        out.put('[');
        this.#numbers(object, object.length, indent);
        out.put(']');
      } else this.#items('[', arrayItems(object), ']', indent, depth);
    } else if (object instanceof Map) this.#items('map{', [...object], '}', indent, depth, ' -> ');
    else if (object instanceof Set)
      this.#items(
        'set{',
        [...object].map((value) => [value]),
        '}',
        indent,
        depth,
      );
    else {
      const items = Object.entries(object).map(([key, value]) => [keyText(key), value] as const);
      this.#items('{', items, '}', indent, depth, ': ');
    }
  }

  /** Members in one line where they are few and plain, else one a line. */
  #items(
    open: string,
    items: readonly (readonly unknown[])[],
    close: string,
    indent: number,
    depth: number,
    between = '',
  ): void {
    const { out } = this;
    const isKeyed = between === ': ';
    out.put(open);
    const line = shortLine(items, between);
    if (line !== undefined && out.fits(line.length)) out.put(line);
    else {
      for (const [key, value] of items) {
        out.line(indent);
        if (isKeyed) out.put(key as string);
        else if (key instanceof Holes) out.put(`hole*${key.count}`);
        else this.#value(key, indent + 2, depth);
        if (between !== '') {
          out.put(between);
          this.#value(value, indent + 2, depth);
        }
        out.put(',');
      }
      if (items.length > 0) out.line(indent - 2);
    }
    out.put(close);
  }
}

/** Elements that an array does not have. */
class Holes {
  readonly count: number;

  constructor(count: number) {
    this.count = count;
  }
}

function arrayItems(array: readonly unknown[]): (readonly unknown[])[] {
  const items: (readonly unknown[])[] = [];
  let next = 0;
  // forEach passes over what is not there, however much that is.
  array.forEach((value, i) => {
    if (i > next) items.push([new Holes(i - next)]);
    items.push([value]);
    next = i + 1;
  });
  if (array.length > next) items.push([new Holes(array.length - next)]);
  return items;
}

function isNumbers(array: readonly unknown[]): array is number[] {
  let count = 0;
  const plain = array.every((value) => typeof value === 'number' && ++count > 0);
  return plain && count === array.length;
}

function shortLine(items: readonly (readonly unknown[])[], between: string): string | undefined {
  if (items.length > 16) return undefined;
  const parts: string[] = [];
  for (const [key, value] of items) {
    if (key instanceof Holes) parts.push(`hole*${key.count}`);
    else if (typeof key === 'object' && key !== null) return undefined;
    else if (between === '') parts.push(scalar(key));
    else if (typeof value === 'object' && value !== null) return undefined;
    else parts.push(`${between === ': ' ? String(key) : scalar(key)}${between}${scalar(value)}`);
  }
  return parts.join(', ');
}

function scalar(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return numberText(value);
    case 'string':
      return quoted(value);
    case 'bigint':
      return `${value}n`;
    case 'boolean':
    case 'undefined':
      return String(value);
    default:
      if (value === null) return 'null';
      throw new BugError(`a ${typeof value} cannot be written: the state of a machine is plain data`);
  }
}

/** A string as JSON, all of it printable ASCII. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
}

function isContainer(object: object): boolean {
  return (
    Array.isArray(object) ||
    object instanceof Map ||
    object instanceof Set ||
    Object.getPrototypeOf(object) === Object.prototype
  );
}

/** What a container is called where it has a number. */
function containerName(object: object): string {
  if (Array.isArray(object)) return 'Array';
  if (object instanceof Map) return 'Map';
  return object instanceof Set ? 'Set' : 'Object';
}

/** Containers that are referred to more than once. */
function sharedContainers(root: object, catalogue: Catalogue): Set<object> {
  const shared = new Set<object>();
  const met = new Set<object>([root]);
  const queue: object[] = [root];
  const meet = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!met.has(value)) {
      met.add(value);
      if (!ArrayBuffer.isView(value)) queue.push(value);
    } else if (isContainer(value)) shared.add(value);
    else if (ArrayBuffer.isView(value)) throw new BugError('a typed array in two places cannot be written as text');
  };
  for (const object of queue) {
    if (Array.isArray(object)) object.forEach(meet);
    else if (object instanceof Map)
      for (const [key, value] of object) {
        meet(key);
        meet(value);
      }
    else if (object instanceof Set) object.forEach(meet);
    else {
      const graphClass = catalogue.get(object.constructor);
      const fields = graphClass === undefined ? Object.keys(object) : fieldsOf(graphClass).fields;
      for (const field of fields) meet((object as Record<string, unknown>)[field]);
    }
  }
  return shared;
}
