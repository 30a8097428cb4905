import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { damonToScenario } from '../../scenario/damon/damon.ts';
import { type LogcatTimeline, logcatToScenario } from '../../scenario/logcat/logcat.ts';
import { UsageError } from '../../util/errors.ts';
import { replaceFile } from '../../util/replace-file.ts';
import { unpacked } from '../../util/unpacked.ts';
import { CliError, type CommandRow } from '../command.ts';
import { size } from '../option-values.ts';
import { notice, print } from '../output.ts';

const HELP = `
Examples:
  adb logcat -b events -b main -v threadtime -d > day.log
  adb shell dumpsys meminfo > meminfo.txt
  reclaimfs import logcat day.log --meminfo meminfo.txt -o day.scn
  reclaimfs compare day.scn --policies kernel,lmk,reclaim
  reclaimfs import damon damon.data --ram 256M -o app.scn

Each app that was in front is brought to the front when it was. Kills of the
log stand in the scenario as comments: who dies is for the policy to decide.
What the log does not say is told on stderr and in the scenario. A bug report
has both, log and sizes. gzip and zstd are read.

damon: what damo record wrote (compressed or JSON), what perf script prints of
damon_aggregated, or what damo report access --raw_form prints.`;

const MOST_BYTES = 256 * 1024 ** 2;

interface Flags {
  readonly meminfo?: string;
  readonly output?: string;
}

export const importCommand: CommandRow = {
  name: 'import',
  register(program: Command): void {
    const command = program
      .command('import')
      .description('make a scenario of what another system recorded')
      .addHelpText('after', HELP);
    command
      .command('logcat <file>')
      .description("which app was in front when, from Android's log")
      .option('--meminfo <file>', 'sizes: what "dumpsys meminfo" printed (default: as in <file>)')
      .option('-o, --output <file>', 'where to write (default: stdout)')
      .action(logcat);
    command
      .command('damon <file>')
      .description('which memory was accessed when, from a recording of DAMON (damo record)')
      .option('--ram <size>', "the machine's memory (default: everything fits)", size)
      .option('-o, --output <file>', 'where to write (default: stdout)')
      .action(damon);
  },
};

async function logcat(file: string, flags: Flags): Promise<void> {
  const log = (await readRecorded(file)).toString('utf8');
  const meminfo = flags.meminfo === undefined ? undefined : (await readRecorded(flags.meminfo)).toString('utf8');
  write(
    named(file, () => logcatToScenario(log, { file, ...(meminfo === undefined ? {} : { meminfo }) })),
    flags.output,
  );
}

interface DamonFlags {
  readonly ram?: number;
  readonly output?: string;
}

async function damon(file: string, flags: DamonFlags): Promise<void> {
  const recording = await readRecorded(file);
  write(
    named(file, () =>
      damonToScenario(recording, { file, ...(flags.ram === undefined ? {} : { ramBytes: flags.ram }) }),
    ),
    flags.output,
  );
}

function write({ text, remarks }: LogcatTimeline, output: string | undefined): void {
  if (output === undefined || output === '-') print(text);
  else replaceFile(output, text);
  for (const remark of remarks) notice(remark);
}

/** What is wrong with a recording is said with its name. */
function named<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError) throw new CliError(`${file}: ${error.message}`);
    throw error;
  }
}

async function readRecorded(file: string): Promise<Buffer> {
  try {
    if ((await stat(file)).size > MOST_BYTES) throw new CliError(`${file} is too large: give at most 256 MiB`);
    return unpacked(file, await readFile(file), MOST_BYTES);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof CliError || code === undefined) throw error;
    throw new CliError(`${file} cannot be read (${code}): give a readable file`);
  }
}
