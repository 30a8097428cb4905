/**
 * `npm run oracle:pressure`: plays scenarios of memory pressure and compares them with recordings of a real kernel.
 * A line per scenario and recording, the last one counts. Exit status 1 if anything differs, 2 for wrong usage.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BugError, ScenarioError } from '../../../src/index.ts';
import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { bringTogether, compare, readGoldens, readScenarios, scenarioOf, type Verdict } from './recordings.ts';
import { groupScenarios, guestScenarios } from './scenarios.ts';

const USAGE = `npm run oracle:pressure -- [OPTIONS] [NAME...]
  NAME             only scenarios whose name begins so
  --scenarios DIR  scenarios (*.scn) in place of our own
  --goldens DIR    recordings in place of our own; default beside given scenarios: DIR/../goldens
  --guest          those in which a whole machine is short of memory
  --out DIR        writes NAME.json there: what was counted, in the worker's format`;

/** Where the recordings lie: this file runs as a compiled copy elsewhere. */
const HOME = process.env['ORACLE_PRESSURE_HOME'] ?? new URL('.', import.meta.url).pathname;

interface Options {
  readonly scenarios: string | undefined;
  readonly goldens: string | undefined;
  readonly guest: boolean;
  readonly out: string | undefined;
  readonly names: string[];
}

function main(): number {
  const options = readOptions();
  const scenarios = ownOrGiven(options);
  const folder = goldensFolder(options);
  const goldens = folder === undefined ? new Map() : readGoldens(folder);
  const wanted = (name: string) => options.names.length === 0 || options.names.some((begin) => name.startsWith(begin));
  const all = bringTogether(scenarios, goldens).filter(({ name }) => wanted(name));
  if (options.out !== undefined) mkdirSync(options.out, { recursive: true });
  const sum = { agree: 0, differ: 0 };
  for (const one of all) {
    let verdict: Verdict;
    try {
      verdict = compare(one);
    } catch (error) {
      if (!(error instanceof ScenarioError || error instanceof BugError)) throw error;
      console.log(`${one.name}: cannot be played: ${error.message}`);
      sum.differ++;
      continue;
    }
    if (options.out !== undefined) writeFileSync(join(options.out, `${one.name}.json`), JSON.stringify(verdict.played));
    report(one.name, verdict, sum);
  }
  for (const recording of goldens.keys()) {
    if (scenarios.has(scenarioOf(recording)) || !wanted(recording)) continue;
    console.log(`${recording}: there is no scenario ${scenarioOf(recording)}.scn`);
    sum.differ++;
  }
  if (all.length === 0) console.log('no scenario has such a name');
  console.log(`${sum.agree} recordings agree, ${sum.differ} do not`);
  return sum.differ > 0 || (sum.agree === 0 && options.out === undefined) ? 1 : 0;
}

function report(name: string, { faults, played }: Verdict, sum: { agree: number; differ: number }): void {
  if (faults.size === 0) console.log(`${name}: played in ${played.ms} ms; there is no recording to compare with`);
  for (const [recording, differences] of faults) {
    const known = KNOWN_DIFFERENCES[recording];
    if (differences.length === 0) {
      sum.agree++;
      console.log(`${recording}: agrees`);
    } else {
      sum.differ++;
      console.log(`${recording}: ${differences.join('; ')}${known === undefined ? '' : ` [known: ${known}]`}`);
    }
  }
}

function readOptions(): Options {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        scenarios: { type: 'string' },
        goldens: { type: 'string' },
        guest: { type: 'boolean', default: false },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const folders = positionals.filter((word) => word.includes('/'));
    const [scenarios = values.scenarios, goldens = values.goldens, more] = folders;
    if (more !== undefined) throw new Error(`one folder of scenarios and one of goldens, not also ${more}`);
    for (const dir of [scenarios, goldens])
      if (dir !== undefined && !(existsSync(dir) && statSync(dir).isDirectory()))
        throw new Error(`${dir} is no folder`);
    const names = positionals.filter((word) => !word.includes('/')).map((name) => name.replace(/\.scn$/, ''));
    return { scenarios, goldens, guest: values.guest, out: values.out, names };
  } catch (error) {
    console.error(`oracle:pressure: ${error instanceof Error ? error.message : error}\n${USAGE}`);
    process.exit(2);
  }
}

function ownOrGiven({ scenarios, guest }: Options): ReadonlyMap<string, string> {
  if (scenarios !== undefined) return readScenarios(scenarios);
  return guest ? new Map([...guestScenarios(), ...groupScenarios()]) : groupScenarios();
}

function goldensFolder({ scenarios, goldens, guest }: Options): string | undefined {
  const name = guest ? 'goldens-guest' : 'goldens';
  if (goldens !== undefined) return goldens;
  if (scenarios === undefined) return join(HOME, name);
  const beside = join(scenarios, '..', name);
  return existsSync(beside) ? beside : undefined;
}

process.exitCode = main();
