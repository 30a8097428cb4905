import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReferenceWalk } from '../../../src/mm/reclaim/referenced.ts';
import { Mm } from '../../../src/mm/space/mm.ts';
import { isMappedLocked } from '../../../src/mm/space/rmap.ts';
import { VM_LOCKED } from '../../../src/mm/space/vm-flags.ts';
import { Vma } from '../../../src/mm/space/vma.ts';
import { Session } from '../../../src/scenario/session.ts';

const TOP = 2 ** 35;

describe('pages of a VMA', () => {
  it('are found from their index wherever in the 47 bits it lies', () => {
    const anywhere = fc.tuple(
      fc.oneof(fc.integer({ min: 1, max: TOP - 1 }), fc.constantFrom(0x555555554, 0x7ffff7d00, 2 ** 32 - 3, TOP - 9)),
      fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      fc.nat({ max: 2 ** 32 - 1 }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(anywhere, ([start, size, offset, file]) => {
        const vma = new Vma(new Mm(1), start, Math.min(TOP, start + size), 0, file ? offset : start, null, '');
        const vpn = vma.start + (offset % vma.nrPages);
        const kept = new Uint32Array([vma.indexOf(vpn)])[0]!;
        expect(vma.vpnOf(kept)).toBe(vpn);
        expect(vma.vpnOf((vma.indexOf(vma.end) + 0) >>> 0)).toBe(-1);
        expect(vma.vpnOf((vma.pgoff - 1) >>> 0)).toBe(-1);
      }),
    );
  });

  it.each(['0x10000000', '0x555555554000', '0x7ffff7d00000', '0xffff0000000', '0xfffffff0000'])(
    'are seen as used, and as locked, at %s',
    (address) => {
      const session = new Session();
      session.load(
        `machine ram=64M swap=64M\nproc A\nA mmap heap size=64p anon private at=${address}\nA touch heap 0 64p write`,
        'test',
      );
      const { mem } = session.machine;
      const [vma] = session.machine.named.get('A')!.mm!.vmas;
      const walk = new ReferenceWalk();
      for (let vpn = vma!.start; vpn < vma!.end; vpn++) {
        const pfn = mem.tables.number(mem.tables.find(vma!.mm.pageDirectory, vpn));
        expect(walk.referenced(mem, pfn)).toBe(1);
        expect(walk.referenced(mem, pfn)).toBe(0);
      }
      vma!.flags |= VM_LOCKED;
      const pfn = mem.tables.number(mem.tables.find(vma!.mm.pageDirectory, vma!.start + 1));
      expect(isMappedLocked(mem, pfn)).toBe(true);
      walk.reset();
      walk.referenced(mem, pfn);
      expect(walk.vmFlags & VM_LOCKED).toBe(VM_LOCKED);
    },
  );
});
