/**
 * A machine and those who change it. Every change goes through here, so that a write of several steps that fails in the
 * middle can be undone (undo.ts), and so that machines can be kept under names and come back to.
 */

import type { EventType } from '../machine/event-types.ts';
import { Machine, type MachineOptions } from '../machine/machine.ts';
import type { ProfileName } from '../machine/profiles.ts';
import { ACCESS_SIGNALS } from '../machine/signal.ts';
import type { SwapKind } from '../mm/swap/swap.ts';
import { textOf, trimBytes } from '../util/bytes.ts';
import { EINVAL, ENOSPC } from '../util/errno.ts';
import { BugError, KernelError, UnknownNameError } from '../util/errors.ts';
import { finish, isJob, type Job, undivided } from '../util/job.ts';
import { logger } from '../util/log.ts';
import { closest, suggestion } from '../util/suggest.ts';
import { FinalCheck } from './final-check.ts';
import { machineLine, takeMachineLine } from './machine-line.ts';
import { eachStep, type ParsedStep } from './parse.ts';
import { resolveNames } from './resolve-names.ts';
import { ScenarioError } from './scenario-error.ts';
import { isImage, load, loading, StateError, save, saving } from './state/image.ts';
import { isMachineText, machineText, readMachineText } from './state/machine-text.ts';
import type { Branches, Kept, StepResult } from './step.ts';
import { type Mark, Undo } from './undo.ts';

const log = logger('session');

/** What a caller may impose on a scenario, over its own `machine` line. */
export interface SessionOptions {
  /** Is shown each machine before its first step: the scenario's, and any that takes its place. */
  readonly watch?: ((machine: Machine) => void) | undefined;
  readonly profile?: ProfileName | undefined;
  readonly swapKind?: SwapKind | undefined;
  /** Wall time now, milliseconds since the epoch: the time of boot then follows from the uptime. Absent: a fixed day. */
  readonly wallNowMs?: number | undefined;
  /** Words of the `machine` line that count over its own, by key; `x1.25` is that many times its own value. */
  readonly machine?: Readonly<Record<string, string>> | undefined;
  /** Steps before the scenario's own, each with the name that messages use for where it comes from. */
  readonly first?: readonly { readonly from: string; readonly step: string }[] | undefined;
}

/** A step that has been carried out, with what it reported. */
export interface StepRecord {
  readonly line: number;
  readonly step: string;
  readonly word: string;
  readonly result: StepResult;
}

export const MOST_SNAPSHOTS = 64;
export const SNAPSHOT_NAME = /^[A-Za-z0-9_][\w.-]{0,63}$/;
/** Steps understood in one piece of work. */
const PIECE_STEPS = 256;
/** Up to this length the state tells the steps that have been done one by one; beyond it, what the machine is. */
const LONG_HISTORY_BYTES = 256 * 1024;
/** Steps that leave the machine as it is, or put another in its place: never done again on the way back. */
const ONLOOKERS = new Set(['snap', 'snapshot', 'snapshots', 'restore']);
/** A scenario without a machine line that is played under this profile, by the caller's wish, is a recording of a kernel. */
const RECORDED_PROFILE: ProfileName = 'linux-6.18';

type OnStep = (step: ParsedStep, record: StepRecord) => void;

export class Session implements Branches {
  #machine: Machine;
  readonly #options: SessionOptions;
  readonly #undo = new Undo();
  /** Another machine has taken the place of the one that there is a way back for. */
  #isReplaced = false;
  #machineOptions: MachineOptions;
  /** The scenario that was loaded; what has been done since stands in the history. */
  #base = '';
  #history: string[] = [];
  #historyUs = 0;
  #historyBytes = 0;
  /** The history has become long, or another machine has been put back: the state tells what the machine is, not how it came to be. */
  #isFolded = false;
  /** What is played is a recording: processes catch what the recorder's do. */
  #recorded = false;
  /** What was done, but probably not as it was meant: `file:line: warning: …`; of the last scenario and all steps since. */
  warnings: string[] = [];
  /** Machines kept under names, in the order in which they were first kept. */
  snapshots: Map<string, Kept> = new Map();
  #nrKept = 0;
  /** Called when the machine has become what it was at another time. */
  onRestored: (() => void) | undefined;
  /** Called when the machine object has been replaced by an equal one (after an undone write). */
  onMachineReplaced: ((machine: Machine) => void) | undefined;

