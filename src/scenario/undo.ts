/**
 * The way back to a moment shortly before: a checkpoint of the machine, and what has been done since. What that costs is
 * bounded by what the machine is, however long it has lived: when doing it all again would take too long, the checkpoint is
 * given up, and the next moment that is to be come back to gets a fresh one.
 */
import type { Machine } from '../machine/machine.ts';
import type { Watched } from '../machine/psi-triggers.ts';
import { finish, type Job } from '../util/job.ts';
import { type Checkpoint, machineAt, takingCheckpoint } from './state/image.ts';

/** Does something again. */
export type Again = (machine: Machine) => Job<unknown> | undefined;

/** Something done since the checkpoint, at a moment, on somebody's behalf. */
interface Deed {
  readonly atUs: number;
  readonly origin: Readonly<Record<string, number>> | undefined;
  readonly again: Again;
}

/** A moment that can be come back to. */
export interface Mark {
  readonly nrDeeds: number;
  readonly nowUs: number;
  /** Triggers of open files: whose pressure (the path of a group; null: the machine's), and how they stood. */
  readonly watched: readonly (readonly [path: string | null, triggers: readonly Watched[]])[];
}

/** Milliseconds of CPU time that doing everything again may take: so long, or so many times what a checkpoint takes. */
const LEAST_MS = 35;
const MOST_MS = 400;
const TIMES_CHECKPOINT = 4;
/** Copying so much takes some tenths of a second: about 100 GiB of memory in use. */
const MOST_AT_ONCE_BYTES = 2 ** 30;

export class Undo {
  #checkpoint: Checkpoint | undefined;
  /** A checkpoint that has been given up: the next one is made in its room. */
  #spare: Checkpoint | undefined;
  #deeds: Deed[] = [];
  #budgetMs = 0;
  #spentMs = 0;

  /** Makes sure that this moment can be come back to; what to give to `back` for that. */
  *mark(machine: Machine): Job<Mark> {
    if (this.#checkpoint === undefined) {
      let tookMs = 0;
      const spare = this.#spare;
      this.#spare = undefined;
      this.#checkpoint = yield* timed(takingCheckpoint(machine, spare), (ms) => {
        tookMs += ms;
      });
      this.#budgetMs = Math.max(LEAST_MS, Math.min(TIMES_CHECKPOINT * tookMs, MOST_MS));
      this.#spentMs = 0;
      this.#deeds = [];
    }
    return { nrDeeds: this.#deeds.length, nowUs: machine.nowUs, watched: watchedOf(machine) };
  }

  /** Notes what has been done. It is done again on a machine that is as this one was. */
  note(machine: Machine, atUs: number, again: Again): void {
    if (this.#checkpoint !== undefined) this.#deeds.push({ atUs, origin: machine.events.origin?.(), again });
  }

  /** Counts the time that a job takes, but not what happens between its pieces. */
  timed<T>(job: Job<T>): Job<T> {
    return timed(job, (ms) => {
      this.#spentMs += ms;
    });
  }

  /** Gives the checkpoint up when coming back by it would take too long. To be called when no mark is wanted any more. */
  trim(): void {
    if (this.#checkpoint !== undefined && this.#spentMs > this.#budgetMs) this.forget();
  }

  /** The machine has been replaced: there is no way back. */
  forget(): void {
    this.#spare = this.#checkpoint;
    this.#checkpoint = undefined;
    this.#deeds = [];
  }

  /**
   * The machine as it was at a mark. Unless it is huge it is made at once, of the memory of the one that is wrong, and what
   * is done again has taken no longer than the budget; a huge one is made in pieces, beside it.
   */
  *back(mark: Mark, wrong: Machine): Job<Machine> {
    const checkpoint = this.#checkpoint!;
    this.#deeds.length = mark.nrDeeds;
    if (checkpoint.aside.bytes > MOST_AT_ONCE_BYTES) {
      const machine = yield* machineAt(checkpoint);
      yield* this.#again(machine, mark);
      return machine;
    }
    const machine = finish(machineAt(checkpoint, wrong));
    finish(this.#again(machine, mark));
    return machine;
  }

  *#again(machine: Machine, { nowUs, watched }: Mark): Job<void> {
    for (const { atUs, origin, again } of this.#deeds) {
      yield* machine.advancing(atUs);
      machine.events.origin = origin === undefined ? undefined : () => origin;
      yield* again(machine) ?? [];
      yield;
    }
    machine.events.origin = undefined;
    yield* machine.advancing(nowUs);
    for (const [path, triggers] of watched)
      (path === null ? machine.psi : machine.cgroups.at(path).psi)?.triggers.goOnWith(triggers);
  }
}

function watchedOf(machine: Machine): Mark['watched'] {
  const found: [string | null, readonly Watched[]][] = [[null, machine.psi.triggers.watching()]];
  const groups = [...machine.cgroups.root.children.values()];
  for (const group of groups) {
    if (group.psi !== null) found.push([group.path, group.psi.triggers.watching()]);
    groups.push(...group.children.values());
  }
  return found.filter(([, triggers]) => triggers.length > 0);
}

/** CPU time, which is the same when others use the machine, too; of all threads, but ours is the one that works. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function* timed<T>(job: Job<T>, spent: (ms: number) => void): Job<T> {
  let go = (): IteratorResult<void, T> => job.next();
  for (;;) {
    const since = cpuMs();
    try {
      const { done, value } = go();
      if (done === true) return value;
    } finally {
      spent(cpuMs() - since);
    }
    go = () => job.next();
    try {
      yield;
    } catch (error) {
      // Whoever carries it out wants no more of it: the job is told.
      go = () => job.throw(error);
    }
  }
}
