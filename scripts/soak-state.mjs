// See scripts/soak-state.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mount } from '../dist/index.js';

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '10000000' },
    ram: { type: 'string', default: '1G' },
    windows: { type: 'string', default: '20' },
  },
});
const OPERATIONS = Number(values.operations);
const WINDOWS = Number(values.windows);
const BATCH = 100;
const DRIFT = 0.1;
/** CPU time of a rejected write, milliseconds. */
const BAD_STEP_MS = 50;
const SCENARIO = `machine ram=${values.ram} swap=256M seed=1
object LIB file 8M
object LOG file 4M path=/var/log/x mode=0666
cgroup mkdir /g
proc a pid=100
a mmap heap size=512M anon
a touch heap 0 300M write
proc b pid=200
b mmap heap size=64M anon
b mmap lib size=8M obj=LIB private prot=r
b touch heap 0 64M write
b touch lib 0 8M read
`;

let state = 12345;
const random = (n) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % n;
};

/** One step, never rejected: what it makes it takes away again. */
const KINDS = [
  () => [`a touch heap ${random(120_000)}p ${1 + random(64)}p write`],
  () => [`a touch heap ${random(75_000)}p ${1 + random(64)}p read`],
  () => [`b touch heap ${random(16_000)}p ${1 + random(64)}p write fill=word`],
  () => [`b touch lib ${random(1900)}p ${1 + random(64)}p read`],
  () => [`100 reclaim "0x${(0x100000000000 + random(1000) * 65536).toString(16)} 65536"`],
  () => [
    `a madvise heap ${random(100_000)}p ${1 + random(200)}p ${['dontneed', 'cold', 'pageout', 'free'][random(4)]}`,
  ],
  () => [`b write LOG ${random(900)}K 8K`, 'b read LOG 0 64K'],
  () => ['b fork c pid=300', 'c touch heap 0 64K write', 'c exit'],
  () => ['b fork c pid=300', 'c mmap x size=256K anon', 'c touch x 0 256K write', 'c munmap x 0 128K', 'c exit'],
  () => [`sysctl vm.swappiness ${random(100)}`, `a adj ${random(1000)}`],
  () => [`tick ${1 + random(20)}ms`],
];

function batch() {
  const steps = [];
  while (steps.length < BATCH) steps.push(...KINDS[random(KINDS.length)]());
  return steps;
}

/** Time on a processor of all threads of a process, milliseconds. */
function cpuMs(pid) {
  return readdirSync(`/proc/${pid}/task`)
    .map((tid) => Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
    .reduce((sum, ms) => sum + ms, 0);
}

function rssKb(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

const mnt = mkdtempSync(join(tmpdir(), 'soak-state-'));
const proc = await mount({ mountpoint: mnt, scenario: SCENARIO, clock: 'manual' });
const control = join(mnt, 'reclaimfs/control');
const pid = proc.serverPid;
const windows = [];
const failures = [];

/** The time of one write that is rejected in its second step: the least of five, others want the processor, too. */
function badStepMs() {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    writeFileSync(control, `a touch heap ${random(70_000)}p 16p write`);
    const before = cpuMs(pid);
    try {
      writeFileSync(control, 'a touch heap 0 64K write\na reclaim nonsense');
      failures.push('a write that makes no sense was taken');
    } catch (error) {
      if (error.code !== 'EINVAL') throw error;
    }
    least = Math.min(least, cpuMs(pid) - before);
  }
  return least;
}

try {
  let done = 0;
  let refused = 0;
  for (let window = 1; window <= WINDOWS; window++) {
    while (done < (OPERATIONS * window) / WINDOWS) {
      const steps = batch();
      try {
        writeFileSync(control, steps.join('\n'));
      } catch (error) {
        if (error.code !== 'EINVAL' || refused++ > done / BATCH / 20) {
          console.error(readFileSync(join(mnt, 'reclaimfs/error'), 'latin1'), steps.join('\n'));
          throw error;
        }
      }
      done += steps.length;
    }
    const state = readFileSync(join(mnt, 'reclaimfs/state')).length;
    const snapshot = readFileSync(join(mnt, 'reclaimfs/snapshot')).length;
    const measured = { operations: done, rssKb: rssKb(pid), state, snapshot, badStepMs: badStepMs() };
    windows.push(measured);
    console.log(
      `${String(done).padStart(10)} operations: server ${measured.rssKb} kB, state ${state}, snapshot ${snapshot} bytes, a rejected write ${measured.badStepMs.toFixed(1)} ms CPU; ${refused} refused`,
    );
  }
  // Warm once a quarter is done: rooms have grown to their size by then.
  const warm = windows.slice(Math.floor(WINDOWS / 4));
  const half = Math.ceil(warm.length / 2);
  for (const what of ['rssKb', 'state', 'snapshot']) {
    const [early, late] = [warm.slice(0, half), warm.slice(-half)].map((list) => Math.max(...list.map((w) => w[what])));
    if (late > early * (1 + DRIFT)) failures.push(`${what} grows: ${early}, then ${late}`);
  }
  const slowest = Math.max(...windows.map((w) => w.badStepMs));
  if (slowest > BAD_STEP_MS) failures.push(`a rejected write takes ${slowest.toFixed(1)} ms of CPU time`);
  const check = readFileSync(join(mnt, 'reclaimfs/check'), 'latin1');
  if (check !== 'ok\n') failures.push(check);
  const [text, bytes] = ['state', 'snapshot'].map((name) => join(tmpdir(), `soak-state-${process.pid}.${name}`));
  writeFileSync(text, readFileSync(join(mnt, 'reclaimfs/state')));
  writeFileSync(bytes, readFileSync(join(mnt, 'reclaimfs/snapshot')));
  try {
    execFileSync(process.execPath, ['dist/cli/main.js', 'diff', text, bytes], { stdio: 'inherit' });
    rmSync(text);
    if (failures.length === 0) rmSync(bytes);
  } catch {
    failures.push(`the state gives another machine than the snapshot: ${text} ${bytes}`);
  }
  if (failures.length > 0) console.error(`the machine at the end: ${bytes}`);
} finally {
  await proc.unmount();
  rmdirSync(mnt);
}
for (const failure of failures) console.error(`soak-state: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
