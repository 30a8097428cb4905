/** Writes every scenario into folders: `write-scenarios.js OUT`: OUT/scenarios, OUT/scenarios-guest. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupScenarios, guestScenarios } from './scenarios.ts';

const out = process.argv[2];
if (out === undefined) {
  console.error('write-scenarios: say where to');
  process.exit(2);
}
for (const [folder, scenarios] of [
  ['scenarios', groupScenarios()],
  ['scenarios-guest', guestScenarios()],
] as const) {
  mkdirSync(join(out, folder), { recursive: true });
  for (const [name, text] of scenarios) writeFileSync(join(out, folder, `${name}.scn`), text);
}