  /** An empty machine, or one made by a scenario. Throws ScenarioError. */
  constructor(options: SessionOptions = {}) {
    this.#options = options;
    this.#machineOptions = this.#withOptions({});
    this.#machine = new Machine(this.#machineOptions);
  }

  /** The machine as it is now. It may be replaced: do not keep it. */
  get machine(): Machine {
    return this.#machine;
  }

  /**
   * Runs a scenario on a fresh machine, step by step. A step that makes no sense throws (and leaves the machine as it
   * was); a system call that fails in a simulated process is a result. Its first step may be `machine …`. `onRecord` is
   * told of every step.
   */
  load(text: string, file: string, onRecord?: (record: StepRecord) => void): void {
    finish(this.loading(text, file, onRecord));
  }

  /** The same in pieces; what has been begun is gone when it is not brought to its end. */
  loading(text: string, file: string, onRecord?: (record: StepRecord) => void): Job<void> {
    return this.#loading(text, file, (_step, record) => onRecord?.(record));
  }

  /** The same for a machine that is being set up: there a call that fails throws, too, unless the step expects it. */
  setUp(text: string, file: string): void {
    const mustSucceed = (step: ParsedStep, { result }: StepRecord): void => {
      const failure = failureOf(result);
      if (failure === undefined || step.expect !== undefined) return;
      const said = failure === 'signal' ? 'an access hits nothing and gets a signal' : `the call fails with ${failure}`;
      throw new ScenarioError(step.file, step.line, 1, said, `if it is meant to: expect=${failure}`);
    };
    finish(this.#loading(text, file, mustSucceed));
  }

  *#loading(text: string, file: string, onStep: OnStep): Job<void> {
    if (isImageText(text)) {
      this.loadImage(Buffer.from(text, 'latin1'), file);
      return;
    }
    if (isMachineText(text)) {
      yield* this.#loadingMachineText(text, file, onStep);
      return;
    }
    const { options, rest } = takeMachineLine(text, file, this.#options.machine);
    const before = this.#machine;
    this.#machineOptions = this.#withOptions(options);
    this.#machine = new Machine(this.#machineOptions);
    this.#recorded = this.#options.profile === RECORDED_PROFILE && rest === text;
    if (this.#recorded) this.#machine.usualCatches = ACCESS_SIGNALS;
    this.#options.watch?.(this.#machine);
    this.warnings = [];
    const check = new FinalCheck();
    try {
      for (const key of Object.keys(this.#options.machine ?? {})) this.#machine.imposed.set(`machine.${key}`, '');
      for (const { from, step } of this.#options.first ?? [])
        for (const first of eachStep(step, from)) {
          yield* carryOut(first, this.#machine);
          check.note(first);
        }
      for (const step of eachStep(rest, file)) {
        const record = yield* carryOut(step, this.#machine);
        yield;
        check.note(step);
        this.#noteWarnings(step);
        onStep(step, record);
      }
      check.throwIfMissing(this.#machine);
      this.warnings.push(...check.warnings(this.#machine).map(textOf));
    } catch (error) {
      this.#machine = before;
      throw error;
    }
    this.#undo.forget();
    this.#base = [...(this.#options.first ?? []).map(({ step }) => step), rest].join('\n');
    this.#history = [];
    this.#historyBytes = 0;
    this.#isFolded = false;
    this.#historyUs = this.#machine.nowUs;
    this.onMachineReplaced?.(this.#machine);
  }

  /**
   * Carries out steps on the running machine: all of them or none. A system call that fails counts as a failure here.
   * Throws ScenarioError.
   */
  apply(text: string, file = 'control'): StepRecord[] {
    return finish(this.applying(text, file));
  }

  /** The same in pieces. Nothing else may change the machine between them. */
  *applying(text: string, file = 'control'): Job<StepRecord[]> {
    if (/^[ \t\n\v\f\r]*machine\b/.test(text)) {
      throw new ScenarioError(file, 1, 1, 'machine is only possible at the start of a scenario', 'use swap, sysctl…');
    }
    const steps: ParsedStep[] = [];
    for (const step of eachStep(text, file)) {
      steps.push(step);
      if (steps.length % PIECE_STEPS === 0) yield;
    }
    // Somebody may still be dying: of an access by mem, or in time that is being caught up with.
    if (this.#machine.pressure.deathPending) yield* this.#machine.pressure.settling();
    yield* resolveNames(this.#machine, steps);
    // A step alone that fails as a whole leaves nothing behind.
    const kept = new Map(this.snapshots);
    const mark = steps.length > 1 || steps[0]?.partial ? yield* this.#undo.mark(this.#machine) : undefined;
    const before = this.#history.length;
    const records: StepRecord[] = [];
    for (const step of steps) {
      try {
        this.#noteTime();
        const work = this.#undo.timed(this.#carryOut(step));
        // Without a way back it is not given up half done.
        const record = yield* mark === undefined && !step.stopsAnywhere ? undivided(work) : work;
        if (record.result?.['ret'] === -1 && step.expect === undefined) {
          throw new KernelError(EINVAL, `the system call fails with ${record.result['errno']}`);
        }
        if (!ONLOOKERS.has(step.word)) this.#noteStep(step.text);
        this.#historyUs = this.#machine.nowUs;
        records.push(record);
        yield;
      } catch (error) {
        if (mark !== undefined && (step.partial || records.length > 0 || !isRefusal(error))) {
          yield* this.#goBack(mark, before);
          this.snapshots = kept;
        }
        throw asScenarioError(error, step);
      }
    }
    if (this.#isReplaced) {
      this.#undo.forget();
      this.#fold();
    }
    this.#isReplaced = false;
    this.#undo.trim();
    this.#foldIfLong();
    return records;
  }

  /** The whole machine as text: the steps that made it or, once they have become many, what it is. */
  state(): string {
    return Buffer.from(finish(this.writingState())).toString('latin1');
  }

  /** The same in pieces, as bytes; nothing may change the machine between them. */
  *writingState(): Job<Uint8Array> {
    if (this.#isFolded) return yield* machineText(this.#machine);
    this.#noteTime();
    const recorded = this.#recorded ? 'validity played as a recording\n' : '';
    const text = `${machineLine(this.#machine)}\n${recorded}${trimBytes(this.#base)}\n${this.#history.join('\n')}\n`;
    return Buffer.from(text, 'latin1');
  }

  /** Notes a change that was made beside the step language as the step that would have made it. */
  record(step: string): void {
    this.#noteTime();
    this.#noteStep(step);
    this.#undo.note(this.#machine, this.#machine.nowUs, (machine) => {
      for (const parsed of eachStep(step, 'recorded')) finish(carryOut(parsed, machine));
      return undefined;
    });
    this.#foldIfLong();
  }

  /** Notes an event that somebody around the machine has to tell. */
  log(type: EventType, members: Record<string, string | number | boolean | null>): void {
    this.#machine.log(type, members);
    this.#undo.note(this.#machine, this.#machine.nowUs, (machine) => {
      machine.log(type, members);
      return undefined;
    });
  }

  /** Takes a saved machine in place of what there is. Throws ScenarioError (damaged, of another version, an option that it cannot follow). */
  loadImage(saved: Uint8Array, file: string): void {
    this.#take(loaded(saved, file), file);
  }

  #take(machine: Machine, file: string): void {
    const { profile, swapKind } = this.#options;
    if (swapKind !== undefined && swapKind !== machine.swapKind)
      throw new ScenarioError(file, 1, 1, `this saved machine has ${machine.swapKind} swap`, 'leave out --swap');
    if (profile !== undefined) machine.setProfile(profile);
    this.#replace(machine);
    this.#undo.forget();
    this.#isReplaced = false;
    this.#fold();
  }

  /** A machine as text, and steps behind it. */
  *#loadingMachineText(text: string, file: string, onStep: OnStep): Job<void> {
    const { machine, steps } = readMachineText(text, file);
    this.warnings = [];
    for (const step of eachStep(steps, file)) {
      const record = yield* carryOut(step, machine);
      yield;
      this.#noteWarnings(step);
      onStep(step, record);
    }
    this.#take(machine, file);
  }

  /** What has been done so far is told by the machine as it is: the state grows with the machine, not with its age. */
  #fold(): void {
    this.#isFolded = true;
    this.#base = '';
    this.#history = [];
    this.#historyBytes = 0;
    this.#historyUs = this.#machine.nowUs;
  }

  #foldIfLong(): void {
    if (this.#historyBytes > LONG_HISTORY_BYTES) this.#fold();
  }

  #noteStep(step: string): void {
    if (this.#isFolded) return;
    this.#history.push(step);
    this.#historyBytes += step.length + 1;
  }

  /** The whole machine as bytes, for loadImage. */
  save(): Uint8Array {
    return save(this.#machine);
  }

  /** The same in pieces, between which nothing may change the machine. */
  saving(): Job<Uint8Array> {
    return saving(this.#machine);
  }

  /** Keeps the machine as it is under a name; what had that name is forgotten. Throws EINVAL, ENOSPC. */
  *keep(name: string): Job<void> {
    if (!SNAPSHOT_NAME.test(name))
      throw new KernelError(EINVAL, `"${name}" is no name of a snapshot: letters, digits, . _ -, at most 64`);
    if (!this.snapshots.has(name) && this.snapshots.size >= MOST_SNAPSHOTS)
      throw new KernelError(ENOSPC, `there are ${MOST_SNAPSHOTS} snapshots already: drop one with: snapshot NAME drop`);
    this.snapshots.set(name, {
      bytes: yield* saving(this.#machine),
      nowUs: this.#machine.nowUs,
      serial: ++this.#nrKept,
    });
  }

  /** Forgets a snapshot. Throws EINVAL. */
  drop(name: string): void {
    this.#kept(name);
    this.snapshots.delete(name);
  }

  /** Makes the machine what it was when it was kept under this name; the snapshot stays. Throws EINVAL. */
  *restore(name: string): Job<void> {
    this.#replace(yield* loading(this.#kept(name).bytes));
    this.onRestored?.();
  }

  #kept(name: string): Kept {
    const kept = this.snapshots.get(name);
    if (kept !== undefined) return kept;
    const names = [...this.snapshots.keys()];
    const advice = names.length === 0 ? 'make one with: snapshot NAME' : undefined;
    throw new UnknownNameError(`there is no snapshot ${name}`, name, names, advice);
  }

  #replace(machine: Machine): void {
    this.#machine = machine;
    this.#isReplaced = true;
    this.#options.watch?.(machine);
    this.onMachineReplaced?.(machine);
  }

  /** Lets time pass in pieces; not noted until something happens. */
  *advancing(toUs: number): Job<void> {
    if (toUs <= this.#machine.nowUs) return;
    yield* this.#undo.timed(this.#machine.advancing(toUs));
    this.#undo.trim();
  }

  /** Lets time pass; not noted until something happens. */
  advance(toUs: number): void {
    if (toUs > this.#machine.nowUs) finish(this.advancing(toUs));
  }

  #withOptions(own: MachineOptions): MachineOptions {
    const { profile, swapKind, wallNowMs } = this.#options;
    const uptimeMs = (own.uptimeSeconds ?? 0) * 1000;
    return {
      ...own,
      ...(profile === undefined ? {} : { profile }),
      ...(swapKind === undefined ? {} : { swapKind }),
      ...(wallNowMs === undefined || own.bootTimeMs !== undefined
        ? {}
        : { bootTimeMs: Math.round(wallNowMs - uptimeMs) }),
    };
  }

  #noteWarnings({ file, line, warnings }: ParsedStep): void {
    for (const warning of warnings) this.warnings.push(textOf(`${file}:${line}: warning: ${warning}`));
  }

  *#carryOut(step: ParsedStep): Job<StepRecord> {
    const machine = this.#machine;
    const atUs = machine.nowUs;
    const record = yield* carryOut(step, machine, this);
    if (!ONLOOKERS.has(step.word)) this.#undo.note(machine, atUs, (again) => carryOut(step, again));
    return record;
  }

  #noteTime(): void {
    if (this.#isFolded || this.#machine.nowUs === this.#historyUs) return;
    const last = this.#history.at(-1);
    if (last?.startsWith('at ')) {
      this.#history.pop();
      this.#historyBytes -= last.length + 1;
    }
    this.#noteStep(`at ${this.#machine.nowUs}us`);
    this.#historyUs = this.#machine.nowUs;
  }

  /** Makes the machine what it was at a mark. */
  *#goBack(mark: Mark, history: number): Job<void> {
    log('undoing what a rejected write has done');
    for (const step of this.#history.splice(history)) this.#historyBytes -= step.length + 1;
    this.#machine = yield* this.#undo.back(mark, this.#machine);
    this.#isReplaced = false;
    this.#historyUs = this.#machine.nowUs;
    this.#options.watch?.(this.#machine);
    this.onMachineReplaced?.(this.#machine);
  }
}

function* carryOut(step: ParsedStep, machine: Machine, branches?: Branches): Job<StepRecord> {
  const { expect } = step;
  let result: StepResult;
  try {
    const begun = step.start({ machine, ...(branches === undefined ? {} : { branches }) });
    result = isJob(begun) ? yield* begun : begun;
    machine.cgroups.afterStep();
    if (machine.pressure.deathPending) yield* machine.pressure.settling();
  } catch (error) {
    if (!(error instanceof KernelError && error.code === expect?.value)) throw asScenarioError(error, step);
    result = { ret: -1, errno: error.code };
  }
  if (expect !== undefined && failureOf(result) !== expect.value) {
    const outcome = failureOf(result) === undefined ? 'it succeeds' : `it fails with ${failureOf(result)}`;
    throw new ScenarioError(step.file, step.line, expect.column, `${expect.value} was expected, but ${outcome}`);
  }
  if (!ONLOOKERS.has(step.word)) machine.generation++;
  return { line: step.line, step: step.text, word: step.word, result };
}

/** Errors of which a step says that it has done nothing. */
function isRefusal(error: unknown): boolean {
  return error instanceof KernelError || error instanceof ScenarioError;
}

/** Whether a byte string is a saved machine (as bytes or as text) and not a scenario. */
export function isSaved(text: string): boolean {
  return isImageText(text) || isMachineText(text);
}

function isImageText(text: string): boolean {
  return isImage(Buffer.from(text.slice(0, 16), 'latin1'));
}

/** The machine of a file. Throws ScenarioError. */
function loaded(saved: Uint8Array, file: string): Machine {
  try {
    return load(saved);
  } catch (error) {
    if (error instanceof StateError) throw new ScenarioError(file, 1, 1, error.message);
    throw error;
  }
}

function asScenarioError(error: unknown, step: ParsedStep): Error {
  if (error instanceof ScenarioError || error instanceof BugError) return error;
  if (error instanceof UnknownNameError) return aboutName(error, step);
  if (error instanceof KernelError) {
    const column = step.words.findLast(({ value }) => value === error.about)?.column ?? 1;
    return new ScenarioError(step.file, step.line, column, error.message, step.text);
  }
  return error instanceof Error ? error : new Error(String(error));
}

/** The complaint about a name, at the name. */
function aboutName({ message, unknownName, known, advice }: UnknownNameError, step: ParsedStep): ScenarioError {
  const word =
    step.words.find(({ value }) => value.split(',').includes(unknownName)) ??
    step.words.find(({ value }) => value.startsWith(unknownName) || value.endsWith(`/${unknownName}`));
  const meant = closest(unknownName, known);
  const hint = meant === undefined ? (advice ?? suggestion(unknownName, known)) : `did you mean ${meant}?`;
  const reason = message.replace(/^E[A-Z0-9]+: /, '');
  return new ScenarioError(step.file, step.line, word?.column ?? 1, reason, hint);
}

/** How a step has failed in a simulated process: an error's name, or `signal`. */
function failureOf(result: StepResult): string | undefined {
  if (typeof result?.['errno'] === 'string') return result['errno'];
  return Number(result?.['signals'] ?? 0) > 0 ? 'signal' : undefined;
}
