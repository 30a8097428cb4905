/**
 * Scenarios that state what they expect, as comments next to the step they speak of:
 *
 *   # runs: profiles=2013,2013-05 swap=zram,disk     (at the top; default: profile 2013 on both kinds of swap)
 *   # why: how the following figures come about
 *   # expect A heap rss=0 swap=1024 pages=swap*256        a mapping after the step above, sums in kB as in smaps
 *   # expect object F cached=32 dirty=0                    a file or shared memory object, in pages
 *   # expect system used=256 swapcache=0                   slots in use and pages in the swap cache
 *   # expect result ret=-1 errno=ENOMEM minflt=4           what the step above reported
 *   # expect [disk !2016-06] A heap rss=4                  only there: profiles and kinds of swap, `!` not there
 */
import type { Machine } from '../../src/machine/machine.ts';
import { PROFILE_NAMES, type ProfileName } from '../../src/machine/profiles.ts';
import type { SwapKind } from '../../src/mm/swap/swap.ts';
import type { StepRecord } from '../../src/scenario/session.ts';
import { type Snap, takeSnap } from '../../src/scenario/snap.ts';
import { begin, carryOut } from './checked-play.ts';

export interface Expectation {
  /** The line it stands on, from 1. */
  readonly line: number;
  readonly only: readonly string[];
  /** `A heap`, `object F`, `system`, `result`. */
  readonly subject: readonly string[];
  readonly values: readonly (readonly [string, string])[];
}

/** Where a scenario is to be run. */
export function placesOf(text: string): { profile: ProfileName; swapKind: SwapKind }[] {
  const line = /^# runs:(.*)$/m.exec(text)?.[1] ?? '';
  const list = (key: string, otherwise: string) =>
    (new RegExp(`${key}=(\\S+)`).exec(line)?.[1] ?? otherwise).split(',');
  const profiles = list('profiles', '2013').map((name) => PROFILE_NAMES.find((known) => known === name)!);
  return profiles.flatMap((profile) =>
    list('swap', 'zram,disk').map((swapKind) => ({ profile, swapKind: swapKind as SwapKind })),
  );
}

export function expectationsOf(text: string): Expectation[] {
  const found: Expectation[] = [];
  text.split('\n').forEach((line, i) => {
    const match = /^# expect\s+(?:\[([^\]]*)\]\s+)?(.*)$/.exec(line);
    if (match === null) return;
    const words = match[2]!.split(/\s+/);
    found.push({
      line: i + 1,
      only: match[1]?.split(/\s+/) ?? [],
      subject: words.filter((word) => !word.includes('=')),
      values: words.filter((word) => word.includes('=')).map((word) => splitOnce(word)),
    });
  });
  return found;
}

function splitOnce(word: string): readonly [string, string] {
  const at = word.indexOf('=');
  return [word.slice(0, at), word.slice(at + 1)];
}

export interface Failure {
  readonly line: number;
  readonly text: string;
}

/** Plays a scenario, checks the machine after each step, and returns every expectation that is not met. */
export function playExpecting(
  text: string,
  file: string,
  profile: ProfileName,
  swapKind: SwapKind,
): { failures: Failure[]; checked: number } {
  const { session, steps } = begin(text, file, profile, swapKind);
  const { machine } = session;
  const expectations = expectationsOf(text).filter(({ only }) => applies(only, profile, swapKind));
  const failures: Failure[] = [];
  let checked = 0;
  steps.forEach((step, i) => {
    const record = carryOut(step, machine);
    for (const problem of machine.check()) failures.push({ line: step.line, text: problem });
    const next = steps[i + 1]?.line ?? Number.POSITIVE_INFINITY;
    for (const expectation of expectations) {
      if (expectation.line < step.line || expectation.line > next) continue;
      for (const [key, wanted] of expectation.values) {
        checked++;
        const actual = figureOf(expectation.subject, key, machine, record);
        if (actual !== wanted) {
          failures.push({
            line: expectation.line,
            text: `${expectation.subject.join(' ')} ${key}: expected ${wanted}, found ${actual}`,
          });
        }
      }
    }
  });
  return { failures, checked };
}

function applies(only: readonly string[], profile: string, swapKind: string): boolean {
  const here = (word: string) => word === profile || word === swapKind;
  if (only.some((word) => word.startsWith('!') && here(word.slice(1)))) return false;
  const wanted = only.filter((word) => !word.startsWith('!'));
  const isKind = (word: string) => word === 'zram' || word === 'disk';
  const kinds = wanted.filter(isKind);
  const profiles = wanted.filter((word) => !isKind(word));
  return (kinds.length === 0 || kinds.some(here)) && (profiles.length === 0 || profiles.some(here));
}

/** Short names of the fields of smaps. */
const FIELDS: Readonly<Record<string, string>> = {
  size: 'Size',
  rss: 'Rss',
  pss: 'Pss',
  clean: 'Private_Clean',
  dirty: 'Private_Dirty',
  sharedclean: 'Shared_Clean',
  shareddirty: 'Shared_Dirty',
  anon: 'Anonymous',
  lazyfree: 'LazyFree',
  swap: 'Swap',
  swappss: 'SwapPss',
  locked: 'Locked',
};

function figureOf(subject: readonly string[], key: string, machine: Machine, record: StepRecord): string {
  const [first, second] = subject;
  if (first === 'result') {
    const result = record.result ?? {};
    const vmstat = (result['vmstat'] ?? {}) as Record<string, unknown>;
    return String(result[key] ?? vmstat[key] ?? 0);
  }
  const snap = takeSnap(machine, '');
  if (first === 'system') return String(key === 'used' ? snap.system.swap_used_pages : snap.system.nr_swapcached_delta);
  if (first === 'object') {
    const object = snap.objects[second!];
    return String(key === 'cached' ? object?.pages_cached : object?.pages_dirty);
  }
  return mapValue(snap, first!, second, key);
}

function mapValue(snap: Snap, proc: string, name: string | undefined, key: string): string {
  const shown = snap.procs[proc];
  if (name === undefined) return String(key === 'vmswap' ? shown?.status_kB.VmSwap : shown?.own_kB[FIELDS[key]!]);
  const map = shown?.maps[name];
  if (key === 'vmas') return String(map?.vma_count);
  if (key === 'pages') return (map?.pages ?? []).map(([state, n]) => `${state}*${n}`).join(',');
  return String((map?.vmas ?? []).reduce((sum, vma) => sum + (vma.kB[FIELDS[key] ?? key] ?? Number.NaN), 0));
}
