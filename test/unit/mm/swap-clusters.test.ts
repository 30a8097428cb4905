/** Which slot a page gets. What reclaim sees of it is recorded: 119-swap-take-back-clusters. */
import { expect, test } from 'vitest';
import { CLUSTER_FREE, CLUSTER_NONFULL, SwapClusters } from '../../../src/mm/swap/swap-clusters.ts';
import { Session } from '../../../src/scenario/session.ts';

function slotsOf({ machine }: Session, from: number, count: number): number[] {
  const task = machine.named.get('A')!;
  const { start } = task.regions.get('heap')!;
  const { tables } = machine.mem;
  return Array.from({ length: count }, (_, i) => tables.number(tables.find(task.mm!.pageDirectory, start + from + i)));
}

function play(text: string): Session {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

test('what a cluster lacks at the ends of the area counts as used', () => {
  const clusters = new SwapClusters(1300);
  expect([...clusters.count]).toEqual([1, 0, 235]);
  expect([...clusters.list]).toEqual([CLUSTER_NONFULL, CLUSTER_FREE, CLUSTER_NONFULL]);
});

test('slots ascend; those given back wait until their cluster is looked at again', () => {
  const s = play('machine ram=32M swap=1300p profile=linux-6.18\nproc A\nA mmap heap size=2000p anon private');
  s.apply('A touch heap 0 700p write\nA pageout anon');
  // Cluster 0, then the other one that is not free (2), then the free one (1).
  expect(slotsOf(s, 0, 2)).toEqual([1, 2]);
  expect(slotsOf(s, 511, 2)).toEqual([1024, 1025]);
  s.apply('A madvise heap 10p 5p dontneed\nA touch heap 700p 4p write\nA pageout anon');
  expect(slotsOf(s, 700, 4)).toEqual([1213, 1214, 1215, 1216]);
  s.apply('A touch heap 704p 100p write\nA pageout anon');
  expect(slotsOf(s, 787, 8)).toEqual([1300, 11, 12, 13, 14, 15, 512, 513]);
});
