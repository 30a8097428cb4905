#!/usr/bin/env node
// Speed and memory of the model, without a mount:  npm run bench [-- --json] [--runs N]
//
// Every figure is the median of N runs (default 5, after one to warm up) in fresh machines. The machine that runs it may
// be busy with other things: beside the wall time stands the CPU time of the process, and the first row is a yardstick
// (dependent random reads in 64 MiB) that says how fast this machine was in this very run.
import { performance } from 'node:perf_hooks';
import { createProcFs } from '../dist/procfs/proc-fs.js';
import { Session } from '../dist/scenario/session.js';
import { Clock } from '../dist/server/clock.js';
import { SessionHost } from '../dist/server/session-host.js';

const args = process.argv.slice(2);
const runs = args.includes('--runs') ? Number(args[args.indexOf('--runs') + 1]) : 5;
const GIB = 262144;
const samples = new Map();

function sample(name, unit, target, value) {
  if (!samples.has(name)) samples.set(name, { name, unit, target, values: [] });
  samples.get(name).values.push(value);
}

/** Runs `work`; returns [wall, cpu] in milliseconds. */
function time(work) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  work();
  const wall = performance.now() - start;
  const used = process.cpuUsage(cpu);
  return [wall, (used.user + used.system) / 1000];
}

function session(text) {
  const made = new Session();
  made.load(text, 'bench');
  return made;
}

function yardstick() {
  const next = new Uint32Array(1 << 24);
  for (let i = 0; i < next.length; i++) next[i] = (Math.imul(i, 1664525) + 1013904223) & (next.length - 1);
  let at = 0;
  const [wall] = time(() => {
    for (let i = 0; i < 4e6; i++) at = next[at];
  });
  sample('yardstick: dependent random reads', 'M/s', '', 4e6 / wall / 1000 + (at & 0));
}

function pages(warm) {
  const s = session(
    'machine ram=4G swap=2G\nobject F file 1G\nproc A\nA mmap h size=1G anon private\nA mmap f size=1G obj=F private prot=r',
  );
  const rate = (name, step, target = '≥ 5') => {
    const [wall, cpu] = time(() => s.apply(step));
    if (warm) return;
    sample(name, 'Mpages/s', target, GIB / wall / 1000);
    sample(`${name} (CPU time)`, 'Mpages/s', '', GIB / cpu / 1000);
  };
  rate('first write to 1 GiB anonymous', 'A touch h 0 1G write', '');
  rate('reclaim of 1 GiB anonymous', 'A reclaim anon');
  rate('faulting it back', 'A touch h 0 1G read');
  rate('first read of 1 GiB file', 'A touch f 0 1G read', '');
  rate('reclaim of 1 GiB clean file', 'A reclaim file');
  rate('faulting that back', 'A touch f 0 1G read');
}

function smaps() {
  const lines = ['machine ram=1G', 'proc A pid=1000'];
  for (let i = 0; i < 1000; i++) lines.push(`A mmap m${i} size=256K anon private`, `A touch m${i} 0 256K write`);
  const s = session(lines.join('\n'));
  const host = new SessionHost(s, new Clock(0, 1, false));
  const fs = createProcFs(host, {});
  const ino = fs.lookup(fs.lookup(fs.root, '1000'), 'smaps');
  for (let i = 0; i < 30; i++) {
    s.apply('A touch m0 0 4096 write'); // so that nothing rendered before may be reused
    const [wall, cpu] = time(() => {
      const file = fs.open(ino, 0, undefined);
      file.read(0, 1 << 20, undefined);
      file.release?.();
    });
    if (i < 10) continue;
    sample('smaps of 1,000 VMAs × 64 pages', 'ms', '≤ 3', wall);
    sample('smaps of 1,000 VMAs × 64 pages (CPU time)', 'ms', '', cpu);
  }
}

function memory() {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const s = session('machine ram=4G swap=0\nproc A\nA mmap h size=3G anon private');
  s.apply('A touch h 0 3G write');
  globalThis.gc?.();
  sample('memory per resident page', 'bytes', '≤ 64', (process.memoryUsage().rss - before) / (3 * GIB));
}

function boot() {
  const lines = ['machine ram=8G', 'object L file 1M'];
  for (let i = 0; i < 10_000; i++) {
    lines.push(`proc p${i}`);
    for (let j = 0; j < 30; j++) {
      lines.push(`p${i} mmap m${j} size=64K ${j % 3 === 0 ? 'obj=L private prot=r' : 'anon private'}`);
    }
    lines.push(`p${i} touch m1 0 32K write`, `p${i} touch m0 0 64K read`);
  }
  const text = lines.join('\n');
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let s;
  const [wall, cpu] = time(() => {
    s = session(text);
  });
  sample('boot of 10,000 processes × 30 VMAs', 's', '≤ 3', wall / 1000);
  sample('boot of 10,000 processes × 30 VMAs (CPU time)', 's', '', cpu / 1000);
  globalThis.gc?.();
  sample('its memory', 'MB', '≤ 500', (process.memoryUsage().rss - before) / 1e6 + (s.machine.tasks.size - 10_000));
}

memory();
boot();
for (let run = 0; run <= runs; run++) {
  yardstick();
  pages(run === 0);
}
smaps();

const rows = [...samples.values()].map(({ name, unit, target, values }) => {
  const sorted = values.toSorted((a, b) => a - b);
  return { name, unit, target, median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1) };
});
if (args.includes('--json')) console.log(JSON.stringify({ node: process.version, runs, rows }, null, 2));
else {
  const width = Math.max(...rows.map((row) => row.name.length));
  for (const { name, unit, target, median, min, max } of rows) {
    const figure = median.toFixed(2).padStart(9);
    console.log(`${name.padEnd(width)} ${figure} ${unit.padEnd(9)} (${min.toFixed(2)} … ${max.toFixed(2)}) ${target}`);
  }
}
