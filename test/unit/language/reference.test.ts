/** Nothing is missing in the reference of the language, and everything that it says is accepted. */
import { describe, expect, test } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';
import { EVENT_TYPES } from '../../../src/machine/event-types.ts';
import { KEPT_SYSCTLS } from '../../../src/machine/kept-sysctls.ts';
import { SYSCTLS } from '../../../src/machine/sysctl.ts';
import { PATTERN_NAMES } from '../../../src/machine/workload/patterns.ts';
import { sysctlRows } from '../../../src/procfs/sysctl-rows.ts';
import { RECLAIMFS_FILES } from '../../../src/scenario/language/files.ts';
import { languageMarkdown } from '../../../src/scenario/language/markdown.ts';
import { lineOf, sampleOfKey, sampleValue, stepReference } from '../../../src/scenario/language/reference.ts';
import { propertiesOf, stepLine } from '../../../src/scenario/language/step-object.ts';
import { languageText, stepText } from '../../../src/scenario/language/text.ts';
import { eachItem } from '../../../src/scenario/language/usage.ts';
import { VALUE_KINDS } from '../../../src/scenario/language/values.ts';
import { machineOptions } from '../../../src/scenario/machine-line.ts';
import { APP_STEPS, MACHINE_STEPS, PROCESS_STEPS, parseSteps } from '../../../src/scenario/parse.ts';
import { Session } from '../../../src/scenario/session.ts';
import { Args, splitWords, type Word } from '../../../src/scenario/words.ts';

const steps = stepReference();

/** Notes the keys and lone words that a step looks for. */
class NotingArgs extends Args {
  readonly asked = new Set<string>();
  override key(name: string): Word | undefined {
    this.asked.add(`${name}=`);
    return super.key(name);
  }
  override flag(name: string): boolean {
    this.asked.add(name);
    return super.flag(name);
  }
}

const parsers = new Map<string, (args: Args) => unknown>([
  ['machine', machineOptions],
  ...[...MACHINE_STEPS, ...PROCESS_STEPS, ...APP_STEPS].map(
    ([word, row]) => [word, (args: Args) => row.parse(args)] as const,
  ),
]);

/** Every line that a step's usage says is possible: each optional item and each choice once. */
function linesOf({ subject, word, forms }: (typeof steps)[number]): string[] {
  if (forms.length === 0) return [lineOf(subject, word, [])];
  return forms.flatMap((form) => {
    const items = [...eachItem(form)].map(({ item }) => item);
    const optionals = form.flatMap((item) => (item.kind === 'optional' ? [item, ...item.items] : []));
    const lines = [lineOf(subject, word, form)];
    for (const item of optionals) {
      if (item.kind === 'optional') lines.push(lineOf(subject, word, form, new Set([item])));
      else if (item.kind === 'oneOf')
        for (const one of item.items) lines.push(lineOf(subject, word, form, new Set([...optionals, item, one])));
    }
    for (const item of items)
      if (item.kind === 'oneOf') for (const one of item.items) lines.push(lineOf(subject, word, form, new Set([one])));
    return lines;
  });
}

