/** Profiles differ where their row of rules says, and nowhere else. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { PROFILE_NAMES, PROFILES, type ProfileName } from '../../src/machine/profiles.ts';
import type { Rules } from '../../src/mm/rules.ts';
import { readText, VARIANTS } from './checked-play.ts';
import { partings } from './profiles.ts';

/** The profiles by the value of a rule, as sets that can be compared. */
function groupsOf(rule: keyof Rules): string[] {
  const groups = new Map<unknown, ProfileName[]>();
  for (const name of PROFILE_NAMES) {
    const value = PROFILES[name].rules[rule];
    groups.set(value, [...(groups.get(value) ?? []), name]);
  }
  return [...groups.values()].map((names) => names.join(' ')).sort();
}

for (const name of readdirSync(new URL('profiles', import.meta.url)).sort()) {
  const text = readText(`profiles/${name}`);
  const rule = /^title rule (\w+):/m.exec(text)?.[1] as keyof Rules | undefined;
  for (const [variant, swapKind] of VARIANTS) {
    const parted = partings(text, name, swapKind);
    const figures = parted.filter(({ where }) => !/nr_vmscan/.test(where));
    if (rule === undefined || (rule === 'zramFreesSlot' && swapKind === 'disk')) {
      it(`${name} ${variant}: no two profiles differ`, () => expect(figures).toEqual([]));
      continue;
    }
    it(`${name} ${variant}: profiles part exactly by ${rule}`, () => {
      expect(figures.length).toBeGreaterThan(0);
      const groups = figures.map(({ values }) => values.map(([, names]) => names.join(' ')).sort());
      // Some figures are the same for two of three groups; none may split a group, and one shows them all.
      expect(groups).toContainEqual(groupsOf(rule));
      for (const group of groups.flat()) {
        for (const whole of groupsOf(rule)) {
          const members = whole.split(' ').filter((member) => group.split(' ').includes(member));
          expect([0, whole.split(' ').length]).toContain(members.length);
        }
      }
    });
  }
}
