// A policy of one's own: a task manager with knowledge. It knows which app is in front, and for how long the others have
// not been; it reclaims those early and little by little, and leaves the most recent ones alone.
//
//   reclaimfs compare phone-16-apps --policies kernel,lmkd --policy mine=scripts/examples/policies/oldest-first.mjs
//
// @ts-check
/** @import { ComparePolicy, PolicyHost } from 'reclaimfs' */

const SECOND = 1_000_000;
/** Apps that were in front within this time are left alone, in microseconds. */
const RECENT = 30 * SECOND;
/** It begins when less than this share of memory is free. */
const WANTED_FREE = 0.1;

/** @type {ComparePolicy} */
const policy = {
  about:
    'reclaims apps that have been out of sight for 30 s, the longest unused first, while less than a tenth is free',
  install(/** @type {PolicyHost} */ host) {
    /** Whom it has reclaimed since it was last in front: there is nothing more to be had. */
    const done = new Set();
    host.onSwitch((pid, to) => {
      if (to === 'foreground') done.delete(pid);
    });
    host.every(SECOND / 2, () => {
      const { free, total } = host.memory();
      if (free > total * WANTED_FREE) return;
      const candidates = host
        .processes()
        .filter(
          (app) => app.state === 'background' && !done.has(app.pid) && host.nowUs - (app.lastFrontUs ?? 0) > RECENT,
        )
        .sort((a, b) => (a.lastFrontUs ?? 0) - (b.lastFrontUs ?? 0));
      const oldest = candidates[0];
      if (oldest === undefined) return;
      done.add(oldest.pid);
      host.reclaim(oldest.pid, 'anon');
    });
  },
};

export default policy;
