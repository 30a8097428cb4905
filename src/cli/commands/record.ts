import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { type Recording, recordProcesses } from '../../scenario/record/recorder.ts';
import { parseTime } from '../../scenario/words.ts';
import { replaceFile } from '../../util/replace-file.ts';
import { CliError, type CommandRow, EXIT_USAGE } from '../command.ts';
import { collectPid, size } from '../option-values.ts';
import { notice, printJson } from '../output.ts';

const HELP = `
Examples:
  reclaimfs record --pid 1234 --for 60s -o editor.scn
  reclaimfs record --every 100ms -o build.scn -- make -j2
  reclaimfs replay editor.scn               the model beside the original
  reclaimfs compare editor.scn              the same under other policies

Ctrl-C ends the recording and keeps it. Each look clears the referenced bits of
the processes (PID/clear_refs 1), at which the kernel's reclaim looks, too.
What each source of access bits can tell: docs/record.md.`;

interface Flags {
  readonly pid?: readonly number[];
  readonly for?: number;
  readonly every: number;
  readonly output: string;
  readonly swapSize?: number;
  readonly json?: boolean;
}

export const recordCommand: CommandRow = {
  name: 'record',
  register(program: Command): void {
    program
      .command('record [command...]')
      .description('write what real processes do with their memory over time as a scenario')
      .option('--pid <n>', 'this process and its children (repeat for more)', collectPid)
      .option('--for <time>', 'how long (default: until they end)', time)
      .option('--every <time>', 'how often to look', time, 1_000_000)
      .requiredOption('-o, --output <file>', 'where to write')
      .option('--swap-size <size>', 'swap of the simulated machine (default: as here)', size)
      .option('--json', 'say what was recorded as one JSON object')
      .addHelpText('after', HELP)
      .action(record);
  },
};

function time(text: string): number {
  const us = parseTime(text);
  if (us === undefined || us <= 0) throw new InvalidArgumentError('Give a time such as 500ms or 10s.');
  return us;
}

async function record(command: readonly string[], flags: Flags): Promise<void> {
  if ((command.length === 0) === (flags.pid === undefined))
    throw new CliError('give --pid N, or a command behind --', EXIT_USAGE);
  const end = new AbortController();
  const stop = (): void => end.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const child = command.length === 0 ? undefined : await start(command);
  const recording = await recordProcesses({
    pids: child === undefined ? flags.pid! : [child.pid],
    fresh: child !== undefined,
    everyUs: flags.every,
    forUs: flags.for,
    swapBytes: flags.swapSize,
    signal: end.signal,
  });
  process.off('SIGINT', stop).off('SIGTERM', stop);
  replaceFile(flags.output, recording.text);
  if (flags.json === true) printJson({ output: flags.output, ...summary(recording) });
  for (const line of remarks(recording, flags)) notice(line);
  if (child !== undefined) process.exitCode = await child.end();
}

interface Child {
  readonly pid: number;
  /** Ends it if it still runs; its exit status. */
  end(): Promise<number>;
}

function start([file = '', ...args]: readonly string[]): Promise<Child> {
  return new Promise((settle, fail) => {
    const child = spawn(file, args, { stdio: 'inherit' });
    let status: number | undefined;
    const ended = new Promise<number>((tell) => {
      child.once('exit', (code, signal) => {
        status = code ?? 128 + constants.signals[signal!];
        tell(status);
      });
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      fail(new CliError(`${file}: ${error.code === 'ENOENT' ? 'command not found' : error.code}`)),
    );
    child.once('spawn', () =>
      settle({
        pid: child.pid!,
        end() {
          // The time is over: what was recorded is not what runs on.
          if (status === undefined) child.kill('SIGTERM');
          return status === undefined ? ended.then(() => 0) : Promise.resolve(status);
        },
      }),
    );
  });
}

/** Published as schemas/record.schema.json. */
export type RecordResult = Omit<Recording, 'text' | 'limitBytes'> & {
  readonly output: string;
  readonly limitBytes: number | null;
};

function summary({ text: _, limitBytes, ...more }: Recording): Omit<RecordResult, 'output'> {
  return { ...more, limitBytes: limitBytes ?? null };
}

function remarks({ nrIntervals, nrProcesses, nrLate, limitBytes }: Recording, { every }: Flags): string[] {
  const lines = [`recorded ${nrProcesses} processes over ${nrIntervals} intervals`];
  if (limitBytes !== undefined)
    lines.push(`their memory is limited to ${Math.round(limitBytes / 1024)} kB: so it is in the scenario`);
  if (nrLate > nrIntervals / 10)
    lines.push(
      `a look took longer than ${every / 1000} ms ${nrLate} times: intervals are longer than asked for (see --every)`,
    );
  return lines;
}
