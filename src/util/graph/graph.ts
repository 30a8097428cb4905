/**
 * A graph of objects as bytes, and back: whatever hangs off a root by fields, elements, keys and members, each object
 * once, however it is referred to. Two equal graphs give the same bytes on every host.
 *
 *   classes   name and field names of each class met
 *   headers   one an object, in the order in which they were met: enough to make it, empty
 *   bodies    in the same order: what is in it; a reference is the number of an object
 *
 * Objects are instances of the classes of a catalogue, plain objects, arrays (holes included), Maps, Sets and typed
 * arrays. A function, a symbol, or an object of any other class is a mistake of who made the graph (BugError).
 */
import { BugError } from '../errors.ts';
import { finish, type Job } from '../job.ts';
import type { ArrayPool } from './array-pool.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import type { BitWords } from './number-runs.ts';
import {
  copyInPieces,
  newTypedArray,
  readArray,
  type TypedArray,
  typeOf,
  type UsedPart,
  usedParts,
  writeArray,
} from './typed-arrays.ts';

/** A class whose instances may stand in a graph. */
export interface GraphClass<T extends object = object> {
  readonly name: string;
  /** A fresh instance, all of whose fields will be set: it has those that every instance has, in their order. */
  blank(): T;
  /** Fields that belong to onlookers and not to the graph: not saved; in what is loaded they are as in a blank one. */
  readonly transient?: readonly string[];
  /** Fields whose values are lists of what never changes: a checkpoint keeps the members as they are. */
  readonly immutable?: readonly string[];
  /** How the numbers of its typed arrays are written in text, by field; absent: as numbers. */
  readonly words?: Readonly<Record<string, BitWords>>;
  /** What of its typed arrays is in use, by field; the rest is zeros and not looked at. */
  used?(instance: T): Readonly<Record<string, UsedPart>>;
}

/**
 * What is set aside instead of being written: copies of the typed arrays, and lists of what never changes. With it the
 * bytes are good for this process only, and quickly made.
 */
export class Aside {
  readonly arrays: TypedArray[] = [];
  readonly lists: (readonly unknown[])[] = [];
  private readonly spare: TypedArray[];

  /** `spare`: one that is no longer wanted; its room is used again. */
  constructor(spare?: Aside) {
    this.spare = spare?.arrays ?? [];
  }

  /** Length of the copies. */
  get bytes(): number {
    return this.arrays.reduce((sum, array) => sum + array.byteLength, 0);
  }

  /** Copies what is in use, in pieces. */
  *add(array: TypedArray, used: UsedPart | undefined): Job<void> {
    for (const part of usedParts(array, used)) {
      const spare = this.spare[this.arrays.length];
      const fits = spare?.constructor === part.constructor && spare.length === part.length;
      const copy = fits ? spare : newTypedArray(typeOf(part), part.length);
      this.arrays.push(copy);
      yield* copyInPieces(part, copy);
    }
  }
}

/** The classes of a graph, by their constructors. */
export type Catalogue = ReadonlyMap<unknown, GraphClass>;

/** What has been read is no graph of these classes. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}

const UNDEFINED = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const NEW_STRING = 4;
const OLD_STRING = 5;
const REFERENCE = 6;
const POSITIVE = 7;
const NEGATIVE = 8;
const FLOAT = 9;
const BIGINT = 10;
const LIST_ASIDE = 11;
/** Values from here on are the numbers from 0 to 127. */
const SMALL = 128;

const KIND_PLAIN = 0;
const KIND_ARRAY = 1;
const KIND_MAP = 2;
const KIND_SET = 3;
const KIND_TYPED = 4;
const KIND_INSTANCE = 5;

const ARRAY_MIXED = 0;
const ARRAY_UINT32 = 1;
const ARRAY_SPARSE = 2;

type Fields = Record<string, unknown>;
type Collection = readonly unknown[] | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>;

function isCollection(object: object): object is Collection {
  return Array.isArray(object) || object instanceof Map || object instanceof Set;
}

/** Field names of a class: all of them, and those that are saved. */
export interface Fieldset {
  readonly own: readonly string[];
  readonly fields: readonly string[];
}

interface SavedClass extends Fieldset {
  readonly id: number;
  readonly graphClass: GraphClass;
}

