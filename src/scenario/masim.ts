/**
 * Configuration files of masim (github.com/sjp38/masim, a memory access simulator) as scenarios.
 *
 *   name, length[, file]                                 a region a line, then an empty line
 *   phase name / milliseconds / region, random?, stride, probability[, ro|wo|rw] …      a paragraph a phase
 *
 * Lines that begin with # are comments. masim accesses single bytes as fast as the machine allows, 131,072 of them for each
 * choice of a pattern. Of the accesses within one page only the first matters to memory management, and a page that is
 * looked at more often than LOOKS_PER_SECOND tells nothing new: so many are made at the most.
 */
import { ScenarioError } from './scenario-error.ts';
import { quoteValue } from './words.ts';

/** How fast masim is on the user's machine. */
export interface MasimSpeed {
  /** What masim prints when it ends: accesses per millisecond, sequential with a stride of 64. */
  readonly accessesPerMs: number;
  /** What the first touch of a page takes, in microseconds. */
  readonly firstTouchUs: number;
}

/** Measured with masim itself on a small virtual machine: 500 MB at stride 64, of which 343 MB are resident after half a second. */
export const MASIM_SPEED: MasimSpeed = { accessesPerMs: 60_000, firstTouchUs: 4 };

/** masim's nr_accesses_per_region: what one choice of a pattern comes to. */
const ACCESSES_PER_CHOICE = 131_072;
/** Laps of a region in a second that are told apart; the referenced bits of a page are looked at less often. */
const LOOKS_PER_SECOND = 10;
/** The most that a `run` makes in a second. */
const MOST_PER_SECOND = 10_000_000;
/** Random accesses for each page in that time: all but 5 % of the pages get one. */
const RANDOM_COVER = 3;
/** A machine has this much beside the regions, and this much at least. */
const SPARE_BYTES = 512 * 1024 ** 2;
const LEAST_RAM_BYTES = 2 * 1024 ** 3;
const MOST_RAM_BYTES = 100 * 1024 ** 3;

interface MasimRegion {
  readonly name: string;
  readonly mapping: string;
  readonly bytes: number;
  /** What it is filled with at the start, as `touch … fill=`. */
  readonly fill: 'full' | 'zero' | undefined;
}

interface Line {
  readonly text: string;
  readonly number: number;
}

/** Whether a text looks like a configuration of masim rather than a scenario: its first line is a region. */
export function isMasim(text: string): boolean {
  const first = text.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));
  return first !== undefined && /^[^,]+,\s*\d+\s*(,[^,]*)?$/.test(first);
}

/** The scenario that does the same; `file` names the user's file in errors. Throws ScenarioError. */
export function masimToScenario(text: string, file: string, speed: MasimSpeed = MASIM_SPEED): string {
  const [regionLines, ...phases] = paragraphs(text);
  if (regionLines === undefined) throw new ScenarioError(file, 1, 1, 'there are no regions', 'name, length');
  const all: MasimRegion[] = [];
  let bytes = 0;
  for (const line of regionLines) {
    const region = parseRegion(line, file, all);
    bytes += region.bytes;
    if (bytes > MOST_RAM_BYTES) {
      const hint = `make the regions smaller: they may have ${MOST_RAM_BYTES / 1024 ** 3}G in all`;
      throw new ScenarioError(file, line.number, 1, `with "${region.name}" the regions are too large`, hint);
    }
    all.push(region);
  }
  // As masim looks a region up: the first of that name.
  const regions = new Map([...all].reverse().map((region) => [region.name, region]));
  const ramMb = Math.ceil(Math.max(LEAST_RAM_BYTES, bytes * 1.05 + SPARE_BYTES) / 1024 ** 2);
  const out = [
    `machine ram=${ramMb}M`,
    `title ${file.split('/').at(-1)} (masim)`,
    `proc masim comm=masim cmdline=${quoteValue(`masim ${file}`)}`,
  ];
  for (const { mapping, bytes, fill } of all) {
    out.push(`masim mmap ${quoteValue(mapping)} size=${bytes} anon private`);
    if (fill !== undefined) out.push(`masim touch ${quoteValue(mapping)} 0 ${bytes} write fill=${fill}`);
  }
  let startUs = 0;
  for (const lines of phases) {
    const { name, us, steps } = parsePhase(lines, file, regions, startUs, speed);
    out.push(`# ${name}: ${timeText(us)}`, ...steps);
    startUs += us;
  }
  return `${out.join('\n')}\nduration ${timeText(Math.max(1, startUs))}\n`;
}

/** Lines without comments, in groups between empty lines. */
function paragraphs(text: string): Line[][] {
  const groups: Line[][] = [[]];
  text.split('\n').forEach((line, i) => {
    if (line.startsWith('#')) return;
    if (line.trim() !== '') groups.at(-1)!.push({ text: line, number: i + 1 });
    else if (groups.at(-1)!.length > 0) groups.push([]);
  });
  return groups.filter((group) => group.length > 0);
}

