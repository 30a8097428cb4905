/** From options of `compare` to policies, settings and metrics. Errors are CliError: a line that says what would do. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { MetricSource, NamedPolicy, ProgramSource } from '../../scenario/compare/experiment.ts';
import type { OwnMetric } from '../../scenario/compare/metrics.ts';
import { type CompareMetric, type ComparePolicy, fileDigest, loadModule } from '../../scenario/compare/own.ts';
import {
  aboutPolicy,
  KILLER_NAMES,
  POLICY_SYNTAX,
  parsePolicy,
  policyHint,
  policyText,
  RECLAIMER_NAMES,
} from '../../scenario/compare/policies.ts';
import { settingProblem } from '../../scenario/compare/policy-steps.ts';
import { suggestion } from '../../util/suggest.ts';
import { unpacked } from '../../util/unpacked.ts';
import { CliError, EXIT_USAGE } from '../command.ts';

/** What is asked for when nothing is. */
export const DEFAULT_POLICIES = 'kernel,lmk,volatile,reclaim,proportional';

export interface PolicyFlags {
  readonly policies?: string;
  readonly killer?: string;
  readonly reclaimer?: string;
  readonly volatile?: string;
  readonly policy: readonly string[];
}

function usage(message: string): CliError {
  return new CliError(message, EXIT_USAGE);
}

function list(text: string): string[] {
  return [...new Set(text.split(',').filter((word) => word !== ''))];
}

/** Named policies, combinations of factors and policies of one's own, in this order. */
export async function policiesOf(flags: PolicyFlags): Promise<NamedPolicy[]> {
  const factors = factorial(flags);
  const own = await Promise.all(flags.policy.map(ownPolicy));
  const named = flags.policies ?? (factors.length + own.length > 0 ? '' : DEFAULT_POLICIES);
  const policies = [...list(named).map(builtIn), ...factors.map(builtIn), ...own];
  const seen = new Set<string>();
  for (const { name } of policies) {
    if (seen.has(name)) throw usage(`policy ${name} is there twice`);
    seen.add(name);
  }
  if (policies.length === 0) throw usage(`no policy is left to compare: give some of ${POLICY_SYNTAX}`);
  return policies;
}

function builtIn(name: string): NamedPolicy {
  const policy = parsePolicy(name);
  if (policy === undefined) throw usage(`policy "${name}" is not known: ${policyHint(name)}`);
  return { name, about: aboutPolicy(policy), source: { kind: 'factors', factors: policyText(policy) } };
}

/** --killer, --reclaimer, --volatile: every combination of their levels. */
function factorial({ killer, reclaimer, volatile }: PolicyFlags): string[] {
  if (killer === undefined && reclaimer === undefined && volatile === undefined) return [];
  const killers = list(killer ?? 'none');
  const reclaimers = list(reclaimer ?? 'none');
  const marks = list(volatile ?? 'off');
  const unknown = (what: string, levels: readonly string[], known: readonly string[]) => {
    const wrong = levels.find((level) => !known.includes(level));
    if (wrong !== undefined) throw usage(`${what} "${wrong}" is not known: ${suggestion(wrong, known)}`);
  };
  unknown('killer', killers, KILLER_NAMES);
  unknown(
    'reclaimer',
    reclaimers.flatMap((text) => text.split('+')),
    RECLAIMER_NAMES,
  );
  unknown('volatile', marks, ['off', 'on']);
  return killers.flatMap((k) =>
    reclaimers.flatMap((r) => marks.map((mark) => `${k}/${r}${mark === 'on' ? '/volatile' : ''}`)),
  );
}

/** `NAME=FILE`: a module (.mjs, .js; .ts where this Node runs it), a file of steps, or a program: a command for a shell. */
async function ownPolicy(text: string): Promise<NamedPolicy> {
  const { name, file } = nameAndFile('--policy', text);
  if (parsePolicy(name) !== undefined) throw usage(`policy ${name} is one of ours: give yours another name`);
  if (isProgram(file)) return { name, about: `the program ${file}`, source: programSource(file) };
  if (!/\.[cm]?[jt]s$/.test(file)) {
    return { name, about: `the steps of ${file}`, source: { kind: 'steps', file, text: readText('--policy', file) } };
  }
  const source = moduleSource('--policy', file);
  const { about } = await loadOwn<ComparePolicy>(source, 'policy');
  return { name, about: about ?? file, source: { kind: 'module', ...source } };
}

