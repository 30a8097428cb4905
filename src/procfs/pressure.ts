/** pressure/{cpu,io,memory}. Nobody stalls yet: the averages and totals come with the model of pressure. Mirrors: kernel/sched/psi.c. */
import type { Machine } from '../machine/machine.ts';
import { EINVAL } from '../util/errno.ts';
import { directory, type Entry, file, type SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

export interface Stall {
  /** Percent of time over 10, 60 and 300 seconds. */
  readonly averages: readonly [number, number, number];
  readonly totalUs: number;
}

const NONE: Stall = { averages: [0, 0, 0], totalUs: 0 };

/** The one place that says how long tasks waited. */
function stall(_machine: Machine, _resource: string, _kind: 'some' | 'full'): Stall {
  return NONE;
}

function line(out: TextBuffer, kind: 'some' | 'full', { averages, totalUs }: Stall): void {
  const [ten, sixty, threeHundred] = averages.map((average) => average.toFixed(2));
  out.text(`${kind} avg10=${ten} avg60=${sixty} avg300=${threeHundred} total=`).dec(totalUs).newline();
}

function resource(name: string): Entry<SystemContext> {
  return file(
    name,
    0o666,
    (out, { machine }) => {
      line(out, 'some', stall(machine, name, 'some'));
      line(out, 'full', stall(machine, name, 'full'));
    },
    // No triggers yet.
    { write: () => -EINVAL },
  );
}

export const pressureEntry = directory('pressure', ['cpu', 'io', 'memory'].map(resource));
