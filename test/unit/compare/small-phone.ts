/** A phone that is too small for its apps, and an experiment with it. */
import type { Experiment, NamedPolicy, Settings } from '../../../src/scenario/compare/experiment.ts';
import { rowsOf } from '../../../src/scenario/compare/experiment.ts';
import { parsePolicy, policyText } from '../../../src/scenario/compare/policies.ts';
import { durationUs } from '../../../src/scenario/duration.ts';

export const SMALL_PHONE = `title A small phone
machine ram=256M swap=96M swapkind=zram seed=9 # too small
object LIB file 4M
app mail heap=24M code=6M cache=6M ws=6M libs=LIB rate=500/s
app maps heap=40M code=8M cache=8M ws=10M libs=LIB rate=500/s
app game heap=56M code=8M cache=8M ws=20M libs=LIB rate=500/s
app chat heap=24M code=6M cache=6M ws=6M libs=LIB rate=500/s
app shop heap=32M code=6M cache=8M ws=8M libs=LIB rate=500/s
user apps=all turns=40 use=1s..3s gap=500ms
duration 3m
`;

export function namedPolicies(names: readonly string[]): NamedPolicy[] {
  return names.map((name) => ({
    name,
    about: name,
    source: { kind: 'factors', factors: policyText(parsePolicy(name)!) },
  }));
}

export function experimentWith(
  policies: readonly NamedPolicy[],
  more: Partial<Experiment> & { readonly text?: string; readonly settings?: readonly Settings[] } = {},
): Experiment {
  const { text = SMALL_PHONE, settings = [{}], ...rest } = more;
  return {
    scenario: { file: 'small.scn', title: 'A small phone', text },
    rows: rowsOf(policies, settings),
    seeds: [1],
    metrics: [],
    durationUs: durationUs(text),
    warmUs: 0,
    ...rest,
  };
}
