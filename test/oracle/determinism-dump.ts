/** A line per scenario with the hashes of what play prints and of the whole tree: for comparing versions of Node. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { digest, dumpMachine, playJson, withMachine } from './determinism.ts';

for (const file of process.argv.slice(2)) {
  const text = withMachine(readFileSync(file, 'utf8'));
  const play = createHash('sha256').update(playJson(text, file)).digest('hex');
  console.log(`${file} play ${play} tree ${digest(dumpMachine(text))}`);
}
