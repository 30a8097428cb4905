// Runs the worker over scenarios, several times each, and makes a recording of the runs. Called by `record`, which sets the scene.
// The first run of a scenario measures what the kernel charges to its groups for itself (page tables, xarray nodes, buffer
// heads); that is added to their limits in the others.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { goldenOf } from './golden.mjs';

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    worker: { type: 'string' },
    fs: { type: 'string' },
    disk: { type: 'string' },
    swapfile: { type: 'string' },
    own: { type: 'string' },
    scenarios: { type: 'string' },
    runs: { type: 'string', short: 'n', default: '5' },
    flush: { type: 'string', short: 'f', default: '0' },
    out: { type: 'string', short: 'o', default: 'recorded' },
  },
});
const folder = values.scenarios ?? values.own;
const suffix = values.flush === '0' ? '' : '.fresh';
const TRIES = 10;

function sleepSeconds(n) {
  spawnSync('sleep', [String(n)]);
}

/** One run; undefined if the kernel would not. Others on this machine may have swap on for a while: then it waits. */
function runOnce(name, extras) {
  const options = [
    '--fs',
    values.fs,
    '--disk',
    values.disk,
    '--swapfile',
    values.swapfile,
    '--flush',
    values.flush,
    ...extras,
  ];
  for (let tries = 0; tries < TRIES; tries++) {
    const run = spawnSync(values.worker, [...options, join(folder, `${name}.scn`)], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (run.stderr !== '') console.error(`${name}: ${run.stderr.trim().slice(0, 300)}`);
    if (run.status === 0) return JSON.parse(run.stdout);
    sleepSeconds(3);
  }
  return undefined;
}

/** What the kernel took for itself at most, by group, as options of the worker. */
function extrasOf({ snaps }) {
  const most = new Map();
  for (const { memcg, groups = {} } of snaps)
    for (const [path, { kmem }] of [['/g', memcg], ...Object.entries(groups)])
      most.set(path, Math.max(most.get(path) ?? 0, kmem));
  return [...most].flatMap(([path, bytes]) => ['--extra', `${path}=${bytes}`]);
}

mkdirSync(values.out, { recursive: true });
let failed = 0;
for (const file of readdirSync(folder).sort()) {
  const name = file.replace(/\.scn$/, '');
  if (names.length > 0 && !names.some((begin) => name.startsWith(begin))) continue;
  const began = Date.now();
  const measured = runOnce(name, []);
  const runs = [];
  for (let i = 0; i < Number(values.runs) && measured !== undefined; i++) {
    const run = runOnce(name, extrasOf(measured));
    if (run !== undefined) runs.push(run);
  }
  if (runs.length < Number(values.runs)) {
    console.error(`${name}: ${runs.length} of ${values.runs} runs`);
    failed++;
    continue;
  }
  writeFileSync(join(values.out, `${name}${suffix}.json`), `${JSON.stringify(goldenOf(runs))}\n`);
  console.log(`${name}${suffix}: ${runs.length} runs, ${((Date.now() - began) / 1000).toFixed(1)} s`);
}
process.exit(failed > 0 ? 1 : 0);
