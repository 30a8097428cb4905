/**
 * Measures the transports against libfuse3 in C: the same tree, one client program, all targets interleaved slice by slice
 * in one run, so that a noisy neighbour hits all alike. Run by scripts/bench-fuse.
 *
 * One client is measured with client and servers on one CPU: else the median says which of two CPUs the scheduler happened
 * to choose (waking an idle one costs a virtual machine up to 100 µs), not what a server costs. --no-pin takes it as it comes.
 *
 *   --json FILE      also as JSON (`-` for stdout instead of the table)
 *   --rounds N       slices per target and operation (10)     --slice MS   length of a slice (200)
 *   --only OP,…      stat read1 readall write walk readdir readonly
 *   --clients N,…    parallel clients (1,8)
 *   --tree ARGS      serve the real tree too: `node dist/cli/main.js mount MNT --transport T --foreground ARGS`
 *   --tree-pid PID   the process of the real tree whose files are read (1)
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findMount } from '../../../src/fuse/mountinfo.ts';
import { Server, until } from '../../conformance/support/mounts.ts';
import { printTable, type Row, type Target } from './report.ts';

const { values } = parseArgs({
  options: {
    'no-pin': { type: 'boolean', default: false },
    json: { type: 'string' },
    rounds: { type: 'string', default: '10' },
    slice: { type: 'string', default: '200' },
    only: { type: 'string', default: 'readonly,stat,read1,readall,write,walk,readdir' },
    clients: { type: 'string', default: '1,8' },
    tree: { type: 'string' },
    'tree-pid': { type: 'string', default: '1' },
    source: { type: 'string', default: process.cwd() },
  },
});

/** What each operation of fusebench is pointed at, below the mount; P stands for a process. */
const PATHS: Readonly<Record<string, string>> = {
  readonly: '5/stat',
  stat: 'P/stat',
  read1: 'P/stat',
  readall: 'P/smaps',
  write: 'P/reclaim',
  walk: '',
  readdir: 'many',
};
const NR_PIDS = 1000;

