/** The same steps under every profile, and where the figures part. */
import { PROFILE_NAMES, type ProfileName } from '../../src/machine/profiles.ts';
import type { SwapKind } from '../../src/mm/swap/swap.ts';
import { toGolden } from '../../src/scenario/play.ts';
import { playChecked } from './checked-play.ts';

/** One figure and the profiles that show each value of it. */
export interface Parting {
  readonly where: string;
  readonly values: readonly (readonly [value: string, profiles: readonly ProfileName[]])[];
}

/** Every figure that is not the same under all profiles, in the order of the scenario. */
export function partings(text: string, file: string, swapKind: SwapKind): Parting[] {
  const figures = PROFILE_NAMES.map((profile) =>
    flatten(toGolden(playChecked(text, file, profile, swapKind))['steps'], ''),
  );
  const names = new Set(figures.flatMap((one) => [...one.keys()]));
  const found: Parting[] = [];
  for (const where of names) {
    const values = new Map<string, ProfileName[]>();
    PROFILE_NAMES.forEach((profile, i) => {
      const value = figures[i]!.get(where) ?? '–';
      const profiles = values.get(value);
      if (profiles === undefined) values.set(value, [profile]);
      else profiles.push(profile);
    });
    if (values.size > 1) found.push({ where, values: [...values] });
  }
  return found;
}

/** Runs of page states read better in one piece. */
function flatten(value: unknown, where: string, into = new Map<string, string>()): Map<string, string> {
  if (typeof value !== 'object' || value === null || /\.(pages|mincore)$/.test(where)) {
    into.set(where, typeof value === 'string' ? value : JSON.stringify(value));
    return into;
  }
  for (const [key, member] of Object.entries(value)) flatten(member, stepName(value, key, member, where), into);
  return into;
}

function stepName(parent: object, key: string, member: unknown, where: string): string {
  if (!Array.isArray(parent) || typeof member !== 'object' || member === null) return `${where}.${key}`;
  const { snap, step, line } = member as { snap?: string; step?: string; line?: number };
  if (snap !== undefined) return `snap ${snap}`;
  return step === undefined ? `${where}.${key}` : `${line}: ${step}`;
}
