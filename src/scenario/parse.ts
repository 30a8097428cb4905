/** From text to steps: one line, one step. */
import { COMM_BYTES, type Task } from '../machine/task.ts';
import { trimBytes } from '../util/bytes.ts';
import { ERRNO_NAMES } from '../util/errno.ts';
import { UnknownNameError } from '../util/errors.ts';
import { finish, isJob, type Job } from '../util/job.ts';
import { closest, suggestion } from '../util/suggest.ts';
import { policySteps } from './compare/policy-steps.ts';
import { processOf } from './resolve-names.ts';
import { ScenarioError } from './scenario-error.ts';
import type { AppStep, MachineStep, ProcessStep, StepContext, StepResult } from './step.ts';
import { addressSteps } from './steps/address-steps.ts';
import { branchSteps } from './steps/branch-steps.ts';
import { captureSteps } from './steps/capture-steps.ts';
import { fileSteps } from './steps/file-steps.ts';
import { machineSteps } from './steps/machine-steps.ts';
import { memorySteps } from './steps/memory-steps.ts';
import { pressureProcessSteps, pressureSteps } from './steps/pressure-steps.ts';
import { processSteps } from './steps/process-steps.ts';
import { recordSteps } from './steps/record-steps.ts';
import { appMachineSteps, appSteps, workloadSteps } from './steps/workload-steps.ts';
import { Args, isSpace, splitWords, type Word } from './words.ts';

export const MACHINE_STEPS: ReadonlyMap<string, MachineStep> = new Map(
  [...machineSteps, ...pressureSteps, ...appMachineSteps, ...policySteps, ...branchSteps].map((step) => [
    step.word,
    step,
  ]),
);
export const PROCESS_STEPS: ReadonlyMap<string, ProcessStep> = new Map(
  [
    ...processSteps,
    ...memorySteps,
    ...fileSteps,
    ...addressSteps,
    ...captureSteps,
    ...recordSteps,
    ...pressureProcessSteps,
    ...workloadSteps,
  ].map((step) => [step.word, step]),
);
export const APP_STEPS: ReadonlyMap<string, AppStep> = new Map(appSteps.map((step) => [step.word, step]));

/** A line that has been understood. */
export interface ParsedStep {
  readonly file: string;
  readonly line: number;
  /** As written, without comment and surrounding space. */
  readonly text: string;
  readonly words: readonly Word[];
  readonly word: string;
  /** True if a failure may leave part of the work done. */
  readonly partial: boolean;
  /** True if it may be given up between two of its pieces. */
  readonly stopsAnywhere?: boolean;
  /** The process or app that it is about, where it is about one. */
  readonly subject: Word | undefined;
  readonly names: Args['names'];
  /** `expect=ENOMEM`: how it is meant to fail. */
  readonly expect: Word | undefined;
  /** What is done, but probably not as it was meant. */
  readonly warning: string | undefined;
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
    number++;
    const step = end === start ? undefined : parseStep(text.slice(start, end), file, number);
    if (step !== undefined) yield step;
    start = end + 1;
  }
}

/** Understands a whole text. Throws ScenarioError at the first mistake, before anything is carried out. */
export function parseSteps(text: string, file: string): ParsedStep[] {
  return [...eachStep(text, file)];
}

function parseStep(line: string, file: string, number: number): ParsedStep | undefined {
  const all = splitWords(line, file, number);
  if (all.length === 0) return undefined;
  const expect = all.find(({ key }) => key === 'expect');
  const words = expect === undefined ? all : all.filter((word) => word !== expect);
  if (expect !== undefined) checkExpectation(expect, file, number);
  const understood = understand(words, line, file, number);
  const text = trimBytes(withoutComment(line, all.at(-1)!.column));
  const warning = warningOf(words, understood.word);
  const run = (ctx: StepContext): StepResult => {
    const result = understood.start(ctx);
    return isJob(result) ? finish(result) : result;
  };
  return { file, line: number, text, words, expect, warning, ...understood, run };
}

