/** The tree's own files as numbers: what tools are compared with. All sizes in kB. */
import type { Inside } from './inside.ts';

export type Numbers = Readonly<Record<string, number>>;

/** `Key:  123 kB` lines, and `key 123` lines. */
export function parseKeys(text: string): Numbers {
  const values: Record<string, number> = {};
  for (const [, key = '', value] of text.matchAll(/^([\w()]+):?[ \t]+(\d+)/gm)) values[key] = Number(value);
  return values;
}

/** The fields of PID/stat behind the name, from 3 (state) as in proc(5). */
export interface Stat {
  readonly comm: string;
  readonly state: string;
  field(number: number): number;
}

export function parseStat(text: string): Stat {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return {
    comm: text.slice(text.indexOf('(') + 1, end),
    state: fields[0] ?? '',
    field: (number) => Number(fields[number - 3]),
  };
}

/** One process as its files show it. */
export interface ProcessFiles {
  readonly pid: number;
  readonly stat: Stat;
  readonly status: Numbers;
  readonly uid: number;
  readonly cmdline: readonly string[];
  /** Of smaps_rollup; zero without memory. */
  readonly rollup: Numbers;
  readonly oomScore: number;
}

const SEPARATOR = '\x01\x02\x03';

/** All processes, read with one command. */
export async function readProcesses(inside: Inside): Promise<Map<number, ProcessFiles>> {
  const script = `cd /proc; for p in [0-9]*; do
    [ -L $p ] || [ -L $p/stat ] && continue
    for f in stat status cmdline smaps_rollup oom_score; do cat $p/$f 2>/dev/null; printf '${SEPARATOR}'; done; echo $p; printf '${SEPARATOR}'
  done`;
  const parts = (await inside.text(script)).split(SEPARATOR);
  const processes = new Map<number, ProcessFiles>();
  for (let i = 0; i + 5 < parts.length; i += 6) {
    const [stat = '', status = '', cmdline = '', rollup = '', oomScore = '', pid = ''] = parts.slice(i, i + 6);
    processes.set(Number(pid), {
      pid: Number(pid),
      stat: parseStat(stat),
      status: parseKeys(status),
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]),
      cmdline: cmdline.split('\0').slice(0, -1),
      rollup: parseKeys(rollup),
      oomScore: Number(oomScore),
    });
  }
  return processes;
}

export async function readMeminfo(inside: Inside): Promise<Numbers> {
  return parseKeys(await inside.read('/proc/meminfo'));
}

export async function readVmstat(inside: Inside): Promise<Numbers> {
  return parseKeys(await inside.read('/proc/vmstat'));
}

/** Lines as words; the first line given up as heading where asked. */
export function table(text: string, headings = 0): string[][] {
  return text
    .split('\n')
    .slice(headings)
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));
}
