/** From text to steps: one line, one step. */
import type { Task } from '../machine/task.ts';
import { trimBytes } from '../util/bytes.ts';
import { finish, isJob, type Job } from '../util/job.ts';
import { policySteps } from './compare/policy-steps.ts';
import { processOf } from './resolve-names.ts';
import { ScenarioError } from './scenario-error.ts';
import type { AppStep, MachineStep, ProcessStep, StepContext, StepResult } from './step.ts';
import { addressSteps } from './steps/address-steps.ts';
import { captureSteps } from './steps/capture-steps.ts';
import { machineSteps } from './steps/machine-steps.ts';
import { memorySteps } from './steps/memory-steps.ts';
import { pressureProcessSteps, pressureSteps } from './steps/pressure-steps.ts';
import { processSteps } from './steps/process-steps.ts';
import { appMachineSteps, appSteps, workloadSteps } from './steps/workload-steps.ts';
import { Args, isSpace, splitWords, type Word } from './words.ts';

export const MACHINE_STEPS: ReadonlyMap<string, MachineStep> = new Map(
  [...machineSteps, ...pressureSteps, ...appMachineSteps, ...policySteps].map((step) => [step.word, step]),
);
export const PROCESS_STEPS: ReadonlyMap<string, ProcessStep> = new Map(
  [...processSteps, ...memorySteps, ...addressSteps, ...captureSteps, ...pressureProcessSteps, ...workloadSteps].map(
    (step) => [step.word, step],
  ),
);
export const APP_STEPS: ReadonlyMap<string, AppStep> = new Map(appSteps.map((step) => [step.word, step]));

/** A line that has been understood. */
export interface ParsedStep {
  readonly file: string;
  readonly line: number;
  /** As written, without comment and surrounding space. */
  readonly text: string;
  readonly word: string;
  /** True if a failure may leave part of the work done. */
  readonly partial: boolean;
  readonly words: readonly Word[];
  /** The process or app that it is about, where it is about one. */
  readonly subject: Word | undefined;
  readonly names: Args['names'];
  run(ctx: StepContext): StepResult;
  /** The same, in pieces where its work has no small bound. */
  start(ctx: StepContext): StepResult | Job<StepResult>;
}

/** Understands a text line by line. Throws ScenarioError at the first mistake. Empty lines and comments give nothing. */
export function* eachStep(text: string, file: string): Generator<ParsedStep> {
  let number = 0;
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const step = parseStep(text.slice(start, end), file, ++number);
    if (step !== undefined) yield step;
    start = end + 1;
  }
}

/** Understands a whole text. Throws ScenarioError at the first mistake, before anything is carried out. */
export function parseSteps(text: string, file: string): ParsedStep[] {
  return [...eachStep(text, file)];
}

function parseStep(line: string, file: string, number: number): ParsedStep | undefined {
  const words = splitWords(line, file, number);
  const first = words[0];
  if (first === undefined) return undefined;
  const text = trimBytes(withoutComment(line, words.at(-1)!.column));
  const machineStep = first.key === undefined ? MACHINE_STEPS.get(first.text) : undefined;
  if (machineStep !== undefined) {
    const args = new Args(words.slice(1), file, number, line, machineStep.usage);
    if (machineStep.names !== undefined) refuseStepName(machineStep.names, words[1], args);
    const run = machineStep.parse(args);
    args.end();
    const partial = machineStep.partial ?? false;
    const { names } = args;
    return parsed({
      file,
      line: number,
      text,
      word: first.text,
      partial,
      words,
      subject: undefined,
      names,
      start: run,
    });
  }
  const second = words[1];
  const appStep = second === undefined ? undefined : APP_STEPS.get(second.text);
  if (appStep !== undefined) {
    const args = new Args(words.slice(2), file, number, line, appStep.usage);
    const run = appStep.parse(args);
    args.end();
    const partial = appStep.partial ?? false;
    const start = (ctx: StepContext): StepResult | Job<StepResult> => run(ctx, first.text);
    // Whether an app is known shows when the step is carried out: it changes nothing before it looks.
    return parsed({
      file,
      line: number,
      text,
      word: appStep.word,
      partial,
      words,
      subject: undefined,
      names: [],
      start,
    });
  }
  const processStep = second === undefined ? undefined : PROCESS_STEPS.get(second.text);
  if (processStep === undefined) {
    const known = second === undefined ? MACHINE_STEPS.keys() : [...PROCESS_STEPS.keys(), ...APP_STEPS.keys()];
    const word = second ?? first;
    throw new ScenarioError(
      file,
      number,
      word.column,
      second === undefined
        ? `"${word.text}" is no step`
        : `"${word.text}" is no step of a process, nor "${first.text}" one of the machine`,
      `one of ${[...known].join(' ')}`,
    );
  }
  const args = new Args(words.slice(2), file, number, line, processStep.usage);
  if (processStep.names !== undefined) refuseStepName(processStep.names, words[2], args);
  const run = processStep.parse(args);
  args.end();
  return parsed({
    file,
    line: number,
    text,
    word: processStep.word,
    partial: processStep.partial ?? false,
    words,
    subject: first,
    names: args.names,
    start: (ctx) => {
      const task = subjectOf(ctx, first.text, file, number, first.column);
      const { pressure } = ctx.machine;
      const result = pressure.runAs(task, () => run(ctx, task));
      return isJob(result) ? pressure.runInPiecesAs(task, result) : result;
    },
  });
}

function parsed(step: Omit<ParsedStep, 'run'>): ParsedStep {
  const run = (ctx: StepContext): StepResult => {
    const result = step.start(ctx);
    return isJob(result) ? finish(result) : result;
  };
  return { ...step, run };
}

/** A process named like a step would never be heard of again: its lines would be read as that step. */
function refuseStepName(what: 'process' | 'app', name: Word | undefined, args: Args): void {
  if (name === undefined || !(MACHINE_STEPS.has(name.text) || name.text === 'machine')) return;
  throw args.fail(
    `no ${what} can be named "${name.text}": a line that begins so is the step "${name.text}"`,
    name,
    `another name, such as ${name.text}1; comm=${name.text} is possible`,
  );
}

/** The line up to a comment that begins behind its last word. */
function withoutComment(line: string, lastColumn: number): string {
  let end = lastColumn - 1;
  let quoted = false;
  for (; end < line.length && (quoted || !isSpace(line[end]!)); end++) {
    if (line[end] === '"') quoted = !quoted;
    else if (quoted && line[end] === '\\') end++;
  }
  return line.slice(0, end);
}

/** The process that a line is about, by name or pid. */
function subjectOf({ machine }: StepContext, name: string, file: string, line: number, column: number): Task {
  const task = processOf(machine, name);
  if (task === undefined) {
    throw new ScenarioError(file, line, column, `there is no process ${name}`, `make one with: proc ${name}`);
  }
  return task;
}
