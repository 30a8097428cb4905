/**
 * The classes of everything that may hang off a machine. A class that is missing here is found when a machine that has
 * one is saved; what is made when one is loaded has the fields that its constructor makes, so that it is as fast.
 */
import { Cgroup } from '../../machine/cgroup.ts';
import { Cgroups } from '../../machine/cgroups.ts';
import { DirtyLimits } from '../../machine/dirty-limits.ts';
import { EventLog } from '../../machine/event-log.ts';
import { KernelLog } from '../../machine/kernel-log.ts';
import { Kswapd } from '../../machine/kswapd.ts';
import { LowMemoryKiller } from '../../machine/lmk.ts';
import { LoadAverage } from '../../machine/loadavg.ts';
import { Machine } from '../../machine/machine.ts';
import { Pressure } from '../../machine/pressure.ts';
import { Psi } from '../../machine/psi.ts';
import { PsiTriggers } from '../../machine/psi-triggers.ts';
import { Reaper } from '../../machine/reaper.ts';
import { Storage } from '../../machine/storage.ts';
import { idsOf, Task } from '../../machine/task.ts';
import { PressureEvents } from '../../machine/vmpressure.ts';
import { AccessRun } from '../../machine/workload/access-run.ts';
import { Activities } from '../../machine/workload/activity.ts';
import { App, Apps, Opening } from '../../machine/workload/app.ts';
import { ForkStorm, Growth } from '../../machine/workload/growth.ts';
import { Cursor, Laps, RandomPages, WorkingSet, Zipf } from '../../machine/workload/patterns.ts';
import { TouchJob } from '../../machine/workload/touch-job.ts';
import { User } from '../../machine/workload/user.ts';
import { WriteQueue } from '../../machine/write-queue.ts';
import { Mapping, PageArray } from '../../mm/cache/mapping.ts';
import { OpenFile } from '../../mm/cache/readahead.ts';
import { VolatileRanges } from '../../mm/cache/volatile.ts';
import { Memory } from '../../mm/memory.ts';
import { ContentStore } from '../../mm/pages/content.ts';
import { Frames } from '../../mm/pages/frames.ts';
import { Generations } from '../../mm/pages/generations.ts';
import { HugePage, HugePool } from '../../mm/pages/hugetlb.ts';
import { LruBatch } from '../../mm/pages/lru-batch.ts';
import { PAGE_FLAG_NAMES } from '../../mm/pages/page-flags.ts';
import { PageTables } from '../../mm/pages/page-table.ts';
import { GenerationsLru } from '../../mm/reclaim/generations-lru.ts';
import { LruGen } from '../../mm/reclaim/lru-gen.ts';
import { Lruvec } from '../../mm/reclaim/lruvec.ts';
import { Memcg, MemcgCounts, Peak } from '../../mm/reclaim/memcg.ts';
import { PsiGroup, PsiLine } from '../../mm/reclaim/psi.ts';
import { TwoListLru } from '../../mm/reclaim/two-list-lru.ts';
import { VmPressure } from '../../mm/reclaim/vmpressure.ts';
import { Mm } from '../../mm/space/mm.ts';
import { AnonRoot, Vma } from '../../mm/space/vma.ts';
import { SwapArea } from '../../mm/swap/swap.ts';
import { SwapClusters } from '../../mm/swap/swap-clusters.ts';
import { Zram } from '../../mm/swap/zram.ts';
import { VmEvents } from '../../mm/vm-events.ts';
import type { Catalogue, GraphClass } from '../../util/graph/graph.ts';
import type { BitWords } from '../../util/graph/number-runs.ts';
import { Random } from '../../util/random.ts';
import { Compactor } from '../compare/task-managers/compactor.ts';
import { Lmkd } from '../compare/task-managers/lmkd.ts';
import { PressureReclaimer } from '../compare/task-managers/pressure-reclaimer.ts';
import { ProportionalReclaimer } from '../compare/task-managers/proportional.ts';
import { Senpai } from '../compare/task-managers/senpai.ts';
import { VolatileCaches } from '../compare/task-managers/volatile-caches.ts';

type Type = new (...args: never[]) => object;
type Extras = Pick<GraphClass, 'transient' | 'immutable' | 'used' | 'words'>;

/** The smallest machine: what the constructors of its parts want to see. */
function tiny(): Machine {
  return new Machine({ ramBytes: 2 ** 20, swapBytes: 0 });
}

const NOBODY = idsOf(0);
const SPAN = { startUs: 1, endUs: 1, pattern: { name: 'idle' } };

/** A row: the class, what its constructor is called with for a blank one. */
function row(type: Type, args: () => readonly unknown[] = () => [], extras: Extras = {}): [Type, GraphClass] {
  return [type, { name: type.name, blank: () => Reflect.construct(type, args()) as object, ...extras }];
}

