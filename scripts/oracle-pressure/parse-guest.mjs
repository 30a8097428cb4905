// parse-guest.mjs CONSOLE_LOG OUT_DIR SUFFIX: the runs that a guest printed between @@BEGIN and @@END, made into recordings.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenOf } from './golden.mjs';

const [log, out, suffix = ''] = process.argv.slice(2);
const text = readFileSync(log, 'latin1').replaceAll('\r', '');
const runs = new Map();
for (const [, what, words, body] of text.matchAll(/@@BEGIN (\w+) ?([^\n]*)\n([\s\S]*?)@@END/g)) {
  if (what === 'machine') writeFileSync(join(out, 'machine.txt'), body);
  if (what !== 'run') continue;
  const [name] = words.split(' ');
  try {
    runs.set(name, [...(runs.get(name) ?? []), JSON.parse(body)]);
  } catch (error) {
    console.error(`${words}: ${error.message}`);
  }
}
for (const [name, all] of runs) {
  for (const run of all)
    for (const snap of run.snaps) if (snap.meminfo !== undefined) Object.assign(snap.memcg, fromMeminfo(snap));
  writeFileSync(join(out, `${name}${suffix}.json`), `${JSON.stringify(goldenOf(all))}\n`);
  console.log(`${name}${suffix}: ${all.length} runs`);
}
if (!text.includes('@@ALLDONE')) {
  console.error(`the guest did not come to its end: see ${log}`);
  process.exit(1);
}

/** What stands in for a group's figures where the whole machine is the group. */
function fromMeminfo({ meminfo, vmstat }) {
  const bytes = (key) => meminfo[key] * 1024;
  return {
    rss: bytes('AnonPages'),
    cache: bytes('Cached'),
    swap: bytes('SwapTotal') - bytes('SwapFree'),
    inactive_anon: bytes('Inactive(anon)'),
    active_anon: bytes('Active(anon)'),
    inactive_file: bytes('Inactive(file)'),
    active_file: bytes('Active(file)'),
    free: bytes('MemFree'),
    workingset_refault_anon: vmstat.workingset_refault_anon,
    workingset_refault_file: vmstat.workingset_refault_file,
  };
}
