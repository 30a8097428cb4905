/**
 * reclaimfs in vitest: a test gets a mounted machine of its own, on a mount that the tests of a file share. When it fails,
 * the events and state of the machine are printed with it, and stand in the meta data of the test.
 *
 *   import { expect, test } from 'reclaimfs/vitest';
 *   test('swaps', ({ proc }) => {
 *     proc.process(1234).reclaim('anon');
 *     expect(proc.process(1234).kB('VmSwap')).toBeGreaterThan(0);
 *   });
 *   test.override('scenario', 'proc a pid=7');   // another machine for the tests that follow
 */
import { test as base, expect } from 'vitest';
import { mount } from '../library/mount.ts';
import { checkEventType, type MountedProc } from '../library/mounted-proc.ts';
import type { EventType } from '../machine/event-types.ts';
import { builtInScenario } from '../scenario/built-in.ts';
import { machineReport } from './report.ts';

/** What tests get. */
export interface ProcFixtures {
  /** The scenario of the machine: text, or the name of one that comes with reclaimfs. Default `default`. */
  scenario: string;
  /** A mounted machine, fresh for each test; its clock is moved by `advance` and `waitFor` only. */
  proc: MountedProc;
  /** The mount behind it. */
  procServer: MountedProc;
}

export const test = base.extend<ProcFixtures>({
  scenario: 'default',
  procServer: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest wants a pattern, and nothing is needed.
    async ({}, use) => {
      const server = await mount({ scenario: '', clock: 'manual' });
      try {
        await use(server);
      } finally {
        await server.unmount();
      }
    },
    { scope: 'file' },
  ],
  proc: async ({ procServer, scenario, task }, use) => {
    await procServer.reset(builtInScenario(scenario) ?? scenario, 'scenario');
    await use(procServer);
    if (task.result?.state !== 'fail') return;
    const report = machineReport(procServer);
    task.meta.reclaimfs = report;
    console.error(report);
  },
});

interface MatcherResult {
  readonly pass: boolean;
  message(): string;
}

expect.extend({
  toHaveEvent(proc: MountedProc, type: EventType, members: Readonly<Record<string, unknown>> = {}): MatcherResult {
    checkEventType(type);
    const events = proc.eventsSoFar;
    const pass = events.some(
      (event) =>
        event.type === type && Object.entries(members).every(([name, value]) => Reflect.get(event, name) === value),
    );
    const seen = events.slice(-20).map((event) => JSON.stringify(event));
    return { pass, message: () => `${type} ${JSON.stringify(members)}; the last events are:\n${seen.join('\n')}` };
  },
  toBeConsistent(proc: MountedProc): MatcherResult {
    const problems = proc.read('reclaimfs/check').trim();
    return { pass: problems === 'ok', message: () => `the invariants of the memory: ${problems}` };
  },
  toHaveProcess(proc: MountedProc, pid: number): MatcherResult {
    return { pass: proc.process(pid).exists, message: () => `process ${pid}` };
  },
});

declare module 'vitest' {
  interface TaskMeta {
    /** Of a test that has failed: the events and the state of its machine. */
    reclaimfs?: string;
  }
  // biome-ignore lint/suspicious/noExplicitAny: the parameter has to be that of vitest.
  interface Matchers<T = any> {
    /** An event of this type, with these members, has happened. */
    toHaveEvent(type: EventType, members?: Readonly<Record<string, unknown>>): T;
    /** All invariants of the memory hold. */
    toBeConsistent(): T;
    /** There is such a process. */
    toHaveProcess(pid: number): T;
  }
}

export { expect };
