// How long a system call takes that `run` answers from the machine, beside what the kernel needs: median and p99.
//   node scripts/bench-syscalls.mjs [CALLS]        after npm run build; as root, or where `run` works
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const CALLS = Number(process.argv[2] ?? 2000);
const MAIN = resolve(import.meta.dirname, '../dist/cli/main.js');
const SCENARIO = 'machine ram=256M cpus=8\nproc init pid=1\nproc game pid=1234 ppid=1 comm=game\n';
/** Prints nanoseconds, a line a call: name, then all of them in order. getppid is asked about by nobody. */
const PROGRAM = `import os, time
calls = {
    "getppid": os.getppid,
    "uname": os.uname,
    "sched_getaffinity": lambda: os.sched_getaffinity(0),
    "getpriority": lambda: os.getpriority(os.PRIO_PROCESS, PID),
    "kill 0": lambda: os.kill(PID, 0),
    "statfs": lambda: os.statvfs("/proc"),
}
for name, call in calls.items():
    times = []
    for _ in range(${CALLS}):
        begin = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - begin)
    print(name, *sorted(times), sep="\\t")
`;

/** Microseconds by name. */
function figuresOf(stdout) {
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  return new Map(
    rows.map(([name, ...times]) => {
      const at = (part) => Number(times[Math.min(times.length - 1, Math.floor(times.length * part))]) / 1000;
      return [name, [at(0.5), at(0.99)]];
    }),
  );
}

const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-bench-'));
try {
  const scenario = join(directory, 'bench.scn');
  writeFileSync(scenario, SCENARIO);
  const python = (pid) => ['/usr/bin/python3', '-c', PROGRAM.replaceAll('PID', pid)];
  const measure = async (argv) => figuresOf((await promisify(execFile)(argv[0], argv.slice(1))).stdout);
  const run = (...options) => [
    process.execPath,
    MAIN,
    'run',
    '--scenario',
    scenario,
    ...options,
    '--',
    ...python('1234'),
  ];
  const columns = [
    ['kernel', await measure(python('1'))],
    ['run, direct', await measure(run('--transport', 'direct'))],
    ['run, fuse-native', await measure(run('--transport', 'fuse-native'))],
  ];
  console.log(`median and p99 of ${CALLS} calls, in us\n`);
  console.log(['call'.padEnd(20), ...columns.map(([name]) => name.padEnd(20))].join(''));
  for (const name of columns[0][1].keys()) {
    const cells = columns.map(([, figures]) =>
      figures
        .get(name)
        .map((us) => us.toFixed(1))
        .join(' / ')
        .padEnd(20),
    );
    console.log([name.padEnd(20), ...cells].join(''));
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
