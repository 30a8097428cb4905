/**
 * A whole machine as text (util/graph/graph-text), for people to read and to change: as long as the machine is large and
 * disorderly, however old it is. What is read back is the same machine, bit by bit, unless somebody has changed it; then
 * it is checked, and taken if it could be one.
 *
 *   machine-state 1
 *   … the graph of the machine …
 *   end
 *   … steps that are then carried out, if somebody adds some …
 */
import { Machine } from '../../machine/machine.ts';
import type { Task } from '../../machine/task.ts';
import type { Memory } from '../../mm/memory.ts';
import { KIND_NONE, KIND_PRESENT, KIND_SWAP, PTE_DIRTY, pteKind } from '../../mm/pages/pte.ts';
import type { Mm } from '../../mm/space/mm.ts';
import { permsText } from '../../mm/space/vm-flags.ts';
import { Vma } from '../../mm/space/vma.ts';
import { BugError } from '../../util/errors.ts';
import { graphText, type Remark } from '../../util/graph/graph-text.ts';
import { GraphTextError, readGraphText } from '../../util/graph/graph-text-reader.ts';
import type { Job } from '../../util/job.ts';
import { ScenarioError } from '../scenario-error.ts';
import { CATALOGUE } from './catalogue.ts';
import { cloneMachine } from './image.ts';

/** Rises when what is written means something else, though classes and fields are the same. */
const VERSION = 1;
const HEADING = /^(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*machine-state[ \t]+(\d+)[ \t\r]*(?:#[^\n]*)?(?:\n|$)/;

/** Whether text begins as that of a machine does. */
export function isMachineText(text: string): boolean {
  return HEADING.test(text);
}

/** The machine as text, in pieces: it must not change between them. */
export function* machineText(machine: Machine): Job<Uint8Array> {
  const graph = yield* graphText(machine, CATALOGUE, remarksOn(machine));
  const seconds = machine.nowUs / 1e6;
  const head =
    `# The whole machine as it was ${seconds} s after boot: give it to --scenario or play. Runs of pages: value*count, first..last.\n` +
    `# What is changed here is checked when it is read. Steps may follow after the word "end".\nmachine-state ${VERSION}\n\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), graph, Buffer.from('end\n', 'latin1')]);
}

/** A machine that was written as text, and the steps behind it (in their lines). Throws ScenarioError. */
export function readMachineText(text: string, file: string): { machine: Machine; steps: string } {
  const heading = HEADING.exec(text);
  if (heading === null) throw new ScenarioError(file, 1, 1, 'this is no machine as text');
  if (Number(heading[1]) !== VERSION)
    throw new ScenarioError(
      file,
      heading[0].trimEnd().split('\n').length,
      1,
      `this state is of another version of reclaimfs (format ${heading[1]}, this one reads ${VERSION})`,
    );
  try {
    const { root, end } = readGraphText(text, heading[0].length, CATALOGUE);
    if (!(root instanceof Machine)) throw new ScenarioError(file, 1, 1, 'its first object is no Machine');
    const problem = firstProblem(root);
    if (problem !== undefined)
      throw new ScenarioError(file, 1, 1, `no machine can be as this state says: ${problem}`, 'change it less');
    const nrLines = text.slice(0, end).split('\n').length - 1;
    return { machine: root, steps: '\n'.repeat(nrLines) + text.slice(end) };
  } catch (error) {
    if (error instanceof GraphTextError) throw new ScenarioError(file, error.line, error.column, error.message);
    throw error;
  }
}

/** Why there can be no such machine. What is broken enough makes the check itself fail; it is done on another, for it looks things up. */
function firstProblem(machine: Machine): string | undefined {
  try {
    return cloneMachine(machine).check()[0];
  } catch (error) {
    if (error instanceof BugError || error instanceof TypeError || error instanceof RangeError) return error.message;
    throw error;
  }
}

/** What is said of mappings: whose they are, and how many of their pages are where. */
function remarksOn(machine: Machine): Remark {
  const owners = new Map<Mm, Task>();
  for (const task of machine.tasks.values()) if (task.mm !== null && !owners.has(task.mm)) owners.set(task.mm, task);
  return (object) => {
    if (!(object instanceof Vma)) return undefined;
    const owner = owners.get(object.mm);
    const [start, end] = [object.start, object.end].map((vpn) => (vpn * 4096).toString(16));
    return `${owner?.pid ?? '?'} ${start}-${end} ${permsText(object.flags)} ${pagesText(machine.mem, object)}`;
  };
}

function pagesText({ tables }: Memory, { mm, start, end }: Vma): string {
  let [present, dirty, swapped, zero] = [0, 0, 0, 0];
  for (let vpn = start; vpn < end; ) {
    const run = tables.run(mm.pageDirectory, vpn, end);
    const first = tables.find(mm.pageDirectory, vpn);
    for (let i = 0; first !== 0 && i < run; i++) {
      const entry = tables.pte[first + i]!;
      const kind = pteKind(entry);
      if (kind === KIND_PRESENT) present++;
      else if (kind === KIND_SWAP) swapped++;
      else if (kind !== KIND_NONE) zero++;
      if (kind === KIND_PRESENT && entry & PTE_DIRTY) dirty++;
    }
    vpn += run;
  }
  return `pages: ${end - start}, present ${present} (dirty ${dirty}), in swap ${swapped}, zero ${zero}`;
}
