/**
 * The factory module of a run of `compare` that programs take part in: the machine of the run, watched as ever, with its
 * tree for them. Time passes as the notifier says (RunClock).
 */
import type { TransportHooks } from '../../fuse/types.ts';
import type { MachineEvent } from '../../machine/event-log.ts';
import type { Task } from '../../machine/task.ts';
import type { RunOptions } from '../../procfs/host.ts';
import type { Experiment, PlannedRun } from '../../scenario/compare/experiment.ts';
import type { RunFigures } from '../../scenario/compare/recorder.ts';
import { beginRun, programName } from '../../scenario/compare/run.ts';
import { chargeWrite } from '../../scenario/compare/task-managers/daemon.ts';
import type { Session } from '../../scenario/session.ts';
import { isJob, type Job } from '../../util/job.ts';
import type { FileSystem, Pending } from '../../vfs/types.ts';
import { Clock } from '../clock.ts';
import { Mailbox } from '../mailbox.ts';
import { RunClock } from '../run/virtual/run-clock.ts';
import { type ServerOptions, treeOf } from '../server.ts';
import { SessionHost } from '../session-host.ts';

/** Which run it is, beside what any server is told. */
export interface CompareServerOptions extends ServerOptions {
  readonly experiment: Experiment;
  readonly planned: PlannedRun;
}

/** Asks for the end of the run: the rest of its time passes. */
export interface FinishRequest {
  readonly kind: 'finish';
}

/** What the run has come to, or why it has come to nothing. */
export interface FinishReport {
  readonly kind: 'finished';
  readonly figures?: RunFigures;
  readonly failure?: string;
}

/** Metrics may wait for so long after the end, in virtual microseconds. */
const METRICS_US = 3_600_000_000;

/** Called by the transport. Rejects as carryOut does. */
export async function createFileSystem(options: unknown, hooks: TransportHooks): Promise<FileSystem> {
  const { experiment, planned, ...more } = options as CompareServerOptions;
  const run = await beginRun(experiment, planned, false);
  const { session, recorder } = run;
  const row = experiment.rows[planned.row]!;
  const manager = row.policy.source.kind === 'program' ? programName(row) : undefined;
  const host = new ManagedHost(session, new Clock(session.machine.nowUs, 1, false), manager);
  const adopt = session.onMachineReplaced;
  session.onMachineReplaced = (machine) => {
    adopt?.(machine);
    recorder.follow(machine);
  };
  const clock = new RunClock(host, run.endUs, recorder.sampler);
  const mailbox = new Mailbox(hooks);
  const fs = treeOf(host, more, hooks, { mailbox, runClock: clock });
  const tell = host.onEvent;
  host.onEvent = (event) => {
    // While time stands still, nobody but the policy acts.
    const byPolicy = event.type === 'signal' && !clock.passes && manager !== undefined;
    recorder.see(byPolicy ? ({ ...event, type: 'policy-kill' } as MachineEvent) : event);
    tell?.(event);
  };
  let report: FinishReport = { kind: 'finished', failure: 'the run has not come to its end' };
  clock.onOver = () => {
    try {
      report =
        host.failure === undefined
          ? { kind: 'finished', figures: run.figures() }
          : { kind: 'finished', failure: host.failure };
    } catch (error) {
      report = { kind: 'finished', failure: error instanceof Error ? error.message : String(error) };
    }
  };
  mailbox.on<FinishRequest>('finish', () => {
    clock.finish();
    clock.endUs += METRICS_US;
    hooks.send(report);
  });
  return fs;
}

/** What a program does on the machine is charged to the process that stands there for it, as that of our own managers is. */
class ManagedHost extends SessionHost {
  readonly #manager: string | undefined;

  constructor(session: Session, clock: Clock, manager: string | undefined) {
    super(session, clock, { inSlices: true });
    this.#manager = manager;
  }

  override *writeReclaim(task: Task, data: Uint8Array): Job<number> {
    const before = task.mm?.rss ?? 0;
    const taken = yield* super.writeReclaim(task, data);
    this.#charge(before - (task.mm?.rss ?? before));
    return taken;
  }

  /** Of memory.reclaim what it has taken away is known afterwards. */
  override run<T>(begin: () => T | Job<T>, options?: RunOptions): T | Pending<T> {
    const { events } = this.machine.mem;
    const charge = (before: number) => {
      if (events.pgsteal_proactive > before) this.#charge(events.pgsteal_proactive - before);
    };
    const begun = (): T | Job<T> => {
      const before = events.pgsteal_proactive;
      const work = begin();
      if (isJob(work))
        return (function* (): Job<T> {
          const result = yield* work;
          charge(before);
          return result;
        })();
      charge(before);
      return work;
    };
    return super.run(begun, options);
  }

  #charge(pages: number): void {
    if (this.#manager === undefined) return;
    const { tasks } = this.machine;
    chargeWrite(
      this.machine,
      [...tasks.values()].find(({ name }) => name === this.#manager),
      pages,
    );
  }
}
