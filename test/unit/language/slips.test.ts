/**
 * A walk over the whole step language: each slip of the pen is an error with line, column, reason and, where there is one,
 * what was probably meant; and the machine is what it was.
 */
import { expect, test } from 'vitest';
import { KEPT_SYSCTLS } from '../../../src/machine/kept-sysctls.ts';
import { SYSCTLS } from '../../../src/machine/sysctl.ts';
import { PATTERN_NAMES } from '../../../src/machine/workload/patterns.ts';
import { POLICY_NAMES } from '../../../src/scenario/compare/policies.ts';
import {
  type StepReference,
  sampleOfKey,
  sampleValue,
  stepReference,
} from '../../../src/scenario/language/reference.ts';
import { choicesOf, eachItem, type UsageForm, type UsageItem } from '../../../src/scenario/language/usage.ts';
import { ScenarioError } from '../../../src/scenario/scenario-error.ts';
import { Session } from '../../../src/scenario/session.ts';
import { closest } from '../../../src/util/suggest.ts';

/** One word of a line, with what the usage says about it. */
interface Token {
  readonly text: string;
  readonly is: 'subject' | 'step' | 'word' | 'choice' | 'key' | 'value';
  readonly optional: boolean;
  /** The key, or the kind of value. */
  readonly name?: string;
  /** What the usage says of the value of a key. */
  readonly value?: string;
}

const STEPS = stepReference();
/** Steps that take any text: what is behind it belongs to it. */
const TAKES_TEXT = new Set([
  'title',
  'note',
  'validity',
  'bothsnaps',
  'expect2013',
  'snap',
  'sysctl',
  'reclaim',
  'zram',
  'lrugen',
]);
/** Values that are names of something new, or free text: no spelling of them is wrong. */
const NEW = /^(NAME|CHILD|NEWMAPPING|LABEL|TEXT|NEWPATH)$/;

/** The words of a form, with those items filled in that may be left out and are in `also`. */
function tokensOf({ subject, word }: StepReference, form: UsageForm, also: ReadonlySet<UsageItem>): Token[] {
  const tokens: Token[] = [];
  if (subject !== 'machine')
    tokens.push({ text: subject === 'app' ? 'chess' : 'game', is: 'subject', optional: false });
  tokens.push({ text: word, is: 'step', optional: false });
  const add = (items: UsageForm, optional: boolean, choice = false): void => {
    for (const item of items) {
      if (item.kind === 'word') tokens.push({ text: item.text, is: choice ? 'choice' : 'word', optional });
      else if (item.kind === 'value')
        tokens.push({ text: sampleValue(word, item.name), is: 'value', optional, name: item.name.split('/')[0]! });
      else if (item.kind === 'key')
        tokens.push({
          text: `${item.key}=${sampleOfKey(word, item.value)}`,
          is: 'key',
          optional,
          name: item.key,
          value: item.value,
        });
      else if (item.kind === 'oneOf') add([item.items.find((one) => also.has(one)) ?? item.items[0]!], optional, true);
      else if (also.has(item)) add(item.items, true);
    }
  };
  add(form, false);
  return tokens;
}

/** Lines that together have every item of a step: each that may be left out alone, each of several once. */
function linesOf(step: StepReference): Token[][] {
  const lines = new Map<string, Token[]>();
  for (const form of step.forms.length === 0 ? [[]] : step.forms) {
    const optionals = form.filter(({ kind }) => kind === 'optional');
    const choices = [...eachItem(form)].flatMap(({ item }) => (item.kind === 'oneOf' ? item.items : []));
    const sets = [
      [],
      ...optionals.map((one) => [one]),
      ...choices.map((one) => [one, ...optionals.filter((o) => has(o, one))]),
    ];
    for (const set of sets) {
      const tokens = tokensOf(step, form, new Set(set));
      lines.set(textOf(tokens), tokens);
    }
  }
  return [...lines.values()];
}

function has(item: UsageItem, part: UsageItem): boolean {
  return item.kind === 'optional' && [...eachItem(item.items)].some(({ item: inner }) => inner === part);
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join(' ');
}

