/** Recordings that the model does not agree with, and why. What agrees is taken out; nothing is added without a reason. */

const REAL_TIME =
  'what is dirty is written back while real time passes; the model knows only the ticks of the scenario';

const REMOVED_GROUP =
  'Linux 6.18 leaves pages of a removed group on a list of their own; here they are handed to the parent at once, as later kernels do';

export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'p08-dirty-file': REAL_TIME,
  'p35-removed-group.fresh': REMOVED_GROUP,
};
