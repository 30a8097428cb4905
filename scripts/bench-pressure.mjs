#!/usr/bin/env node
// Speed of global reclaim and of the faults that bring pages back, without a mount:
//
//   npm run build && node scripts/bench-pressure.mjs [--runs N]
//
// A process goes round and round over more memory than the machine has. A line per kind of memory: pages faulted in and
// pages taken away, together, in millions per second. Each run does the very same in a fresh machine, so that of each
// round of 2,048 pages the shortest time of all runs is what it takes when nothing else disturbs; the sum of these is
// the first figure. The second is all runs together by CPU time (of all threads, compiling included). Target: 5.
// RECLAIMFS_DIST: another build, to compare with.
const dist = process.env.RECLAIMFS_DIST ?? new URL('../dist/', import.meta.url).pathname;
const { Machine } = await import(`${dist}machine/machine.js`);
const { chargeFaults } = await import(`${dist}machine/stall.js`);
const { touchPages } = await import(`${dist}mm/space/access.js`);
const { mmap } = await import(`${dist}mm/space/mmap.js`);
const at = process.argv.indexOf('--runs');
const runs = at < 0 ? 6 : Number(process.argv[at + 1]);
const RAM = 512 * 2 ** 20;
const PAGES = (640 * 2 ** 20) / 4096;
const ROUNDS = 400;
const ROUND_PAGES = 2048;

const KINDS = [
  { name: 'anonymous memory, zram', swapKind: 'zram', anon: true, write: true },
  { name: 'anonymous memory, disk swap', swapKind: 'disk', anon: true, write: true },
  { name: 'page cache, clean', swapKind: 'zram', anon: false, write: false },
  { name: 'page cache, dirty', swapKind: 'zram', anon: false, write: true },
];

/** One run in a fresh machine; the least time of each round is kept in `least`. Returns the counters of events. */
function run({ swapKind, anon, write }, least) {
  const machine = new Machine({ ramBytes: RAM, swapBytes: 2 * RAM, swapKind });
  const task = machine.createProcess({ name: 'A' });
  const mapping = anon ? null : machine.createFile('F', '/f', PAGES * 4096, { uid: 0, gid: 0, mode: 0o644 });
  mmap(machine.mem, task.mm, { start: 2 ** 20, nrPages: PAGES, prot: 3, shared: !anon, mapping });
  for (let round = 0; round < ROUNDS; round++) {
    const result = { pages: 0, minor: 0, major: 0, signals: 0, oom: false };
    const began = performance.now();
    const first = 2 ** 20 + ((round * ROUND_PAGES) % PAGES);
    touchPages(machine.mem, task.mm, first, ROUND_PAGES, 1, write, 'full', result);
    const us = chargeFaults(machine, task, result);
    machine.advance(machine.nowUs + Math.max(ROUND_PAGES, Math.round(us)));
    least[round] = Math.min(least[round], performance.now() - began);
  }
  return machine.mem.events;
}

for (const kind of KINDS) {
  const least = new Float64Array(ROUNDS).fill(Number.POSITIVE_INFINITY);
  const cpu = process.cpuUsage();
  let events;
  for (let i = 0; i < runs; i++) events = run(kind, least);
  const { user, system } = process.cpuUsage(cpu);
  const { pgfault, pgsteal_kswapd, pgsteal_direct } = events;
  const taken = pgsteal_kswapd + pgsteal_direct;
  const undisturbed = (pgfault + taken) / least.reduce((sum, ms) => sum + ms) / 1000;
  const byCpu = ((pgfault + taken) * runs) / (user + system);
  console.log(
    `${kind.name.padEnd(28)} ${undisturbed.toFixed(2)} M pages/s undisturbed, ${byCpu.toFixed(2)} by CPU time  (by kswapd ${Math.round((pgsteal_kswapd * 100) / Math.max(1, taken))} %)`,
  );
}
