// Runs the tests of the memory model in this process, quick ones first; exit status 1 and one line at the first failure.
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { runNoted } from 'vitest';

// The same random runs for every mutation.
fc.configureGlobal({ seed: 1 });
const here = new URL('.', import.meta.url);
const GOLDENS = new URL('test/oracle/pressure/goldens/', here);
/** Recordings of reclaim that are played in a blink; the slow ones add little. */
const QUICK = /^p(01|02|05|06|07|1\d|20|21|24|25|27|3\d|4\d)-/;

const { groupScenarioCalled } = await import(new URL('test/oracle/pressure/scenarios.js', here));
const { compare, readGoldens, scenarioOf } = await import(new URL('test/oracle/pressure/recordings.js', here));
const { KNOWN_DIFFERENCES } = await import(new URL('test/oracle/pressure/known-differences.js', here));

function fail(where, what) {
  console.log(`${where}: ${what}`);
  process.exit(1);
}

function recordings() {
  for (const [recording, golden] of readGoldens(GOLDENS.pathname)) {
    if (!QUICK.test(recording) || KNOWN_DIFFERENCES[recording] !== undefined) continue;
    const name = scenarioOf(recording);
    const { faults } = compare({ name, text: groupScenarioCalled(name), goldens: new Map([[recording, golden]]) });
    const differences = faults.get(recording);
    if (differences.length > 0) fail('pressure.test.js', `${recording}: ${differences[0]}`);
  }
}

const inFolder = (folder) =>
  readdirSync(new URL(folder, here))
    .filter((file) => file.endsWith('.test.js'))
    .map((file) => `${folder}/${file}`);

async function tests(file) {
  await import(new URL(file, here));
  const failure = await runNoted();
  if (failure !== undefined)
    fail(file, `${failure.name}: ${String(failure.error?.message ?? failure.error).split('\n')[0]}`);
}

const only = process.argv[2];
const PARTS = [
  ['recordings of reclaim', recordings],
  ...[...inFolder('test/unit/mm'), ...inFolder('test/unit/pressure'), 'test/oracle/own.test.js'].map((file) => [
    file,
    () => tests(file),
  ]),
];
for (const [name, part] of PARTS) {
  if (only !== undefined && !name.includes(only)) continue;
  const began = process.cpuUsage();
  try {
    await part();
  } catch (error) {
    fail(name, String(error).split('\n')[0]);
  }
  const { user, system } = process.cpuUsage(began);
  if (process.env.VERBOSE) console.log(`${name}: ${((user + system) / 1e6).toFixed(1)} s`);
}
process.exit(0);
