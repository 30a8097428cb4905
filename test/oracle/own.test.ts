/** Scenarios of our own for what no current kernel can show: each says what it expects, and why. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readText } from './checked-play.ts';
import { placesOf, playExpecting } from './expectations.ts';

for (const name of readdirSync(new URL('own', import.meta.url)).sort()) {
  const text = readText(`own/${name}`);
  describe(name, () => {
    it('says why', () => expect(text).toMatch(/^# why: /m));
    for (const { profile, swapKind } of placesOf(text)) {
      it(`${profile} ${swapKind}`, () => {
        const { failures, checked } = playExpecting(text, name, profile, swapKind);
        expect(failures).toEqual([]);
        expect(checked).toBeGreaterThan(0);
      });
    }
  });
}
