/** Recordings that the model does not agree with, and why. What agrees is taken out; nothing is added without a reason. */

const REFERENCED = 'anonymous pages at the addresses that processes have are never seen as referenced';
const COSTS = 'a page written to zram costs nothing in the balance of anon and file';
const REAL_TIME =
  'what is dirty is written back while real time passes; the model knows only the ticks of the scenario';

export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'p01-anon-loop-125': REFERENCED,
  'p02-anon-loop-200': REFERENCED,
  'p03-anon-random.fresh': REFERENCED,
  'p05-anon-hot-stream': REFERENCED,
  'p08-dirty-file': REAL_TIME,
  'p09-moving-set.fresh': REFERENCED,
  'p10-idle-busy': REFERENCED,
  'p17-mlock': REFERENCED,
  'p18-disk-pc0': REFERENCED,
  'p21-fork-shared': REFERENCED,
  'p23-anon-random-write.fresh': REFERENCED,
  'p24-cold-anon-file-loop': COSTS,
  'p27-mixed-fine-sw60.fresh': COSTS,
  'p27-mixed-fine-sw200.fresh': COSTS,
  'g01-anon-loop': REFERENCED,
  'g02-hot-stream': REFERENCED,
  'g04-cold-anon-file-loop': COSTS,
};
