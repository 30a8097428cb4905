/** The programs of a run of `compare`: the policy as long as the run goes on, then those that print a figure of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MountHandle } from '../../fuse/types.ts';
import type { Experiment, PlannedRun } from '../../scenario/compare/experiment.ts';
import type { RunFigures } from '../../scenario/compare/recorder.ts';
import { CliError } from '../../util/errors.ts';
import { logger } from '../../util/log.ts';
import type { CommandEnd } from '../run/syscalls/notifier.ts';
import { Family } from '../run/virtual/family.ts';
import type { TimeReport } from '../run/virtual/virtual-time.ts';
import type { FinishReport, FinishRequest } from './compare-server.ts';

const log = logger('compare');
/** So often is looked whether anybody is left, and so long whether those that were killed have gone. */
const LOOK_MS = 20;
const MOST_LOOKS = 250;

/** What the supervisor of the run lends. */
export interface CommandRun {
  readonly experiment: Experiment;
  readonly planned: PlannedRun;
  readonly mount: MountHandle;
  /** Called with whoever is to be told of time. */
  readonly onTime: (told: (report: TimeReport) => void) => void;
  readonly onFinished: (told: (report: FinishReport) => void) => void;
  /** Runs a command for a shell on the mount; its output is kept. */
  readonly runShell: (command: string) => Promise<CommandEnd>;
}

/** Carries the run out. Rejects with CliError: a program has failed, or does what cannot be under virtual time. */
export async function runPrograms(lent: CommandRun): Promise<RunFigures> {
  const { experiment, planned } = lent;
  const { source } = experiment.rows[planned.row]!.policy;
  if (source.kind === 'program') {
    const end = await untilOver(lent, source.command);
    if (end !== undefined && end.code !== 0)
      throw new CliError(`"${source.command}" ended with ${statusOf(end)} before the run was over${lastWords(end)}`);
  }
  const report = await finished(lent);
  if (report.figures === undefined) throw new CliError(report.failure ?? 'the run has come to nothing');
  const own = { ...report.figures.own };
  for (const metric of experiment.metrics) {
    if (metric.kind !== 'program') continue;
    const end = await untilOver(lent, metric.command);
    const text = end?.stdout?.trim().split('\n').at(-1) ?? '';
    if (end === undefined) throw new CliError(`metric ${metric.name}: "${metric.command}" does not end`);
    if (end.code !== 0)
      throw new CliError(`metric ${metric.name}: "${metric.command}" ended with ${statusOf(end)}${lastWords(end)}`);
    if (text === '' || !Number.isFinite(Number(text)))
      throw new CliError(
        `metric ${metric.name}: the last line of "${metric.command}" is "${text}": it has to be a number`,
      );
    own[metric.name] = Number(text);
  }
  return { ...report.figures, own };
}

/** How a command has ended; undefined: it was there until time was over, or has left others behind who were. */
async function untilOver({ onTime, runShell }: CommandRun, command: string): Promise<CommandEnd | undefined> {
  let over = false;
  let impossible: string | undefined;
  const reported = new Promise<undefined>((settle) => {
    onTime((report) => {
      log('%o', report);
      if (report.kind === 'over') over = true;
      else impossible ??= report.reason;
      settle(undefined);
    });
  });
  let ended: CommandEnd | undefined;
  const running = runShell(command).then((end) => {
    ended = end;
  });
  const family = new Family();
  await Promise.race([reported, running]);
  if (ended?.code === 0) while (!over && impossible === undefined && family.pids().length > 0) await sleep(LOOK_MS);
  const earlier = ended;
  for (let looks = 0; looks < MOST_LOOKS && family.pids().length > 0; looks++) {
    for (const pid of family.pids()) kill(pid);
    await sleep(LOOK_MS);
  }
  await running;
  if (impossible !== undefined) throw new CliError(`"${command}": ${impossible}`);
  log('"%s": %o', command, ended);
  return over ? undefined : earlier;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function finished({ mount, onFinished }: CommandRun): Promise<FinishReport> {
  return new Promise((settle) => {
    onFinished(settle);
    mount.send({ kind: 'finish' } satisfies FinishRequest);
  });
}

function statusOf({ code, signal }: CommandEnd): string {
  return signal === null ? `status ${code}` : signal;
}

/** The last line that it has written to stderr. */
function lastWords({ stderr = '' }: CommandEnd): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${line}`;
}
