/**
 * Configuration files of masim (github.com/sjp38/masim, a memory access simulator) as scenarios.
 *
 *   name, length[, file]                                 a region a line, then an empty line
 *   phase name / milliseconds / region, random?, stride, probability[, ro|wo|rw] …      a paragraph a phase
 *
 * Lines that begin with # are comments. masim accesses memory as fast as it can; here the accesses of a phase share
 * ACCESSES_PER_SECOND by their probabilities.
 */
import { bytesOf, textOf } from '../util/bytes.ts';
import { ScenarioError } from './scenario-error.ts';
import { quoteValue } from './words.ts';

/** Pretend: how many accesses a second masim makes. Those within one page count as one. */
const ACCESSES_PER_SECOND = 50_000;

interface MasimRegion {
  readonly name: string;
  readonly mapping: string;
  readonly bytes: number;
}

interface Line {
  readonly text: string;
  readonly number: number;
}

/** Whether a text looks like a configuration of masim rather than a scenario: its first line is a region. */
export function isMasim(text: string): boolean {
  const first = text.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));
  return first !== undefined && /^[^,=]+,\s*\d+\s*(,[^,]*)?$/.test(first);
}

/** The scenario that does the same. Throws ScenarioError. */
export function masimToScenario(text: string, file: string): string {
  const [regionLines, ...phases] = paragraphs(text);
  if (regionLines === undefined) throw new ScenarioError(file, 1, 1, 'there are no regions', 'name, length');
  const regions = new Map<string, MasimRegion>();
  for (const line of regionLines) {
    const region = parseRegion(line, file, regions.size);
    regions.set(region.name, region);
  }
  const out = [
    `title ${bytesOf(textOf(file.split('/').at(-1) ?? ''))} (masim)`,
    `proc masim comm=masim cmdline=${quoteValue(`masim ${file}`)}`,
  ];
  for (const { mapping, bytes } of regions.values())
    out.push(`masim mmap ${quoteValue(mapping)} size=${bytes} anon private`);
  let startMs = 0;
  for (const lines of phases) {
    const { name, ms, steps } = parsePhase(lines, file, regions, startMs);
    out.push(`# ${name}: ${ms} ms`, ...steps);
    startMs += ms;
  }
  return `${out.join('\n')}\nduration ${startMs}ms\n`;
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

function parseRegion({ text, number }: Line, file: string, index: number): MasimRegion {
  const [name = '', length = '', data = 'none', ...more] = text.split(',').map((field) => field.trim());
  const bytes = /^\d+$/.test(length) ? Number(length) : 0;
  if (more.length > 0 || name === '' || bytes === 0) {
    throw new ScenarioError(file, number, 1, `"${text}" is no region`, 'name, length[, none]');
  }
  if (data !== 'none') {
    throw new ScenarioError(file, number, 1, 'regions filled from a file are not known here', 'write none');
  }
  const mapping = /^[\w.-]+$/.test(name) ? name : `region${index}`;
  return { name, mapping, bytes };
}

function parsePhase(
  lines: readonly Line[],
  file: string,
  regions: ReadonlyMap<string, MasimRegion>,
  startMs: number,
): { name: string; ms: number; steps: string[] } {
  const [title, time, ...patterns] = lines;
  const ms = time !== undefined && /^\s*\d+\s*$/.test(time.text) ? Number(time.text) : Number.NaN;
  if (!(ms > 0) || patterns.length === 0) {
    throw new ScenarioError(file, title!.number, 1, 'a phase is incomplete', 'its name, milliseconds, and patterns');
  }
  const parsed = patterns.map((line) => parsePattern(line, file, regions));
  const total = parsed.reduce((sum, { probability }) => sum + probability, 0);
  const steps: string[] = [];
  for (const { region, random, stride, probability, write } of parsed) {
    if (probability === 0 || total === 0) continue;
    const perPage = random ? 1 : Math.max(1, Math.floor(4096 / Math.max(1, stride)));
    const rate = Math.max(1, Math.round((ACCESSES_PER_SECOND * probability) / total / perPage));
    const pattern = random ? 'random' : stride > 4096 ? `stride` : 'sequential';
    const strided = pattern === 'stride' ? ` stride=${stride}` : '';
    steps.push(
      `masim run ${pattern} ${quoteValue(region.mapping)} rate=${rate}/s write=${write ? 100 : 0}%${strided} after=${startMs}ms for=${ms}ms`,
    );
  }
  return { name: title!.text.trim(), ms, steps };
}

function parsePattern(
  { text, number }: Line,
  file: string,
  regions: ReadonlyMap<string, MasimRegion>,
): { region: MasimRegion; random: boolean; stride: number; probability: number; write: boolean } {
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