/** Which step a line is, and what it does. */
function understand(
  words: readonly Word[],
  line: string,
  file: string,
  number: number,
): Pick<ParsedStep, 'word' | 'partial' | 'stopsAnywhere' | 'subject' | 'names' | 'start'> {
  const [first, second] = words;
  if (first === undefined) throw new ScenarioError(file, number, 1, 'there is no step', 'expect= follows a step');
  const machineStep = first.key === undefined ? MACHINE_STEPS.get(first.text) : undefined;
  if (machineStep !== undefined) {
    const args = new Args(words.slice(1), file, number, line, machineStep.usage);
    if (machineStep.names !== undefined) refuseStepName(machineStep.names, second, args);
    const run = machineStep.parse(args);
    args.end();
    return {
      word: first.text,
      partial: machineStep.partial ?? false,
      stopsAnywhere: machineStep.stopsAnywhere ?? false,
      subject: undefined,
      names: args.names,
      start: run,
    };
  }
  const appStep = second === undefined ? undefined : APP_STEPS.get(second.text);
  if (appStep !== undefined) {
    const args = new Args(words.slice(2), file, number, line, appStep.usage);
    const run = appStep.parse(args);
    args.end();
    const start = (ctx: StepContext): StepResult | Job<StepResult> => run(ctx, first.text);
    // Whether an app is known shows when the step is carried out: it changes nothing before it looks.
    return { word: appStep.word, partial: appStep.partial ?? false, subject: undefined, names: [], start };
  }
  const processStep = second === undefined ? undefined : PROCESS_STEPS.get(second.text);
  if (processStep === undefined) throw unknownStep(first, second, file, number);
  const args = new Args(words.slice(2), file, number, line, processStep.usage);
  if (processStep.names !== undefined) refuseStepName(processStep.names, words[2], args);
  const run = processStep.parse(args);
  args.end();
  return {
    word: processStep.word,
    partial: processStep.partial ?? false,
    subject: first,
    names: args.names,
    start: (ctx) => {
      const task = subjectOf(ctx, first.text);
      const { pressure } = ctx.machine;
      const result = pressure.runAs(task, () => run(ctx, task));
      return isJob(result) ? pressure.runInPiecesAs(task, result) : result;
    },
  };
}

/** Either the second word was meant to be a step of a process, or the first one of the machine. */
function unknownStep(first: Word, second: Word | undefined, file: string, number: number): ScenarioError {
  const ofMachine = ['machine', ...MACHINE_STEPS.keys()];
  const ofProcess = [...PROCESS_STEPS.keys(), ...APP_STEPS.keys()];
  const meantFirst = first.text.length < 3 ? undefined : closest(first.text, ofMachine);
  const meantSecond = second === undefined ? undefined : closest(second.text, ofProcess);
  if (second === undefined || (meantFirst !== undefined && meantSecond === undefined && first.text !== 'machine')) {
    const hint = meantFirst === undefined ? `one of ${ofMachine.join(' ')}` : `did you mean ${meantFirst}?`;
    return new ScenarioError(file, number, first.column, `"${first.text}" is no step`, hint);
  }
  return new ScenarioError(
    file,
    number,
    second.column,
    `"${second.text}" is no step of a process, nor "${first.text}" one of the machine`,
    meantSecond === undefined ? `one of ${ofProcess.join(' ')}` : `did you mean ${meantSecond}?`,
  );
}

/** What `expect=` may say: the name of an error, or `signal` for accesses that hit nothing. */
function checkExpectation(word: Word, file: string, number: number): void {
  if (word.value === 'signal' || ERRNO_NAMES.includes(word.value)) return;
  const hint = suggestion(word.value, ['signal', ...ERRNO_NAMES]);
  throw new ScenarioError(file, number, word.column, `"${word.value}" is no error`, hint);
}

/** A name that does not fit is cut off, as the kernel does it. */
function warningOf(words: readonly Word[], step: string): string | undefined {
  if (words.some(({ text }) => text === 'kthread')) return undefined;
  const comm = step === 'comm' ? words[2] : words.find(({ key }) => key === 'comm');
  if (comm === undefined || comm.value.length <= COMM_BYTES) return undefined;
  return `column ${comm.column}: comm "${comm.value}" is cut off after ${COMM_BYTES} bytes`;
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

/** The process that a line is about, by name or pid. Throws UnknownNameError. */
function subjectOf({ machine }: StepContext, name: string): Task {
  const task = processOf(machine, name);
  if (task === undefined) {
    const make = `make one with: proc ${name}`;
    throw new UnknownNameError(`there is no process ${name}`, name, machine.named.keys(), make);
  }
  return task;
}