const workplace = mkdtempSync(join(tmpdir(), 'reclaimfs-bench-'));
const servers: ChildProcess[] = [];
const stops: Array<() => Promise<unknown>> = [];
try {
  const rows = await main();
  const report = {
    date: new Date().toISOString(),
    kernel: release(),
    node: process.version,
    cpu: cpus()[0]?.model,
    nrCpus: cpus().length,
    rows,
  };
  if (values.json === '-') console.log(JSON.stringify(report));
  else {
    console.log(
      `${report.cpu}, ${report.nrCpus} CPUs, Linux ${report.kernel}, Node ${report.node}; ${values.rounds} slices of ${values.slice} ms`,
    );
    printTable(rows);
    if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
} finally {
  await Promise.all(stops.map((stop) => stop()));
  rmSync(workplace, { recursive: true, force: true });
}

async function main(): Promise<Row[]> {
  const client = compile('fusebench', ['-pthread']);
  const anchor = compile('fuse_hello_ll', flags('fuse3'));
  const targets: Target[] = [
    await serveC('C', anchor, ['-s']),
    await serve('direct', 'direct', {}),
    await serve('direct, dirs 1s', 'direct', { dirAttrMs: 1000 }),
    await serve('fuse-native', 'fuse-native', {}),
    { label: 'kernel', path: '/proc', isReal: true },
    ...(await realTrees()),
  ];
  const rows: Row[] = [];
  for (const nrClients of values.clients.split(',').map(Number))
    for (const operation of values.only.split(',')) rows.push(...measure(client, operation, nrClients, targets));
  return rows;
}

/** One operation on all targets that have it. */
function measure(client: string, operation: string, nrClients: number, targets: readonly Target[]): Row[] {
  const below = PATHS[operation];
  if (below === undefined) throw new Error(`no operation ${operation}: ${Object.keys(PATHS).join(' ')}`);
  const args = [
    '-o',
    operation,
    '-T',
    String(nrClients),
    '-d',
    values.slice,
    '-r',
    values.rounds,
    '-N',
    String(NR_PIDS),
  ];
  const able = targets.filter(
    ({ isReal, label }) => !isReal || !(operation === 'readdir' || (label === 'kernel' && operation === 'write')),
  );
  const paths = able.map((target, i) => `${i}=${place(target, below)}`);
  const where = pin(nrClients === 1 && !values['no-pin']);
  const out = execFileSync('taskset', ['-c', where, client, ...args, ...paths], { encoding: 'utf8', timeout: 600_000 });
  return out
    .trim()
    .split('\n')
    .map((line) => row(line, operation, nrClients, able));
}

/** Puts all threads of all servers on one CPU, or on all of them; returns which, for the client. */
function pin(together: boolean): string {
  const where = together || cpus().length === 1 ? '0' : `0-${cpus().length - 1}`;
  for (const { pid } of servers) execFileSync('taskset', ['-a', '-c', '-p', where, String(pid)], { stdio: 'ignore' });
  return where;
}

function place({ path, isReal, label }: Target, below: string): string {
  const pid = isReal ? (label === 'kernel' ? '@self' : values['tree-pid']) : '%d';
  return join(path, below.replace('P', pid).replace(/^5\//, isReal ? `${pid}/` : '5/'));
}

function row(line: string, operation: string, nrClients: number, targets: readonly Target[]): Row {
  const field = (name: string): number => Number(new RegExp(`${name}= *([\\d.]+)`).exec(line)?.[1]);
  const index = Number(/T\d+ +(\d+)/.exec(line)?.[1]);
  return {
    operation,
    nrClients,
    target: targets[index]?.label ?? '?',
    medianUs: field('med') / 1000,
    p99Us: field('p99') / 1000,
    opsPerSecond: field('ops/s'),
    medianRatio: field('x_med'),
    throughputRatio: field('x_thr'),
    nrErrors: field('err'),
  };
}

function compile(name: string, extra: readonly string[]): string {
  const program = join(workplace, name);
  execFileSync('gcc', ['-O2', '-o', program, join(values.source, 'test/bench/fuse', `${name}.c`), ...extra]);
  return program;
}

function flags(library: string): string[] {
  return execFileSync('pkg-config', ['--cflags', '--libs', library], { encoding: 'utf8' }).trim().split(/\s+/);
}

function ended(child: ChildProcess): Promise<unknown> {
  child.kill('SIGTERM');
  return child.exitCode === null ? once(child, 'exit') : Promise.resolve();
}

function newMountpoint(label: string): string {
  const path = join(workplace, label.replaceAll(/\W+/g, '-'));
  mkdirSync(path);
  return path;
}

async function serveC(label: string, program: string, args: readonly string[]): Promise<Target> {
  const path = newMountpoint(label);
  const child = spawn(program, [...args, '-n', String(NR_PIDS), path], { stdio: 'inherit' });
  servers.push(child);
  stops.push(() => ended(child));
  await until(() => findMount(path) !== undefined, `mount of ${label}`);
  return { label, path, isReal: false };
}

async function serve(label: string, transport: string, options: object): Promise<Target> {
  const path = newMountpoint(label);
  const script = join(import.meta.dirname, '../../conformance/support/serve.js');
  const server = new Server(script, path, [
    '--transport',
    transport,
    '--options',
    JSON.stringify({ pids: NR_PIDS, ...options }),
  ]);
  servers.push(server.child);
  stops.push(() => ended(server.child));
  await server.mounted;
  return { label, path, isReal: false };
}

async function realTrees(): Promise<Target[]> {
  if (values.tree === undefined) return [];
  const targets: Target[] = [];
  for (const transport of ['direct', 'fuse-native']) {
    const label = `tree ${transport}`;
    const path = newMountpoint(label);
    const args = [join(values.source, 'dist/cli/main.js'), 'mount', path, '--transport', transport, '--foreground'];
    const child = spawn(process.execPath, [...args, ...values.tree.split(' ').filter(Boolean)], { stdio: 'inherit' });
    servers.push(child);
    stops.push(() => ended(child));
    await until(() => findMount(path) !== undefined, `mount of ${label}`, 60_000);
    targets.push({ label, path, isReal: true });
  }
  return targets;
}
