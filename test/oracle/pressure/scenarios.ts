/** The scenarios of memory pressure, by name. They are made when they are needed: 11 MB of text, the same bytes every time. */
import { GUEST_ROWS } from './guest-scenarios.ts';
import { ONE_GROUP_ROWS } from './one-group-scenarios.ts';
import { groupScenario, guestScenario } from './scenario-writer.ts';
import { TREE_ROWS } from './tree-scenarios.ts';

/** Scenarios of groups, by name. */
export function groupScenarios(): Map<string, string> {
  return new Map(
    [...ONE_GROUP_ROWS, ...TREE_ROWS].map(([name, title, options, body]) => [
      name,
      groupScenario(title, options, body),
    ]),
  );
}

/** Scenarios of a whole machine, by name. */
export function guestScenarios(): Map<string, string> {
  return new Map(GUEST_ROWS.map(([name, title, swap, body]) => [name, guestScenario(title, { swap }, body)]));
}
