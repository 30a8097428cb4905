/** What a snap says besides pages: counters, lists, control groups. */
import { expect, test } from 'vitest';
import { createMachine } from '../../../src/library/machine.ts';
import { playScenario, toGolden } from '../../../src/scenario/play.ts';

const TEXT = `machine ram=64M swap=64M
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
cgroup write /g/memory.max 4M
object F file 1M
proc A cgroup=/g
A mmap heap size=8M anon private
A read F 0 64K
A touch heap 0 8M write
`;

test('counters, lists and groups are those of the files', () => {
  const steps = toGolden(playScenario(`${TEXT}snap end\n`, 'x'))['steps'] as Record<string, never>[];
  const { vmstat, lists, groups } = steps.at(-1)! as Record<string, Record<string, number>>;
  const machine = createMachine(TEXT);
  const rows = (path: string) =>
    Object.fromEntries(
      [...machine.read(path).matchAll(/^(\S+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]),
    );
  const shown = rows('/proc/vmstat');
  expect(vmstat!['pswpout']).toBeGreaterThan(1000);
  for (const name of ['pswpout', 'pgfault', 'pgpgin', 'pgalloc_normal']) expect(vmstat![name]).toBe(shown[name]);
  for (const [list, pages] of Object.entries(lists!)) expect(pages, list).toBe(shown[`nr_${list}`]);
  const cgroup = (name: string) => machine.read(`/sys/fs/cgroup/g/${name}`);
  const files = groups!['/g'] as unknown as Record<string, number | string | Record<string, number>>;
  expect(Object.keys(groups!)).toEqual(['/g']);
  expect(files['memory.current']).toBe(Number(cgroup('memory.current')));
  expect(files['memory.high']).toBe('max');
  for (const name of ['memory.events', 'memory.stat', 'memory.swap.events', 'pids.events'])
    if (files[name] !== undefined) expect(files[name], name).toEqual(rows(`/sys/fs/cgroup/g/${name}`));
  expect((files['memory.stat'] as Record<string, number>)['pswpout']).toBeGreaterThan(1000);
  for (const [name, says] of Object.entries(files))
    if (typeof says === 'string') expect(says, name).toBe(cgroup(name).trimEnd());
});

test('a snap looks at a group without bringing its statistics up to date: reclaim goes on as if nobody had looked', () => {
  const machine = createMachine(TEXT);
  const seen = () => [...machine.machine.cgroups.at('/g').memcg.lruvec.seen];
  const before = seen();
  machine.apply('snap x');
  expect(seen()).toEqual(before);
  machine.read('/sys/fs/cgroup/g/memory.stat');
  expect(seen()).not.toEqual(before);
});

test('without control groups there are none', () => {
  const steps = toGolden(playScenario('snap end\n', 'x'))['steps'] as Record<string, unknown>[];
  expect(steps[0]).not.toHaveProperty('groups');
});
