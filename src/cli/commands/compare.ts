import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { BUILT_IN_NAMES } from '../../scenario/built-in.ts';
import { compareRuns } from '../../scenario/compare/comparison.ts';
import { combinationsOf, type Experiment, plannedRuns, rowsOf, shardOf } from '../../scenario/compare/experiment.ts';
import { originOf } from '../../scenario/compare/origin.ts';
import { carryOutAll } from '../../scenario/compare/parallel.ts';
import { KILLER_NAMES, POLICY_NAMES, RECLAIMER_NAMES } from '../../scenario/compare/policies.ts';
import type { RunFigures } from '../../scenario/compare/recorder.ts';
import { headerOf, inOrder, missingRuns } from '../../scenario/compare/records.ts';
import { VARIATIONS } from '../../scenario/compare/sensitivity.ts';
import { durationUs, warmUs } from '../../scenario/duration.ts';
import { parseTime } from '../../scenario/words.ts';
import { carryOutOnMount } from '../../server/compare/program-run.ts';
import { CliError, type CommandRow, EXIT_USAGE } from '../command.ts';
import { checkWritable, type OutputFlags, writeResults } from '../compare/output.ts';
import { Progress } from '../compare/progress.ts';
import { mergeRecords, openRecords } from '../compare/record-file.ts';
import { DEFAULT_POLICIES, metricsOf, type PolicyFlags, policiesOf, settingsOf } from '../compare/rows.ts';
import { readScenario } from '../machine-options.ts';
import { notice } from '../output.ts';

const NAMES_PER_LINE = 5;

function inLines(names: readonly string[]): string {
  const lines = names.flatMap((_, i) => (i % NAMES_PER_LINE === 0 ? [names.slice(i, i + NAMES_PER_LINE)] : []));
  return lines.map((line) => line.join(', ')).join(',\n');
}

const HELP = `
Examples:
  reclaimfs compare phone-16-apps --seeds 5 --html phone.html
  reclaimfs compare phone-16-apps --policies lmk,reclaim --seeds 1..20
  reclaimfs compare my.scn --killer none,lmk --reclaimer none,switch --seeds 5
  reclaimfs compare my.scn --set machine.ram=384M,512M --set vm.swappiness=60
  reclaimfs compare my.scn --policy mine=./policy.mjs --metric jank=./jank.mjs
  reclaimfs compare my.scn --policies kernel --policy mine='sh my-daemon.sh'
  reclaimfs compare phone-16-apps --seeds 100 --shard 3/8 --jsonl part-3.jsonl
  reclaimfs compare merge part-*.jsonl --html phone.html

The scenario is simulated from the start under each policy, with each seed. It
says with "duration TIME" how long it goes on after its last step. Its own
"policy" steps are not heeded. Policies:
${POLICY_NAMES.join(', ')},
or KILLER/RECLAIMER[+RECLAIMER][/volatile] (${KILLER_NAMES.join(', ')} /
${RECLAIMER_NAMES.join(', ')}).

--set takes settings (vm.swappiness, storage.zramWriteUs,
ro.lmk.thrashing_limit, …), machine.ram, machine.swap, …, and app.heap,
app.NAME.heap, app.size, user.use, …; x1.25 is that many times what the scenario
says. --policy: a module (.mjs) whose default export has "install", a file of
steps, or a program: --policy mine='sh daemon.sh' runs on a mount of the
machine, whose time passes only while it waits; --metric likewise: the last line
that the program prints. See scripts/examples/policies. --jsonl: a line a run;
begun again after a crash, the command does what is missing.

Scenarios that come with the program:
${inLines(BUILT_IN_NAMES)}.`;

interface CompareFlags extends OutputFlags, PolicyFlags {
  readonly set: readonly string[];
  readonly metric: readonly string[];
  readonly seeds: readonly number[];
  readonly baseline?: string;
  readonly duration?: number;
  readonly warm?: number;
  readonly sensitivity?: boolean;
  readonly threads: number;
  readonly shard?: readonly [index: number, of: number];
  readonly jsonl?: string;
}

export const compareCommand: CommandRow = {
  name: 'compare',
  register(program: Command): void {
    const compareProgram = program
      .command('compare')
      .argument('<scenario>', 'a file, "-", or the name of one that comes with the program')
      .description('run the same load under several policies against too little memory, and print what became of it')
      .option('--policies <list>', `named combinations (default: ${DEFAULT_POLICIES})`)
      .option('--killer <list>', `of ${KILLER_NAMES.join(',')}: every combination with --reclaimer and --volatile`)
      .option('--reclaimer <list>', `of ${RECLAIMER_NAMES.join(',')}; several at once: switch+pressure`)
      .option('--volatile <list>', 'of off,on')
      .option('--policy <name=file>', 'a policy of your own', collect, [])
      .option('--metric <name=file>', 'a metric of your own', collect, [])
      .option('--set <key=values>', 'settings; a row for each combination', collect, [])
      .option('--seeds <n|a..b>', 'loads: seeds 1 to n, or a to b', seeds, [1])
      .option('--baseline <policy>', 'what the others are compared with (default: the first)')
      .option('--sensitivity', 'again with other memory, swap, sizes and devices: where does the order turn over?')
      .option('--duration <time>', 'how long it goes on, where the scenario does not say', time)
      .option(
        '--warm <time>',
        'policies begin only then, all from one machine; before, the kernel is alone (default: what the scenario says)',
        time,
      )
      .option('--threads <n>', 'runs at a time', atLeastOne, availableParallelism())
      .addOption(new Option('--shard <i/n>', 'only the i-th of n parts of the runs').argParser(shard))
      .option('--json', 'everything measured, as one JSON object');
    addOutputs(compareProgram).addHelpText('after', HELP).action(compare);
    addOutputs(
      compareProgram
        .command('merge')
        .argument('<files...>', 'files of --jsonl')
        .description('put the parts of one comparison together')
        .option('--json', 'everything measured, as one JSON object'),
    ).action(merge);
  },
};

