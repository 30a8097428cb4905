import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { BUILT_IN_NAMES } from '../../scenario/built-in.ts';
import { type Comparison, POLICY_NAMES } from '../../scenario/compare/compare.ts';
import { comparisonPage } from '../../scenario/compare/html.ts';
import { compareInParallel } from '../../scenario/compare/parallel.ts';
import { comparisonTable } from '../../scenario/compare/table.ts';
import type { CommandRow } from '../command.ts';
import { readScenario } from '../machine-options.ts';
import { notice, print } from '../output.ts';

const HELP = `
Example:
  reclaimfs compare phone-16-apps
  reclaimfs compare phone-16-apps --policies lmk,reclaim --seeds 5 --html phone.html
  reclaimfs compare my-load.scn --json

The scenario is simulated from the start under each policy, with each seed. Its "duration TIME" says how long it goes on
after its last step. Scenarios that come with the program: ${BUILT_IN_NAMES.join(', ')}.`;

interface CompareFlags {
  readonly policies: readonly string[];
  readonly seeds: number;
  readonly json?: boolean;
  readonly html?: string;
}

export const compareCommand: CommandRow = {
  name: 'compare',
  register(program: Command): void {
    program
      .command('compare <scenario>')
      .description('run the same load under several policies against too little memory, and print what became of it')
      .option('--policies <list>', `of ${POLICY_NAMES.join(',')}`, policies, POLICY_NAMES)
      .option('--seeds <n>', 'how many different loads (seeds 1 to n)', seeds, 1)
      .option('--json', 'everything measured, as one JSON object')
      .option('--html <file>', 'write a page with plots that needs no network')
      .addHelpText('after', HELP)
      .action(compare);
  },
};

async function compare(scenario: string, flags: CompareFlags): Promise<void> {
  const { text, file } = await readScenario(scenario);
  const comparison = await compareInParallel(text, file, {
    policies: flags.policies,
    seeds: Array.from({ length: flags.seeds }, (_, i) => i + 1),
    onRun: progress,
  });
  progress();
  if (flags.html !== undefined) {
    await writeFile(flags.html, comparisonPage(comparison));
    notice(`${flags.html} written`);
  }
  print(flags.json === true ? json(comparison) : comparisonTable(comparison));
}

/** What is being run, on one line of a terminal; without arguments: clears it. */
function progress(policy?: string, seed?: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(policy === undefined ? '\r\x1b[K' : `\r\x1b[K${policy}, seed ${seed} …`);
}

function json(comparison: Comparison): string {
  return JSON.stringify(comparison, undefined, 1);
}

function policies(list: string): readonly string[] {
  const names = list.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !POLICY_NAMES.includes(name));
  if (unknown !== undefined || names.length === 0) {
    throw new InvalidArgumentError(`Give some of ${POLICY_NAMES.join(', ')}, separated by commas.`);
  }
  return [...new Set(names)];
}

function seeds(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= 1000))
    throw new InvalidArgumentError('Give a number from 1 to 1000.');
  return value;
}
