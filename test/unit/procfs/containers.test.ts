/** Processes of containers, traced and parked ones, as status and stat show them. */
import { describe, expect, test } from 'vitest';
import { Tree } from './support.ts';

const lineOf = (tree: Tree, path: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\t(.*)$`, 'm').exec(tree.read(path))?.[1];
const NS = ['NStgid', 'NSpid', 'NSpgid', 'NSsid'];

describe('a container', () => {
  const tree = new Tree(`machine ram=64M
proc systemd pid=1 ppid=0
proc shim pid=700
proc entry pid=710 ppid=700 nspid=1 pgrp=710 session=710
proc worker pid=711 ppid=710 nspid=7 pgrp=710 session=710
proc joined pid=712 ppid=700 nspid=12 pgrp=700 session=700
proc nested pid=713 ppid=711 nspid=8,1
worker thread tid=720
worker fork child
`);
  const all = (path: string) => NS.map((name) => lineOf(tree, `${path}/status`, name));

  test('has its own numbers behind those of the machine', () => {
    expect(all('710')).toEqual(['710\t1', '710\t1', '710\t1', '710\t1']);
    expect(all('711')).toEqual(['711\t7', '711\t7', '710\t1', '710\t1']);
    expect(all('713')).toEqual(['713\t8\t1', '713\t8\t1', '713\t8\t1', '713\t8\t1']);
    expect(all('700')).toEqual(['700', '700', '700', '700']);
  });

  test('sees 0 where the leader of a group or session is outside', () => {
    expect(all('712')).toEqual(['712\t12', '712\t12', '700\t0', '700\t0']);
  });

  test('gives children the next number, and threads those behind their leader', () => {
    const child = tree.machine.named.get('child')!.pid;
    expect(lineOf(tree, `${child}/status`, 'NSpid')).toBe(`${child}\t9`);
    expect(lineOf(tree, '711/task/720/status', 'NSpid')).toBe('720\t8');
  });

  test('is a pid namespace, the same for all of its processes', () => {
    const ns = (pid: number) => tree.fs.readlink(tree.ino(`${pid}/ns/pid`), undefined);
    expect(ns(700)).toBe('pid:[4026531836]');
    expect(ns(710)).toMatch(/^pid:\[402653\d{4}\]$/);
    expect(ns(710)).not.toBe(ns(700));
    expect(ns(711)).toBe(ns(710));
    expect(ns(713)).not.toBe(ns(711));
  });
});

describe('states', () => {
  const letters = { t: 't (tracing stop)', P: 'P (parked)', T: 'T (stopped)', I: 'I (idle)', D: 'D (disk sleep)' };
  test.each(Object.entries(letters))('%s', (letter, words) => {
    const tree = new Tree(`machine ram=64M\nproc a pid=50 state=${letter} tracer=1\na thread tid=51 state=${letter}`);
    for (const path of ['50', '50/task/51']) {
      expect(lineOf(tree, `${path}/status`, 'State')).toBe(words);
      expect(tree.read(`${path}/stat`)).toContain(`(a) ${letter} `);
    }
    expect(lineOf(tree, '50/status', 'TracerPid')).toBe('1');
  });

  test('a process whose tracer ends is traced no more, and runs', () => {
    const tree = new Tree('machine ram=64M\nproc gdb pid=40\nproc a pid=50 state=t tracer=40\ngdb exit');
    expect(lineOf(tree, '50/status', 'TracerPid')).toBe('0');
    expect(lineOf(tree, '50/status', 'State')).toBe('S (sleeping)');
  });

  test('a number that no namespace gives is refused', () => {
    expect(() => new Tree('machine ram=64M\nproc a nspid=0')).toThrow(/nspid "0" is no number from 1 to 4194303/);
    expect(() => new Tree('machine ram=64M\nproc a nspid=1 kthread')).toThrow(/kernel threads are in no container/);
  });
});
