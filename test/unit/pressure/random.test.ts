import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';

/** The same runs every time, so that a red test tells of a change; RECLAIMFS_SEED and RECLAIMFS_RUNS look for new ones. */
const DEFAULT_SEED = 1;

/** Steps that make a small machine short of memory in every way at once. */
const NAMES = ['A', 'B', 'C'];
const name = fc.constantFrom(...NAMES);
const part = fc
  .tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 8 }))
  .map(([from, length]) => `${from}M ${Math.min(length, 12 - from)}M`);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(name, part, fc.constantFrom('read', 'write')).map(([n, p, a]) => `${n} touch heap ${p} ${a}`),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(name, part, fc.constantFrom('read', 'write')).map(([n, p, a]) => `${n} touch file ${p} ${a}`),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(name, part, fc.constantFrom('read', 'write')).map(([n, p, a]) => `${n} touch shm ${p} ${a}`),
  },
  fc.tuple(name, fc.constantFrom('heap', 'shm'), part).map(([n, m, p]) => `${n} volatile ${m} ${p}`),
  fc.tuple(name, fc.constantFrom('heap', 'shm'), part).map(([n, m, p]) => `${n} nonvolatile ${m} ${p}`),
  fc.tuple(name, part).map(([n, p]) => `${n} madvise heap ${p} free`),
  fc.tuple(name, part).map(([n, p]) => `${n} mlock heap ${p}`),
  name.map((n) => `${n} reclaim all`),
  name.map((n) => `${n} fork ${n}child`),
  name.map((n) => `${n}child exit`),
  fc.integer({ min: 1, max: 2_000_000 }).map((us) => `tick ${us}us`),
  fc.integer({ min: 0, max: 200 }).map((value) => `sysctl vm.swappiness ${value}`),
  fc.constantFrom(
    'lmk adj=0,900 minfree=300,800',
    'lmk off',
    'cgroup write /apps/memory.max 6M',
    'cgroup write /apps/memory.max max',
    'cgroup write /apps/memory.reclaim 1M',
    'dropcaches 1',
    'lrugen "+ 1 0 4; + 2 0 5"',
    'lrugen "- 1 0 3 60 500"',
    'sysctl lru_gen.enabled 5',
    'sysctl lru_gen.enabled 7',
  ),
);

/** Where a process has its first mapping: low, as a program's heap, as its libraries, at the end of the 47 bits. */
const PLACES = [0x10000000, 0x100000000000, 0x555555554000, 0x7ffff0000000];
const MAPPING_BYTES = 12 << 20;

const START = (kind: string, lru: string, place: number) => `machine ram=32M swap=24M swapkind=${kind} lru=${lru}
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /apps
object F file 12M
object S memfd 12M
${NAMES.map(
  (n, i) => `proc ${n} pid=${1001 + i} adj=${i * 300}
${n} mmap heap size=12M anon private at=${place}
${n} mmap file size=12M obj=F shared at=${place + MAPPING_BYTES}
${n} mmap shm size=12M obj=S shared at=${place + 3 * MAPPING_BYTES}`,
).join('\n')}
cgroup write /apps/cgroup.procs 1002
`;

it.each([
  ['lists', 25],
  ['generations', 15],
])(
  'keeps every invariant and every page under random pressure with %s',
  (lru, numRuns) => {
    fc.assert(
      fc.property(
        fc.constantFrom('zram', 'disk'),
        fc.constantFrom(...PLACES),
        fc.array(step, { minLength: 10, maxLength: 40 }),
        (kind, place, steps) => {
          const session = new Session();
          session.load(START(kind, lru, place), 'test');
          for (const text of steps) {
            try {
              session.apply(text);
            } catch (error) {
              if (!(error instanceof Error) || error.name === 'BugError') throw error;
            }
            const problems = session.machine.check();
            if (problems.length > 0) throw new Error(`after ${text}: ${problems.join('; ')}`);
          }
          for (const task of [...session.machine.tasks.values()]) {
            for (const mapping of ['file', 'heap']) {
              if (!session.machine.tasks.has(task.pid)) continue;
              const [record] = session.apply(`${task.pid} verify ${mapping}`);
              expect(record?.result).toMatchObject({ bad: 0 });
            }
          }
          expect(session.machine.check()).toEqual([]);
          for (const value of Object.values(session.machine.mem.events)) expect(value).toBeGreaterThanOrEqual(0);
        },
      ),
      {
        numRuns: Number(process.env['RECLAIMFS_RUNS'] ?? numRuns),
        seed: Number(process.env['RECLAIMFS_SEED'] ?? DEFAULT_SEED),
        interruptAfterTimeLimit: 60_000,
        markInterruptAsFailure: false,
      },
    );
  },
  120_000,
);
