// See scripts/soak-mount. Clients are workers of node processes: 8 of each.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { mount } from '../dist/index.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    clients: { type: 'string', default: '64' },
    transport: { type: 'string' },
    client: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const DRIFT = 0.1;
const FILES = ['stat', 'statm', 'status', 'smaps_rollup', 'smaps', 'maps', 'io', 'cgroup', 'pagemap', 'limits'];
const GLOBAL = [
  'meminfo',
  'vmstat',
  'stat',
  'loadavg',
  'pressure/memory',
  'zoneinfo',
  'reclaimfs/clock',
  'reclaimfs/settings',
];

if (values.client === undefined) await main();
else await client(values.client, Number(values.seed));

/** One client: bursts of operations, a line with its count and errors each second. */
async function client(mnt, seed) {
  let state = seed * 7919 + 1;
  const random = (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  let ops = 0;
  let serial = 0;
  const errors = {};
  setInterval(() => {
    process.send?.({ ops, errors });
  }, 1000).unref();
  const attempt = (act) => {
    if (++ops % 25 === 0) process.send?.({ ops, errors });
    try {
      act();
    } catch (error) {
      // A process may end between two looks at it, and an unknown word is meant to be refused.
      if (!['ENOENT', 'ESRCH', 'EINVAL'].includes(error.code)) errors[error.code] = (errors[error.code] ?? 0) + 1;
    }
  };
  for (;;) {
    const pids = readdirSync(mnt).filter((name) => /^\d+$/.test(name));
    for (let i = 50 + random(300); i > 0; i--) {
      const pid = pids[random(pids.length)] ?? '1';
      const kind = random(100);
      if (kind < 60) attempt(() => readFileSync(join(mnt, pid, FILES[random(FILES.length)])));
      else if (kind < 80) attempt(() => readFileSync(join(mnt, GLOBAL[random(GLOBAL.length)])));
      else if (kind < 85) attempt(() => readdirSync(mnt));
      else if (kind < 95)
        attempt(() => writeFileSync(join(mnt, pid, 'reclaim'), ['anon', 'file', 'all', 'bogus'][random(4)]));
      else {
        const name = `c${process.pid}_${serial++}`;
        const control = join(mnt, 'reclaimfs/control');
        const steps = [
          `proc ${name}`,
          `${name} mmap heap size=256K anon`,
          `${name} touch heap 0 256K write`,
          `${name} fork ${name}f`,
        ];
        attempt(() => writeFileSync(control, steps.join('\n')));
        attempt(() => writeFileSync(control, `${name}f exit\n${name} exit`));
      }
    }
    await sleep(random(200));
  }
}

async function main() {
  const transports = values.transport === undefined ? ['direct', 'fuse-native'] : [values.transport];
  let failed = false;
  for (const transport of transports) failed = (await soak(transport)) || failed;
  process.exit(failed ? 1 : 0);
}

async function soak(transport) {
  const minutes = Number(values.minutes);
  const mountpoint = mkdtempSync(join(tmpdir(), 'reclaimfs-soak-'));
  const proc = await mount({ mountpoint, transport, speed: 100 });
  const reports = new Map();
  const clients = Array.from({ length: Number(values.clients) }, (_, i) => {
    const args = [process.argv[1], '--client', mountpoint, '--seed', String(i + 1)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.on('message', (report) => reports.set(i, report));
    return child;
  });
  const samples = [];
  const windowS = Math.max(5, minutes);
  let last = await sample(proc.serverPid, reports);
  const end = performance.now() + minutes * 60_000;
  console.log(
    `${transport}: ${clients.length} clients, ${minutes} min\n  ops/s  us CPU/op  RSS MB  threads  fds  errors`,
  );
  while (performance.now() < end) {
    await sleep(windowS * 1000);
    const now = await sample(proc.serverPid, reports);
    const ops = now.ops - last.ops;
    const row = { ...now, perOp: ((now.cpuS - last.cpuS) * 1e6) / Math.max(1, ops), rate: ops / windowS };
    samples.push(row);
    last = now;
    const columns = [row.rate.toFixed(0), row.perOp.toFixed(0), (row.rssKb / 1024).toFixed(0), row.threads, row.fds];
    console.log(`  ${columns.join('  ')}  ${JSON.stringify(row.errors)}`);
  }
  for (const child of clients) child.kill('SIGKILL');
  await proc.unmount();
  rmdirSync(mountpoint);
  return judge(transport, samples);
}

async function sample(pid, reports) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const errors = {};
  let ops = 0;
  for (const report of reports.values()) {
    ops += report.ops;
    for (const [code, count] of Object.entries(report.errors)) errors[code] = (errors[code] ?? 0) + count;
  }
  return {
    ops,
    errors,
    cpuS: (Number(stat[11]) + Number(stat[12])) / 100,
    rssKb: Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]),
    threads: Number(/^Threads:\s+(\d+)/m.exec(status)[1]),
    fds: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** The last quarter against the first that is warm. */
function judge(transport, samples) {
  const warm = samples.slice(Math.floor(samples.length / 6));
  const quarter = Math.max(1, Math.floor(warm.length / 4));
  const mean = (rows, key) => rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  const ratio = (key) => mean(warm.slice(-quarter), key) / mean(warm.slice(0, quarter), key);
  const errors = Object.keys(samples.at(-1)?.errors ?? {});
  const problems = [
    ...(ratio('perOp') > 1 + DRIFT ? [`CPU per operation x ${ratio('perOp').toFixed(2)}`] : []),
    ...(ratio('rssKb') > 1 + DRIFT ? [`memory x ${ratio('rssKb').toFixed(2)}`] : []),
    ...(ratio('threads') > 1 + DRIFT ? [`threads x ${ratio('threads').toFixed(2)}`] : []),
    ...(errors.length > 0 ? [`errors ${errors.join(' ')}`] : []),
  ];
  const figures = `CPU/op x ${ratio('perOp').toFixed(2)}, RSS x ${ratio('rssKb').toFixed(2)}, throughput x ${ratio('rate').toFixed(2)}`;
  console.log(`${transport}: ${figures}: ${problems.length === 0 ? 'flat' : `NOT FLAT: ${problems.join(', ')}`}`);
  return problems.length > 0;
}
