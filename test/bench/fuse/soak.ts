/**
 * Keeps a mount under 64 clients in bursts and sees whether it stays what it was. Run by scripts/soak-fuse.
 *
 *   --seconds N (600)   --transport direct|fuse-native (direct)   --clients N (64)
 *
 * The same bursts go to a server in C in turn: what the machine itself loses or gains meanwhile shows there. Both figures
 * are printed, the raw one and the one relative to C; `--verbose` prints every round.
 *
 * Fails unless the throughput of the last tenth is ≥ 0.95 of the first's (relative to C), the memory flat within 10 %, no
 * file left open.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findMount } from '../../../src/fuse/mountinfo.ts';
import { Server, sleep, until } from '../../conformance/support/mounts.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    transport: { type: 'string', default: 'direct' },
    clients: { type: 'string', default: '64' },
    verbose: { type: 'boolean', default: false },
    source: { type: 'string', default: process.cwd() },
  },
});
const seconds = Number(values.seconds);
const OPERATIONS = ['read1=%d/stat', 'write=%d/reclaim', 'readall=%d/smaps', 'stat=%d/stat', 'readdir=many'];
const BURST_MS = 300;
const PAUSE_MS = 50;
const LEAST_THROUGHPUT = 0.95;
const MOST_GROWTH = 1.1;

/** One round of bursts, one per operation. */
interface Round {
  readonly endedAtS: number;
  /** Geometric mean over the operations. */
  readonly opsPerSecond: number;
  readonly opsPerSecondOfC: number;
  readonly nrErrors: number;
  readonly rssKb: number;
}

const workplace = mkdtempSync(join(tmpdir(), 'reclaimfs-soak-'));
const client = join(workplace, 'fusebench');
execFileSync('gcc', ['-O2', '-pthread', '-o', client, join(values.source, 'test/bench/fuse/fusebench.c')]);
const mountpoint = join(workplace, 'mnt');
mkdirSync(mountpoint);
const script = join(import.meta.dirname, '../../conformance/support/serve.js');
const controlMountpoint = join(workplace, 'c');
mkdirSync(controlMountpoint);
const control = join(workplace, 'fuse_hello_ll');
const fuse3 = execFileSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' }).trim().split(/\s+/);
execFileSync('gcc', ['-O2', '-o', control, join(values.source, 'test/bench/fuse/fuse_hello_ll.c'), ...fuse3]);
const controlServer = spawn(control, ['-s', controlMountpoint], { stdio: 'inherit' });
const server = new Server(script, mountpoint, ['--transport', values.transport]);
try {
  await server.mounted;
  await until(() => findMount(controlMountpoint) !== undefined, 'mount of the server in C');
  const rounds = await soak();
  process.exitCode = (await report(rounds)) ? 0 : 1;
} finally {
  server.child.kill('SIGTERM');
  controlServer.kill('SIGTERM');
  await Promise.all([server.exited, once(controlServer, 'exit')]);
  rmSync(workplace, { recursive: true, force: true });
}

async function soak(): Promise<Round[]> {
  const rounds: Round[] = [];
  const start = performance.now();
  await round(start); // Not counted: everything is compiled in it.
  const begin = performance.now();
  while (performance.now() - begin < seconds * 1000) rounds.push(await round(begin));
  return rounds;
}

async function round(start: number): Promise<Round> {
  let logOps = 0;
  let logOpsOfC = 0;
  let nrErrors = 0;
  for (const operation of OPERATIONS) {
    const [op = '', path = ''] = operation.split('=');
    const targets = [mountpoint, controlMountpoint].map((root, i) => `${i}=${join(root, path)}`);
    const out = await burst(['-o', op, '-T', values.clients, '-d', String(BURST_MS), '-r', '1', ...targets]);
    const [ops = 0, opsOfC = 0] = [...out.matchAll(/ops\/s= *(\d+)/g)].map((match) => Number(match[1]));
    logOps += Math.log(ops) / OPERATIONS.length;
    logOpsOfC += Math.log(opsOfC) / OPERATIONS.length;
    nrErrors += Number(/err=(\d+)/.exec(out)?.[1]);
    await sleep(PAUSE_MS);
  }
  const endedAtS = (performance.now() - start) / 1000;
  const result = {
    endedAtS,
    opsPerSecond: Math.exp(logOps),
    opsPerSecondOfC: Math.exp(logOpsOfC),
    nrErrors,
    rssKb: rssKb(),
  };
  if (values.verbose)
    console.log(
      Object.values(result)
        .map((value) => value.toFixed(0))
        .join('\t'),
    );
  return result;
}

function burst(args: readonly string[]): Promise<string> {
  return new Promise((settle, fail) => {
    execFile(client, args, { timeout: 60_000 }, (error, stdout) => (error ? fail(error) : settle(stdout)));
  });
}

function rssKb(): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]);
}

async function report(rounds: readonly Round[]): Promise<boolean> {
  const tenth = Math.min(60, seconds / 10);
  const middle = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
  const first = rounds.filter(({ endedAtS }) => endedAtS <= tenth || endedAtS === rounds[0]?.endedAtS);
  const last = rounds.filter(({ endedAtS }) => endedAtS >= seconds - tenth);
  const change = (of: (round: Round) => number): number => middle(last.map(of)) / middle(first.map(of));
  const throughput = change((r) => r.opsPerSecond / r.opsPerSecondOfC);
  const growth = middle(last.map((r) => r.rssKb)) / middle(first.map((r) => r.rssKb));
  const nrErrors = rounds.reduce((sum, r) => sum + r.nrErrors, 0);
  const nrOpen = Number(await readFile(join(mountpoint, 'nropen'), 'utf8'));
  console.log(
    `${values.transport}: ${rounds.length} rounds of ${OPERATIONS.length} bursts, ${values.clients} clients, ${seconds} s`,
  );
  console.log(
    `throughput of the last ${tenth} s against the first: ${throughput.toFixed(3)} relative to C (at least ${LEAST_THROUGHPUT})`,
  );
  console.log(
    `raw: ${change((r) => r.opsPerSecond).toFixed(3)}, C itself: ${change((r) => r.opsPerSecondOfC).toFixed(3)}`,
  );
  console.log(
    `resident memory: ${first[0]?.rssKb} kB, then ${last.at(-1)?.rssKb} kB, × ${growth.toFixed(3)} (at most ${MOST_GROWTH})`,
  );
  console.log(`errors: ${nrErrors}; files left open: ${nrOpen}`);
  for (const line of server.lines.filter((text) => text.startsWith('notice'))) console.log(line);
  return throughput >= LEAST_THROUGHPUT && growth <= MOST_GROWTH && nrErrors === 0 && nrOpen === 0;
}