function columnOf(tokens: readonly Token[], at: number): number {
  return textOf(tokens.slice(0, at)).length + (at === 0 ? 1 : 2);
}

/** One letter less, more, and another. */
function slips(name: string): string[] {
  const other = name[1] === 'q' ? 'x' : 'q';
  return [name.slice(0, -1), name + name.at(-1), name[0] + other + name.slice(2)].filter((s) => s !== '' && s !== name);
}

/** What is none of a kind of value. */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  SIZE: ['1Q', '1MM', '-1', '5s', 'x'],
  LEN: ['1Q', '-4096', '5s'],
  NEWLEN: ['1Q', '-4096'],
  OFF: ['1Q', '-1', 'x'],
  TIME: ['5parsec', '-5s', '1M', 's'],
  N: ['x1', '1.5', '1M'],
  ADDR: ['0xZZ', 'q'],
  NS: ['x'],
  MS: ['x'],
  KB: ['x'],
  UID: ['x', '-1'],
  PID: ['x'],
  PERCENT: ['x', '200', '-1'],
  RUNS: ['4q', '4'],
  SIGNAL: ['TREM', '99'],
  MAPPING: ['hepa'],
  OBJECT: ['LIBD'],
  FILE: ['LIBD'],
  OTHER: ['othre'],
  KEY: ['app.haep'],
};

const BEFORE = `machine ram=64M
object LIBC file 4M path=/lib/libc.so
app notes heap=4M
app chess heap=4M
proc game uid=10042
game mmap heap size=1M anon
game touch heap 0 64K write
game fork other
`;
const session = new Session();
session.setUp(BEFORE, 's');
session.apply('snapshot game');
const before = session.state();
const other = new Session();

/** The complaint about a line, made on a machine that must not change. */
function complaint(line: string): ScenarioError {
  let error: unknown;
  try {
    if (/^machine\b/.test(line)) other.setUp(`\n\n${line}\n`, 'control');
    else session.apply(`\n\n${line}`);
  } catch (caught) {
    error = caught;
  }
  expect(error, `accepted: ${line}`).toBeInstanceOf(ScenarioError);
  const complained = error as ScenarioError;
  expect(complained.line, line).toBe(3);
  expect(complained.reason, line).not.toBe('');
  expect(complained.hint, `${line}: ${complained.message}`).not.toBe('');
  return complained;
}

/** The complaint is about this column; `meant`: one of these is what it suggests. */
function at(line: string, column: number, meant?: readonly string[]): void {
  const error = complaint(line);
  expect(error.column, `${line}: ${error.message}`).toBe(column);
  if (meant === undefined) return;
  expect(meant, `${line}: ${error.message}`).toContain(/did you mean (\S+)\?/.exec(error.message)?.[1]);
}

const with_ = (tokens: readonly Token[], i: number, text: string): Token[] =>
  tokens.map((token, j) => (j === i ? { ...token, text } : token));

/** All lines of all steps, each word that has been tried in one of them left alone in others. */
const tried = new Set<string>();
const fresh = (step: StepReference, what: string): boolean => {
  const key = `${step.subject} ${step.word} ${what}`;
  if (tried.has(key)) return false;
  tried.add(key);
  return true;
};

