/** New pages are counted by the lists that reclaim reckons with 31 at a time. */
import { describe, expect, it } from 'vitest';
import { createMachine } from '../../../src/index.ts';
import { LRU_ACTIVE_FILE, LRU_INACTIVE_ANON, LRU_INACTIVE_FILE } from '../../../src/mm/pages/frames.ts';

function machineWithHeap(...more: string[]) {
  const lines = [
    'machine ram=64M swap=64M readahead=off',
    'cgroup write /cgroup.subtree_control "+memory"',
    'cgroup mkdir /g',
    ...more,
    'object F file 1M',
    'proc a pid=1001',
    'cgroup write /g/cgroup.procs "1001"',
    'a mmap heap size=4M anon private',
    'a mmap f obj=F size=1M shared prot=r',
  ];
  const machine = createMachine(lines.join('\n'));
  const { mem } = machine.machine;
  return { apply: (line: string) => machine.apply(line), mem, listed: () => mem.listedPages(1, LRU_INACTIVE_ANON) };
}

describe('new pages', () => {
  it('are on their list at once, but counted when 31 have come', () => {
    const { apply, mem, listed } = machineWithHeap();
    apply('a touch heap 0p 30p write');
    expect([mem.frames.nrOnList[LRU_INACTIVE_ANON], listed(), mem.listedPagesOfAll(LRU_INACTIVE_ANON)]).toEqual([
      30, 0, 0,
    ]);
    apply('a touch heap 30p 1p write');
    expect([listed(), mem.listedPagesOfAll(LRU_INACTIVE_ANON)]).toEqual([31, 31]);
    apply('a touch heap 31p 40p write');
    expect(listed()).toBe(62);
  });

  it('are counted when somebody waits for a device', () => {
    const { apply, mem, listed } = machineWithHeap();
    apply('a touch heap 0p 5p write');
    apply('a touch f 0p 1p read');
    expect([listed(), mem.listedPages(1, LRU_INACTIVE_FILE) + mem.listedPages(1, LRU_ACTIVE_FILE)]).toEqual([5, 1]);
  });

  it('are counted once reclaim takes pages off a list', () => {
    const { apply, mem, listed } = machineWithHeap('cgroup write /g/memory.max "256K"');
    apply('a touch heap 0p 63p write');
    expect(listed()).toBe(62);
    apply('a touch heap 63p 2p write');
    // What the limit made room for; the page that was wanted has come since.
    expect(listed()).toBe((mem.frames.nrOnList[LRU_INACTIVE_ANON] ?? 0) - mem.lruBatch.count);
    expect(mem.lruBatch.count).toBe(1);
  });
});
