/** What a real Linux 6.18 did, against what the model does: the ten given scenarios and ninety recorded for this project. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareGolden } from '../../src/scenario/golden.ts';
import { toGolden } from '../../src/scenario/play.ts';
import { playChecked, readText, VARIANTS } from './checked-play.ts';

for (const folder of ['.', 'recorded', 'extended']) {
  const names = readdirSync(new URL(`${folder}/scenarios`, import.meta.url)).sort();
  describe(folder === '.' ? 'given' : folder, () => {
    for (const name of names) {
      const text = readText(`${folder}/scenarios/${name}`);
      for (const [variant, swapKind] of VARIANTS) {
        const golden = JSON.parse(readText(`${folder}/goldens/${name.replace(/scn$/, `${variant}.json`)}`));
        it(`${name} ${variant}: linux-6.18 agrees in every comparable field`, () => {
          const comparison = compareGolden(golden, toGolden(playChecked(text, name, 'linux-6.18', swapKind)));
          expect(comparison.first).toBeUndefined();
          expect(comparison.compared).toBeGreaterThan(10);
        });
        if (folder !== '.') continue;
        it(`${name} ${variant}: 2013 agrees in what holds for both, and with the derived figures`, () => {
          const comparison = compareGolden(golden, toGolden(playChecked(text, name, '2013', swapKind)), true);
          expect(comparison.first).toBeUndefined();
        });
      }
    }
  });
}
