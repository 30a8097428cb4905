/** Which system calls the kernel is told to ask about. */
import { describe, expect, test } from 'vitest';
import { ACTION_ALLOW, ACTION_NOTIFY, filterProgram, runFilter } from '../../../src/server/run/syscalls/filter.ts';
import { HANDLERS } from '../../../src/server/run/syscalls/table.ts';
import { architecture, CALL_NAMES, type CallName } from '../../../src/util/system-calls.ts';

/** Whose first or second argument 0 means the caller itself. */
const BY_FIRST: readonly CallName[] = ['kill', 'sched_getparam', 'sched_setattr', 'prlimit64', 'getpgid', 'getsid'];
const BY_SECOND: readonly CallName[] = ['getpriority', 'setpriority', 'ioprio_get', 'ioprio_set'];

describe.each(['x64', 'arm64'] as const)('on %s', (name) => {
  const arch = architecture(name)!;
  const program = filterProgram(arch);
  const action = (nr: number, ...args: number[]): number => runFilter(program, { arch: arch.audit, nr, args });

  test('every call of the table is asked about, of other threads', () => {
    for (const call of CALL_NAMES) expect(action(arch.numberOf(call), 1234, 1234, 0, 4), call).toBe(ACTION_NOTIFY);
  });

  test('of the caller itself the kernel need not ask', () => {
    for (const call of BY_FIRST) expect(action(arch.numberOf(call), 0, 1), call).toBe(ACTION_ALLOW);
    for (const call of BY_SECOND) expect(action(arch.numberOf(call), 1, 0), call).toBe(ACTION_ALLOW);
    for (const call of BY_SECOND) expect(action(arch.numberOf(call), 0, 1), call).toBe(ACTION_NOTIFY);
    expect(action(arch.numberOf('sched_getaffinity'), 0, 128)).toBe(ACTION_NOTIFY);
  });

  test('of advice about files only what concerns the cache is asked about', () => {
    const asked = [0, 1, 2, 3, 4, 5, 6].filter(
      (advice) => action(arch.numberOf('fadvise64'), 3, 0, 0, advice) === ACTION_NOTIFY,
    );
    expect(asked).toEqual([3, 4]);
  });

  test('all other calls, and those of other architectures, go on', () => {
    const asked = new Set(CALL_NAMES.map((call) => arch.numberOf(call)));
    expect(asked.size).toBe(CALL_NAMES.length);
    for (let nr = 0; nr < 600; nr++) if (!asked.has(nr)) expect(action(nr, 1, 1), String(nr)).toBe(ACTION_ALLOW);
    for (const nr of asked) expect(runFilter(program, { arch: 0x40000003, nr, args: [1, 1] })).toBe(ACTION_ALLOW);
  });

  test('no jump is too long for its byte', () => {
    for (let at = 0; at < program.length; at += 8) expect(at / 8 + program[at + 2]!).toBeLessThan(program.length / 8);
    expect(program.length / 8).toBeLessThan(256);
  });
});

test('an architecture that is not known has no numbers', () => {
  expect(architecture('mips')).toBeUndefined();
});

test('every call has a handler', () => {
  expect(Object.keys(HANDLERS).sort()).toEqual([...CALL_NAMES].sort());
});
