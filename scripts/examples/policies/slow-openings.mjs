// A metric of one's own: openings that took longer than 500 ms.
//
//   reclaimfs compare phone-16-apps --metric slow=scripts/examples/policies/slow-openings.mjs
//
// @ts-check
/** @import { CompareMetric } from 'reclaimfs' */

/** @type {CompareMetric} */
const metric = {
  label: 'openings above 500 ms',
  better: 'less',
  value: (run) => run.openings.filter(({ ms }) => ms > 500).length,
};

export default metric;
