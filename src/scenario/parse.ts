/** From text to steps: one line, one step. */
import { COMM_BYTES, type Task } from '../machine/task.ts';
import { trimBytes } from '../util/bytes.ts';
import { ERRNO_NAMES } from '../util/errno.ts';
import { UnknownNameError } from '../util/errors.ts';
import { finish, isJob, type Job } from '../util/job.ts';
import { closest, nearest, suggestion } from '../util/suggest.ts';
import { policySteps } from './compare/policy-steps.ts';
import { processOf } from './resolve-names.ts';
import { ScenarioError } from './scenario-error.ts';
import type { AppStep, MachineStep, ProcessStep, StepContext, StepResult } from './step.ts';
import { formProblem } from './step-forms.ts';
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
  readonly warnings: readonly string[];
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
  const understood = understand({ words, source: line, file, number });
  const text = trimBytes(withoutComment(line, all.at(-1)!.column));
  const run = (ctx: StepContext): StepResult => {
    const result = understood.start(ctx);
    return isJob(result) ? finish(result) : result;
  };
  return { file, line: number, text, words, expect, ...understood, run };
}

type Understood = Pick<ParsedStep, 'word' | 'partial' | 'stopsAnywhere' | 'subject' | 'names' | 'start' | 'warnings'>;

/** A line in words, and where it stands. */
interface Line {
  readonly words: readonly Word[];
  readonly source: string;
  readonly file: string;
  readonly number: number;
}

function argsOf(words: readonly Word[], { file, number, source }: Line, usage: string): Args {
  return new Args(words, file, number, source, usage);
}

/** Which step a line is, and what it does. */
function understand(at: Line): Understood {
  const { words, file, number } = at;
  const [first, second] = words;
  if (first === undefined) throw new ScenarioError(file, number, 1, 'there is no step', 'expect= follows a step');
  const machineStep = first.key === undefined ? MACHINE_STEPS.get(first.text) : undefined;
  if (machineStep !== undefined) return ofMachine(machineStep, at);
  if (first.text === 'machine')
    throw new ScenarioError(
      file,
      number,
      first.column,
      'machine says what the machine is, and it is there by now',
      'move this line before all other steps; change it later with: swap, sysctl',
    );
  const appStep = second === undefined ? undefined : APP_STEPS.get(second.text);
  const processStep = second === undefined ? undefined : PROCESS_STEPS.get(second.text);
  if (appStep === undefined && processStep === undefined) throw unknownStep(at);
  try {
    if (processStep !== undefined) return ofProcess(processStep, at);
    return ofApp(appStep!, at);
  } catch (error) {
    // `polic reclaim` is no process named polic that is told to reclaim, but a slip in policy.
    const meant = error instanceof ScenarioError ? meantMachineStep(at) : undefined;
    throw meant === undefined ? error : noStep(first, meant, at);
  }
}

function ofMachine(row: MachineStep, at: Line): Understood {
  const { words } = at;
  const args = argsOf(words.slice(1), at, row.usage);
  if (row.names !== undefined) refuseStepName(row.names, words[1], args);
  const start = row.parse(args);
  return {
    word: row.word,
    partial: row.partial ?? false,
    stopsAnywhere: row.stopsAnywhere ?? false,
    subject: undefined,
    names: args.names,
    warnings: finished(args, row.word, words),
    start,
  };
}

function ofApp(row: AppStep, at: Line): Understood {
  const { words } = at;
  const args = argsOf(words.slice(2), at, row.usage);
  const run = row.parse(args);
  const start = (ctx: StepContext): StepResult | Job<StepResult> => run(ctx, words[0]!.text);
  // Whether an app is known shows when the step is carried out: it changes nothing before it looks.
  const warnings = finished(args, row.word, words);
  return { word: row.word, partial: row.partial ?? false, subject: undefined, names: [], warnings, start };
}

