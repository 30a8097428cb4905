/** Parts of the page of `--ui` that need no browser. */
import { expect, test } from 'vitest';
import { stepReference } from '../../../src/scenario/language/reference.ts';
import { isAction } from '../../../src/ui/act.ts';
import { isLoopback } from '../../../src/ui/http/guard.ts';
import { parseClock } from '../../../src/ui/live.ts';
import { complete } from '../../../src/ui/page/completion.ts';

const STEPS = stepReference().map(({ keys, ...step }) => ({ ...step, keys: keys.map(({ key }) => key) }));
const words = (text: string, caret = text.length): readonly string[] =>
  complete(text, caret, STEPS, ['game', '1234']).words;

test('completion: names and steps of the machine, then steps of the process, then keys that are not there yet', () => {
  expect(words('gam')).toEqual(['game']);
  expect(words('tic')).toEqual(['tick']);
  expect(words('tick 1s\ngame recl')).toEqual(['reclaim']);
  expect(words('game mmap heap si')).toEqual(['size=']);
  expect(words('game mmap heap size=1M si')).toEqual([]);
  expect(words('gam\ntick 1s', 3)).toEqual(['game']);
  expect(complete('game touch ', 11, STEPS, ['game']).help?.word).toBe('touch');
});

test('what is posted is an action, whole, or nothing', () => {
  expect(isAction({ act: 'reclaim', pid: 1, kind: 'anon' })).toBe(true);
  expect(isAction({ act: 'keep', name: 'a.b-c' })).toBe(true);
  const wrong = [
    null,
    7,
    {},
    { act: 'reclaim', pid: '1', kind: 'anon' },
    { act: 'reclaim', pid: 1.5, kind: 'anon' },
    { act: 'reclaim', pid: 1, kind: 'some' },
    { act: 'range', pid: 1, start: 4096, end: 4096 },
    { act: 'keep', name: '../state' },
    { act: 'keep', name: '..' },
    { act: 'restore' },
    { act: 'steps', text: '' },
    { act: 'clock', text: 'x'.repeat((1 << 20) + 1) },
  ];
  expect(wrong.filter(isAction)).toEqual([]);
});

test('loopback, and what only looks like it', () => {
  expect(['localhost', '127.0.0.1', '127.1.2.3', '::1'].every(isLoopback)).toBe(true);
  expect(['', '0.0.0.0', '127.0.0.1.evil.example', '128.0.0.1', 'localhost.evil.example', '::'].some(isLoopback)).toBe(
    false,
  );
});

test('the clock', () => {
  expect(parseClock('12.500000 running speed 2 behind 3.000000\n')).toEqual({
    now: 12.5,
    running: true,
    speed: 2,
    behind: true,
  });
  expect(parseClock('?')).toBeUndefined();
});