type Parts = ReturnType<NonNullable<GraphClass['used']>>;

function upTo(length: number, fields: readonly string[]): Parts {
  return Object.fromEntries(fields.map((field) => [field, [length, 0] as const]));
}

const FRAME_ARRAYS = ['flags', 'mapcount', 'owner', 'index', 'slot', 'content', 'memcg'];
const SLOT_ARRAYS = ['users', 'frame', 'content', 'shadow', 'memcg', 'state'];

/** Frames are given out from the first on; the heads of the lists stand behind the last. */
function usedFrames(frames: Frames): Parts {
  const links = [frames.fresh, frames.prev.length - frames.total - 1] as const;
  return { ...upTo(frames.fresh, FRAME_ARRAYS), prev: links, next: links };
}

const FRAME_WORDS: BitWords = { names: PAGE_FLAG_NAMES, shift: 0 };

const ENTRY_WORDS: BitWords = {
  names: ['young', 'dirty', 'write', 'softdirty', 'exclusive'],
  shift: 25,
  kinds: { shift: 30, names: [null, 'present', 'swap', 'zero'] },
};

export const CATALOGUE: Catalogue = new Map([
  row(Machine, () => [{ ramBytes: 2 ** 20, swapBytes: 0 }], {
    transient: ['onExit', 'onTime', 'onUserChanged', 'generation'],
  }),
  row(EventLog, undefined, { transient: ['origin', 'onEvent', 'onTrace'], immutable: ['events'] }),
  row(KernelLog, undefined, { transient: ['onRecord'], immutable: ['records'] }),
  row(LowMemoryKiller),
  row(Kswapd),
  row(LoadAverage, () => [tiny()]),
  row(Pressure, () => [tiny()]),
  row(DirtyLimits),
  row(Reaper),
  row(PressureEvents, undefined, { immutable: ['log'] }),
  row(VmPressure),
  row(Psi, () => [tiny()]),
  row(PsiGroup, () => [0]),
  row(PsiLine),
  // Triggers of open files are no part of the machine: the files register them again.
  row(PsiTriggers, undefined, { transient: ['watched'] }),
  row(Storage, () => [tiny().mem, {}, 0]),
  row(WriteQueue, () => [0], { used: (queue) => upTo((queue as WriteQueue).usedFrames, ['place']) }),
  row(Cgroups, () => [tiny()]),
  row(Cgroup),
  row(Memcg),
  row(MemcgCounts),
  row(Peak),
  row(Task, () => [0, 0, '', NOBODY, null, 0]),
  // Where something was found last says what has been looked at, not what is there.
  row(Memory, () => [0, {}], { transient: ['lastMapping', 'onTouch'] }),
  row(Frames, () => [0], { used: (frames) => usedFrames(frames as Frames), words: { flags: FRAME_WORDS } }),
  row(LruBatch, undefined, { used: (batch) => upTo((batch as LruBatch).count, ['lists']) }),
  row(PageTables, undefined, {
    transient: ['lastDirectory', 'lastPmd', 'lastTable'],
    used: (tables) => upTo((tables as PageTables).usedEntries, ['pte', 'expected', 'upper']),
    words: { pte: ENTRY_WORDS },
  }),
  row(ContentStore),
  row(Zram, () => [0]),
  row(SwapArea, () => ['zram', 0], { used: (area) => upTo((area as SwapArea).usedSlots, SLOT_ARRAYS) }),
  row(SwapClusters, () => [0]),
  row(HugePool),
  row(HugePage),
  row(Lruvec),
  row(LruGen),
  row(Generations),
  row(GenerationsLru),
  row(TwoListLru),
  row(VolatileRanges),
  row(VmEvents),
  row(Mm, undefined, { transient: ['knownSizes'] }),
  row(Vma),
  row(AnonRoot),
  row(Mapping),
  row(OpenFile),
  row(PageArray),
  row(Random, () => [0]),
  row(Activities),
  row(AccessRun, () => [tiny(), null, SPAN, null]),
  row(Growth, () => [tiny(), null, SPAN]),
  row(ForkStorm, () => [tiny()]),
  row(TouchJob, () => [tiny()]),
  row(User, () => [tiny(), { apps: [] }]),
  row(Apps, () => [tiny()]),
  row(App),
  row(Opening),
  row(Cursor),
  row(Laps),
  row(RandomPages),
  row(Zipf, () => [1]),
  row(WorkingSet, () => [{}]),
  row(Compactor, () => [tiny()]),
  row(PressureReclaimer, () => [tiny()]),
  row(ProportionalReclaimer, () => [tiny()]),
  row(VolatileCaches, () => [tiny()]),
  row(Lmkd, () => [tiny()]),
  row(Senpai, () => [tiny()]),
]);
