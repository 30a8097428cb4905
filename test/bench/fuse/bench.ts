/**
 * Measures the transports against libfuse3 in C: the same tree, one client program, all targets interleaved slice by slice
 * in one run, so that a noisy neighbour hits all alike. Run by scripts/bench-fuse.
 *
 * One client is measured with client and servers on one CPU: else the median says which of two CPUs the scheduler happened
 * to choose (waking an idle one costs a virtual machine up to 100 µs), not what a server costs. --no-pin takes it as it comes.
 *
 *   --json FILE      also as JSON (`-` for stdout instead of the table)
 *   --rounds N       slices per target and operation (10)     --slice MS   length of a slice (200)
 *   --only OP,…      stat read1 readall readkept write walk readdir readroot readonly meminfo
 *   --clients N,…    parallel clients (1,8)
 *   --tree           serve the real tree too, over both transports: a machine of as many processes as the demo tree, each
 *                    with an address space, and a hundred whose smaps have 200 kB; every file is rendered when it is read
 *   --no-demo        the demo tree by C only
 *   --pids N         processes of the trees (1000)
 *   --lxcfs          meminfo of lxcfs too (if it is installed)
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
    tree: { type: 'boolean', default: false },
    'no-demo': { type: 'boolean', default: false },
    pids: { type: 'string', default: '1000' },
    lxcfs: { type: 'boolean', default: false },
    program: { type: 'string', default: 'dist/cli/main.js' },
    source: { type: 'string', default: process.cwd() },
  },
});

/** One measurement: the operation of fusebench, and the file it is pointed at below each mount; %d counts the processes. */
interface Operation {
  readonly run: string;
  readonly demo?: string;
  readonly tree?: string;
  readonly kernel?: string;
  readonly lxcfs?: string;
  /** How many processes %d counts. */
  readonly nrPids?: number;
}

const NR_PIDS = Number(values.pids);
/** Processes of the real tree with a large smaps: 2001, 2002… 20010… 200100. */
const NR_LARGE = NR_PIDS > 2000 ? 0 : 100;
const OPERATIONS: Readonly<Record<string, Operation>> = {
  readonly: { run: 'readonly', demo: '5/stat', tree: '5/stat', kernel: '@self/stat' },
  stat: { run: 'stat', demo: '%d/stat', tree: '%d/stat', kernel: '@self/stat' },
  read1: { run: 'read1', demo: '%d/stat', tree: '%d/stat', kernel: '@self/stat' },
  readall: { run: 'readall', demo: '%d/smaps', tree: '200%d/smaps', kernel: '@vma/smaps', nrPids: NR_LARGE },
  // The same file again and again: its text is kept for 50 ms, so that what is left is the cost without rendering.
  readkept: { run: 'readall', demo: '5/smaps', tree: '2001/smaps', kernel: '@vma/smaps' },
  write: { run: 'write', demo: '%d/reclaim', tree: '%d/reclaim' },
  walk: { run: 'walk', demo: '', tree: '' },
  readdir: { run: 'readdir', demo: 'many' },
  readroot: { run: 'readdir', demo: '', tree: '' },
  meminfo: { run: 'read1', demo: '5/stat', tree: 'meminfo', kernel: 'meminfo', lxcfs: 'proc/meminfo' },
};

const workplace = mkdtempSync(join(tmpdir(), 'reclaimfs-bench-'));
const servers: { readonly pid?: number | undefined }[] = [];
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
  const targets: Target[] = [await serveC('C', anchor, ['-s'])];
  if (!values['no-demo'])
    targets.push(
      await serve('direct', 'direct', {}),
      await serve('direct, dirs 1s', 'direct', { dirAttrMs: 1000 }),
      await serve('fuse-native', 'fuse-native', {}),
    );
  targets.push({ label: 'kernel', path: '/proc', kind: 'kernel' });
  if (values.tree) targets.push(...(await realTrees()));
  if (values.lxcfs) targets.push(await serveLxcfs());
  const rows: Row[] = [];
  for (const nrClients of values.clients.split(',').map(Number))
    for (const name of values.only.split(',')) rows.push(...measure(client, name, nrClients, targets));
  return rows;
}

