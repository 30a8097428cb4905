import { describe, expect, it } from 'vitest';
import { ScanControl } from '../../../src/mm/reclaim/scan-control.ts';
import { pressureBalance } from '../../../src/mm/reclaim/two-list-lru.ts';
import { shrinkNode } from '../../../src/mm/reclaim/vmscan.ts';
import { Session } from '../../../src/scenario/session.ts';

function machineOf(text: string) {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

describe('the balance of anonymous and file pages', () => {
  it('follows the costs: three times their sum and one, over sum and own cost and one', () => {
    expect(pressureBalance(0, 0, 60)).toEqual([60, 140]);
    // sum 300: anon side 400, file side 500, total 900 (calculate_pressure_balance)
    expect(pressureBalance(100, 200, 60)).toEqual([Math.floor((60 * 901) / 401), Math.floor((140 * 901) / 501)]);
    expect(pressureBalance(1000, 0, 100)).toEqual([Math.floor((100 * 3001) / 2001), Math.floor((100 * 3001) / 1001)]);
  });

  it('counts every page written to swap as an I/O, to zram too', () => {
    const { machine } = machineOf(`machine ram=64M swap=64M swapkind=zram
proc A
A mmap heap size=4096p anon private
A touch heap 0 4096p write
A clearrefs 1`);
    const sc = new ScanControl('direct', 32, 200);
    sc.priority = 7; // 32 pages
    machine.mem.lruBatch.drain();
    shrinkNode(machine.mem, sc);
    expect(sc.nrReclaimed).toBe(32);
    // 32 pages of 32 each, halved as that is more than a quarter of the 4,064 pages on the lists.
    expect(machine.mem.rootMemcg.lruvec.anonCost).toBe(512);
  });

  it('stops one kind and trims the other once when enough is reclaimed', () => {
    const { machine } = machineOf(`machine ram=64M swap=64M
object F file 4096p
proc A
A mmap heap size=4096p anon private
A mmap f size=4096p obj=F private prot=r
A touch heap 0 4096p write
A touch f 0 4096p read
A clearrefs 1`);
    const sc = new ScanControl('kswapd', 64, 100);
    sc.priority = 4; // 256 pages of each list
    shrinkNode(machine.mem, sc);
    expect(sc.nrReclaimed).toBeLessThan(128);
  });
});
