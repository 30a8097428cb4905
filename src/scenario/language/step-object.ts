/**
 * Steps as objects: `{ step: 'touch', of: 'game', mapping: 'heap', off: 0, len: '4M', what: 'write' }`. Names follow from the
 * usages: values are properties in lower case, keys are properties, words that may be left out are true or absent, and
 * the word that has to be chosen is `what`. `of`: whom a step of a process or app is about.
 */
import { UsageError } from '../../util/errors.ts';
import { quoteValue } from '../words.ts';
import { type StepReference, stepReference } from './reference.ts';
import { choicesOf, type UsageForm, type UsageItem } from './usage.ts';

/** A property of a step object. */
export interface StepProperty {
  readonly name: string;
  readonly required: boolean;
  /** `true`: a word that may stand there. A list: one of these. Otherwise the kind of value: SIZE, TIME, N… */
  readonly type: true | readonly string[] | string;
  readonly item: UsageItem;
}

/** The properties of a form, in the order of its words. */
export function propertiesOf(form: UsageForm): StepProperty[] {
  const properties: StepProperty[] = [];
  const add = (item: UsageItem, required: boolean): void => {
    if (item.kind === 'optional') for (const inner of item.items) add(inner, false);
    else if (item.kind === 'key')
      properties.push({ name: item.key, required, type: choicesOf(item.value) ?? kindOfValue(item.value), item });
    else if (item.kind === 'value') properties.push({ name: propertyName(item.name), required, type: item.name, item });
    else if (item.kind === 'word') properties.push(flagOrChoice(item, required));
    else if (item.items.every(({ kind }) => kind === 'word') && required) properties.push(choice(item));
    else if (item.items.every(({ kind }) => kind === 'value')) add(item.items[0]!, required);
    else for (const one of item.items) add(one, false);
  };
  for (const item of form) add(item, true);
  return properties;
}

function flagOrChoice(item: UsageItem & { kind: 'word' }, required: boolean): StepProperty {
  return required
    ? { name: 'what', required, type: [item.text], item }
    : { name: item.text, required, type: true, item };
}

function choice(item: UsageItem & { kind: 'oneOf' }): StepProperty {
  const words = item.items.map((one) => (one.kind === 'word' ? one.text : ''));
  return { name: 'what', required: true, type: words, item };
}

/** `PATH/FILE` is the path. */
function propertyName(name: string): string {
  return name.split('/')[0]!.toLowerCase();
}

function kindOfValue(value: string): string {
  return /^[A-Z]+$/.test(value) ? value : 'TEXT';
}

/** A step as an object; see StepObject for which properties each has. */
export type AnyStep = Readonly<Record<string, string | number | boolean | undefined>> & { readonly step: string };

let references: ReadonlyMap<string, StepReference> | undefined;

/** The line of a step object. Throws UsageError: no such step, a property missing or unknown. */
export function stepLine(object: AnyStep): string {
  references ??= new Map(stepReference().map((reference) => [reference.word, reference]));
  const reference = references.get(object.step);
  if (reference === undefined) throw new UsageError(`there is no step ${object.step}`);
  const given = Object.keys(object).filter((key) => object[key] !== undefined && !BESIDES.includes(key));
  const complaints: string[] = [];
  for (const form of reference.forms.length === 0 ? [[]] : reference.forms) {
    const properties = propertiesOf(form);
    const missing = properties.filter(({ name, required }) => required && object[name] === undefined);
    const unknown = given.filter((key) => !properties.some(({ name }) => name === key));
    const wrong = properties.filter(({ name, type }) => isWrongWord(object[name], type));
    if (missing.length + unknown.length + wrong.length === 0) return lineOf(reference, properties, object);
    complaints.push(
      [...missing.map(({ name }) => `${name} is missing`), ...unknown.map((key) => `${key} is not known`)].join(', ') ||
        `${wrong[0]!.name} is none of ${String(wrong[0]!.type)}`,
    );
  }
  throw new UsageError(`step ${object.step}: ${[...new Set(complaints)].join('; or ')} (usage: ${reference.usage})`);
}

const BESIDES: readonly string[] = ['step', 'of', 'expect'];

function isWrongWord(value: string | number | boolean | undefined, type: StepProperty['type']): boolean {
  if (value === undefined) return false;
  if (type === true) return typeof value !== 'boolean';
  return typeof type !== 'string' && !type.includes(String(value));
}

function lineOf({ word, subject }: StepReference, properties: readonly StepProperty[], object: AnyStep): string {
  if (subject !== 'machine' && object['of'] === undefined) throw new UsageError(`step ${word}: of is missing`);
  const words = subject === 'machine' ? [word] : [quoteValue(String(object['of'])), word];
  for (const { name, type, item } of properties) {
    const value = object[name];
    if (value === undefined || value === false) continue;
    if (type === true) words.push(name);
    else if (item.kind === 'key') words.push(`${name}=${quoteValue(String(value))}`);
    else words.push(FREE_TEXT.has(word) ? String(value) : quoteValue(String(value)));
  }
  if (object['expect'] !== undefined) words.push(`expect=${String(object['expect'])}`);
  return words.join(' ');
}

/** Steps that take the rest of the line as it is. */
const FREE_TEXT: ReadonlySet<string> = new Set([
  'title',
  'note',
  'validity',
  'bothsnaps',
  'expect2013',
  'sysctl',
  'zram',
]);
