// Digests of saved machines (as bytes and as text), a line each: see scripts/same-on-node.
import { createHash } from 'node:crypto';
import { BUILT_IN_NAMES, builtInScenario } from '../dist/scenario/built-in.js';
import { Session } from '../dist/scenario/session.js';
import { machineText } from '../dist/scenario/state/machine-text.js';
import { finish } from '../dist/util/job.js';

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
for (const name of BUILT_IN_NAMES) {
  const session = new Session();
  session.load(builtInScenario(name), name);
  session.advance(session.machine.nowUs + 60_000_000);
  console.log(name, digest(session.save()), digest(finish(machineText(session.machine))));
}
