/** A frame of `reclaimfs top` as lines of text: what is where on the screen. */
import type { ProcessRow, Reading } from '../../ui/proc/source.ts';
import { KINDS, type Kind, type Mapping, type Sums } from '../../ui/proc/space.ts';
import type { View } from './viewer.ts';

/** A piece of a line; the tone says what it is, and has a colour where there are colours. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone;
}
export type Tone = 'heading' | 'selected' | 'key' | Kind;
export type Line = readonly Span[];

export interface Size {
  readonly width: number;
  /** Lines; Infinity: as many as there is to say. */
  readonly height: number;
  /** Whether the terminal can show more than ASCII. */
  readonly unicode: boolean;
}

const KEYS: readonly (readonly (readonly [string, string])[])[] = [
  [
    ['a/f/A', 'reclaim anon/file/all'],
    ['r', 'range'],
    ['K', 'kill'],
    ['s', 'stop/cont'],
    ['w/R', 'keep/restore'],
  ],
  [
    ['t', 'tick 1s'],
    ['+/-', 'speed'],
    ['p', 'pause/run'],
  ],
];
const ALWAYS: readonly (readonly [string, string])[] = [
  ['↑↓ kj', 'process'],
  ['←→ hl', 'cursor'],
  ['q', 'quit'],
];
const BARS = { unicode: '▁▂▃▄▅▆▇█', ascii: '.:-=+*#@' };
const MOST_EVENTS = 3;
const LEAST_PROCESSES = 3;
const NUMBER_WIDTH = 9;
/** Marker, PID and a space before the name; what stands after it. */
const BEFORE_NAME = 10;
const AFTER_NAME = 2 + 5 * NUMBER_WIDTH + NUMBER_WIDTH;

/** At most `height` lines of at most `width` characters. */
export function frame(view: View, size: Size): Line[] {
  const { width, height } = size;
  const above = [title(view), ...memory(view.reading), ...overTime(view, size)];
  const space = addressSpace(view);
  const help = helpLines(view.isMount, size.unicode);
  const fixed = above.length + 1 + space.length + 1 + help.length;
  const nrEvents = view.isMount ? Math.min(MOST_EVENTS, Math.max(0, height - fixed - LEAST_PROCESSES)) : 0;
  const events = view.events.slice(-nrEvents || view.events.length).map((event) => plain(`event ${event}`));
  while (events.length < nrEvents && height !== Infinity) events.push([]);
  const nrRows = Math.max(1, height - fixed - nrEvents);
  const lines = [
    ...above,
    ...processes(view, nrRows, width),
    ...space,
    ...(nrEvents === 0 ? [] : events),
    plain(view.message),
    ...help,
  ];
  return lines.slice(0, height).map((line) => cut(line, width));
}

