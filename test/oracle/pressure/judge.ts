/**
 * Holds what was played to what a kernel did. Each class of scenario has its own tolerance, by how well the kernel's own
 * runs agree; the classes of p01 to p27 are given by name, those of others by the recording itself.
 */
import { fromBitmap, fromRuns, jaccard } from './page-set.ts';
import type { PlayedScenario, PlayedSnap } from './play.ts';

/** Median, least and greatest of the kernel's runs. */
type Spread = readonly [median: number, least: number, greatest: number];

/** A recording, as scripts/oracle-pressure/mkgolden.mjs writes it. */
export interface Golden {
  readonly scenario: string;
  readonly runs: number;
  /** What the limit of /g was raised by for the kernel's own pages, bytes. */
  readonly extra?: number;
  readonly snaps: readonly { readonly snap: string; readonly counters: Readonly<Record<string, Spread>> }[];
  /** Pages resident at the last snap, by mapping or object, and the least Jaccard index between two runs. */
  readonly sets: Readonly<
    Record<string, { readonly pages: number; readonly own_jaccard: number; readonly bitmap: string }>
  >;
}

/** Tolerances as a part of the kernel's median. */
interface Near {
  readonly counters: number;
  /** Of counters about anonymous memory. */
  readonly swap: number;
  /** Least Jaccard index of the resident pages. */
  readonly jaccard: number;
}

/**
 * Near: counters and pages. oom: who was killed, when. range: faults, between those of the runs. machine: every counter,
 * between those of the runs (another kernel, and what else runs there). own: each counter by its own spread. generations: the
 * same of a kernel whose ageing depends on when tasks are switched.
 */
export type Class = Near | 'oom' | 'range' | 'machine' | 'own' | 'generations';

const EXACT: Near = { counters: 0.015, swap: 0.015, jaccard: 0.98 };
const FRESH: Near = { counters: 0.03, swap: 0.03, jaccard: 0.97 };
const GENERATIONS: Near = { counters: 0.05, swap: 0.05, jaccard: 0.98 };
const FINE: Near = { counters: 0.05, swap: 0.2, jaccard: 0.65 };

const CLASSES: readonly (readonly [RegExp, Class])[] = [
  [/^p(01|02|05|06|10|11|13|16|17|21)-|^p18-disk/, EXACT],
  [/^p27-/, FINE],
  [/^p(03|04|09|12|23)-/, FRESH],
  [/^p(14|15|26)-/, 'oom'],
  [/^p(07|19|20|24|25)-/, 'range'],
  [/^g\d/, 'machine'],
];

/** Of these the plain recordings decide by statistics up to two seconds old; the fresh ones are compared. */
const BY_FRESH_STATISTICS = /^p(03|04|09|12|23|27)-/;

/** What may differ however small the figure is. */
const SLACK_PAGES = 32;
const SLACK_LINES = 2;
/** How far a figure may lie outside the kernel's runs where these do not agree among themselves. */
const OUTSIDE = 0.2;
/** Two sets of pages of the kernel's own runs that are less alike than this are not compared. */
const LEAST_OWN_JACCARD = 0.9;

const COUNTERS = [
  'pswpin',
  'pswpout',
  'pgscan_anon',
  'pgsteal_anon',
  'pgscan_file',
  'pgsteal_file',
  'memcg.workingset_refault_anon',
  'memcg.workingset_refault_file',
];
const PAGE = 4096;
const ABOUT_ANON = /^(pswp|pgsteal_anon|memcg.*anon)/;

/** The class of a recording called NAME or NAME.fresh, NAME.v2 or NAME.gen. */
export function classOf(name: string): Class {
  if (name.endsWith('.gen')) return 'generations';
  return CLASSES.find(([pattern]) => pattern.test(name))?.[1] ?? 'own';
}

/** Whether a scenario without a recording is played with fresh statistics: it is of a kind whose fresh recordings are compared. */
export function playsFresh(scenario: string): boolean {
  return BY_FRESH_STATISTICS.test(scenario);
}

/**
 * Whether a recording is one that the model is held to: fresh statistics where these decide. `all`: every recording there is.
 */
export function isCompared(name: string, all: ReadonlySet<string>): boolean {
  const fresh = name.endsWith('.fresh');
  if (name.endsWith('.gen')) return true;
  if (classOf(name) === 'own') return fresh || !all.has(`${name}.fresh`);
  return BY_FRESH_STATISTICS.test(name) === fresh;
}

/** Every point in which the two differ, in words; none: they agree. */
export function judge(name: string, golden: Golden, played: PlayedScenario): string[] {
  const cls = classOf(name);
  const last = played.snaps.at(-1);
  const want = golden.snaps.at(-1)?.counters ?? {};
  if (last === undefined) return ['no snap was played'];
  const faults = played.check.length > 0 ? [`invariants: ${played.check[0]}`] : [];
  if (cls === 'oom') return [...faults, ...judgeKills(want, last)];
  if (cls === 'range')
    return [...faults, ...majorFaults(want).flatMap((key) => inRange(key, want[key], counterOf(last, key)))];
  if (cls === 'machine') return [...faults, ...judgeMachine(want, last)];
  if (cls === 'own') return [...faults, ...judgeByOwnSpread(golden, want, last, [EXACT, FRESH])];
  if (cls === 'generations') return [...faults, ...judgeByOwnSpread(golden, want, last, [GENERATIONS])];
  return [...faults, ...judgeNear(cls, golden, want, last)];
}

