/** The scenarios of memory pressure, by name. They are made when they are needed: 11 MB of text, the same bytes every time. */
import { FURTHER_ROWS } from './further-scenarios.ts';
import { GUEST_ROWS } from './guest-scenarios.ts';
import { ONE_GROUP_ROWS } from './one-group-scenarios.ts';
import { READAHEAD_ROWS } from './readahead-scenarios.ts';
import { groupScenario, guestScenario } from './scenario-writer.ts';
import { TREE_ROWS } from './tree-scenarios.ts';
import { VARIANT_ROWS } from './variant-scenarios.ts';

const ROWS = [...ONE_GROUP_ROWS, ...TREE_ROWS, ...FURTHER_ROWS, ...READAHEAD_ROWS, ...VARIANT_ROWS];

const memory = new Map<string, ReadonlyMap<string, string>>();

function once(what: string, make: () => ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const made = memory.get(what) ?? make();
  memory.set(what, made);
  return made;
}

/** One scenario of groups; undefined: there is none of this name. */
export function groupScenarioCalled(name: string): string | undefined {
  const row = ROWS.find(([known]) => known === name);
  return row === undefined ? undefined : groupScenario(row[1], row[2], row[3]);
}

/** Scenarios of groups, by name. */
export function groupScenarios(): ReadonlyMap<string, string> {
  return once(
    'groups',
    () => new Map(ROWS.map(([name, title, options, body]) => [name, groupScenario(title, options, body)])),
  );
}

/** Scenarios of a whole machine, by name. */
export function guestScenarios(): ReadonlyMap<string, string> {
  return once(
    'guests',
    () => new Map(GUEST_ROWS.map(([name, title, swap, body]) => [name, guestScenario(title, { swap }, body)])),
  );
}