/** The graph as bytes; with `aside`, what can be set aside is not in them. Throws BugError. */
export function encodeGraph(root: object, catalogue: Catalogue, aside?: Aside): Uint8Array {
  return finish(encodingGraph(root, catalogue, aside));
}

/** The same in pieces; the graph must not change between them. */
export function encodingGraph(root: object, catalogue: Catalogue, aside?: Aside): Job<Uint8Array> {
  return new Encoder(catalogue, aside).encode(root);
}

/**
 * The root of the graph that these bytes (and what was set aside) stand for; with what was set aside, `pool` has arrays
 * that may be used for it. Throws GraphError.
 */
export function decodeGraph(bytes: Uint8Array, catalogue: Catalogue, aside?: Aside): object {
  return finish(decodingGraph(bytes, catalogue, aside));
}

/** The same in pieces. */
export function* decodingGraph(bytes: Uint8Array, catalogue: Catalogue, aside?: Aside, pool?: ArrayPool): Job<object> {
  try {
    return yield* new Decoder(bytes, catalogue, aside, pool).decode();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw new GraphError(`damaged: ${error.message}`);
    throw error;
  }
}

const FIELDS = new WeakMap<GraphClass, Fieldset>();

export function fieldsOf(graphClass: GraphClass): Fieldset {
  const known = FIELDS.get(graphClass);
  if (known !== undefined) return known;
  const { transient = [] } = graphClass;
  const own = Object.keys(graphClass.blank());
  const fieldset = { own, fields: own.filter((field) => !transient.includes(field)) };
  FIELDS.set(graphClass, fieldset);
  return fieldset;
}

/** Room to write in, used by one encoder after the other; one that begins while another is at it has its own. */
const SCRATCH = { headers: new ByteWriter(), bodies: new ByteWriter(), isTaken: false };
/** Objects written or read in one piece of work. */
const PIECE_OBJECTS = 1024;
/** Elements of one array, Map or Set. */
const PIECE_ELEMENTS = 8192;
/** More room than this is not kept. */
const MOST_SCRATCH_BYTES = 1 << 24;

class Encoder {
  private readonly catalogue: Catalogue;
  private headers = SCRATCH.headers;
  private bodies = SCRATCH.bodies;
  private readonly queue: object[] = [];
  private readonly numbers = new Map<object, number>();
  private readonly strings = new Map<string, number>();
  private readonly classes = new Map<unknown, SavedClass>();
  private readonly shapes = new Map<string, number>();
  private readonly usedParts = new Map<unknown, UsedPart>();
  /** Where we are, for messages. */
  private place = '';
  private readonly aside: Aside | undefined;

  constructor(catalogue: Catalogue, aside: Aside | undefined) {
    this.catalogue = catalogue;
    this.aside = aside;
  }

  *encode(root: object): Job<Uint8Array> {
    if (SCRATCH.isTaken) {
      this.headers = new ByteWriter();
      this.bodies = new ByteWriter();
      return yield* this.#encode(root);
    }
    SCRATCH.isTaken = true;
    this.headers = SCRATCH.headers.clear();
    this.bodies = SCRATCH.bodies.clear();
    try {
      return yield* this.#encode(root);
    } finally {
      SCRATCH.isTaken = false;
    }
  }

