/**
 * Numbers of frames and slots that are larger than an entry holds (above 127 GiB). Here an entry holds six bits only, so
 * that a small machine has such numbers everywhere; it has to be the same, file by file, as one that needs no second place.
 */
import { afterAll, expect, test, vi } from 'vitest';
import { MAX_NUMBER, PTE_LOW } from '../../../src/mm/pages/pte.ts';
import { BASE, randomSteps } from '../state/random-steps.ts';

const LOW_BITS = 6;
const ENTRIES = '../../../src/mm/pages/pte.ts';
type Support = typeof import('../procfs/support.ts');

/** All modules anew, with page table entries of so many bits for numbers. */
async function modulesWith(bits?: number): Promise<{ Tree: Support['Tree']; save: (machine: unknown) => Uint8Array }> {
  vi.resetModules();
  vi.doUnmock(ENTRIES);
  if (bits !== undefined) {
    vi.doMock(ENTRIES, async (original) => ({
      ...(await original<object>()),
      PTE_LOW_BITS: bits,
      PTE_LOW: 2 ** bits - 1,
    }));
  }
  const { Tree } = await import('../procfs/support.ts');
  const { save } = await import('../../../src/scenario/state/image.ts');
  return { Tree, save: save as (machine: unknown) => Uint8Array };
}

afterAll(() => {
  vi.doUnmock(ENTRIES);
  vi.resetModules();
});

function picker(seed: number): (n: number) => number {
  let state = seed >>> 0 || 1;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % n;
  };
}

function applied(tree: InstanceType<Support['Tree']>, steps: string): boolean {
  try {
    tree.session.apply(steps);
    return true;
  } catch {
    return false;
  }
}

const RICHER = `${BASE}a touch heap 0 8M write
a touch text 0 2M read
a touch db 0 2M write
a touch shm 0 1M write
b touch heap 0 8M write
a reclaim anon
a fork c
c touch heap 0 2M write
b touch heap 0 4M read
a mremap heap 0 12M 13M
b mlock heap 0 1M
`;

test('a machine of large numbers is the same in every file', { timeout: 180_000 }, async () => {
  const plain = await modulesWith();
  const wide = await modulesWith(LOW_BITS);
  for (const seed of [3, 17]) {
    const pick = picker(seed);
    const [one, other] = [new plain.Tree(RICHER), new wide.Tree(RICHER)];
    for (let i = 0; i < 40; i++) {
      const steps = randomSteps(pick);
      expect([i, steps, applied(other, steps)]).toEqual([i, steps, applied(one, steps)]);
    }
    const files = other.everything();
    for (const [path, text] of one.everything()) {
      if (/^\/reclaimfs\/(state|snapshot)/.test(path)) continue;
      expect([path, files.get(path)]).toEqual([path, text]);
    }
    expect(other.machine.check()).toEqual([]);
    // What is saved has both parts of the numbers.
    const saved = wide.save(other.machine);
    const again = new wide.Tree(saved);
    expect(again.machine.check()).toEqual([]);
    expect(Buffer.from(wide.save(again.machine)).equals(saved)).toBe(true);
    expect(again.everything().get('/50/smaps')).toEqual(files.get('/50/smaps'));
  }
});

test('entries name every frame of 4 TiB', async () => {
  await modulesWith();
  const { PageTables } = await import('../../../src/mm/pages/page-table.ts');
  const { PTE_DIRTY, PTE_PRESENT, PTE_SWAP } = await import('../../../src/mm/pages/pte.ts');
  const tables = new PageTables();
  const directory = new Map<number, number>();
  const small = tables.ensure(directory, 5);
  tables.set(small, PTE_PRESENT | PTE_DIRTY, 77);
  for (const [i, number] of [PTE_LOW, PTE_LOW + 1, 2 ** 29 + 12345, MAX_NUMBER].entries()) {
    // Far enough from one another for the arrays to grow in between.
    const at = tables.ensure(directory, 2 ** 20 + i * 2 ** 18);
    for (let n = 0; n < 400; n++) tables.ensure(directory, 2 ** 30 + i * 2 ** 20 + n * 512);
    tables.set(at, PTE_PRESENT | PTE_DIRTY, number);
    expect([tables.number(at), tables.names(at, number)]).toEqual([number, true]);
    expect(tables.names(at, number % 2 ** 25)).toBe(number <= PTE_LOW);
    tables.copy(small + 1, at, tables.pte[at]! & ~PTE_DIRTY);
    expect([tables.number(small + 1), tables.pte[small + 1]! & PTE_DIRTY]).toEqual([number, 0]);
    tables.set(at, PTE_SWAP, 3);
    expect([tables.number(at), tables.names(at, 3)]).toEqual([3, false]);
  }
  expect(tables.number(small)).toBe(77);
});
