/** Everything that can be read of a machine, as text: two equal dumps mean two equal machines. */
import { createHash } from 'node:crypto';
import { pagemapEntry } from '../../src/mm/pages/page-stats.ts';
import { playScenario, toGolden } from '../../src/scenario/play.ts';
import { takeSnap } from '../../src/scenario/snap.ts';
import { Tree } from '../unit/procfs/support.ts';
import { placesOf } from './expectations.ts';

/** Files that wait, or that are as large as an address space; pagemaps are dumped by mapping instead. */
const UNENDING = /\/(mem|pagemap|vmpressure|kmsg)$/;

/** A scenario with a `machine` line of its own: the first profile and kind of swap that it names, or the defaults. */
export function withMachine(text: string): string {
  if (/^machine /m.test(text)) return text;
  const { profile, swapKind } = placesOf(text)[0]!;
  return `machine ram=64M seed=7 profile=${profile} swapkind=${swapKind}\n${text}`;
}

/** What `play --json` prints. */
export function playJson(text: string, file: string): string {
  return JSON.stringify(toGolden(playScenario(text, file)));
}

/** Path → content (in hexadecimal, as a hash where it is long) of the whole tree, and what lies behind it. */
export function dumpMachine(scenario: string): Map<string, string> {
  const tree = new Tree(scenario);
  const { machine, session } = tree;
  const dump = new Map<string, string>();
  dump.set('state', session.state());
  dump.set('snap', JSON.stringify(takeSnap(machine, 'end')));
  dump.set('events', JSON.stringify(machine.events.from(0)));
  dump.set('counters', JSON.stringify(machine.mem.events));
  for (const task of machine.tasks.values()) {
    for (const vma of task.mm?.vmas ?? []) {
      const hash = createHash('sha256');
      for (let vpn = vma.start; vpn < vma.end; vpn++) hash.update(`${pagemapEntry(machine.mem, task.mm!, vpn, true)} `);
      dump.set(`pagemap of ${task.name} at ${vma.start}`, hash.digest('hex'));
    }
  }
  for (const path of tree.files()) {
    if (UNENDING.test(path)) continue;
    const bytes = tree.bytes(path);
    if (typeof bytes === 'number') dump.set(path, `error ${bytes}`);
    else
      dump.set(path, bytes.length > 4096 ? createHash('sha256').update(bytes).digest('hex') : bytes.toString('latin1'));
  }
  return dump;
}

/** One number for a whole dump. */
export function digest(dump: ReadonlyMap<string, string>): string {
  return createHash('sha256')
    .update(JSON.stringify([...dump]))
    .digest('hex');
}
