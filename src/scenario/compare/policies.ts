/**
 * What is done about too little memory, from killing to user-space reclaim, as three factors: who kills, who reclaims
 * before that, and whether apps mark what they can rebuild. Each is installed on a machine once and acts by itself from
 * then on; where it reclaims, it does so by the bytes that a daemon would write to /proc/PID/reclaim or memory.reclaim.
 */
import type { Machine } from '../../machine/machine.ts';
import { closest } from '../../util/suggest.ts';
import { configureLmk } from './task-managers/aosp-minfree.ts';
import { Compactor } from './task-managers/compactor.ts';
import { Lmkd } from './task-managers/lmkd.ts';
import { PressureReclaimer } from './task-managers/pressure-reclaimer.ts';
import { ProportionalReclaimer } from './task-managers/proportional.ts';
import { Senpai } from './task-managers/senpai.ts';
import { VolatileCaches } from './task-managers/volatile-caches.ts';

/** The levels of a factor: name, what it does in a few words, and how it is put on a machine. */
interface Level {
  readonly about: string;
  install(machine: Machine): void;
}

const nothing = () => {};

export const KILLERS = {
  none: { about: 'nobody kills but the OOM killer', install: nothing },
  lmk: { about: "the kernel's low-memory killer with AOSP's minfree table", install: configureLmk },
  lmkd: { about: "AOSP's lmkd: PSI, watermarks, swap, thrashing", install: (machine) => void new Lmkd(machine) },
} as const satisfies Record<string, Level>;

export const RECLAIMERS = {
  none: { about: 'nobody reclaims but the kernel', install: nothing },
  switch: {
    about: 'a task manager compacts apps as they are left',
    install: (machine) => void new Compactor(machine),
  },
  pressure: {
    about: 'a task manager, told of pressure, reclaims background apps, the longest unused first',
    install: (machine) => void new PressureReclaimer(machine),
  },
  proportional: {
    about: 'under pressure a bounded number of pages from many apps',
    install: (machine) => void new ProportionalReclaimer(machine),
  },
  senpai: {
    about: 'memory.reclaim little by little as long as PSI is low',
    install: (machine) => void new Senpai(machine),
  },
} as const satisfies Record<string, Level>;

export type Killer = keyof typeof KILLERS;
export type Reclaimer = keyof typeof RECLAIMERS;

export const KILLER_NAMES = Object.keys(KILLERS) as readonly Killer[];
export const RECLAIMER_NAMES = Object.keys(RECLAIMERS) as readonly Reclaimer[];

/** One level of each factor; several reclaimers may work side by side. */
export interface Policy {
  readonly killer: Killer;
  readonly reclaimers: readonly Reclaimer[];
  readonly volatile: boolean;
}

/** Combinations with a name of their own. */
const NAMED: ReadonlyMap<string, string> = new Map([
  ['kernel', 'none/none'],
  ['lmk', 'lmk/none'],
  ['lmkd', 'lmkd/none'],
  ['volatile', 'lmk/none/volatile'],
  ['reclaim', 'lmk/switch+pressure'],
  ['proportional', 'lmk/proportional'],
  ['senpai', 'lmk/senpai'],
]);

/** The policies that have a name; others are made of factors: `lmkd/switch/volatile`. */
export const POLICY_NAMES: readonly string[] = [...NAMED.keys()];
export const POLICY_SYNTAX = `${POLICY_NAMES.join('|')} or KILLER/RECLAIMER[+RECLAIMER][/volatile] (${KILLER_NAMES.join(' ')} / ${RECLAIMER_NAMES.join(' ')})`;

/** A policy by name, or by its factors: `lmkd/switch+senpai/volatile`; undefined where it is none. */
export function parsePolicy(text: string): Policy | undefined {
  const [killerText = '', reclaimerText = '', volatileText, ...rest] = (NAMED.get(text) ?? text).split('/');
  const killer = KILLER_NAMES.find((name) => name === killerText);
  const reclaimers = reclaimerText.split('+').map((word) => RECLAIMER_NAMES.find((name) => name === word));
  if (killer === undefined || rest.length > 0 || (volatileText !== undefined && volatileText !== 'volatile'))
    return undefined;
  if (reclaimers.some((name) => name === undefined) || new Set(reclaimers).size < reclaimers.length) return undefined;
  return { killer, reclaimers: reclaimers as Reclaimer[], volatile: volatileText !== undefined };
}

/** What a message about an unknown policy adds: the one that was probably meant, or how policies are written. */
export function policyHint(text: string): string {
  const levels: readonly (readonly string[])[] = [KILLER_NAMES, RECLAIMER_NAMES, ['volatile']];
  const meant = text.includes('/')
    ? text
        .split('/')
        .map((part, i) =>
          part
            .split('+')
            .map((level) => closest(level, levels[i] ?? []) ?? level)
            .join('+'),
        )
        .join('/')
    : closest(text, POLICY_NAMES);
  return meant !== undefined && parsePolicy(meant) !== undefined ? `did you mean ${meant}?` : POLICY_SYNTAX;
}

/** The factors of a policy as parsePolicy reads them. */
export function policyText({ killer, reclaimers, volatile }: Policy): string {
  return `${killer}/${reclaimers.join('+')}${volatile ? '/volatile' : ''}`;
}

/** What a policy does, in a line. */
export function aboutPolicy({ killer, reclaimers, volatile }: Policy): string {
  const parts: string[] = [KILLERS[killer].about, ...reclaimers.map((name) => RECLAIMERS[name].about)];
  if (volatile) parts.push('apps mark their caches volatile while in the background');
  return parts.join('; ');
}

/** Puts a machine under a policy, now. */
export function installPolicy(machine: Machine, { killer, reclaimers, volatile }: Policy): void {
  KILLERS[killer].install(machine);
  if (volatile) new VolatileCaches(machine);
  for (const name of reclaimers) RECLAIMERS[name].install(machine);
}