type Wanted = Golden['snaps'][number]['counters'];

function judgeNear(cls: Near, golden: Golden, want: Wanted, last: PlayedSnap): string[] {
  return [
    ...COUNTERS.flatMap((key) =>
      near(key, want[key], counterOf(last, key), ABOUT_ANON.test(key) ? cls.swap : cls.counters),
    ),
    ...majorFaults(want).flatMap((key) => near(key, want[key], counterOf(last, key), cls.counters)),
    ...Object.keys(golden.sets).flatMap((key) => sameSet(key, golden, last, cls.jaccard)),
  ];
}

/** Near where the kernel's own runs agree, in range where they do not. */
function judgeByOwnSpread(golden: Golden, want: Wanted, last: PlayedSnap, tolerances: readonly Near[]): string[] {
  if (Object.keys(want).some((key) => key.endsWith('.killed_at_line'))) return judgeKills(want, last);
  const ofGroups = Object.keys(want).filter((key) => key.startsWith('/'));
  const faults = [...COUNTERS, ...majorFaults(want), ...ofGroups].flatMap((key) => {
    const [median, least, greatest] = want[key] ?? [0, 0, 0];
    const tolerance = tolerances.find(({ counters }) => greatest - least <= Math.max(counters * median, SLACK_PAGES));
    const ours = counterOf(last, key);
    return tolerance === undefined ? inRange(key, want[key], ours) : near(key, want[key], ours, tolerance.counters);
  });
  const alike = Object.entries(golden.sets).filter(([, set]) => set.own_jaccard >= LEAST_OWN_JACCARD);
  return [...faults, ...alike.flatMap(([key]) => sameSet(key, golden, last, EXACT.jaccard))];
}

function judgeMachine(want: Wanted, last: PlayedSnap): string[] {
  const kills = Object.entries(want).filter(([key]) => key.endsWith('.killed_at_line'));
  if (kills.length === 0)
    return [...COUNTERS, ...majorFaults(want)].flatMap((key) => inRange(key, want[key], counterOf(last, key)));
  // A process that was idle is found dead when the running one has ended its steps: of these only the order is known.
  const lastStep = Math.max(...kills.map(([, [, , greatest]]) => greatest));
  return kills.flatMap(([key, [, least, greatest]], i) => {
    const ours = counterOf(last, key);
    const from = i + 1 < kills.length && greatest === lastStep ? 1 : least - SLACK_LINES;
    return ours < from || ours > greatest + SLACK_LINES ? [`${key} kernel ${least}..${greatest} ours ${ours}`] : [];
  });
}

function judgeKills(want: Wanted, last: PlayedSnap): string[] {
  const faults: string[] = [];
  for (const [key, [kernel]] of Object.entries(want)) {
    if (!key.endsWith('.killed_at_line')) continue;
    const ours = counterOf(last, key);
    if (Math.abs(ours - kernel) > SLACK_LINES) faults.push(`${key} kernel ${kernel} ours ${ours}`);
  }
  for (const [name, { alive }] of Object.entries(last.procs))
    if (alive === 0 && want[`${name}.killed_at_line`] === undefined)
      faults.push(`${name} was killed, not in the kernel`);
  return faults;
}

function near(key: string, want: Spread | undefined, ours: number, tolerance: number): string[] {
  const kernel = want?.[0] ?? 0;
  return Math.abs(ours - kernel) > Math.max(tolerance * kernel, SLACK_PAGES)
    ? [`${key} kernel ${kernel} ours ${ours}`]
    : [];
}

function inRange(key: string, want: Spread | undefined, ours: number): string[] {
  const [, least, greatest] = want ?? [0, 0, 0];
  const outside = ours < (1 - OUTSIDE) * least - SLACK_PAGES || ours > (1 + OUTSIDE) * greatest + SLACK_PAGES;
  return outside ? [`${key} kernel ${least}..${greatest} ours ${ours}`] : [];
}

function sameSet(key: string, golden: Golden, last: PlayedSnap, least: number): string[] {
  const set = golden.sets[key];
  if (set === undefined) return [];
  const [proc = '', map] = key.split('.');
  const runs = map === undefined ? last.objects[proc] : last.procs[proc]?.maps[map];
  const alike = runs === undefined ? 0 : jaccard(fromBitmap(set.bitmap, set.pages), fromRuns(runs));
  if (alike >= Math.min(least, set.own_jaccard - 0.02)) return [];
  return [`resident pages of ${key}: Jaccard ${alike.toFixed(3)} (kernel among its own runs ${set.own_jaccard})`];
}

function majorFaults(want: Wanted): string[] {
  return Object.keys(want).filter((key) => key.endsWith('.majflt'));
}

/** A counter by its name in a recording: of the machine, of the group (`memcg.`), of a group below it, of a process. */
function counterOf(snap: PlayedSnap, key: string): number {
  const [owner = '', field] = key.split('.');
  if (field === undefined) return snap.vmstat[key] ?? 0;
  if (owner.startsWith('/')) return ofGroup(snap.groups[owner] ?? {}, field);
  if (owner === 'memcg') return snap.memcg[field] ?? snap.vmstat[field] ?? 0;
  return Number(snap.procs[owner]?.[field as 'majflt' | 'killed_at_line'] ?? 0);
}

function ofGroup(group: Readonly<Record<string, number>>, field: string): number {
  if (field === 'pages') return ((group['anon'] ?? 0) + (group['file'] ?? 0)) / PAGE;
  return group[field] ?? 0;
}
