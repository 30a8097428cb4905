/** Random commands: five numbers each, read against what there is, so that every shorter list still makes sense. */
import fc from 'fast-check';
import type { NaiveMachine } from './naive/naive-machine.ts';
import type { Proc, Region, World } from './naive/world.ts';

/** One command as drawn. */
export type Draw = readonly [kind: number, a: number, b: number, c: number, d: number];

export interface Run {
  readonly profile: (typeof PROFILES)[number];
  readonly kind: 'zram' | 'disk';
  readonly slots: number;
  readonly draws: readonly Draw[];
}

const PROFILES = ['linux-6.18', '2013', '2016-06', '2013-05', 'chromeos', 'all-mappings'] as const;
const MAX_PROCS = 6;
const MAX_REGIONS = 6;
const MAX_TICKS = 20;

const number = fc.nat({ max: 9999 });

/** A machine and up to `maxLength` commands; most swap areas are so small that they fill. */
export function runs(maxLength = 200): fc.Arbitrary<Run> {
  return fc.record({
    profile: fc.constantFrom(...PROFILES),
    kind: fc.constantFrom('zram' as const, 'disk' as const),
    slots: fc.oneof(
      { weight: 2, arbitrary: fc.integer({ min: 4, max: 64 }) },
      { weight: 1, arbitrary: fc.constant(4096) },
    ),
    draws: fc.array(fc.tuple(number, number, number, number, number), { maxLength, size: 'max' }),
  });
}

/** The lines that every run begins with. */
export function header({ profile, kind, slots }: Run): string[] {
  return [
    `machine ram=64M profile=${profile} swapkind=${kind} swap=${slots}p`,
    `swap ${slots}p`,
    'validity of both models: processes catch SIGSEGV and SIGBUS',
    'object F file 24p',
    'object G file 40p mode=0666',
    'object M memfd 24p',
    'proc A',
    'A mmap a0 size=32p anon private',
  ];
}

type Row = readonly [weight: number, line: (draw: Draw, at: Place) => string | undefined];

interface Place {
  readonly world: World;
  readonly procs: readonly Proc[];
  readonly proc: Proc;
  readonly name: string;
  readonly region: Region;
  /** ` NAME OFF LEN`, within the mapping or a little beyond. */
  readonly part: string;
  /** The same, never beyond: accesses are refused there. */
  readonly within: string;
  readonly ticks: number;
}

const pick = <T>(list: readonly T[], n: number): T => list[n % list.length]!;

const MAPPINGS = [
  'anon private',
  'anon private',
  'anon private prot=r',
  'anon private prot=none',
  'anon private locked',
  'anon private noreserve',
  'anon shared',
  'anon shared prot=r',
  'obj=F private',
  'obj=F private prot=r',
  'obj=F shared',
  'obj=F shared prot=r',
  'obj=G private',
  'obj=G shared',
  'obj=G shared locked',
  'obj=M private',
  'obj=M shared',
  'obj=M shared',
  'obj=M private prot=r',
];
const ADVICE = ['willneed', 'dontneed', 'cold', 'pageout', 'free', 'free', 'pageout'];
const KINDS = ['anon', 'file', 'all'];

const ROWS: readonly Row[] = [
  [2, ([, a], { procs }) => (procs.length < MAX_PROCS ? `proc ${freeName(procs, a)}` : undefined)],
  [5, ([, a], { procs, proc }) => (procs.length < MAX_PROCS ? `${proc.name} fork ${freeName(procs, a)}` : undefined)],
  [2, (_draw, { procs, proc }) => (procs.length > 1 ? `${proc.name} exit` : undefined)],
  [1, ([, , , c], { proc }) => (proc.uid === 0 ? `${proc.name} setuid ${1000 + (c % 2)}` : undefined)],
  [8, mmapLine],
  [45, touchLine],
  [2, (_draw, { proc, part }) => `${proc.name} munmap${part}`],
  [5, ([, , , , d], { proc, part }) => `${proc.name} mprotect${part} ${pick(['rw', 'r', 'rw', 'none', 'rw'], d)}`],
  [3, (_draw, { proc, part }) => `${proc.name} mlock${part}`],
  [4, (_draw, { proc, part }) => `${proc.name} munlock${part}`],
  [2, (_draw, { proc, part }) => `${proc.name} msync${part}`],
  [12, ([, , , , d], { world, proc, part }) => `${proc.name} madvise${part} ${adviceFor(world, pick(ADVICE, d))}`],
  [15, ([, , b], { proc }) => `${proc.name} pageout ${pick(KINDS, b)}`],
  [6, (_draw, { proc, part }) => `${proc.name} pageout range${part}`],
  [2, ([, , b], { proc }) => `${proc.name} selfpageout ${pick(KINDS, b)}`],
  [1, ([, , b], { proc }) => `${proc.name} cold ${pick(KINDS, b)}`],
  [8, cacheLine],
  [2, () => 'squeeze'],
  [1, (_draw, { world }) => (world.swapOn ? 'swapoff' : 'swapon')],
  [2, (_draw, { world }) => (world.swapOn ? undefined : 'swapon')],
  [6, verifyLine],
  [4, (_draw, { ticks }) => (ticks < MAX_TICKS ? 'tick 1s' : undefined)],
];
const TOTAL = ROWS.reduce((sum, [weight]) => sum + weight, 0);

