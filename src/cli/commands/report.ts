import type { Command } from 'commander';
import { memoryReport } from '../../scenario/heat/report.ts';
import { toBuffer, utf8Of } from '../../util/bytes.ts';
import { UsageError } from '../../util/errors.ts';
import { CliError, type CommandRow } from '../command.ts';
import { addMasimRate, readScenario } from '../machine-options.ts';
import { notice, print } from '../output.ts';

const HELP = `
Played without a mount: who has how much memory at the end, the working set and
what is resident over time as damo report wss prints them, and a heat map of
the process with the most memory, or of the one that is named. Takes scenarios,
what record and import wrote, masim's files, /proc/reclaimfs/state, snapshots.

Examples:
  reclaimfs report zigzag
  reclaimfs report /tmp/proc/reclaimfs/state --process 1234
  reclaimfs import damon damon.data | reclaimfs report -`;

interface Flags {
  readonly process?: string;
  readonly masimRate?: number;
}

export const reportCommand: CommandRow = {
  name: 'report',
  register(program: Command): void {
    addMasimRate(
      program.command('report <file>').description('working set, residency and heat of a load, in the style of damo'),
    )
      .option('--process <process>', 'whose heat map, by name or pid (default: the one with the most memory)')
      .addHelpText('after', HELP)
      .action(report);
  },
};

async function report(file: string, { process, masimRate }: Flags): Promise<void> {
  const source = await readScenario(file, masimRate);
  try {
    const { text, warnings } = memoryReport(toBuffer(source.text), utf8Of(source.file), process);
    for (const warning of warnings) notice(warning);
    print(text);
  } catch (error) {
    throw error instanceof UsageError ? new CliError(error.message) : error;
  }
}
