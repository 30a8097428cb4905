/** What a fresh machine costs a test that keeps its mount: `MountedProc.reset`, in CPU time of the server and of the test. Needs a build and a mount. */
import { readFileSync } from 'node:fs';
import { builtInScenario, mount } from '../dist/index.js';

const ROUNDS = 20;
const TICK_MS = 10;
const SMALL = 'machine ram=64M\nproc a pid=7\na mmap heap size=4M anon\na touch heap 0 4M write';

/** CPU time of a process so far, milliseconds. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

const proc = await mount({ clock: 'manual' });
try {
  for (const [name, text] of [
    ['default', builtInScenario('default')],
    ['small', SMALL],
  ])
    for (const round of ['first', 'warm']) {
      const before = cpuMs(proc.serverPid);
      const own = process.cpuUsage();
      const start = performance.now();
      for (let i = 0; i < ROUNDS; i++) await proc.reset(text);
      const { user, system } = process.cpuUsage(own);
      const per = (ms) => `${(ms / ROUNDS).toFixed(1)} ms`;
      console.log(
        `${name.padEnd(8)} ${round}: ${per(performance.now() - start)} wall, CPU ${per(cpuMs(proc.serverPid) - before)} of the server, ${per((user + system) / 1000)} of the test`,
      );
    }
} finally {
  await proc.unmount();
}