/** Without colours. */
export function textOf(lines: readonly Line[]): string {
  return lines
    .map((line) =>
      line
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

/** As bars, the newest at the right; the full height is `most`. */
export function sparkline(values: readonly number[], width: number, most: number, unicode: boolean): string {
  const bars = unicode ? BARS.unicode : BARS.ascii;
  const level = (value: number): number => Math.floor((value / (most || 1)) * bars.length);
  return values
    .slice(-width)
    .map((value) => bars[Math.max(0, Math.min(level(value), bars.length - 1))])
    .join('');
}

function title({ root, reading, isMount }: View): Line {
  const about = isMount ? `clock ${reading.clock ?? 'may not be read'}` : 'of this machine: to look at only';
  const { nrWithout, processes } = reading;
  const count = `${processes.length} processes${nrWithout > 0 ? `, ${nrWithout} without memory` : ''}`;
  return [{ text: 'reclaimfs top ', tone: 'heading' }, { text: `${root}  ${about}  ${count}` }];
}

function memory({ meminfo, vmstat, swaps }: Reading): Line[] {
  const words = (from: ReadonlyMap<string, number>, keys: readonly string[]): string =>
    keys.flatMap((key) => (from.has(key) ? [`${key} ${from.get(key)}`] : [])).join('  ');
  const refaults = ['pgmajfault', 'workingset_refault_anon', 'workingset_refault_file'];
  const areas = swaps.map(({ name, usedKb, sizeKb }) => `${name} ${usedKb}/${sizeKb}`).join('  ');
  return [
    plain(`kB: ${words(meminfo, ['MemTotal', 'MemFree', 'MemAvailable', 'Cached'])}`),
    plain(`swap kB: ${areas === '' ? 'none' : areas}  ${words(meminfo, ['SwapCached', 'Shmem', 'Mlocked'])}`),
    plain(words(vmstat, refaults)),
  ];
}

function overTime({ reading, available, pressure }: View, { width, unicode }: Size): Line[] {
  const total = reading.meminfo.get('MemTotal') ?? 0;
  const { some, full } = reading.pressure ?? {};
  const said = some === undefined ? 'no PSI here' : `some ${some.toFixed(2)} full ${(full ?? 0).toFixed(2)}`;
  const bars = Math.max(8, width - 46);
  return [
    plain(`MemAvailable of MemTotal  ${sparkline(available, bars, total, unicode)}`),
    plain(`PSI memory avg10, %       ${said}  ${sparkline(pressure, bars, Math.max(10, ...pressure), unicode)}`),
  ];
}

function processes({ reading, selected }: View, nrRows: number, width: number): Line[] {
  const rows = reading.processes;
  const nameWidth = Math.max(8, width - BEFORE_NAME - AFTER_NAME);
  const heads = ['RSS kB', 'ANON', 'FILE', 'SHMEM', 'SWAP', 'MAJFLT'].map((head) => head.padStart(NUMBER_WIDTH));
  const at = selected === undefined ? 0 : rows.indexOf(selected);
  const first = Math.max(0, Math.min(at - Math.floor(nrRows / 2), rows.length - nrRows));
  const shown = rows.slice(first, first + nrRows).map((row) => processLine(row, row === selected, nameWidth));
  while (shown.length < nrRows && nrRows !== Infinity) shown.push([]);
  return [
    [{ text: `${'PID'.padStart(BEFORE_NAME - 1)} ${'NAME'.padEnd(nameWidth)} S${heads.join('')}`, tone: 'heading' }],
    ...shown,
  ];
}

function processLine(row: ProcessRow, isSelected: boolean, nameWidth: number): Line {
  const numbers = [row.rssKb, row.anonKb, row.fileKb, row.shmemKb, row.swapKb, row.nrMajorFaults];
  const text = numbers.map((number) => String(number).padStart(NUMBER_WIDTH)).join('');
  const pid = String(row.pid).padStart(BEFORE_NAME - 3);
  const line = `${isSelected ? '>' : ' '} ${pid} ${fitted(row.name, nameWidth)} ${row.state}${text}`;
  return [isSelected ? { text: line, tone: 'selected' } : { text: line }];
}

/** Sums, the bar, the cursor and the mapping under it. */
function addressSpace({ selected, space, cells, cursor }: View): Line[] {
  if (selected === undefined) return [plain('no process'), [], [], []];
  if (space === undefined) return [plain(`${selected.pid} ${selected.name}: its smaps may not be read`), [], [], []];
  const cell = cells[cursor];
  const mapping = space.mappings.find(({ end }) => cell !== undefined && cell.start < end);
  return [
    [{ text: 'kB: ' }, ...sumSpans(space.sums)],
    cells.map(({ letter, kind }): Span => (kind === undefined ? { text: letter } : { text: letter, tone: kind })),
    [{ text: `${' '.repeat(cursor)}^`, tone: 'key' }],
    plain(cell === undefined ? '' : `${hex(cell.start)}-${hex(cell.end)} of ${shortText(mapping!)}`),
  ];
}

function sumSpans(sums: Sums): Span[] {
  return KINDS.flatMap((kind): Span[] => [
    { text: kind[0]!.toUpperCase(), tone: kind },
    { text: `${kind.slice(1)} ${sums[kind] ?? '?'}  ` },
  ]);
}

/** `rw-p Z 2048 D 30720 P 30720 [heap]`, in kB. */
function shortText({ name, perms, sums }: Mapping): string {
  const numbers = KINDS.flatMap((kind) => ((sums[kind] ?? 0) > 0 ? [`${kind[0]!.toUpperCase()} ${sums[kind]}`] : []));
  return [perms, ...numbers, name === '' ? 'anonymous' : name].join(' ');
}

function helpLines(isMount: boolean, unicode: boolean): Line[] {
  const always = unicode ? ALWAYS : ALWAYS.map(([keys, what]) => [keys.replace(/^\W+ /, ''), what] as const);
  const [first, second] = KEYS;
  const rows = isMount ? [first!, [...second!, ...always]] : [always];
  return rows.map((row) => row.flatMap(([key, what]): Span[] => [{ text: key, tone: 'key' }, { text: ` ${what}  ` }]));
}

export function hex(address: number): string {
  return address.toString(16);
}

function plain(text: string): Line {
  return [{ text }];
}

function fitted(text: string, width: number): string {
  return [...text].slice(0, width).join('').padEnd(width);
}

/** The line up to a width, in characters. */
function cut(line: Line, width: number): Line {
  let left = width;
  return line.flatMap((span) => {
    const text = [...span.text].slice(0, left).join('');
    left -= [...text].length;
    return text === '' ? [] : [{ ...span, text }];
  });
}
