// A policy of one's own as the OOM killer's hook, as BPF-OOM proposes: the process that holds most memory dies, whatever
// its oom_score_adj says, but nothing with -1000.
//
//   reclaimfs compare memory-leak --policies kernel --policy largest=scripts/examples/policies/oom-by-memory.mjs
//
// @ts-check
/** @import { ComparePolicy, PolicyHost } from 'reclaimfs' */

/** @type {ComparePolicy} */
const policy = {
  about: 'the OOM killer ends the process with most memory',
  install(/** @type {PolicyHost} */ host) {
    host.onOom((candidates) => {
      const size = (/** @type {import('reclaimfs').ProcessView} */ task) => task.rssAnon + task.rssShmem + task.swap;
      return candidates.filter((task) => task.oomScoreAdj > -1000).sort((a, b) => size(b) - size(a))[0]?.pid;
    });
  },
};

export default policy;
