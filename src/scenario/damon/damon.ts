/** What DAMON recorded of real processes as a scenario: who accessed which memory when. */
import { inflateSync } from 'node:zlib';
import { UsageError } from '../../util/errors.ts';
import { quoteValue } from '../words.ts';
import { readJson } from './json.ts';
import { type DamonTarget, Recording } from './recording.ts';
import { isRawForm, isTrace, readRawForm, readTrace } from './text.ts';

/** How a recording is read. */
export interface DamonOptions {
  /** Memory of the machine, in bytes; absent: so much that everything fits. */
  readonly ramBytes?: number;
  /** The name of the recording, for the title. */
  readonly file?: string;
}

/** A scenario, and what about it is not known from the recording. */
export interface DamonWorkload {
  readonly text: string;
  readonly remarks: readonly string[];
}

/** A range of pages without a gap that the recording speaks of: one mapping. */
interface Area {
  readonly name: string;
  readonly start: number;
  end: number;
}

interface Process {
  readonly name: string;
  readonly target: DamonTarget;
  readonly areas: readonly Area[];
}

const PAGE = 4096;
const MIB = 1024 ** 2;
const MOST_BYTES = 256 * MIB;
/** vm.max_map_count of the machine, less what every process has. */
const MOST_AREAS = 65_000;
/** Addresses that a process may map: above vm.mmap_min_addr, below the end of user space (x86-64). */
const LOWEST = 0x10000;
const HIGHEST = 2 ** 47 - PAGE;
/** Pretend: room for the kernel and for what is not recorded. */
const SPARE_BYTES = 64 * MIB;
const SPARE = 1.25;

/**
 * The scenario of a recording: a process for each target, its areas as mappings, and in each interval a touch of the
 * regions that were accessed in it. `recording`: what `damo record` wrote as JSON (also compressed), what `perf script` prints of the event
 * damon_aggregated, or what `damo report access --raw_form` prints.
 *
 * Errors: UsageError (another format, damaged, nothing in it).
 */
export function damonToScenario(recording: string | Uint8Array, options: DamonOptions = {}): DamonWorkload {
  const targets = targetsOf(textOf(recording));
  if (targets.length === 0) throw new UsageError('there is no region in it: record for longer than one interval');
  const processes = targets.map((target, i): Process => ({ name: `damon${i + 1}`, target, areas: areasOf(target) }));
  const accessedBytes = processes.reduce((sum, { target }) => sum + everAccessed(target), 0);
  if (accessedBytes === 0) throw new UsageError('no region in it was accessed: record while the program works');
  const ramBytes = options.ramBytes ?? Math.ceil((accessedBytes * SPARE + SPARE_BYTES) / MIB) * MIB;
  const remarks = remarksOf(processes, options.ramBytes === undefined);
  const lines = [
    `title What DAMON saw: ${(options.file ?? 'a recording').replaceAll(/[\r\n]/g, ' ')}`,
    ...remarks.map((remark) => `# ${remark}`),
    `machine ram=${Math.ceil(ramBytes / 1024)}K`,
    ...processes.flatMap(({ name, target, areas }) => [
      `# target ${quoteValue(target.id)}`,
      `proc ${name}`,
      ...areas.map((area) => `${name} mmap ${area.name} size=${sizeText(area.end - area.start)}${placeOf(area)}`),
    ]),
    ...timeline(processes),
  ];
  return { text: `${lines.join('\n')}\n`, remarks };
}

function textOf(recording: string | Uint8Array): string {
  if (typeof recording === 'string') return recording;
  const bytes = Buffer.from(recording.buffer, recording.byteOffset, recording.byteLength);
  if (bytes.toString('latin1', 0, 8) === 'PERFILE2')
    throw new UsageError(
      'it is a perf.data: give what "damo convert_record_format --format json" or "perf script" makes of it',
    );
  // As damo writes it by itself: zlib.
  if (bytes.length < 2 || (bytes[0]! & 0x0f) !== 8 || bytes.readUInt16BE(0) % 31 !== 0) return bytes.toString('utf8');
  try {
    return inflateSync(bytes, { maxOutputLength: MOST_BYTES }).toString('utf8');
  } catch (error) {
    throw new UsageError(`it is damaged or larger than 256 MiB unpacked (${(error as Error).message})`);
  }
}

