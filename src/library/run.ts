import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EventType, ReclaimEvent } from '../machine/event-types.ts';
import { scenarioBytes } from '../scenario/play.ts';
import type { RunSummary } from '../server/run/protocol.ts';
import { toBuffer } from '../util/bytes.ts';
import { RunError } from '../util/errors.ts';

/** What a command is run on, and how. */
export interface RunSettings {
  /** Text or bytes of a scenario, or the name of one that comes with reclaimfs. Default `default`. */
  readonly scenario?: string | Uint8Array;
  /** Types of event that make the run fail: exitStatus 3. */
  readonly failOn?: readonly EventType[];
  /** Virtual seconds per second. */
  readonly speed?: number;
  /** Environment of the command; RECLAIMFS=1 is added. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Standard input of the command. */
  readonly input?: string;
  /** Ends the command; run rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** How a command has ended, what it printed, what has happened, and the machine that it has left. */
export interface RunResult extends RunSummary {
  readonly stdout: string;
  readonly stderr: string;
  /** What has happened, in order. */
  readonly eventList: readonly ReclaimEvent[];
  /** The machine as steps: for `mount({ scenario })`. */
  readonly state: string;
}

/**
 * Runs a command with the tree as its /proc, as `reclaimfs run` does. A status other than 0 is no error.
 *
 * Errors: RunError where it could not be run at all.
 */
export async function run(command: readonly string[], settings: RunSettings = {}): Promise<RunResult> {
  const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-result-'));
  const file = (name: string): string => join(directory, name);
  try {
    settings.signal?.throwIfAborted();
    const options = ['--summary', file('summary'), '--events', file('events'), '--state-at-end', file('state')];
    if (settings.failOn !== undefined && settings.failOn.length > 0)
      options.push('--fail-on', settings.failOn.join(','));
    if (settings.speed !== undefined) options.push('--speed', String(settings.speed));
    options.push('--scenario', scenarioFile(settings.scenario ?? 'default', file('scenario')));
    const { stdout, stderr } = await execute([...options, '--', ...command], settings);
    const summary = readOrFail(file('summary'), stderr);
    return {
      ...(JSON.parse(summary) as RunSummary),
      stdout,
      stderr,
      eventList: readFileSync(file('events'), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as ReclaimEvent),
      state: readFileSync(file('state'), 'utf8'),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function scenarioFile(scenario: string | Uint8Array, path: string): string {
  if (typeof scenario === 'string' && /^[\w-]+$/.test(scenario)) return scenario;
  writeFileSync(path, toBuffer(scenarioBytes(scenario)));
  return path;
}

function readOrFail(path: string, stderr: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new RunError(
      stderr
        .trim()
        .split('\n')
        .at(-1)
        ?.replace(/^reclaimfs: /, '') ?? 'the command could not be run',
    );
  }
}

function execute(words: readonly string[], settings: RunSettings): Promise<{ stdout: string; stderr: string }> {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [main, 'run', ...words], {
    stdio: 'pipe',
    ...(settings.env === undefined ? {} : { env: settings.env }),
    ...(settings.cwd === undefined ? {} : { cwd: settings.cwd }),
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  child.stdin.on('error', () => {}); // It has not read all of it.
  child.stdin.end(settings.input ?? '');
  const abort = (): void => void child.kill('SIGTERM');
  settings.signal?.addEventListener('abort', abort, { once: true });
  return new Promise((settle, fail) => {
    child.once('error', fail);
    child.once('close', () => {
      settings.signal?.removeEventListener('abort', abort);
      if (settings.signal?.aborted === true) fail(settings.signal.reason as Error);
      else settle(texts);
    });
  });
}