function parseRegion({ text, number }: Line, file: string, before: readonly MasimRegion[]): MasimRegion {
  const [name = '', length = '', data = 'none', ...more] = text.split(',').map((field) => field.trim());
  const bytes = /^\d+$/.test(length) ? Number(length) : 0;
  if (more.length > 0 || name === '' || bytes === 0) {
    throw new ScenarioError(file, number, 1, `"${text}" is no region`, 'name, length[, file]');
  }
  const plain = /^[\w.-]+$/.test(name) && !before.some(({ mapping }) => mapping === name);
  const mapping = plain ? name : `region${before.length}`;
  // Zeros compress to nothing; of random data, and of a file that is not looked into, nothing is assumed to compress.
  const fill = data === 'none' || data === '' ? undefined : data === '/dev/zero' ? 'zero' : 'full';
  return { name, mapping, bytes, fill };
}

function parsePhase(
  lines: readonly Line[],
  file: string,
  regions: ReadonlyMap<string, MasimRegion>,
  startUs: number,
  speed: MasimSpeed,
): { name: string; us: number; steps: string[] } {
  const [title, time, ...patterns] = lines;
  const ms = time !== undefined && /^\s*\d{1,9}\s*$/.test(time.text) ? Number(time.text) : Number.NaN;
  if (!(ms >= 0) || patterns.length === 0) {
    throw new ScenarioError(file, title!.number, 1, 'a phase is incomplete', 'its name, milliseconds, and patterns');
  }
  const parsed = patterns.map((line) => parsePattern(line, file, regions));
  const total = parsed.reduce((sum, { probability }) => sum + probability, 0);
  const steps: string[] = [];
  // A phase ends after a choice, so that also one of no time makes its accesses once.
  const us = Math.max(ms * 1000, Math.ceil((ACCESSES_PER_CHOICE / speed.accessesPerMs) * 1000));
  for (const pattern of parsed) {
    if (pattern.probability === 0 || total === 0) continue;
    const { region, random, stride, write } = pattern;
    const rate = pagesPerSecond(pattern, (speed.accessesPerMs * 1000 * pattern.probability) / total, us);
    const kind = random ? 'random' : 'laps';
    const strided = random ? '' : ` stride=${Math.max(4096, stride)}`;
    steps.push(
      `masim run ${kind} ${quoteValue(region.mapping)} rate=${rate}/s write=${write ? 100 : 0}%${strided} fault=${speed.firstTouchUs}us after=${timeText(startUs)} for=${timeText(us)}`,
    );
  }
  return { name: title!.text.trim(), us, steps };
}

/** Pages looked at in a second, of so many accesses to bytes. A stride below a page comes by as many pages as one of a page, later. */
function pagesPerSecond({ region, random, stride }: MasimPattern, accessesPerSecond: number, us: number): number {
  const nrPages = Math.ceil(region.bytes / 4096);
  const perLap = random ? nrPages * RANDOM_COVER : Math.ceil((nrPages * 4096) / Math.max(4096, stride));
  const pages = random || stride >= 4096 ? accessesPerSecond : (accessesPerSecond * Math.max(1, stride)) / 4096;
  // Also in a short phase all pages are come by, if the speed allows it.
  const lapsPerSecond = Math.max(LOOKS_PER_SECOND, 1e6 / us);
  return Math.max(1, Math.ceil(Math.min(pages, perLap * lapsPerSecond, MOST_PER_SECOND)));
}

/** Microseconds as the language writes them. */
function timeText(us: number): string {
  return us % 1000 === 0 ? `${us / 1000}ms` : `${us}us`;
}

interface MasimPattern {
  readonly region: MasimRegion;
  readonly random: boolean;
  /** Bytes. */
  readonly stride: number;
  readonly probability: number;
  readonly write: boolean;
}

function parsePattern({ text, number }: Line, file: string, regions: ReadonlyMap<string, MasimRegion>): MasimPattern {
  const [name = '', random = '', stride = '', probability = '', mode = 'wo', ...more] = text
    .split(',')
    .map((field) => field.trim());
  const numbers = [random, stride, probability].map((field) => (/^\d+$/.test(field) ? Number(field) : Number.NaN));
  if (more.length > 0 || numbers.some(Number.isNaN) || !/^(ro|wo|rw)$/.test(mode)) {
    const hint = 'region, random 0 or 1, stride, probability[, ro|wo|rw]';
    throw new ScenarioError(file, number, 1, `"${text}" is no access pattern`, hint);
  }
  const region = regions.get(name);
  if (region === undefined) {
    throw new ScenarioError(file, number, 1, `there is no region ${name}`, `one of ${[...regions.keys()].join(' ')}`);
  }
  return { region, random: numbers[0] !== 0, stride: numbers[1]!, probability: numbers[2]!, write: mode !== 'ro' };
}