/** The line that a draw stands for on the machine as it is; undefined: none. */
export function lineOf(draw: Draw, machine: NaiveMachine, ticks: number): string | undefined {
  const { world } = machine;
  const procs = [...world.procs.values()];
  const proc = pick(procs, draw[1]);
  const regions = [...proc.regions];
  const [name, region] = regions.length === 0 ? ['', { start: 0, pages: 0 }] : pick(regions, draw[2]);
  const first = region.pages === 0 ? 0 : draw[3] % region.pages;
  const length = 1 + (draw[4] % (region.pages - first + (draw[4] % 7 === 0 ? 3 : 0) || 1));
  const partOf = (pages: number) => ` ${name} ${first}p ${pages}p`;
  const within = partOf(Math.min(length, region.pages - first));
  const place = { world, procs, proc, name, region, part: partOf(length), within, ticks };
  let left = draw[0] % TOTAL;
  for (const [weight, line] of ROWS) {
    left -= weight;
    if (left >= 0) continue;
    const text = line(draw, place);
    return text?.includes('  0p') ? undefined : text;
  }
  return undefined;
}

/** Where one reclaim takes a page from everybody, lazily freed pages depend on whom it looks at first: no rule says. */
function adviceFor({ dialect }: World, advice: string): string {
  return dialect.shared === 'all' && advice === 'free' ? 'cold' : advice;
}

function freeName(procs: readonly Proc[], n: number): string {
  const free = [...'ABCDEFGH'].filter((name) => !procs.some((proc) => proc.name === name));
  return pick(free, n);
}

function mmapLine([, , b, c, d]: Draw, { proc }: Place): string | undefined {
  if (proc.regions.size >= MAX_REGIONS) return undefined;
  const name = `a${proc.regions.size}`;
  const size = 1 + (c % 40);
  if (d % 12 === 0) return `${proc.name} mmap ${name} size=${size}p growsdown init=${1 + (b % size)}p`;
  if (d % 12 === 1)
    return `${proc.name} mmap ${name} count=${1 + (b % 5)} each=${1 + (c % 6)}p gap=${1 + (d % 3)}p anon`;
  const kind = pick(MAPPINGS, b);
  const offset = kind.includes('obj=') && d % 3 === 0 ? ` off=${d % 9}p` : '';
  return `${proc.name} mmap ${name} size=${size}p ${kind}${offset}`;
}

function touchLine([, , b, c, d]: Draw, { proc, within }: Place): string {
  const write = (b + c + d) % 5 < 3;
  const stride = d % 6 === 0 ? ` stride=${2 + (c % 2)}p` : '';
  const fill = write ? pick(['', '', '', ' fill=word', ' fill=zero'], c + d) : '';
  return `${proc.name} touch${within} ${write ? 'write' : 'read'}${fill}${stride}`;
}

function cacheLine([, a, b, c, d]: Draw): string {
  const file = pick(['F', 'G'], a);
  const what = pick(['load', 'drop', 'drop', 'sync', 'loadpart', 'dirtywrite'], b);
  const part = what === 'loadpart' || what === 'dirtywrite' ? ` ${c % 20}p ${1 + (d % 12)}p` : '';
  return `cache ${file} ${what}${part}`;
}

/** Only of what may be read: a process that verifies what it may not read gets signals. */
function verifyLine(_draw: Draw, { proc, name, region }: Place): string | undefined {
  if (name === '') return undefined;
  const end = region.start + region.pages;
  const readable = proc.vmas.every((vma) => vma.end <= region.start || vma.start >= end || vma.prot !== 'none');
  return readable ? `${proc.name} verify ${name}` : undefined;
}
