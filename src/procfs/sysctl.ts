/** /proc/sys as files. Mirrors: fs/proc/proc_sysctl.c, kernel/sysctl.c. */
import { sysctlOf } from '../machine/sysctl.ts';
import { fromBuffer } from '../util/bytes.ts';
import { EINVAL } from '../util/errno.ts';
import { S_IFREG } from '../vfs/types.ts';
import { directory, type Entry, file, inKernels, type SystemContext } from './entry.ts';
import { parseWhole, writtenText } from './parse-number.ts';
import { type SysctlRow, sysctlRows } from './sysctl-rows.ts';

type Row = Entry<SystemContext>;

const INT_MAX = 2147483647;
const dropCaches: Row = {
  name: 'drop_caches',
  mode: S_IFREG | 0o200,
  strictMode: true,
  write: function* ({ host }, data) {
    const { length } = data;
    const value = inRange(writtenText(data), 1, 4);
    if (value === undefined) return -EINVAL;
    const status = yield* host.dropCaches(value);
    return status < 0 ? status : length;
  },
};

/** Pretend: memory is never fragmented, so that there is nothing to do. */
const compactMemory: Row = {
  name: 'compact_memory',
  mode: S_IFREG | 0o200,
  strictMode: true,
  write: (_ctx, data) => (inRange(writtenText(data), 1, 1) === undefined ? -EINVAL : data.length),
};

function inRange(text: string, min: number, max: number): number | undefined {
  const value = parseWhole(text, 0);
  return value !== undefined && value >= min && value <= max ? Number(value) : undefined;
}

function sysctlFile(row: SysctlRow): Row {
  const name = row.path.slice(row.path.lastIndexOf('/') + 1);
  const dotted = row.path.replaceAll('/', '.');
  const show: Row['show'] = (out, ctx) => {
    const model = sysctlOf(dotted);
    const written = ctx.host.sysctl(dotted);
    if (row.value !== undefined) out.text(row.value(ctx));
    else if (model !== undefined) out.dec(model.get(ctx.machine));
    else out.text(written ?? row.initial);
    out.newline();
  };
  const { since, until } = row;
  const there = since === undefined && until === undefined ? {} : { isThere: inKernels(row) };
  if (row.readOnly) return file(name, 0o444, show, { strictMode: true, ...there });
  return file(name, row.mode ?? 0o644, show, {
    ...there,
    strictMode: true,
    write: ({ host }, data) => {
      const value = row.text ? firstLine(data) : checkedValue(row, dotted, writtenText(data));
      if (value === undefined) return -EINVAL;
      const status = host.setSysctl(dotted, value);
      return status < 0 ? status : data.length;
    },
  });
}

/** What a number of the row may be; int where nothing else is said. */
export function sysctlRange(row: SysctlRow): { readonly min: number; readonly max: number } {
  const model = sysctlOf(row.path.replaceAll('/', '.'));
  return { min: model?.min ?? row.min ?? -INT_MAX - 1, max: model?.max ?? row.max ?? INT_MAX };
}

/** A text up to the first newline or NUL. Mirrors: proc_dostring. */
function firstLine(data: Uint8Array): string {
  return fromBuffer(data).replace(/[\n\0].*$/s, '');
}

/** The value in the form in which it is shown, undefined where the kernel would refuse it. Mirrors: proc_dointvec_minmax. */
function checkedValue(row: SysctlRow, dotted: string, text: string): string | undefined {
  const { min, max } = sysctlRange(row);
  const words = text.split(/\s+/);
  const wanted = row.initial.split('\t').length;
  if (text === '' || (sysctlOf(dotted) !== undefined && words.length !== 1)) return undefined;
  const values = words.slice(0, Math.max(1, wanted)).map((word) => inRange(word, min, max));
  return values.some((value) => value === undefined) ? undefined : values.join('\t');
}

/** Puts rows into directories by their path. */
function grouped(rows: readonly SysctlRow[], prefix: string): Row[] {
  const here = new Map<string, Row>();
  for (const row of rows) {
    const rest = row.path.slice(prefix.length);
    const slash = rest.indexOf('/');
    if (slash < 0) here.set(rest, sysctlFile(row));
    else {
      const name = rest.slice(0, slash);
      const below = `${prefix}${name}/`;
      if (!here.has(name)) {
        const inside = grouped(
          rows.filter(({ path }) => path.startsWith(below)),
          below,
        );
        if (below === 'vm/') inside.push(dropCaches, compactMemory);
        here.set(
          name,
          directory(
            name,
            inside.sort((a, b) => (a.name < b.name ? -1 : 1)),
          ),
        );
      }
    }
  }
  return [...here.values()];
}

export const sysEntry = directory('sys', grouped(sysctlRows, ''));