function targetsOf(text: string): DamonTarget[] {
  const recording = new Recording();
  if (/^\s*[[{]/.test(text)) readJson(text, recording);
  else if (isTrace(text)) readTrace(text, recording);
  else if (isRawForm(text)) readRawForm(text, recording);
  else
    throw new UsageError(
      'it is no recording of DAMON: give the file that "damo record" wrote, or what "damo report access --raw_form" prints of it',
    );
  return recording.targets();
}

/** Ranges without a gap, of all snapshots together. */
function areasOf({ id, snapshots }: DamonTarget): Area[] {
  const areas: Area[] = [];
  const regions = snapshots.flatMap(({ regions }) => regions).sort((a, b) => a.start - b.start);
  for (const { start, end } of regions) {
    const last = areas.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else areas.push({ name: `area${areas.length + 1}`, start, end });
  }
  if (areas.length > MOST_AREAS)
    throw new UsageError(`target ${id} has ${areas.length} areas: a process has at most ${MOST_AREAS} mappings`);
  return areas;
}

function placeOf({ start, end }: Area): string {
  return start >= LOWEST && end <= HIGHEST ? ` at=0x${start.toString(16)}` : '';
}

function everAccessed({ snapshots }: DamonTarget): number {
  const accessed = snapshots.flatMap(({ regions }) => regions.filter(({ accesses }) => accesses > 0));
  let bytes = 0;
  let upTo = 0;
  for (const { start, end } of accessed.sort((a, b) => a.start - b.start)) {
    bytes += Math.max(0, end - Math.max(start, upTo));
    upTo = Math.max(upTo, end);
  }
  return bytes;
}

/** Touches in the order of time. */
function timeline(processes: readonly Process[]): string[] {
  const moments = processes
    .flatMap((process) => process.target.snapshots.map((snapshot) => ({ process, snapshot })))
    .sort((a, b) => a.snapshot.startNs - b.snapshot.startNs);
  const lines: string[] = [];
  let nowUs = Math.round(moments[0]!.snapshot.startNs / 1000);
  const until = (ns: number): void => {
    const us = Math.round(ns / 1000);
    if (us > nowUs) lines.push(`tick ${us - nowUs}us`);
    nowUs = Math.max(nowUs, us);
  };
  for (const { process, snapshot } of moments) {
    until(snapshot.startNs);
    lines.push(...touches(process, snapshot.regions));
  }
  until(Math.max(...[...moments.map(({ snapshot }) => snapshot.endNs)].slice(-processes.length)));
  return lines;
}

function touches({ name, areas }: Process, regions: DamonTarget['snapshots'][number]['regions']): string[] {
  const ranges: { start: number; end: number }[] = [];
  for (const { start, end, accesses } of regions) {
    if (accesses === 0) continue;
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  let at = 0;
  return ranges.map(({ start, end }) => {
    while (areas[at]!.end <= start) at++;
    const area = areas[at]!;
    return `${name} touch ${area.name} ${sizeText(start - area.start)} ${sizeText(end - start)} write`;
  });
}

function sizeText(bytes: number): string {
  return `${bytes / PAGE}p`;
}

function remarksOf(processes: readonly Process[], isRoomy: boolean): string[] {
  const nrGaps = processes.reduce((sum, { target: { snapshots } }) => {
    return sum + snapshots.filter(({ startNs }, i) => i > 0 && startNs > snapshots[i - 1]!.endNs).length;
  }, 0);
  return [
    'A region that was accessed in an interval is touched whole, once, when the interval begins: DAMON takes its pages to be accessed alike.',
    'DAMON does not tell reads from writes: everything is written, to anonymous memory. What was never accessed is mapped, but not there.',
    ...(nrGaps === 0 ? [] : [`${nrGaps} times snapshots do not follow each other: nothing is accessed between them.`]),
    ...(isRoomy
      ? ["The machine's memory is not recorded: it has so much that everything fits. --ram gives it less."]
      : []),
  ];
}
