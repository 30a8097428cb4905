/** `cgroup swappiness`: what a group has in place of vm.swappiness. */
import { expect, test } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';

function play(text: string): Session {
  const session = new Session();
  session.load(
    `machine ram=128M swap=64M
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /g
${text}`,
    'test',
  );
  return session;
}

/** A group with file pages and memory of its own goes beyond its limit; returns pages swapped. */
function swapped(before: string): number {
  const { machine } = play(`${before}
cgroup write /g/memory.max 16M
object F file 64M
proc A cgroup=/g
A mmap heap size=12M anon private
A touch heap 0 12M write
A read F 0 32M`);
  return machine.mem.events.pswpout;
}

test('decides between memory and files in the group, whatever the machine has', () => {
  expect(swapped('cgroup swappiness /g 0')).toBe(0);
  expect(swapped('cgroup swappiness /g 200')).toBeGreaterThan(1000);
  expect(swapped('sysctl vm.swappiness 200\ncgroup swappiness /g 0')).toBe(0);
});

test('groups made in it have it, until they get another', () => {
  const { machine } = play('cgroup write /g/cgroup.subtree_control +memory\ncgroup swappiness /g 7\ncgroup mkdir /g/h');
  expect(machine.cgroups.at('/g/h').memcg.swappiness).toBe(7);
});

test('what cannot have one', () => {
  const s = play('cgroup mkdir /g/h');
  expect(() => s.apply('cgroup swappiness / 10')).toThrow(/vm\.swappiness/);
  expect(() => s.apply('cgroup swappiness /g/h 10')).toThrow(/not handed down/);
  expect(() => s.apply('cgroup swappiness /g 201')).toThrow(/200/);
});