describe.each(steps.map((step) => [`${step.subject}: ${step.word}`, step] as const))('%s', (_name, step) => {
  test('what the usage says is accepted', () => {
    for (const line of linesOf(step)) {
      if (step.word !== 'machine') expect(() => parseSteps(line, 'usage'), line).not.toThrow();
    }
  });

  test('every key and word that it looks for stands in the usage', () => {
    const known = new Set(
      step.forms.flatMap((form) =>
        [...eachItem(form)].flatMap(({ item }) =>
          item.kind === 'key' ? [`${item.key}=`] : item.kind === 'word' ? [item.text] : [],
        ),
      ),
    );
    const missing = new Set<string>();
    for (const line of linesOf(step)) {
      const words = splitWords(line, 'usage', 1).slice(step.subject === 'machine' ? 1 : 2);
      const args = new NotingArgs(words, 'usage', 1, line, step.usage);
      parsers.get(step.word)!(args);
      for (const name of args.asked) if (!known.has(name)) missing.add(name);
    }
    expect([...missing]).toEqual([]);
  });

  test('every key and value is explained, in help and manual', () => {
    expect(step.about).not.toBe('');
    for (const { key, about } of step.keys) expect(about, `${step.word} ${key}= (language/keys.ts)`).not.toBe('');
    for (const form of step.forms)
      for (const { item } of eachItem(form))
        if (item.kind === 'value') expect(Object.keys(VALUE_KINDS), step.usage).toContain(item.name.split('/')[0]);
    const help = stepText(step.word)!;
    expect(help).toContain(step.about.split(' ')[0]!);
    for (const { key } of step.keys) expect(help).toContain(`${key}=`);
    for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('as an object it gives a line that is accepted', () => {
    for (const form of step.forms.length === 0 ? [[]] : step.forms) {
      const object: Record<string, string | boolean> = {};
      if (step.subject !== 'machine') object['of'] = 'game';
      for (const { name, type, required, item } of propertiesOf(form)) {
        if (!required) continue;
        if (type === true) object[name] = true;
        else if (typeof type !== 'string') object[name] = type[0]!;
        else object[name] = item.kind === 'key' ? sampleOfKey(step.word, item.value) : sampleValue(step.word, type);
      }
      const line = stepLine({ ...object, step: step.word });
      if (step.word !== 'machine') expect(() => parseSteps(line, 'object'), line).not.toThrow();
    }
    expect(() => stepLine({ step: step.word, of: 'game', nonsense: 1 })).toThrow(/nonsense is not known/);
  });
});

test('the examples run, each on a machine of its own', { timeout: 60_000 }, () => {
  const before = `machine ram=64M
object LIBC file 4M path=/lib/libc.so
app notes heap=4M
proc game uid=10042
game mmap heap size=1M anon
game touch heap 0 64K write
game fork other
proc fresh pid=5000
fresh mmap heap size=1M anon at=0x200000000000`;
  /** What has to be there before, or instead. */
  const first: Readonly<Record<string, string>> = {
    reap: 'game exit zombie',
    swapon: 'swapoff',
    background: 'notes launch',
    use: 'notes launch',
    resume: 'notes launch',
    share: 'game madvise heap 0 64K dontneed',
    pages: 'game madvise heap 0 64K dontneed',
    poke: 'game mmap low size=1M at=0x200000000000',
    peek: 'game mmap low size=1M at=0x200000000000',
    process_madvise: 'game mmap low size=1M at=0x200000000000',
    nonvolatile: 'game volatile heap 0 64K',
  };
  for (const { word, example } of steps) {
    if (word === 'machine') continue;
    const session = new Session();
    session.setUp(`${before}\n${first[word] ?? ''}\n`, word);
    if (word === 'restore') session.apply('snapshot game');
    expect(() => session.apply(example), example).not.toThrow();
  }
});

test('settings, events, patterns and files of /proc/reclaimfs are all there', () => {
  const manual = languageMarkdown();
  const help = languageText();
  const names = [
    ...steps.map(({ word }) => word),
    ...SYSCTLS.map(({ name }) => name),
    ...Object.keys(EVENT_TYPES),
    ...PATTERN_NAMES,
    ...Object.keys(VALUE_KINDS),
  ];
  for (const name of names) expect(manual).toContain(name);
  for (const name of names) if (!PATTERN_NAMES.some((pattern) => pattern === name)) expect(help).toContain(name);
  for (const line of help.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  const machine = createMachine();
  const files = machine.list('/proc/reclaimfs').map((name) => RECLAIMFS_FILES[name] ?? RECLAIMFS_FILES[`${name}/`]);
  expect(files.every((about) => about !== undefined)).toBe(true);
  expect(files).toHaveLength(Object.keys(RECLAIMFS_FILES).length);
});

test('settings without a model are those that /proc/sys has', () => {
  const model = new Set(SYSCTLS.map(({ name }) => name));
  const writable = sysctlRows.filter(({ readOnly }) => readOnly !== true).map(({ path }) => path.replaceAll('/', '.'));
  expect([...KEPT_SYSCTLS].sort()).toEqual(writable.filter((name) => !model.has(name)).sort());
});

test('events have the members of their table', () => {
  const machine = createMachine(`machine ram=32M swap=0
app notes heap=4M
proc hog
hog mmap heap size=30M
notes launch
hog touch heap 0 30M write expect=ENOMEM
proc game
game mmap heap size=1M
game volatile heap 0 64K
game nonvolatile heap 0 64K
tick 5s
game kill TERM`);
  machine.apply('user apps=notes turns=1\ntick 60s');
  const seen = new Set<string>();
  for (const { type, time: _, ...members } of machine.events) {
    seen.add(type);
    const table: Readonly<Record<string, string>> = EVENT_TYPES[type as keyof typeof EVENT_TYPES].members;
    for (const [name, value] of Object.entries(members))
      expect(table[name]?.replace('?', '').split('|'), `${type}.${name}`).toContain(
        value === null ? 'null' : typeof value,
      );
    for (const [name, kind] of Object.entries(table)) if (!kind.endsWith('?')) expect(members).toHaveProperty(name);
  }
  expect([...seen]).toEqual(
    expect.arrayContaining(['oom-kill', 'launch', 'signal', 'exit', 'user', 'volatile', 'nonvolatile']),
  );
});
