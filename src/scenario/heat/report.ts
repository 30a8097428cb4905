/**
 * What a load does with its memory, in the manner of `damo report`: who has how much of it, the working set and what is
 * resident as distributions over time (`damo report wss`), and the heat map of one process.
 */
import type { Task } from '../../machine/task.ts';
import { bytesOf, utf8Of } from '../../util/bytes.ts';
import { UsageError } from '../../util/errors.ts';
import { suggestion } from '../../util/suggest.ts';
import { type PlayOptions, type PlayResult, playScenario } from '../play.ts';
import { AccessMap } from './access-map.ts';
import { heatText } from './heat-text.ts';

const PAGE = 4096;
const PERCENTILES = [0, 25, 50, 75, 100];
/** Columns of a bar, and processes of the table at most. */
const BAR = 59;
const MOST_PROCESSES = 8;

/** A report, and what is odd about its scenario. */
export interface MemoryReport {
  readonly text: string;
  readonly warnings: readonly string[];
}

/**
 * The report of a scenario, a recording, a state or a snapshot; `process`: its name or pid, else the one with the most memory at the end.
 *
 * Errors: ScenarioError; UsageError (no such process).
 */
export function memoryReport(
  scenario: Uint8Array,
  file: string,
  process?: string,
  options: PlayOptions = {},
): MemoryReport {
  const known = process === undefined ? largest(playScenario(scenario, file, options)) : bytesOf(process);
  if (known === undefined) return { text: 'no process has memory at the end: name one with --process\n', warnings: [] };
  const heat = new AccessMap(known);
  const played = playScenario(scenario, file, { ...options, heat });
  const { named, tasks } = played.session.machine;
  const name = utf8Of(known);
  if (heat.ranges.length === 0 && !named.has(known) && !tasks.has(Number(known)))
    throw new UsageError(
      `there is no process "${name}" (${suggestion(name, [...named.keys()].map(utf8Of)) || 'there is none at all'})`,
    );
  const bytes = (pages: number): number => pages * PAGE;
  const sum = (units: ReadonlyMap<number, number>): number => bytes([...units.values()].reduce((a, b) => a + b, 0));
  const per = `${heat.slotUs / 1e6} s`;
  const text = [
    ...processTable(played),
    '',
    `working set of ${name}: different pages accessed in ${per}`,
    distribution('wss', heat.workingSets().map(bytes)),
    '',
    `resident memory of ${name}, every ${per}`,
    distribution(
      'resident',
      heat.slots.map(({ resident }) => sum(resident)),
    ),
    '',
    `swapped memory of ${name}, every ${per}`,
    distribution(
      'swapped',
      heat.slots.map(({ swapped }) => sum(swapped)),
    ),
    '',
    heatText(heat, name),
  ].join('\n');
  return { text, warnings: played.session.warnings };
}

/** Percentiles with bars, as damo prints them. `values`: bytes. */
export function distribution(what: string, values: readonly number[]): string {
  const heads = [`# <percentile> <${what}>`];
  if (values.length === 0) return [...heads, '# no snapshot'].join('\n');
  const sorted = [...values].sort((a, b) => a - b);
  const most = sorted.at(-1)!;
  const mean = sorted.reduce((a, b) => a + b, 0) / sorted.length;
  const rows = PERCENTILES.map((percentile) => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor((percentile / 100) * sorted.length))]!;
    const columns = most === 0 ? 0 : Math.floor(value / (most / BAR));
    return `${String(percentile).padStart(3)} ${sizeText(value).padStart(15)} |${'*'.repeat(columns).padEnd(BAR)}|`;
  });
  return [...heads, `# avr:\t${sizeText(mean)}`, ...rows].join('\n');
}

/** As damo writes sizes: 1 MiB is 1024.000 KiB. */
function sizeText(bytes: number): string {
  for (const [unit, size] of [
    ['TiB', 1024 ** 4],
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const)
    if (bytes > size) return `${(bytes / size).toFixed(3)} ${unit}`;
  return `${Math.floor(bytes)} B`;
}

/** Processes by the memory that they have, the largest first. */
function bySize({ session }: PlayResult): Task[] {
  const size = ({ mm }: Task): number => (mm === null ? 0 : mm.rss + mm.swapents);
  return [...session.machine.tasks.values()].filter((task) => size(task) > 0).sort((a, b) => size(b) - size(a));
}

function largest(played: PlayResult): string | undefined {
  const task = bySize(played)[0];
  return task === undefined ? undefined : nameOf(played, task);
}

function nameOf({ session }: PlayResult, task: Task): string {
  for (const [name, named] of session.machine.named) if (named === task) return name;
  return String(task.pid);
}

function processTable(played: PlayResult): string[] {
  const tasks = bySize(played);
  const rows = tasks.slice(0, MOST_PROCESSES).map((task) => {
    const kb = (pages: number): string => String(pages * (PAGE / 1024)).padStart(12);
    return `${kb(task.mm!.rss)} ${kb(task.mm!.swapents)}  ${utf8Of(nameOf(played, task))}`;
  });
  const more = tasks.length > MOST_PROCESSES ? [`${' '.repeat(27)}and ${tasks.length - MOST_PROCESSES} more`] : [];
  return ['at the end:', ' resident kB   swapped kB  process', ...rows, ...more];
}
