/** The steps that captured machines are written in. */
import { expect, test } from 'vitest';
import { createMachine, type ReclaimMachine, ScenarioError } from '../../../src/index.ts';

const SCENARIO = `machine ram=64M swap=16M
object F file 64K path=/f
proc a pid=1000
a mmap heap size=40K anon
a mmap file obj=F size=64K shared
a mmap lib obj=F size=64K private
`;

function rollup(machine: ReclaimMachine, pid: number): Record<string, number> {
  const text = machine.read(`/proc/${pid}/smaps_rollup`);
  return Object.fromEntries([...text.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, key, kB]) => [key, Number(kB)]));
}

test('pages: every kind of page is what it says', () => {
  const machine = createMachine(`${SCENARIO}a pages heap 0 2a-s2zA\na pages file 4K 2fdF\n`);
  expect(rollup(machine, 1000)).toMatchObject({ Rss: 28, Anonymous: 12, Swap: 4, Private_Dirty: 16, Referenced: 20 });
  expect(machine.machine.mem.swap!.nrUsed).toBe(1);
  expect(machine.check()).toEqual([]);
});

test('pages: what has been put there survives being reclaimed', () => {
  const machine = createMachine(`${SCENARIO}a pages heap 0 5a5s\na pages file 0 8d\na pages lib 0 4a4f\n`);
  machine.write('/proc/1000/reclaim', 'all');
  machine.apply('tick 60s');
  for (const mapping of ['heap', 'file', 'lib']) {
    const [record] = machine.apply(`a verify ${mapping}`);
    expect(record!.result).toMatchObject({ bad: 0 });
  }
  expect(machine.check()).toEqual([]);
});

test('share: pages at the same addresses, present and swapped, copied when written', () => {
  const machine = createMachine(`machine ram=64M swap=16M
proc a pid=1000
a mmap heap size=40K anon at=0x10000000
a pages heap 0 5a5s
proc b pid=1001
b mmap heap size=40K anon at=0x10000000
b share heap a 0 2+-2+2+
b pages heap 2p a
`);
  expect(rollup(machine, 1001)).toMatchObject({ Rss: 20, Pss: 12, Swap: 8, SwapPss: 4 });
  expect(machine.check()).toEqual([]);
  machine.apply('b touch heap 0 40K write');
  expect(rollup(machine, 1000)).toMatchObject({ Pss: 20, Swap: 20, SwapPss: 20 });
  expect(machine.apply('a verify heap')[0]!.result).toMatchObject({ bad: 0 });
  expect(machine.check()).toEqual([]);
});

test('share: mappings of different origins get copies instead', () => {
  const machine = createMachine(`machine ram=64M swap=16M
proc a pid=1000
a mmap heap size=40K anon at=0x10000000
a pages heap 0 5a
proc b pid=1001
b mmap heap size=40K anon at=0x10000000
b pages heap 9p a
b share heap a 0 5+
`);
  expect(rollup(machine, 1001)).toMatchObject({ Rss: 24, Pss: 24 });
  expect(machine.check()).toEqual([]);
});

test('lock: what is there is locked, the rest is not read in', () => {
  const machine = createMachine(`${SCENARIO}a pages heap 0 3a\na lock heap\n`);
  expect(rollup(machine, 1000)).toMatchObject({ Rss: 12, Locked: 12 });
  machine.write('/proc/1000/reclaim', 'anon');
  expect(rollup(machine, 1000)).toMatchObject({ Rss: 12, Swap: 0 });
  expect(machine.check()).toEqual([]);
});

test.each([
  ['a pages heap 0 3q', /no kind of page/],
  ['a pages heap 0 3a4', /are no runs/],
  ['a pages heap 100 3a', /whole number of pages/],
  ['a pages heap 0 11a', /nothing is mapped/],
  ['a pages nosuch 0 a', /no mapping named nosuch/],
  ['a pages heap 0 a\na pages heap 0 a', /there is a page/],
  ['a share heap nobody 0 +', /no process nobody/],
])('%j is refused', (steps, message) => {
  const machine = createMachine(SCENARIO);
  expect(() => machine.apply(steps)).toThrow(ScenarioError);
  expect(() => machine.apply(steps)).toThrow(message);
  expect(rollup(machine, 1000)).toMatchObject({ Rss: 0 });
});
