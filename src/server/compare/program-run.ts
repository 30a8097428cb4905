/**
 * A run of `compare` that programs take part in, from outside: the machine is served as for `run`, in namespaces of its own,
 * by a process that tells what the run has come to.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { inNamespaces } from '../../fuse/namespace.ts';
import type { Experiment, PlannedRun } from '../../scenario/compare/experiment.ts';
import type { RunFigures } from '../../scenario/compare/recorder.ts';
import { CliError } from '../../util/errors.ts';
import { pidsFor } from '../run/pids.ts';
import { CONTROL_FD, EVENTS_FD, type RunMessage } from '../run/protocol.ts';

/** Where everybody can see it: built files only. */
const RUN_SERVER = fileURLToPath(new URL('../../cli/run/run-server.js', import.meta.url));

/** Carries out one run. Rejects with CliError: the policy, the seed, and what has gone wrong. */
export async function carryOutOnMount(
  experiment: Experiment,
  planned: PlannedRun,
  signal?: AbortSignal,
): Promise<RunFigures> {
  signal?.throwIfAborted();
  const { firstPid, commandPid } = pidsFor(experiment.scenario.text);
  const mountpoint = mkdtempSync(join(tmpdir(), 'reclaimfs-run-'));
  try {
    const namespaces = { pidns: true, userns: process.geteuid?.() !== 0, firstPid };
    const [file = '', ...args] = inNamespaces(namespaces, [process.execPath, RUN_SERVER]);
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
    if (process.env['DEBUG'] !== undefined) child.stderr?.pipe(process.stderr, { end: false });
    const end = (): void => void child.kill('SIGKILL');
    signal?.addEventListener('abort', end);
    const control = child.stdio[CONTROL_FD] as Writable;
    control.on('error', () => {}); // It has ended already: what it has said tells why.
    const start: RunMessage = {
      kind: 'start',
      mountpoint,
      source: { text: '', file: experiment.scenario.file },
      flags: { transport: 'direct', clock: 'manual', speed: 1, hidepid: 0, latency: 'none', allowOther: false },
      pidns: true,
      maxPlaceholders: 0,
      placeholdersAsked: false,
      syscalls: true,
      commandPid,
      command: [],
      isolation: 'default',
      noNewPrivs: false,
      wishes: { failOn: [], json: false },
      compared: { experiment, planned },
    };
    control.write(`${JSON.stringify(start)}\n`);
    const status = new Promise<number | null>((settle, fail) => {
      child.once('error', (error) =>
        fail(new CliError(`unshare cannot be run (${error.message}): install util-linux`)),
      );
      child.once('close', settle);
    });
    const [figures, said, code] = await Promise.all([
      text(child.stdio[EVENTS_FD] as Readable),
      text(child.stderr!),
      status,
    ]);
    signal?.removeEventListener('abort', end);
    signal?.throwIfAborted();
    if (code === 0 && figures !== '') return JSON.parse(figures) as RunFigures;
    const reason =
      said
        .trim()
        .split('\n')
        .at(-1)
        ?.replace(/^reclaimfs: /, '') ?? '';
    const { name } = experiment.rows[planned.row]!;
    throw new CliError(`${name}, seed ${planned.seed}: ${reason === '' ? `its server ended with ${code}` : reason}`);
  } finally {
    removeDirectory(mountpoint);
  }
}

function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Swept later: see sweep.ts.
  }
}
