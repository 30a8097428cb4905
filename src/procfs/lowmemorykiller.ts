/** The parameters of the low-memory killer, as under /sys/module/lowmemorykiller/parameters. */
import type { LowMemoryKiller } from '../machine/lmk.ts';
import { ScenarioError } from '../scenario/scenario-error.ts';
import { fromBuffer, trimBytes } from '../util/bytes.ts';
import { EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { S_IFDIR } from '../vfs/types.ts';
import { type Entry, file, type SystemContext } from './entry.ts';

type Row = Entry<SystemContext>;

/** A parameter: written as the step that sets it, which switches the killer on. */
function parameter(
  name: string,
  show: (lmk: LowMemoryKiller) => string,
  step: (value: string) => string | undefined,
): Row {
  return file(name, 0o644, (out, { machine }) => void out.text(`${show(machine.lmk)}\n`), {
    write: function* ({ host }, data) {
      const { length } = data;
      const text = step(trimBytes(fromBuffer(data)));
      if (text === undefined) return -EINVAL;
      try {
        yield* host.apply(text, 'lowmemorykiller');
        return length;
      } catch (error) {
        if (!(error instanceof ScenarioError || error instanceof KernelError)) throw error;
        return -EINVAL;
      }
    },
  });
}

const list = (key: string) => (value: string) => (/^-?\d+(,-?\d+)*$/.test(value) ? `lmk ${key}=${value}` : undefined);
const number = (key: string) => (value: string) => (/^\d+$/.test(value) ? `lmk ${key}=${value}` : undefined);
const flag = (value: string) => (/^[Yy1]$/.test(value) ? 'lmk on' : /^[Nn0]$/.test(value) ? 'lmk off' : undefined);

const rows: readonly Row[] = [
  parameter('adj', (lmk) => lmk.adj.join(','), list('adj')),
  parameter('minfree', (lmk) => lmk.minfree.join(','), list('minfree')),
  parameter('cost', (lmk) => `${lmk.cost}`, number('cost')),
  parameter('debug_level', (lmk) => `${lmk.debugLevel}`, number('debug')),
  parameter('enabled', (lmk) => (lmk.enabled ? 'Y' : 'N'), flag),
];

export const lowMemoryKillerDirectory: Row = {
  name: 'lowmemorykiller',
  mode: S_IFDIR | 0o555,
  ownedByMounter: true,
  children: rows.map((row) => ({ ...row, ownedByMounter: true })),
};
