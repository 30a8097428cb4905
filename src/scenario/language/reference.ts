/** The whole step language as data, from the step tables: for help, the manual, the schema, the builders and the editor's grammar. */
import { PATTERN_NAMES } from '../../machine/workload/patterns.ts';
import { MACHINE_LINE } from '../machine-line.ts';
import { APP_STEPS, MACHINE_STEPS, PROCESS_STEPS } from '../parse.ts';
import { aboutKey } from './keys.ts';
import { eachItem, keysOf, parseUsage, type UsageForm } from './usage.ts';
import { VALUE_KINDS } from './values.ts';

/** What a line begins with. */
export type StepSubject = 'machine' | 'process' | 'app';

export interface KeyReference {
  readonly key: string;
  /** As in the usage: SIZE, `full|word|zero`, or an example. */
  readonly value: string;
  readonly required: boolean;
  readonly about: string;
}

export interface StepReference {
  readonly word: string;
  readonly subject: StepSubject;
  readonly usage: string;
  readonly about: string;
  readonly forms: readonly UsageForm[];
  readonly keys: readonly KeyReference[];
  /** A line that is accepted. */
  readonly example: string;
}

interface Row {
  readonly word: string;
  readonly usage: string;
  readonly about: string;
}

/** Every step: the `machine` line, steps of the machine, of processes, of apps. */
export function stepReference(): StepReference[] {
  const rows = (subject: StepSubject, table: Iterable<Row>): StepReference[] =>
    [...table].map((row) => describe(subject, row));
  return [
    describe('machine', MACHINE_LINE),
    ...rows('machine', MACHINE_STEPS.values()),
    ...rows('process', PROCESS_STEPS.values()),
    ...rows('app', APP_STEPS.values()),
  ];
}

/** The names of access patterns, as `run` takes them. */
export const PATTERNS: readonly string[] = PATTERN_NAMES;

function describe(subject: StepSubject, { word, usage, about }: Row): StepReference {
  const forms = parseUsage(usage, word);
  return {
    word,
    subject,
    usage,
    about,
    forms,
    keys: describeKeys(word, forms),
    example: exampleOf(subject, word, forms),
  };
}

function describeKeys(word: string, forms: readonly UsageForm[]): KeyReference[] {
  return keysOf(forms).map((key) => {
    const uses = forms.map((form) => [...eachItem(form)].find(({ item }) => item.kind === 'key' && item.key === key));
    const first = uses.find((use) => use !== undefined)!.item;
    return {
      key,
      value: first.kind === 'key' ? first.value : '',
      required: uses.every((use) => use !== undefined && !use.optional),
      about: aboutKey(word, key) ?? '',
    };
  });
}

/** Samples of values that only this step takes. */
const SAMPLES: Readonly<Record<string, string>> = {
  'proc.NAME': 'mail',
  'app.NAME': 'mail',
  'object.NAME': 'NOTES',
  'sysctl.NAME': 'vm.swappiness',
  'comm.TEXT': 'worker',
  'cgroup.TEXT': '64M',
  'cgroup.PATH/FILE': '/apps/memory.high',
  'nice.N': '10',
  'adj.N': '900',
  'title.TEXT': 'A game in the background',
  'note.TEXT': 'measured in summer',
  'validity.TEXT': 'both',
  'bothsnaps.TEXT': 'after',
  'expect2013.TEXT': 'VmSwap 4096',
  'impose.VALUE': 'x2',
  'brk.MAPPING': 'brk',
  'mmap.MAPPING': 'cache',
  'share.RUNS': '4+',
};
const APP_SAMPLE = 'notes';

/** What stands for a value in an example. */
export function sampleValue(word: string, name: string): string {
  return SAMPLES[`${word}.${name}`] ?? VALUE_KINDS[name]?.sample ?? name;
}

/** The value of a key in an example: capital letters and choices are filled in, examples stay. */
export function sampleOfKey(word: string, value: string): string {
  const first = value.split('|')[0]!;
  if (first === 'A,B,…') return APP_SAMPLE;
  const filled = first.replace(/[A-Z][A-Z]+|^N$/g, (name) => sampleValue(word, name));
  return filled.replace(/,…$/, '');
}

/** A form with its required items only, or with all of `also` besides. */
export function lineOf(
  subject: StepSubject,
  word: string,
  form: UsageForm,
  also: ReadonlySet<unknown> = new Set(),
): string {
  const words: string[] = subject === 'machine' ? [word] : [subject === 'app' ? APP_SAMPLE : 'game', word];
  const add = (items: UsageForm): void => {
    for (const item of items) {
      if (item.kind === 'word') words.push(item.text);
      else if (item.kind === 'value') words.push(sampleValue(word, item.name));
      else if (item.kind === 'key') words.push(`${item.key}=${sampleOfKey(word, item.value)}`);
      else if (item.kind === 'oneOf') add([item.items.find((one) => also.has(one)) ?? item.items[0]!]);
      else if (also.has(item)) add(item.items);
    }
  };
  add(form);
  return words.join(' ');
}

function exampleOf(subject: StepSubject, word: string, forms: readonly UsageForm[]): string {
  const form = forms[0] ?? [];
  // A step that needs nothing shows what its first option looks like.
  const first = form[0];
  const bare = form.length > 0 && form.every(({ kind }) => kind === 'optional');
  return lineOf(subject, word, form, bare && first !== undefined ? new Set([first]) : new Set());
}
