/** Recordings that the model does not agree with, and why. What agrees is taken out; nothing is added without a reason. */

const BALANCE = 'the balance of anon and file is not yet exact to the page';
const ONE_LRU = 'one set of LRU lists, costs and refault counters for all groups';
const REAL_TIME =
  'what is dirty is written back while real time passes; the model knows only the ticks of the scenario';

export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'p08-dirty-file': REAL_TIME,
  'g04-cold-anon-file-loop': BALANCE,
  'p27-mixed-fine-sw60.fresh': BALANCE,
  'p27-mixed-fine-sw200.fresh': BALANCE,
  'p30-two-groups-idle.fresh': ONE_LRU,
  'p31-two-groups-hot.fresh': ONE_LRU,
  'p32-three-groups.fresh': ONE_LRU,
  'p33-limit-of-a-child': ONE_LRU,
  'p36-lower-limit-of-a-tree.fresh': ONE_LRU,
  'p40-shmem-and-file.fresh': BALANCE,
  'p41-fork-heavy': BALANCE,
  'p43-exec-workingset.fresh': BALANCE,
};
