/** Whether what the steps of a batch are about is there: looked at before the first of them is carried out. */
import type { Machine } from '../machine/machine.ts';
import type { Task } from '../machine/task.ts';
import type { Job } from '../util/job.ts';
import { closest } from '../util/suggest.ts';
import type { ParsedStep } from './parse.ts';
import { ScenarioError } from './scenario-error.ts';
import type { Word } from './words.ts';

/** Steps looked at in one piece of work. */
const PIECE_STEPS = 512;
/** Steps that may make processes and mappings of names that do not stand in the batch. */
const MAKERS = new Set(['tick', 'at', 'fork', 'storm', 'launch', 'resume', 'use', 'user', 'exec']);

/**
 * Throws ScenarioError for a process, mapping or object that the machine does not have and that no earlier step of the
 * batch mentions: a slip of the pen then costs nothing, however long the steps before it would take.
 */
export function* resolveNames(machine: Machine, steps: readonly ParsedStep[]): Job<void> {
  const mentioned = new Set<string>();
  let seen = 0;
  for (const step of steps) {
    if (++seen % PIECE_STEPS === 0) yield;
    const { subject } = step;
    const task = subject === undefined ? undefined : processOf(machine, subject.text);
    if (subject !== undefined && task === undefined && !mentioned.has(subject.text))
      throw missing(
        step,
        subject,
        `there is no process ${subject.text}`,
        machine.named.keys(),
        `make one with: proc ${subject.text}`,
      );
    for (const { what, word } of step.names) {
      if (mentioned.has(word.value)) continue;
      if (what === 'object' && !machine.objects.has(word.value))
        throw missing(
          step,
          word,
          `there is no object named ${word.value}`,
          machine.objects.keys(),
          `make one with: object ${word.value}`,
        );
      if (what === 'mapping' && subject !== undefined && task?.regions.has(word.value) !== true)
        throw missing(
          step,
          word,
          `${subject.text} has no mapping named ${word.value}`,
          task?.regions.keys() ?? [],
          'make one with mmap',
        );
    }
    if (MAKERS.has(step.word)) return;
    for (const { text, value } of step.words) mentioned.add(text).add(value);
  }
}

/** The process that goes by a name or pid. */
export function processOf(machine: Machine, name: string): Task | undefined {
  return machine.named.get(name) ?? (/^\d+$/.test(name) ? machine.byTid.get(Number(name)) : undefined);
}

function missing(
  { file, line }: ParsedStep,
  { column, value }: Word,
  reason: string,
  known: Iterable<string>,
  advice: string,
): ScenarioError {
  const meant = closest(value, known);
  return new ScenarioError(file, line, column, reason, meant === undefined ? advice : `did you mean ${meant}?`);
}
