import type { Command } from 'commander';
import { ScenarioError } from '../../scenario/scenario-error.ts';
import { Session } from '../../scenario/session.ts';
import { diffMachines, diffText, type MachineDiff } from '../../scenario/state/machine-diff.ts';
import { jsonOf, utf8Of } from '../../util/bytes.ts';
import { CliError, type CommandRow } from '../command.ts';
import { readScenario } from '../machine-options.ts';
import { print } from '../output.ts';

const HELP = `
A and B are machines: /proc/reclaimfs/state or snapshot, a file of
/proc/reclaimfs/snapshots, or a scenario, which is carried out.

Examples:
  cd /tmp/proc/reclaimfs; reclaimfs diff snapshots/before snapshot
  reclaimfs diff a.scn b.scn --json | jq '.processes[].changes.rss_kB'

Exit status: 0 the same in everything, 1 they differ, 2 trouble.`;

const EXIT_SAME = 0;
const EXIT_DIFFERENT = 1;
const EXIT_TROUBLE = 2;

export const diffCommand: CommandRow = {
  name: 'diff',
  register(program: Command): void {
    program
      .command('diff <a> <b>')
      .description('what differs between two machines: processes, memory, files, groups, counters')
      .option('--json', 'one JSON object')
      .addHelpText('after', HELP)
      .action(diff);
  },
};

async function diff(a: string, b: string, flags: { readonly json?: boolean }): Promise<void> {
  const found = await trouble(async () => diffMachines((await loaded(a)).machine, (await loaded(b)).machine));
  const same = found.first === undefined;
  if (flags.json === true) print(jsonText({ same, ...found }));
  else print(diffText(found));
  process.exitCode = same ? EXIT_SAME : EXIT_DIFFERENT;
}

function jsonText(found: MachineDiff & { readonly same: boolean }): string {
  return utf8Of(jsonOf(found, 1));
}

async function loaded(file: string): Promise<Session> {
  const { text, file: name } = await readScenario(file);
  const session = new Session();
  session.load(text, name);
  return session;
}

async function trouble<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CliError || error instanceof ScenarioError) throw new CliError(error.message, EXIT_TROUBLE);
    throw error;
  }
}
