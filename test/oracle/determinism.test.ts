/** Same steps, same seed: same bytes. Across versions of Node: scripts/determinism. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Session } from '../../src/scenario/session.ts';
import { RICH } from '../unit/procfs/support.ts';
import { readText } from './checked-play.ts';
import { dumpMachine, playJson, withMachine } from './determinism.ts';

/** The first path under which two dumps differ. */
function difference(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): unknown {
  for (const path of new Set([...a.keys(), ...b.keys()])) {
    if (a.get(path) !== b.get(path)) return { path, first: a.get(path), second: b.get(path) };
  }
  return undefined;
}

const scenarios: [string, string][] = [['a rich machine', RICH]];
for (const folder of ['scenarios', 'own', 'recorded/scenarios']) {
  const every = folder.startsWith('recorded') ? 8 : 2;
  readdirSync(new URL(folder, import.meta.url))
    .sort()
    .forEach((name, i) => {
      if (i % every === 0) scenarios.push([name, withMachine(readText(`${folder}/${name}`))]);
    });
}

describe('determinism', () => {
  for (const [name, text] of scenarios) {
    it(`${name}: played twice, the same bytes everywhere`, () => {
      expect(playJson(text, name)).toBe(playJson(text, name));
      expect(difference(dumpMachine(text), dumpMachine(text))).toBeUndefined();
    });

    it(`${name}: its state, fed back, is the same machine`, () => {
      const session = new Session();
      session.load(text, name);
      expect(difference(dumpMachine(text), dumpMachine(session.state()))).toBeUndefined();
    });
  }
});
