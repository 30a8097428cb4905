#!/usr/bin/env node
// Speed of global reclaim and of the faults that bring pages back, without a mount:
//
//   npm run build && node scripts/bench-pressure.mjs [--seconds N]
//
// A process goes round and round over more memory than the machine has. A line per kind of memory: pages faulted in and
// pages taken away, together, in millions per second of CPU time (of all threads), so that other load on the machine
// matters little. Target: 5.
const dist = process.env.RECLAIMFS_DIST ?? new URL('../dist/', import.meta.url).pathname;
const { Machine } = await import(`${dist}machine/machine.js`);
const { chargeFaults } = await import(`${dist}machine/stall.js`);
const { touchPages } = await import(`${dist}mm/space/access.js`);
const { mmap } = await import(`${dist}mm/space/mmap.js`);
const at = process.argv.indexOf('--seconds');
const seconds = at < 0 ? 3 : Number(process.argv[at + 1]);
const RAM = 512 * 2 ** 20;
const PAGES = (640 * 2 ** 20) / 4096;

const KINDS = [
  { name: 'anonymous memory, zram', swapKind: 'zram', anon: true, write: true },
  { name: 'anonymous memory, disk swap', swapKind: 'disk', anon: true, write: true },
  { name: 'page cache, clean', swapKind: 'zram', anon: false, write: false },
  { name: 'page cache, dirty', swapKind: 'zram', anon: false, write: true },
];
for (const { name, swapKind, anon, write } of KINDS) {
  const machine = new Machine({ ramBytes: RAM, swapBytes: 2 * RAM, swapKind });
  const task = machine.createProcess({ name: 'A' });
  const mapping = anon ? null : machine.createFile('F', '/f', PAGES * 4096, { uid: 0, gid: 0, mode: 0o644 });
  mmap(machine.mem, task.mm, { start: 2 ** 20, nrPages: PAGES, prot: 3, shared: !anon, mapping });
  let touched = 0;
  const cpu = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1e6;
  };
  while (spent() < seconds) {
    const result = { pages: 0, minor: 0, major: 0, signals: 0, oom: false };
    touchPages(machine.mem, task.mm, 2 ** 20 + (touched % PAGES), 4096, 1, write, 'full', result);
    touched += 4096;
    const us = chargeFaults(machine, task, result);
    machine.advance(machine.nowUs + Math.max(4096, Math.round(us)));
  }
  const took = spent();
  const { pgfault, pgsteal_kswapd, pgsteal_direct } = machine.mem.events;
  const taken = pgsteal_kswapd + pgsteal_direct;
  console.log(
    `${name.padEnd(28)} ${((pgfault + taken) / took / 1e6).toFixed(2)} M pages/s  (${(taken / took / 1e6).toFixed(2)} taken away; by kswapd ${Math.round((pgsteal_kswapd * 100) / Math.max(1, taken))} %)`,
  );
}