function addOutputs(command: Command): Command {
  return command
    .option('--jsonl <file>', 'a line a run, with everything')
    .option('--csv <file>', 'a line a run, with its figures')
    .option('--html <file>', 'a page with plots that needs no network');
}

async function compare(scenario: string, flags: CompareFlags): Promise<void> {
  if (flags.shard !== undefined && flags.jsonl === undefined)
    throw new CliError('--shard: where do the runs go? Give --jsonl FILE, too', EXIT_USAGE);
  for (const key of ['csv', 'html', 'jsonl'] as const) await checkWritable(`--${key}`, flags[key]);
  const { text, file } = await readScenario(scenario);
  const policies = await policiesOf(flags);
  const { sources, own } = await metricsOf(flags.metric);
  const variations =
    flags.sensitivity === true ? VARIATIONS.filter(({ apps }) => !apps || /^\s*app\s/m.test(text)) : undefined;
  const sets = combinationsOf(settingsOf(flags.set));
  if (variations !== undefined && sets.length > 1)
    throw new CliError('--sensitivity: give each --set one value', EXIT_USAGE);
  const settings = variations?.map((variation) => ({ ...sets[0], ...variation.settings })) ?? sets;
  const us = flags.duration ?? durationUs(text);
  if (us === 0)
    throw new CliError(
      `${file} does not say how long it goes on: add a line "duration 60s" to it, or give --duration 60s`,
    );
  const baseline = flags.baseline ?? policies[0]!.name;
  if (!policies.some(({ name }) => name === baseline))
    throw new CliError(
      `--baseline ${baseline} is not among the policies compared: ${policies.map(({ name }) => name).join(', ')}`,
      EXIT_USAGE,
    );
  const experiment: Experiment = {
    scenario: { file: file.split('/').at(-1) ?? file, title: /^title\s+(.*?)\s*$/m.exec(text)?.[1] ?? '', text },
    rows: rowsOf(policies, settings),
    seeds: flags.seeds,
    metrics: sources,
    durationUs: us,
    warmUs: flags.warm ?? warmUs(text),
  };
  const header = headerOf(originOf(commandLine(), new Date()), experiment, baseline, own);
  const planned =
    flags.shard === undefined ? plannedRuns(experiment) : shardOf(plannedRuns(experiment), ...flags.shard);
  const records = await openRecords(flags.jsonl, header);
  const missing = missingRuns(planned, records.runs);
  const progress = new Progress(planned.length, planned.length - missing.length);
  try {
    const onDone = (run: RunFigures): void => {
      records.add(run);
      progress.done(`${experiment.rows[run.row]!.name}, seed ${run.seed}`);
    };
    await carryOutAll(experiment, missing, flags.threads, onDone, undefined, carryOutOnMount);
  } finally {
    progress.end();
    records.close();
  }
  if (flags.shard !== undefined) {
    notice(`${planned.length} runs in ${flags.jsonl}: put the parts together with "reclaimfs compare merge"`);
    return;
  }
  const runs = inOrder(experiment, records.runs);
  await writeResults(compareRuns(records.header.origin, experiment, baseline, own, runs), flags, variations);
}

async function merge(files: string[], flags: OutputFlags & { readonly jsonl?: string }): Promise<void> {
  for (const key of ['csv', 'html', 'jsonl'] as const) await checkWritable(`--${key}`, flags[key]);
  const { header, runs } = await mergeRecords(files, flags.jsonl);
  const { origin, experiment, baseline, own } = header;
  await writeResults(compareRuns(origin, experiment, baseline, own, runs), flags);
}

/** Options that say where results go, or who does which part: two commands that differ in them do the same. */
const NOT_PART_OF_IT = ['--jsonl', '--csv', '--html', '--shard', '--threads'];

function commandLine(): string {
  const words = process.argv.slice(2);
  const kept = words.filter((word, i) => {
    const option = word.split('=')[0]!;
    const value = NOT_PART_OF_IT.includes(words[i - 1] ?? '');
    return !value && !NOT_PART_OF_IT.includes(option) && word !== '--json';
  });
  return ['reclaimfs', ...kept]
    .map((word) => (/^[\w./,:=@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

const MOST_SEEDS = 100_000;

function seeds(text: string): readonly number[] {
  const [, from = '1', to] = /^(?:(\d+)\.\.)?(\d+)$/.exec(text) ?? [];
  const first = Number(from);
  const last = Number(to);
  if (!(last >= first && last - first < MOST_SEEDS) || (first === 1 && last === 0))
    throw new InvalidArgumentError(`Give a number from 1 to ${MOST_SEEDS}, or two: 1..20.`);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function atLeastOne(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1)) throw new InvalidArgumentError('Give a number from 1 on.');
  return value;
}

function time(text: string): number {
  const us = parseTime(text);
  if (us === undefined || us === 0) throw new InvalidArgumentError('Give a time: 60s, 5m.');
  return us;
}

function shard(text: string): readonly [number, number] {
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const index = Number(i);
  const of = Number(n);
  if (!(index >= 1 && of >= index)) throw new InvalidArgumentError('Give I/N, with I from 1 to N.');
  return [index, of];
}