/** `--metric NAME=FILE`. */
export async function metricsOf(texts: readonly string[]): Promise<{ sources: MetricSource[]; own: OwnMetric[] }> {
  const sources = texts.map((text): MetricSource => {
    const { name, file } = nameAndFile('--metric', text);
    return isProgram(file) ? { name, ...programSource(file) } : { name, ...moduleSource('--metric', file) };
  });
  const own = await Promise.all(
    sources.map(async ({ name, ...source }): Promise<OwnMetric> => {
      if (source.kind === 'program') return { name };
      const { label, unit, better } = await loadOwn<CompareMetric>(source, 'metric');
      return {
        name,
        ...(label === undefined ? {} : { label }),
        ...(unit === undefined ? {} : { unit }),
        ...(better === undefined ? {} : { better }),
      };
    }),
  );
  return { sources, own };
}

/** A file that may be executed, or, where it is no file at all, a command of several words. */
function isProgram(text: string): boolean {
  if (/\.[cm]?[jt]s$/.test(text)) return /\s/.test(text) && !existsSync(text);
  const stats = statSync(text, { throwIfNoEntry: false });
  return stats === undefined ? /\s/.test(text) : stats.isFile() && (stats.mode & 0o111) !== 0;
}

function programSource(text: string): ProgramSource {
  const command = existsSync(text) ? resolve(text) : text;
  return { kind: 'program', command, files: namedFiles(text) };
}

/** The files among the words of a command, as far as they can be told from it: what they hold is part of the experiment. */
function namedFiles(command: string): ProgramSource['files'] {
  const words = existsSync(command) ? [command] : command.split(/[\s'"|;&<>()]+/);
  const files = words.filter((word) => word !== '' && statSync(word, { throwIfNoEntry: false })?.isFile() === true);
  return [...new Set(files)].map((file) => ({ file, digest: fileDigest(file) }));
}

async function loadOwn<T extends ComparePolicy | CompareMetric>(
  source: { readonly file: string; readonly url: string },
  what: 'policy' | 'metric',
): Promise<T> {
  try {
    return await loadModule<T>(source, what);
  } catch (error) {
    throw new CliError(error instanceof Error ? error.message : String(error));
  }
}

function nameAndFile(option: string, text: string): { name: string; file: string } {
  const [, name, file] = /^([A-Za-z_][\w.-]*)=([\s\S]+)$/.exec(text) ?? [];
  if (name === undefined || file === undefined) throw usage(`${option} "${text}" is not NAME=FILE`);
  return { name, file };
}

function moduleSource(option: string, file: string): { file: string; url: string; digest: string } {
  readText(option, file);
  const path = resolve(file);
  return { file, url: pathToFileURL(path).href, digest: fileDigest(path) };
}

function readText(option: string, file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new CliError(`${option}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return unpacked(file, bytes).toString('utf8');
}

function problemOf(key: string, value: string): string | undefined {
  const problem = settingProblem(key, value);
  return problem && `${problem.reason}${problem.hint === undefined ? '' : ` (${problem.hint})`}`;
}

const MACHINE_KEYS = ['ram', 'swap', 'swapkind', 'lru', 'profile', 'cpus', 'uptime'];

/** `--set KEY=V1,V2,…`, as often as given. */
export function settingsOf(texts: readonly string[]): Map<string, readonly string[]> {
  const sets = new Map<string, readonly string[]>();
  for (const text of texts) {
    const [, key, values = ''] = /^([\w.-]+)=(.+)$/.exec(text) ?? [];
    if (key === undefined) throw usage(`--set "${text}" is not KEY=VALUE[,VALUE…]`);
    if (sets.has(key)) throw usage(`--set ${key} is there twice: give its values at once, ${key}=V1,V2`);
    const machineKey = /^machine\.(\w+)$/.exec(key)?.[1];
    for (const value of list(values)) {
      // A wrong value of a machine key is told by the scenario's own reader, as for the machine line.
      const problem =
        machineKey === undefined
          ? problemOf(key, value)
          : MACHINE_KEYS.includes(machineKey)
            ? undefined
            : `${key}: one of ${MACHINE_KEYS.map((name) => `machine.${name}`).join(' ')} (seeds: --seeds)`;
      if (problem !== undefined) throw usage(`--set ${key}: ${problem}`);
    }
    sets.set(key, list(values));
  }
  if (sets.has('policy')) throw usage('--set policy: give --policies');
  return sets;
}