test.each(STEPS.map((step) => [`${step.subject}: ${step.word}`, step] as const))(
  '%s',
  { timeout: 60_000 },
  (_name, step) => {
    for (const tokens of linesOf(step)) {
      tokens.forEach((token, i) => {
        const column = columnOf(tokens, i);
        if (token.is === 'step' || token.is === 'word' || token.is === 'choice') {
          if (!fresh(step, `${token.is} ${token.text}${token.is === 'step' ? textOf(tokens) : ''}`)) return;
          if (/^\d/.test(token.text)) return;
          const suggested = token.is === 'step' ? STEPS.map(({ word }) => word) : [...wordsOf(step)];
          for (const slip of slips(token.text)) {
            if (STEPS.some(({ word }) => word === slip) || wordsOf(step).has(slip)) continue;
            at(textOf(with_(tokens, i, slip)), column, isNear(slip, token.text) ? suggested : undefined);
          }
        } else if (token.is === 'subject') {
          for (const slip of slips(token.text)) at(textOf(with_(tokens, i, slip)), column, [token.text]);
        } else if (token.is === 'key') {
          if (!fresh(step, `key ${token.name}`)) return;
          const value = token.text.slice(token.name!.length + 1);
          for (const slip of slips(token.name!))
            if (!step.keys.some(({ key }) => key === slip))
              at(
                textOf(with_(tokens, i, `${slip}=${value}`)),
                column,
                isNear(slip, token.name!) ? step.keys.map(({ key }) => `${key}=`) : undefined,
              );
          const twice = [...tokens.slice(0, i + 1), token, ...tokens.slice(i + 1)];
          expect(complaint(textOf(twice)).reason).toBe(`${token.name}= is there twice`);
          at(textOf(twice), columnOf(twice, i + 1));
          for (const wrong of wrongValues(token.value!)) {
            // Of several values in one word the complaint is about one.
            const { column: where } = complaint(textOf(with_(tokens, i, `${token.name}=${wrong}`)));
            expect([column, column + token.name!.length + 1]).toContain(where);
          }
        } else if (!NEW.test(token.name!) && !isNewName(step, token) && fresh(step, `value ${token.name}`)) {
          for (const wrong of WRONG[token.name!] ?? []) at(textOf(with_(tokens, i, wrong)), column);
        }
      });
      missing(step, tokens);
      for (const rubbish of ['rubbish', 'rubbish=1'])
        if (!TAKES_TEXT.has(step.word)) at(`${textOf(tokens)} ${rubbish}`, textOf(tokens).length + 2);
    }
  },
);

/** Whether a slip is small enough, in proportion, that a suggestion can be asked for. */
function isNear(slip: string, name: string): boolean {
  return closest(slip, [name]) !== undefined;
}

/** What the usage calls MAPPING is a new name here. */
function isNewName({ word }: StepReference, { name }: Token): boolean {
  return name === 'MAPPING' && (word === 'mmap' || word === 'brk');
}

function wrongValues(value: string): readonly string[] {
  const choices = choicesOf(value);
  if (choices !== undefined) return [choices[0]! + choices[0]!, ''];
  return WRONG[value.split(/[|,/]/)[0]!] ?? [];
}

/** Every lone word that a step knows. */
function wordsOf(step: StepReference): ReadonlySet<string> {
  const items = step.forms.flatMap((form) => [...eachItem(form)]);
  return new Set(items.flatMap(({ item }) => (item.kind === 'word' ? [item.text] : [])));
}

/** Each item that has to be there is left out once; what then is another form of the step is right. */
function missing(step: StepReference, tokens: readonly Token[]): void {
  const whole = new Set(linesOf(step).map(shapeOf));
  tokens.forEach((token, i) => {
    if (token.optional || token.is === 'step' || token.is === 'subject') return;
    const rest = tokens.filter((_, j) => j !== i);
    if (whole.has(shapeOf(rest)) || !fresh(step, `without ${token.text}`)) return;
    complaint(textOf(rest));
  });
}

function shapeOf(tokens: readonly Token[]): string {
  return tokens.map(({ is, text, name }) => (is === 'value' ? 'VALUE' : (name ?? text))).join(' ');
}

test.each([
  ['sysctl', [...SYSCTLS.map(({ name }) => name), ...KEPT_SYSCTLS], (name: string) => `sysctl ${name} 1`, 8],
  ['pattern', PATTERN_NAMES, (name: string) => `game run ${name} heap`, 10],
  ['policy', POLICY_NAMES, (name: string) => `policy ${name}`, 8],
] as const)('a slip in the name of a %s', (_what, names: readonly string[], lineOf, column) => {
  for (const name of names) for (const slip of slips(name)) if (!names.includes(slip)) at(lineOf(slip), column);
});

test('nothing of all that has changed the machine', () => {
  expect(session.state()).toBe(before);
});
