import { describe, expect, test } from 'vitest';
import { ScenarioError } from '../../../src/scenario/scenario-error.ts';
import { Session } from '../../../src/scenario/session.ts';
import { takeSnap } from '../../../src/scenario/snap.ts';
import { quoteValue, splitWords } from '../../../src/scenario/words.ts';

const SCENARIO = `machine ram=64M swap=16M swapkind=disk
object LIB file 64p
proc A uid=1000 comm=app cmdline="app --level 3"
A mmap heap size=64p anon private
A mmap text size=64p obj=LIB private prot=r
A touch heap 0 32p write
A touch text 0 16p read
A fork B
B touch heap 0 8p write`;

function session(): Session {
  const made = new Session();
  made.load(SCENARIO, 'test.scn');
  return made;
}

function errorOf(action: () => unknown): ScenarioError {
  try {
    action();
  } catch (error) {
    if (error instanceof ScenarioError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('a system call that fails and was not expected to leaves no trace, as a step alone too', () => {
  const s = session();
  const state = s.state();
  for (const step of ['fallocate LIB 0 0', 'A munmap heap 1 4096', 'A mremap heap 0 0 4096'])
    try {
      s.apply(step);
    } catch (error) {
      expect(error, step).toBeInstanceOf(ScenarioError);
      expect(s.state(), step).toBe(state);
    }
  expect(() => s.apply('fallocate LIB 0 0')).toThrow('EINVAL');
  s.apply('fallocate LIB 0 0 expect=EINVAL');
  expect(s.state()).not.toBe(state);
});

test('swapoff that has not enough memory leaves nothing of its attempt', () => {
  const s = session();
  s.apply('A rest free=0 cached=0 anon=0 swapfree=0');
  const before = JSON.stringify(takeSnap(s.machine, 'x'));
  const { nrFree } = s.machine.mem;
  expect(() => s.apply('swapoff')).toThrow('ENOMEM');
  expect(s.machine.mem.nrFree).toBe(nrFree);
  expect(JSON.stringify(takeSnap(s.machine, 'x'))).toBe(before);
  expect(s.machine.check()).toEqual([]);
});

test('sums of meminfo beyond all memory take no longer than memory that is full', () => {
  const s = session();
  const job = s.applying('A rest free=2M cached=1T');
  let pieces = 0;
  while (job.next().done !== true) pieces++;
  expect(pieces).toBeLessThan(1000);
  expect(s.machine.mem.nrFree).toBe(512);
  expect(s.machine.check()).toEqual([]);
});

test('sums of meminfo that are put into a process which locks all new mappings', () => {
  const s = session();
  s.apply('A mlockall future');
  s.apply('A rest free=8M cached=0 anon=1M swapfree=0');
  expect(s.machine.check()).toEqual([]);
  s.apply('A mmap later size=64K anon');
  expect(s.machine.named.get('A')!.mm!.sizes.locked).toBe(16);
});

describe('a write of several steps', () => {
  test('changes nothing when its last step fails', () => {
    const s = session();
    const before = JSON.stringify(takeSnap(s.machine, 'x'));
    const state = s.state();
    const error = errorOf(() => s.apply('A pageout anon\nA touch heap 32p 8p write\nA reclaim rubbish'));
    expect(error.message).toContain('not accepted');
    expect(JSON.stringify(takeSnap(s.machine, 'x'))).toBe(before);
    expect(s.state()).toBe(state);
    expect(s.machine.check()).toEqual([]);
  });

  test('changes nothing when a step cannot be understood, and says where', () => {
    const s = session();
    const state = s.state();
    const error = errorOf(() => s.apply('A pageout anon\nA touch heap 0 12q write'));
    expect([error.line, error.column, error.reason]).toEqual([2, 16, 'length "12q" is no size']);
    expect(s.state()).toBe(state);
  });

  test('a system call that fails half way is undone', () => {
    const s = session();
    const state = s.state();
    s.apply('A munmap heap 8p 8p');
    const error = errorOf(() => s.apply('A mprotect heap 0 32p r'));
    expect(error.message).toContain('ENOMEM');
    expect(
      s.machine.named
        .get('A')!
        .mm!.vmas.map((vma) => vma.flags & 2)
        .every((write) => write === 0),
    ).toBe(false);
    expect(s.state().startsWith(state.trimEnd())).toBe(true);
  });

  test('does not replace the machine as a whole: machine is only for the start', () => {
    expect(errorOf(() => session().apply('machine ram=1G')).reason).toContain('start of a scenario');
  });
});

test('the state, loaded again, is the same machine', () => {
  const s = session();
  s.apply('A pageout all\ntick 3s');
  s.apply('B touch heap 0 64p read');
  const again = new Session();
  again.load(s.state(), 'state');
  expect(JSON.stringify(takeSnap(again.machine, 'x'))).toBe(JSON.stringify(takeSnap(s.machine, 'x')));
  expect(again.machine.nowUs).toBe(s.machine.nowUs);
  expect(again.machine.mem.events).toEqual(s.machine.mem.events);
  expect(again.state().trimEnd()).toBe(s.state().trimEnd());
});

test('a mistake names the file, the line, the column and what would do', () => {
  const error = errorOf(() => new Session().load('proc A\nA mmap heap size=1M anon\nA frobnicate heap', 'bad.scn'));
  expect(error.message).toMatch(/^bad\.scn:3:3: "frobnicate" is no step of a process.*one of .*touch/);
});

describe('words', () => {
  test('quotes hold spaces, escapes and equals signs', () => {
    const words = splitWords('proc A cmdline="a b\\x00c \\"d\\"" # comment', 'f', 1);
    expect(words.map((word) => [word.key, word.value])).toEqual([
      [undefined, 'proc'],
      [undefined, 'A'],
      ['cmdline', 'a b\0c "d"'],
    ]);
  });

  test.each(['', 'plain', 'a b', '"', '\\', '\0\n\t', 'x=y', '#x', 'ü\xff'])('quoteValue %j comes back', (value) => {
    const words = splitWords(`proc A cmdline=${quoteValue(value)}`, 'f', 1);
    expect(words[2]!.value).toBe(value);
  });
});
