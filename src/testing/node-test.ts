/**
 * reclaimfs in node:test: `withProc` gives a test a mounted machine with a manual clock, and takes it away.
 *
 *   import test from 'node:test';
 *   import { withProc } from 'reclaimfs/node-test';
 *   test('swaps', withProc({ scenario: 'proc a pid=7' }, async (proc) => { … }));
 */
import type { TestContext } from 'node:test';
import { type MountSettings, mount } from '../library/mount.ts';
import type { MountedProc } from '../library/mounted-proc.ts';
import { builtInScenario } from '../scenario/built-in.ts';
import { machineReport } from './report.ts';

/** A test function for node:test. `scenario`: text, or the name of one that comes with reclaimfs. A failure prints the events and state of the machine. */
export function withProc(
  settings: MountSettings,
  body: (proc: MountedProc, t: TestContext) => unknown,
): (t: TestContext) => Promise<void> {
  return async (t) => {
    const { scenario = 'default' } = settings;
    const text = typeof scenario === 'string' ? (builtInScenario(scenario) ?? scenario) : scenario;
    const proc = await mount({ clock: 'manual', ...settings, scenario: text });
    try {
      await body(proc, t);
    } catch (error) {
      t.diagnostic(machineReport(proc));
      throw error;
    } finally {
      await proc.unmount();
    }
  };
}
