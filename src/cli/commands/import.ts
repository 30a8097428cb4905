import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { logcatToScenario } from '../../scenario/logcat/logcat.ts';
import { UsageError } from '../../util/errors.ts';
import { replaceFile } from '../../util/replace-file.ts';
import { unpacked } from '../../util/unpacked.ts';
import { CliError, type CommandRow } from '../command.ts';
import { notice, print } from '../output.ts';

const HELP = `
Examples:
  adb logcat -b events -b main -v threadtime -d > day.log
  adb shell dumpsys meminfo > meminfo.txt
  reclaimfs import logcat day.log --meminfo meminfo.txt -o day.scn
  reclaimfs compare day.scn --policies kernel,lmk,reclaim

Each app that was in front is brought to the front when it was. Kills of the
log stand in the scenario as comments: who dies is for the policy to decide.
What the log does not say is told on stderr and in the scenario. A bug report
has both, log and sizes. gzip and zstd are read.`;

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
  },
};

async function logcat(file: string, flags: Flags): Promise<void> {
  const log = await readLog(file);
  const meminfo = flags.meminfo === undefined ? undefined : await readLog(flags.meminfo);
  const { text, remarks } = timelineOf(file, log, meminfo);
  if (flags.output === undefined || flags.output === '-') print(text);
  else replaceFile(flags.output, text);
  for (const remark of remarks) notice(remark);
}

function timelineOf(file: string, log: string, meminfo: string | undefined): ReturnType<typeof logcatToScenario> {
  try {
    return logcatToScenario(log, { file, ...(meminfo === undefined ? {} : { meminfo }) });
  } catch (error) {
    if (error instanceof UsageError) throw new CliError(`${file}: ${error.message}`);
    throw error;
  }
}

async function readLog(file: string): Promise<string> {
  try {
    if ((await stat(file)).size > MOST_BYTES) throw new CliError(`${file} is too large: give at most 256 MiB of a log`);
    return unpacked(file, await readFile(file), MOST_BYTES).toString('utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof CliError || code === undefined) throw error;
    throw new CliError(`${file} cannot be read (${code}): give a readable file`);
  }
}