/** One operation on all targets that have it. */
function measure(client: string, name: string, nrClients: number, targets: readonly Target[]): Row[] {
  const operation = OPERATIONS[name];
  if (operation === undefined) throw new Error(`no operation ${name}: ${Object.keys(OPERATIONS).join(' ')}`);
  const { run, nrPids = NR_PIDS } = operation;
  const args = ['-o', run, '-T', String(nrClients), '-d', values.slice, '-r', values.rounds, '-N', String(nrPids)];
  const able = targets.filter(({ kind }) => operation[kind] !== undefined);
  const paths = able.map(({ path, kind }, i) => `${i}=${join(path, operation[kind] ?? '')}`);
  const where = pin(nrClients === 1 && !values['no-pin']);
  const out = execFileSync('taskset', ['-c', where, client, ...args, ...paths], { encoding: 'utf8', timeout: 600_000 });
  return out
    .trim()
    .split('\n')
    .map((line) => row(line, name, nrClients, able));
}

/** Puts all threads of all servers on one CPU, or on all of them; returns which, for the client. */
function pin(together: boolean): string {
  const where = together || cpus().length === 1 ? '0' : `0-${cpus().length - 1}`;
  for (const { pid } of servers) execFileSync('taskset', ['-a', '-c', '-p', where, String(pid)], { stdio: 'ignore' });
  return where;
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
  return { label, path, kind: 'demo' };
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
  return { label, path, kind: 'demo' };
}

/** A machine with as many processes as the demo tree. */
function scenario(): string {
  const lines = ['machine ram=1G swap=256M swapkind=zram uptime=1h cpus=4', 'object LIB file 64K path=/lib/libc.so'];
  for (let pid = 1; pid <= NR_PIDS; pid++) {
    lines.push(
      `proc p${pid} pid=${pid} ppid=${pid > 1 ? 1 : 0} comm=daemon-${pid} cmdline="daemon-${pid} --serve" uid=${1000 + (pid % 5)}`,
      `p${pid} mmap lib size=64K obj=LIB private prot=rx`,
      `p${pid} mmap heap size=64K anon private name=[heap]`,
      `p${pid} mmap stack size=132K growsdown init=12K name=[stack]`,
      `p${pid} touch heap 0 16K write`,
      `p${pid} touch lib 0 16K read`,
    );
  }
  for (let i = 1; i <= NR_LARGE; i++)
    lines.push(`proc m${i} pid=200${i} uid=1000`, `m${i} mmap many count=280 each=8K gap=8K anon`);
  return `${lines.join('\n')}\n`;
}

async function realTrees(): Promise<Target[]> {
  const targets: Target[] = [];
  const file = join(workplace, 'bench.scn');
  writeFileSync(file, scenario());
  for (const transport of ['direct', 'fuse-native']) {
    const label = `tree ${transport}`;
    const path = newMountpoint(label);
    const args = ['mount', path, '--transport', transport, '--foreground', '--scenario', file];
    const child = spawn(process.execPath, [values.program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    stops.push(() => ended(child));
    await once(child.stdout, 'data');
    // The server is a child of the command.
    servers.push({ pid: Number(execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })) });
    targets.push({ label, path, kind: 'tree' });
  }
  return targets;
}

async function serveLxcfs(): Promise<Target> {
  const path = newMountpoint('lxcfs');
  const child = spawn('lxcfs', ['-f', '-p', join(workplace, 'lxcfs.pid'), path], { stdio: 'ignore' });
  servers.push(child);
  stops.push(() => ended(child));
  await until(() => findMount(path) !== undefined, 'mount of lxcfs');
  return { label: 'lxcfs', path, kind: 'lxcfs' };
}
