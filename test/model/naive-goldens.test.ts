/** The second model against the recordings, so that an agreement of both models means something. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareGolden } from '../../src/scenario/golden.ts';
import { readText, VARIANTS } from '../oracle/checked-play.ts';
import { NaiveMachine } from './naive/naive-machine.ts';

/** Plays a scenario on the second model, in the format of the goldens. */
function play(text: string, kind: 'zram' | 'disk'): Record<string, unknown> {
  const machine = new NaiveMachine('linux-6.18', kind);
  const steps: unknown[] = [];
  text.split('\n').forEach((line, i) => {
    const result = machine.step(line);
    if (result === undefined) return;
    const step = line.replace(/\s#.*$/, '').trim();
    steps.push('snap' in result ? result : { line: i + 1, step, ...result });
  });
  return { steps };
}

for (const folder of ['.', 'recorded']) {
  const names = readdirSync(new URL(`../oracle/${folder}/scenarios`, import.meta.url)).sort();
  describe(folder === '.' ? 'given' : folder, () => {
    for (const name of names) {
      for (const [variant, kind] of VARIANTS) {
        it(`${name} ${variant}`, () => {
          const golden = JSON.parse(readText(`${folder}/goldens/${name.replace(/scn$/, `${variant}.json`)}`));
          const ours = play(readText(`${folder}/scenarios/${name}`), kind);
          expect(compareGolden(golden, ours).first).toBeUndefined();
        });
      }
    }
  });
}