  *#encode(root: object): Job<Uint8Array> {
    this.#number(root);
    for (let i = 0; i < this.queue.length; i++) {
      const object = this.queue[i]!;
      if (ArrayBuffer.isView(object)) yield* this.#typed(object);
      else if (isCollection(object)) yield* this.#collection(object);
      else if (Object.getPrototypeOf(object) === Object.prototype) this.#plain(object as Fields);
      else this.#instance(object as Fields);
      if (i % PIECE_OBJECTS !== PIECE_OBJECTS - 1) continue;
      this.headers.ease();
      this.bodies.ease();
      yield;
    }
    const head = new ByteWriter(1 << 12);
    head.uint(this.classes.size);
    for (const { graphClass, fields } of this.classes.values()) {
      head.string(graphClass.name);
      head.uint(fields.length);
      for (const field of fields) head.string(field);
    }
    head.uint(this.queue.length);
    const out = new Uint8Array(head.total + this.headers.total + this.bodies.total);
    yield* head.copyTo(out, 0);
    yield* this.headers.copyTo(out, head.total);
    yield* this.bodies.copyTo(out, head.total + this.headers.total);
    if (this.bodies.total > MOST_SCRATCH_BYTES) SCRATCH.bodies = new ByteWriter();
    if (this.headers.total > MOST_SCRATCH_BYTES) SCRATCH.headers = new ByteWriter();
    return out;
  }

  #number(object: object): number {
    const known = this.numbers.get(object);
    if (known !== undefined) return known;
    const number = this.queue.length;
    this.numbers.set(object, number);
    this.queue.push(object);
    return number;
  }

  *#collection(object: Collection): Job<void> {
    let seen = 0;
    if (object instanceof Map) {
      this.bodies.uint(object.size);
      this.headers.byte(KIND_MAP);
      this.place = 'a Map';
      for (const [key, value] of object) {
        this.#value(key);
        this.#value(value);
        if (++seen % PIECE_ELEMENTS === 0) yield;
      }
    } else if (object instanceof Set) {
      this.bodies.uint(object.size);
      this.headers.byte(KIND_SET);
      this.place = 'a Set';
      for (const value of object) {
        this.#value(value);
        if (++seen % PIECE_ELEMENTS === 0) yield;
      }
    } else yield* this.#array(object as readonly unknown[]);
  }

  *#typed(object: ArrayBufferView): Job<void> {
    const { headers } = this;
    const type = typeOf(object);
    if (type < 0) throw new BugError(`an array of class ${object.constructor.name} cannot be saved`);
    const array = object as TypedArray;
    headers.byte(KIND_TYPED);
    headers.byte(type);
    headers.uint(array.length);
    const used = this.usedParts.get(array);
    if (this.aside === undefined) yield* writeArray(this.bodies, array, used);
    else yield* this.aside.add(array, used);
  }

  *#array(array: readonly unknown[]): Job<void> {
    const { bodies } = this;
    this.headers.byte(KIND_ARRAY);
    this.place = 'an array';
    bodies.uint(array.length);
    let allUint32 = true;
    for (let i = 0; i < array.length; i++) {
      const value = array[i];
      if (value === undefined && !(i in array)) {
        this.#sparse(array);
        return;
      }
      if (allUint32) allUint32 = typeof value === 'number' && value >>> 0 === value && !Object.is(value, -0);
    }
    bodies.byte(allUint32 ? ARRAY_UINT32 : ARRAY_MIXED);
    if (allUint32) yield* writeArray(bodies, Uint32Array.from(array as number[]));
    else
      for (let i = 0; i < array.length; i++) {
        this.#value(array[i]);
        if (i % PIECE_ELEMENTS === PIECE_ELEMENTS - 1) yield;
      }
  }

  #sparse(array: readonly unknown[]): void {
    const keys = Object.keys(array);
    this.bodies.byte(ARRAY_SPARSE);
    this.bodies.uint(keys.length);
    for (const key of keys) {
      this.bodies.uint(Number(key));
      this.#value(array[Number(key)]);
    }
  }

  #plain(object: Fields): void {
    const keys = Object.keys(object);
    const shape = keys.join('\0');
    let id = this.shapes.get(shape);
    this.headers.byte(KIND_PLAIN);
    if (id === undefined) {
      id = this.shapes.size;
      this.shapes.set(shape, id);
      this.headers.uint(id);
      this.headers.uint(keys.length);
      for (const key of keys) this.headers.string(key);
    } else this.headers.uint(id);
    for (const key of keys) {
      this.place = key;
      this.#value(object[key]);
    }
  }

  #instance(object: Fields): void {
    const saved = this.#classOf(object);
    this.headers.byte(KIND_INSTANCE);
    this.headers.uint(saved.id);
    const { name } = saved.graphClass;
    const own = Object.keys(object);
    if (own.length !== saved.own.length || own.some((key, i) => key !== saved.own[i]))
      throw new BugError(`a ${name} has not the fields of every ${name}: ${own.join(' ')}`);
    const used = saved.graphClass.used?.(object);
    if (used !== undefined)
      for (const [field, length] of Object.entries(used)) this.usedParts.set(object[field], length);
    for (const field of saved.fields) {
      this.place = `${name}.${field}`;
      if (this.aside !== undefined && saved.graphClass.immutable?.includes(field)) {
        this.aside.lists.push((object[field] as unknown[]).slice());
        this.bodies.byte(LIST_ASIDE);
      } else this.#value(object[field]);
    }
  }

  #classOf(object: object): SavedClass {
    const type = object.constructor;
    const known = this.classes.get(type);
    if (known !== undefined) return known;
    const graphClass = this.catalogue.get(type);
    if (graphClass === undefined)
      throw new BugError(`${this.place} leads to a ${type?.name}, which is not in the catalogue of classes`);
    const saved: SavedClass = { id: this.classes.size, graphClass, ...fieldsOf(graphClass) };
    this.classes.set(type, saved);
    return saved;
  }

  #value(value: unknown): void {
    const { bodies } = this;
    switch (typeof value) {
      case 'number':
        this.#numeral(value);
        return;
      case 'undefined':
        bodies.byte(UNDEFINED);
        return;
      case 'boolean':
        bodies.byte(value ? TRUE : FALSE);
        return;
      case 'string':
        this.#text(value);
        return;
      case 'bigint':
        bodies.byte(BIGINT);
        bodies.string(value.toString(36));
        return;
      case 'object':
        if (value === null) bodies.byte(NULL);
        else {
          bodies.byte(REFERENCE);
          bodies.uint(this.#number(value));
        }
        return;
      default:
        throw new BugError(`${this.place} is a ${typeof value}: the state of a machine is plain data`);
    }
  }

  #numeral(value: number): void {
    const { bodies } = this;
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      bodies.byte(FLOAT);
      bodies.float(value);
    } else if (value < 0) {
      bodies.byte(NEGATIVE);
      bodies.uint(-value);
    } else if (value < SMALL) bodies.byte(SMALL + value);
    else {
      bodies.byte(POSITIVE);
      bodies.uint(value);
    }
  }

  #text(value: string): void {
    const { bodies } = this;
    const known = this.strings.get(value);
    if (known !== undefined) {
      bodies.byte(OLD_STRING);
      bodies.uint(known);
      return;
    }
    this.strings.set(value, this.strings.size);
    bodies.byte(NEW_STRING);
    bodies.string(value);
  }
}

