/** Reclaim under pressure, held to recordings of a real kernel. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Golden, judge } from './judge.ts';
import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { bringTogether, compare, readGoldens, scenarioOf } from './recordings.ts';
import { groupScenarios, guestScenarios } from './scenarios.ts';

const here = (folder: string) => new URL(folder, import.meta.url).pathname;
const RECORDED = [
  ['groups', groupScenarios(), readGoldens(here('goldens'))],
  ['a whole machine', guestScenarios(), readGoldens(here('goldens-guest'))],
  ['groups of a guest', groupScenarios(), readGoldens(here('goldens-guest'))],
] as const;

for (const [what, scenarios, goldens] of RECORDED) {
  describe(what, () => {
    for (const one of bringTogether(scenarios, goldens)) {
      if (one.goldens.size === 0) continue;
      it(one.name, () => {
        const { faults } = compare(one);
        for (const [recording, differences] of faults) {
          if (KNOWN_DIFFERENCES[recording] === undefined)
            expect({ recording, differences }).toEqual({ recording, differences: [] });
          else expect(differences, `${recording} agrees now: take it out of known-differences.ts`).not.toEqual([]);
        }
      });
    }
  });
}

it('every recording is one of a scenario that there is', () => {
  const scenarios = new Map([...groupScenarios(), ...guestScenarios()]);
  for (const [, , goldens] of RECORDED)
    for (const name of goldens.keys()) expect([...scenarios.keys()]).toContain(scenarioOf(name));
});

it('a scenario played without its recording decides by statistics as old as its kind is compared with', () => {
  const [, scenarios, goldens] = RECORDED[0];
  for (const name of ['p01-anon-loop-125', 'p27-mixed-fine-sw60']) {
    const [golden] = bringTogether(new Map([[name, scenarios.get(name) ?? '']]), goldens)[0]?.goldens ?? [];
    const { played } = compare({ name, text: scenarios.get(name) ?? '', goldens: new Map() });
    expect(judge(golden?.[0] ?? '', golden?.[1] as Golden, played)).toEqual([]);
  }
});

it('every known difference is one of a recording that there is', () => {
  const recordings = RECORDED.flatMap(([, , goldens]) => [...goldens.keys()]);
  for (const name of Object.keys(KNOWN_DIFFERENCES)) expect(recordings).toContain(name);
});

it('p01 to p27 are the scenarios that were recorded, byte by byte', () => {
  const hash = createHash('sha256');
  for (const [name, text] of groupScenarios()) if (/^p[012]/.test(name)) hash.update(`${name}\n${text}`);
  expect(hash.digest('hex')).toBe('9d4d8dcf453ca5e3bb4c768a7c30a9d26b3ce8c86057513c093dd46f886e866f');
});