function ofProcess(row: ProcessStep, at: Line): Understood {
  const { words } = at;
  const subject = words[0]!;
  const args = argsOf(words.slice(2), at, row.usage);
  if (row.names !== undefined) refuseStepName(row.names, words[2], args);
  const run = row.parse(args);
  return {
    word: row.word,
    partial: row.partial ?? false,
    subject,
    names: args.names,
    warnings: finished(args, row.word, words),
    start: (ctx) => {
      const task = subjectOf(ctx, subject.text);
      const { pressure } = ctx.machine;
      const result = pressure.runAs(task, () => run(ctx, task));
      return isJob(result) ? pressure.runInPiecesAs(task, result) : result;
    },
  };
}

/** Complains about what is left over and what does not go together; the warnings about the rest. */
function finished(args: Args, step: string, words: readonly Word[]): readonly string[] {
  args.end();
  const problem = formProblem(args, step);
  if (problem !== undefined) throw problem;
  warnOfComm(args, words, step);
  return args.warnings;
}

/** The step of the machine that a line would be but for a slip in its first word; `withText`: also one that takes any text. */
function meantMachineStep(at: Line, withText = false): string | undefined {
  return nearest(at.words[0]!.text, MACHINE_STEPS.keys()).find((name) => {
    const row = MACHINE_STEPS.get(name)!;
    const args = argsOf(at.words.slice(1), at, row.usage);
    try {
      row.parse(args);
      args.end();
    } catch {
      return false;
    }
    return (withText || !args.takesAnything) && formProblem(args, name) === undefined;
  });
}

/** The step of a process that a line would be but for a slip in its second word. */
function meantProcessStep(at: Line): string | undefined {
  const near = nearest(at.words[1]?.text ?? '', [...PROCESS_STEPS.keys(), ...APP_STEPS.keys()]);
  const fits = near.find((name) => {
    const row = PROCESS_STEPS.get(name);
    try {
      return row === undefined || ofProcess(row, at) !== undefined;
    } catch {
      return false;
    }
  });
  return fits ?? near[0];
}

function noStep(first: Word, meant: string | undefined, { file, number }: Line): ScenarioError {
  const hint =
    meant === undefined ? `one of ${['machine', ...MACHINE_STEPS.keys()].join(' ')}` : `did you mean ${meant}?`;
  return new ScenarioError(file, number, first.column, `"${first.text}" is no step`, hint);
}

/** Either the second word was meant to be a step of a process, or the first one of the machine. */
function unknownStep(at: Line): ScenarioError {
  const [first, second] = at.words as [Word, Word | undefined];
  const meantSecond = second === undefined ? undefined : meantProcessStep(at);
  const fits = meantMachineStep(at, meantSecond === undefined);
  const near = first.text.length < 3 ? undefined : closest(first.text, ['machine', ...MACHINE_STEPS.keys()]);
  const meantFirst = fits ?? (meantSecond === undefined ? near : undefined);
  if (second === undefined || meantFirst !== undefined) return noStep(first, meantFirst ?? near, at);
  return new ScenarioError(
    at.file,
    at.number,
    second.column,
    `"${second.text}" is no step of a process, nor "${first.text}" one of the machine`,
    meantSecond === undefined
      ? `one of ${[...PROCESS_STEPS.keys(), ...APP_STEPS.keys()].join(' ')}`
      : `did you mean ${meantSecond}?`,
  );
}

/** What `expect=` may say: the name of an error, or `signal` for accesses that hit nothing. */
function checkExpectation(word: Word, file: string, number: number): void {
  if (word.value === 'signal' || ERRNO_NAMES.includes(word.value)) return;
  const hint = suggestion(word.value, ['signal', ...ERRNO_NAMES]);
  throw new ScenarioError(file, number, word.column, `"${word.value}" is no error`, hint);
}

/** A name that does not fit is cut off, as the kernel does it. */
function warnOfComm(args: Args, words: readonly Word[], step: string): void {
  const comm = step === 'comm' ? words[2] : args.given.find(({ key }) => key === 'comm');
  if (comm === undefined || comm.value.length <= COMM_BYTES || args.given.some(({ text }) => text === 'kthread'))
    return;
  args.warn(comm, `comm "${comm.value}" is cut off after ${COMM_BYTES} bytes`);
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