class Decoder {
  private readonly from: ByteReader;
  private readonly catalogue: Catalogue;
  private readonly classes: { readonly graphClass: GraphClass; readonly fields: readonly string[] }[] = [];
  private readonly shapes: (readonly string[])[] = [];
  private readonly strings: string[] = [];
  private readonly objects: object[] = [];
  /** What fills each object, in order. */
  private readonly keys: (readonly string[] | undefined)[] = [];

  private readonly aside: Aside | undefined;
  private readonly pool: ArrayPool | undefined;
  private nrArrays = 0;
  private nrLists = 0;

  constructor(bytes: Uint8Array, catalogue: Catalogue, aside: Aside | undefined, pool: ArrayPool | undefined) {
    this.from = new ByteReader(bytes);
    this.catalogue = catalogue;
    this.aside = aside;
    this.pool = pool;
  }

  *decode(): Job<object> {
    this.#readClasses();
    const count = this.from.uint();
    for (let i = 0; i < count; i++) {
      this.#make();
      if (i % PIECE_OBJECTS === PIECE_OBJECTS - 1) yield;
    }
    for (let i = 0; i < count; i++) {
      const object = this.objects[i]!;
      if (ArrayBuffer.isView(object)) yield* this.#fillTyped(object as TypedArray);
      else if (isCollection(object)) yield* this.#fillCollection(object);
      else this.#fill(object as Fields, this.keys[i]!);
      if (i % PIECE_OBJECTS === PIECE_OBJECTS - 1) yield;
    }
    if (!this.from.isAtEnd || count === 0) throw new GraphError('damaged: something is left over');
    return this.objects[0]!;
  }

