/** The options that say which machine is simulated and how it is mounted; shared by mount, run and play. */
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { PROFILE_NAMES } from '../machine/profiles.ts';
import { BUILT_IN_NAMES, builtInScenario } from '../scenario/built-in.ts';
import { isMasim, MASIM_SPEED, masimToScenario } from '../scenario/masim.ts';
import { MAX_SPEED, MIN_SPEED } from '../server/clock.ts';
import type { ScenarioSource } from '../server/server-options.ts';
import { bytesOf, fromBuffer } from '../util/bytes.ts';
import { closest } from '../util/suggest.ts';
import { unpacked } from '../util/unpacked.ts';
import { CliError } from './command.ts';

export const DEFAULT_SCENARIO = 'default';

/** Adds --profile and --swap, which override the scenario's own. */
export function addMachineOptions(command: Command): Command {
  return command
    .addOption(new Option('--profile <name>', 'dialect of the reclaim interface').choices(PROFILE_NAMES))
    .addOption(new Option('--swap <kind>', 'kind of swap').choices(['zram', 'disk']));
}

/** Adds --masim-rate. */
export function addMasimRate(command: Command): Command {
  return command.option(
    '--masim-rate <n>',
    `for masim's configuration files: its accesses per millisecond on your machine, as it prints them (default ${MASIM_SPEED.accessesPerMs})`,
    positiveNumber,
  );
}

/** Adds everything that says how a machine is mounted. */
export function addMountOptions(command: Command): Command {
  return addMasimRate(
    addMachineOptions(
      command.option(
        '--scenario <file|name>',
        `the machine: a file, "-", or one of ${BUILT_IN_NAMES.join(', ')}`,
        DEFAULT_SCENARIO,
      ),
    ),
  )
    .addOption(
      new Option('--transport <name>', 'how to speak to the kernel')
        .choices(['auto', 'direct', 'fuse-native'])
        .default('auto'),
    )
    .addOption(
      new Option('--clock <kind>', 'manual: only /proc/reclaimfs/clock moves it')
        .choices(['real', 'manual'])
        .default('real'),
    )
    .option('--speed <n>', 'virtual seconds per second', positiveNumber, 1)
    .option('--perfetto <file>', 'write a trace for ui.perfetto.dev: counters, events, kills', writable)
    .addOption(
      new Option('--latency <kind>', 'real: operations take as long as the simulated devices would')
        .choices(['none', 'real'])
        .default('none'),
    )
    .option('--uid <me|n>', 'all files belong to this user, who may what root may there', uid)
    .option('--hidepid <n>', "as proc's mount option: 0, 1 or 2", hidepid, 0);
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value >= MIN_SPEED && value <= MAX_SPEED))
    throw new InvalidArgumentError(`Give a number from ${MIN_SPEED} to ${MAX_SPEED}.`);
  return value;
}

/** The path of a file that can be written, absolute. */
function writable(path: string): string {
  try {
    closeSync(openSync(path, 'a'));
  } catch (error) {
    throw new InvalidArgumentError(
      `It cannot be written (${(error as NodeJS.ErrnoException).code}): give another file.`,
    );
  }
  return resolve(path);
}

const MAX_UID = 2 ** 32 - 2;

function uid(text: string): number {
  if (text === 'me') return process.geteuid?.() ?? 0;
  const id = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(id <= MAX_UID)) throw new InvalidArgumentError('Give the number of a user, or me.');
  return id;
}

function hidepid(text: string): 0 | 1 | 2 {
  if (!/^[0-2]$/.test(text)) throw new InvalidArgumentError('Give 0, 1 or 2.');
  return Number(text) as 0 | 1 | 2;
}

/** Reads a scenario by file name (gzip, zstd and masim's configuration files as well), `-` for stdin, or name of a built-in one. Errors: CliError. */
export async function readScenario(source: string, masimRate?: number): Promise<ScenarioSource> {
  if (source === '-') return asScenario(fromBuffer(unpacked('stdin', await readStdin())), 'stdin', masimRate);
  let bytes: Buffer;
  try {
    bytes = await readFile(resolve(source));
  } catch (error) {
    const builtIn = builtInScenario(source);
    if (builtIn !== undefined) return { text: bytesOf(builtIn), file: bytesOf(source) };
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT')
      throw new CliError(
        `there is no scenario ${source} (${closest(source, BUILT_IN_NAMES) === undefined ? 'give a file, or one of those of "reclaimfs scenario list"' : `did you mean ${closest(source, BUILT_IN_NAMES)}?`})`,
      );
    throw new CliError(`scenario ${source} cannot be read (${code}): give a readable file`);
  }
  return asScenario(fromBuffer(unpacked(source, bytes)), bytesOf(source), masimRate);
}

/** Configuration files of masim are scenarios, too. */
function asScenario(text: string, file: string, accessesPerMs = MASIM_SPEED.accessesPerMs): ScenarioSource {
  return { text: isMasim(text) ? masimToScenario(text, file, { ...MASIM_SPEED, accessesPerMs }) : text, file };
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
