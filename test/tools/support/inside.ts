/** One simulated machine with tools running in it: `reclaimfs run` holds the machine, an agent in it runs commands. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect } from 'vitest';
import { compileInto } from '../../support/compiled.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const START_MS = 60_000;
const COMMAND_MS = 30_000;

/** The machine that most tests look at. */
export const MACHINE = join(import.meta.dirname, 'machine.scn');
/** Scripts as users write them. */
export const EXAMPLES = join(REPOSITORY, 'scripts/examples');

/** Whether a machine can be run here: by root, with the device at hand. */
function canRun(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return process.geteuid?.() === 0;
  } catch {
    return false;
  }
}

/** The tools test may be skipped on a developer's machine, never where CI=true. */
export const skipTools = !canRun() && process.env['CI'] !== 'true';

/** What a command printed (bytes as latin1) and how it ended: exit status, signal, or error code of its start. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | string;
}

export interface MachineChoice {
  /** A scenario file, a built-in one's name, or text with newlines. */
  readonly scenario?: string;
  readonly clock?: 'real' | 'manual';
  readonly transport?: 'direct' | 'fuse-native';
  /** More options of `run`. */
  readonly options?: readonly string[];
  readonly withoutKoffi?: boolean;
}

let built: Promise<string> | undefined;
let buildDirectory: string | undefined;
afterAll(() => {
  for (const suffix of ['', '-bare'])
    if (buildDirectory !== undefined) rmSync(`${buildDirectory}${suffix}`, { recursive: true, force: true });
  built = buildDirectory = undefined;
});

/** A compiled copy of the sources, so that nobody's build in the meantime matters. Its directory goes when the file's tests are done. */
export function build(): Promise<string> {
  built ??= (async () => {
    const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-tools-'));
    buildDirectory = directory;
    writeFileSync(join(directory, 'package.json'), readFileSync(join(REPOSITORY, 'package.json')));
    symlinkSync(join(REPOSITORY, 'node_modules'), join(directory, 'node_modules'));
    await compileInto(join(directory, 'dist'));
    return join(directory, 'dist/cli/main.js');
  })();
  return built;
}

/** The same as it is where the optional package koffi has not been installed. */
export async function buildWithoutKoffi(): Promise<string> {
  const whole = join(dirname(await build()), '../..');
  // Not within it: packages are looked for in all directories above.
  const directory = `${whole}-bare`;
  if (existsSync(directory)) return join(directory, 'dist/cli/main.js');
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  cpSync(join(whole, 'dist'), join(directory, 'dist'), { recursive: true });
  cpSync(join(whole, 'package.json'), join(directory, 'package.json'));
  for (const name of readdirSync(join(REPOSITORY, 'node_modules')))
    if (!/koffi|koromix/.test(name))
      symlinkSync(join(REPOSITORY, 'node_modules', name), join(directory, 'node_modules', name));
  return join(directory, 'dist/cli/main.js');
}

export class Inside {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #stderr = '';
  #scenarioDirectory: string | undefined;

  private constructor(argv: readonly string[]) {
    this.#child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const { id, ...outcome } = JSON.parse(line) as Outcome & { id: number };
      this.#waiting.get(id)?.(outcome);
      this.#waiting.delete(id);
    });
    this.#exited = new Promise((settle) => this.#child.once('close', () => settle()));
  }

  /** Starts a machine; resolves when commands can be run in it. */
  static async start(choice: MachineChoice = {}): Promise<Inside> {
    const main = await (choice.withoutKoffi === true ? buildWithoutKoffi() : build());
    const options = [...(choice.options ?? [])];
    let directory: string | undefined;
    let scenario = choice.scenario ?? MACHINE;
    if (scenario.includes('\n')) {
      directory = mkdtempSync(join(tmpdir(), 'reclaimfs-scenario-'));
      writeFileSync(join(directory, 'test.scn'), scenario);
      scenario = join(directory, 'test.scn');
    }
    if (choice.clock !== undefined) options.push('--clock', choice.clock);
    if (choice.transport !== undefined) options.push('--transport', choice.transport);
    const agent = join(import.meta.dirname, 'agent.mjs');
    const inside = new Inside([main, 'run', '--scenario', scenario, ...options, '--', process.execPath, agent]);
    inside.#scenarioDirectory = directory;
    const answers = new Promise<Outcome>((settle) => inside.#waiting.set(0, settle));
    const late = new Promise<never>((_, fail) =>
      setTimeout(() => fail(new Error('not within a minute')), START_MS).unref(),
    );
    const ended = inside.#exited.then(() => Promise.reject(new Error('it ended')));
    try {
      await Promise.race([answers, late, ended]);
    } catch (error) {
      await inside.stop();
      throw new Error(`the machine did not start: ${(error as Error).message}: ${inside.#stderr}`);
    }
    void ended.catch(() => inside.#failAll());
    return inside;
  }

  #failAll(): void {
    for (const settle of this.#waiting.values())
      settle({ stdout: '', stderr: `the machine ended: ${this.#stderr}`, status: 'gone' });
    this.#waiting.clear();
  }

  /** Runs a command in the machine; one that hangs is killed. */
  run(argv: readonly string[], { timeoutMs = COMMAND_MS, env = {} }: RunOptions = {}): Promise<Outcome> {
    const id = this.#nextId++;
    return new Promise((settle) => {
      this.#waiting.set(id, settle);
      this.#child.stdin?.write(`${JSON.stringify({ id, argv, timeoutMs, env: { LC_ALL: 'C.UTF-8', ...env } })}\n`);
    });
  }

  /** What a command prints; the test fails when it does not exit 0. */
  async text(argv: readonly string[] | string, options: RunOptions = {}): Promise<string> {
    const outcome = await (typeof argv === 'string' ? this.sh(argv, options) : this.run(argv, options));
    const about = `${typeof argv === 'string' ? argv : argv.join(' ')}\n${outcome.stdout.slice(-2000)}\n${outcome.stderr}`;
    expect(outcome.status, about).toBe(0);
    return outcome.stdout;
  }

  sh(script: string, options: RunOptions = {}): Promise<Outcome> {
    return this.run(['bash', '-c', script], options);
  }

  /** A JSON value that a python program (Debian's python) leaves in `result`. */
  async python<T>(program: string, options: RunOptions = {}): Promise<T> {
    const script = `import json, psutil\n${program}\nprint(json.dumps(result))`;
    return JSON.parse(await this.text(['/usr/bin/python3', '-c', script], options)) as T;
  }

  read(path: string): Promise<string> {
    return this.text(['cat', '--', path]);
  }

  /** Takes steps, as a write to the control file. */
  async step(text: string): Promise<void> {
    await this.text(['sh', '-c', 'printf "%s\\n" "$1" > /proc/reclaimfs/control', 'sh', text]);
  }

  async reclaim(pid: number, what: string): Promise<void> {
    await this.text(`echo ${what} > /proc/${pid}/reclaim`);
  }

  /** The invariants hold. */
  async check(): Promise<void> {
    expect(await this.read('/proc/reclaimfs/check')).toBe('ok\n');
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#exited;
    clearTimeout(late);
    if (this.#scenarioDirectory !== undefined) rmSync(this.#scenarioDirectory, { recursive: true, force: true });
  }
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Waits until something holds. */
export async function until(condition: () => Promise<boolean>, what: string, ms = 15_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((settle) => setTimeout(settle, 100));
  }
}
