/** /proc/sys as files. Mirrors: fs/proc/proc_sysctl.c, kernel/sysctl.c. */
import { KEPT_TEXTS, keptRange, type Range } from '../machine/kept-sysctls.ts';
import { sysctlOf } from '../machine/sysctl.ts';
import { fromBuffer } from '../util/bytes.ts';
import { EINVAL } from '../util/errno.ts';
import { parseWhole } from '../util/kstrto.ts';
import { S_IFREG } from '../vfs/types.ts';
import { directory, type Entry, file, inKernels, type SystemContext } from './entry.ts';
import { type SysctlRow, sysctlRows } from './sysctl-rows.ts';

type Row = Entry<SystemContext>;

const dropCaches: Row = {
  name: 'drop_caches',
  mode: S_IFREG | 0o200,
  strictMode: true,
  write: function* ({ host }, data) {
    const { length } = data;
    const [value] = numbersOf(data, 1, { min: 1, max: 4 }) ?? [];
    if (value === undefined) return -EINVAL;
    const status = yield* host.dropCaches(Number(value));
    return status < 0 ? status : length;
  },
};

/** Pretend: memory is never fragmented, so that there is nothing to do. */
const compactMemory: Row = {
  name: 'compact_memory',
  mode: S_IFREG | 0o200,
  strictMode: true,
  write: (_ctx, data) => (numbersOf(data, 1, { min: 1, max: 1 }) === undefined ? -EINVAL : data.length),
};

/** Longer numbers could be two that have run together. Mirrors: TMPBUFLEN. */
const MAX_DIGITS = 20;
/** Most of a write that is looked at: a page without its NUL. */
const MAX_WRITTEN = 4095;
const BLANKS = /^[ \t\n\v\f\r\xa0]+/;

/** A number as the kernel shows it, undefined where it would refuse it. Mirrors: proc_get_long. */
function inRange(text: string, { min, max, unsigned }: Range): string | undefined {
  if (text.length > MAX_DIGITS || text.startsWith('+') || (unsigned === true && text.startsWith('-'))) return undefined;
  const value = parseWhole(text, 0);
  return value !== undefined && value >= min && value <= max ? String(value) : undefined;
}

/**
 * The numbers of a write that are taken: so many as there are, at most `most`; what stands behind those is not looked at.
 * Undefined where one is refused. Mirrors: do_proc_dointvec, do_proc_doulongvec_minmax.
 */
function numbersOf(data: Uint8Array, most: number, range: Range): string[] | undefined {
  let rest = fromBuffer(data.subarray(0, MAX_WRITTEN)).replace(BLANKS, '');
  const numbers: string[] = [];
  while (rest !== '' && numbers.length < most) {
    const end = /[ \t\n]/.exec(rest)?.index ?? rest.length;
    const number = inRange(rest.slice(0, end), range);
    if (number === undefined) return undefined;
    numbers.push(number);
    rest = rest.slice(end).replace(BLANKS, '');
  }
  return numbers.length === 0 ? undefined : numbers;
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
      const value = row.text
        ? firstLine(data, KEPT_TEXTS[dotted])
        : checkedValue(row, dotted, host.sysctl(dotted), data);
      if (value === undefined) return -EINVAL;
      const status = host.setSysctl(dotted, value);
      return status < 0 ? status : data.length;
    },
  });
}

/** What a number of the row may be. */
export function sysctlRange(row: SysctlRow): Range {
  const dotted = row.path.replaceAll('/', '.');
  return sysctlOf(dotted) ?? keptRange(dotted);
}

/** A text up to the first newline or NUL, cut where its place ends. Mirrors: proc_dostring. */
function firstLine(data: Uint8Array, bytes = MAX_WRITTEN): string {
  return fromBuffer(data)
    .replace(/[\n\0].*$/s, '')
    .slice(0, bytes);
}

/** The value in the form in which it is shown, undefined where the kernel would refuse it; numbers that are not given stay. */
function checkedValue(row: SysctlRow, dotted: string, now: string | undefined, data: Uint8Array): string | undefined {
  const values = (now ?? row.initial).split('\t');
  const given = numbersOf(data, sysctlOf(dotted) === undefined ? values.length : 1, sysctlRange(row));
  return given === undefined ? undefined : [...given, ...values.slice(given.length)].join('\t');
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