  #readClasses(): void {
    const known = new Map([...this.catalogue.values()].map((graphClass) => [graphClass.name, graphClass]));
    for (let n = this.from.uint(); n > 0; n--) {
      const name = this.from.string();
      const fields = Array.from({ length: this.from.uint() }, () => this.from.string());
      const graphClass = known.get(name);
      const own = graphClass === undefined ? [] : fieldsOf(graphClass).fields;
      if (graphClass === undefined || own.length !== fields.length || own.some((field, i) => field !== fields[i]))
        throw new GraphError(`made by another version: its ${name} is not ours`);
      this.classes.push({ graphClass, fields });
    }
  }

  #make(): void {
    const { from, objects, keys } = this;
    const kind = from.byte();
    switch (kind) {
      case KIND_PLAIN: {
        const id = from.uint();
        if (id === this.shapes.length) this.shapes.push(Array.from({ length: from.uint() }, () => from.string()));
        keys.push(this.shapes[id]);
        objects.push({});
        return;
      }
      case KIND_ARRAY:
        objects.push([]);
        break;
      case KIND_MAP:
        objects.push(new Map());
        break;
      case KIND_SET:
        objects.push(new Set());
        break;
      case KIND_TYPED:
        objects.push(this.#array(from.byte(), from.uint()));
        break;
      case KIND_INSTANCE: {
        const { graphClass, fields } = this.classes[from.uint()]!;
        keys.push(fields);
        objects.push(graphClass.blank());
        return;
      }
      default:
        throw new GraphError(`damaged: there are no objects of kind ${kind}`);
    }
    keys.push(undefined);
  }

  #array(type: number, length: number): TypedArray {
    return this.pool?.take(type, length) ?? newTypedArray(type, length);
  }

  #fill(object: Fields, keys: readonly string[]): void {
    for (const key of keys) object[key] = this.#value();
  }

  *#fillCollection(object: Collection): Job<void> {
    if (Array.isArray(object)) {
      yield* this.#fillArray(object);
      return;
    }
    for (let n = this.from.uint(); n > 0; n--) {
      if (object instanceof Map) object.set(this.#value(), this.#value());
      else if (object instanceof Set) object.add(this.#value());
      if (n % PIECE_ELEMENTS === 0) yield;
    }
  }

  *#fillTyped(array: TypedArray): Job<void> {
    if (this.aside === undefined) {
      yield* readArray(this.from, array);
      return;
    }
    const front = known(this.aside.arrays[this.nrArrays++]);
    const back = known(this.aside.arrays[this.nrArrays++]);
    yield* copyInPieces(front, array);
    yield* copyInPieces(back, array, array.length - back.length);
    this.pool?.clear(array, front.length, back.length);
  }

  *#fillArray(array: unknown[]): Job<void> {
    const { from } = this;
    const length = from.uint();
    const coding = from.byte();
    if (coding === ARRAY_UINT32) {
      const numbers = new Uint32Array(length);
      yield* readArray(from, numbers);
      for (let i = 0; i < length; i++) array.push(numbers[i]);
    } else if (coding === ARRAY_MIXED) {
      for (let i = 0; i < length; i++) {
        array.push(this.#value());
        if (i % PIECE_ELEMENTS === PIECE_ELEMENTS - 1) yield;
      }
    } else {
      array.length = length;
      for (let n = from.uint(); n > 0; n--) array[from.uint()] = this.#value();
    }
  }

  #value(): unknown {
    const { from } = this;
    const tag = from.byte();
    if (tag >= SMALL) return tag - SMALL;
    switch (tag) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case POSITIVE:
        return from.uint();
      case NEGATIVE:
        return -from.uint();
      case FLOAT:
        return from.float();
      case REFERENCE:
        return known(this.objects[from.uint()]);
      case NEW_STRING: {
        const text = from.string();
        this.strings.push(text);
        return text;
      }
      case OLD_STRING:
        return known(this.strings[from.uint()]);
      case LIST_ASIDE:
        return known(this.aside?.lists[this.nrLists++]).slice();
      case BIGINT:
        return bigintOf(from.string());
      default:
        throw new GraphError(`damaged: there are no values of kind ${tag}`);
    }
  }
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new GraphError('damaged: it refers to what is not there');
  return value;
}

function bigintOf(digits: string): bigint {
  let value = 0n;
  const sign = digits.startsWith('-') ? -1n : 1n;
  for (const digit of digits.replace('-', '')) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return sign * value;
}
