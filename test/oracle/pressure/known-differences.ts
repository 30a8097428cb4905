/** Recordings that the model does not agree with, and why. What agrees is taken out; nothing is added without a reason. */

const BALANCE = 'the balance of anon and file is not yet exact to the page';
const REAL_TIME =
  'what is dirty is written back while real time passes; the model knows only the ticks of the scenario';

const STAT = 'memory.stat has no workingset rows yet';

export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'p08-dirty-file': REAL_TIME,
  'p31-two-groups-hot.fresh': STAT,
  'p32-three-groups.fresh': STAT,
  'p33-limit-of-a-child': STAT,
  'p36-lower-limit-of-a-tree.fresh': BALANCE,
  'p41-fork-heavy': BALANCE,
  'p43-exec-workingset.fresh': BALANCE,
};
