import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools, until } from './support/inside.ts';
import { readMeminfo } from './support/tree.ts';

/** A machine without swap that has little memory left: one process eats on, one may not be touched. */
const SHORTAGE = `machine ram=512M swap=0 uptime=1h cpus=2 seed=3
proc init pid=1 ppid=0 comm=init start=1s adj=-1000
init mmap heap size=1M anon private name=[heap]
init touch heap 0 1M write
proc precious pid=900 ppid=1 uid=1000 comm=precious adj=-800 start=1m
precious mmap heap size=220M anon private name=[heap]
precious touch heap 0 150M write
proc editor pid=1000 ppid=1 uid=1000 comm=editor start=2m
editor mmap heap size=64M anon private name=[heap]
editor touch heap 0 40M write
proc eater pid=1100 ppid=1 uid=1000 comm=eater adj=300 start=3m
eater mmap heap size=400M anon private name=[heap]
eater touch heap 0 230M write
`;
const EATEN_MIB = 230;

describe.skipIf(skipTools)('signals', () => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start();
  });
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  const gone = (pid: number): Promise<void> =>
    until(async () => (await inside.sh(`test -d /proc/${pid}`)).status === 1, `end of ${pid}`, 5000);
  const state = async (pid: number): Promise<string> =>
    /^State:\s+(\S)/m.exec(await inside.read(`/proc/${pid}/status`))?.[1] ?? '';

  test('kill ends a process and frees its memory', async () => {
    const free = async (): Promise<number> => Number(/MemFree: +(\d+)/.exec(await inside.read('/proc/meminfo'))![1]);
    const before = await free();
    await inside.text('kill 5000');
    await gone(5000);
    expect((await free()) - before).toBeGreaterThan(300_000);
  });

  test('kill -STOP, kill -CONT', async () => {
    await inside.text('kill -STOP 3020');
    await until(async () => (await state(3020)) === 'T', 'a stopped process');
    await inside.text('kill -CONT 3020');
    await until(async () => (await state(3020)) === 'S', 'a continued process');
  });

  test('pkill by name, user and command line', async () => {
    await inside.text('pkill -x keyring');
    await gone(5100);
    await inside.text('pkill -9 -f "job 2"');
    await gone(6002);
    expect((await inside.run(['pkill', '-x', 'nobody-is-called-so'])).status).toBe(1);
    expect(await inside.text('pgrep -u 10042')).toBe('4190000\n');
  });

  test('killall of busybox', async () => {
    await inside.text('busybox killall updatedb');
    await gone(5200);
  });

  test('a signal that is ignored, and one to nobody', async () => {
    await inside.text('kill -0 2000 && kill -WINCH 2000');
    expect((await inside.sh('kill 12345')).status).toBe(1);
    expect(await state(2000)).toBe('S');
  });

  test('psutil: nice, cpu_affinity, pid_exists, terminate, wait', async () => {
    const result = await inside.python<unknown[]>(`
p = psutil.Process(6001)
result = [p.nice(), len(p.cpu_affinity()) > 0, psutil.pid_exists(6001), psutil.pid_exists(6999)]
p.terminate()
gone, alive = psutil.wait_procs([p], timeout=5)
result += [len(gone), len(alive)]`);
    expect(result).toEqual([0, true, true, false, 1, 0]);
  });

  test('prlimit, taskset, chrt, ionice, renice find simulated processes', async () => {
    for (const tool of ['taskset -p 2000', 'chrt -p 2000', 'ionice -p 2000', 'prlimit -p 2001 --nofile || true'])
      await inside.text(tool);
  });

  test('an exiting process is found no more', async () => {
    await inside.text('kill -0 6000');
    await inside.step('job0 exit');
    await until(async () => (await inside.sh('kill -0 6000')).status !== 0, 'end of 6000');
  });

  test('htop, F9 through tmux', async () => {
    const tmux = 'tmux -L kill -f /dev/null';
    const text = (): Promise<string> => inside.text(`${tmux} capture-pane -p`);
    await inside.text(`${tmux} new-session -d -x 140 -y 50 "htop -p 3100,700"`, { env: { TERM: 'xterm-256color' } });
    await until(async () => (await text()).includes('./a) (b'), 'htop shows the process');
    // Search for it, then F9 and Enter: SIGTERM is the one offered.
    await inside.text(
      `${tmux} send-keys F3 && sleep 0.5 && ${tmux} send-keys './a' && sleep 0.5 && ${tmux} send-keys Enter`,
    );
    await inside.text(`sleep 0.5; ${tmux} send-keys F9`);
    await until(async () => (await text()).includes('SIGTERM'), 'the list of signals');
    await inside.text(`${tmux} send-keys Enter`);
    await gone(3100);
    await inside.text(`test -d /proc/700 && ${tmux} send-keys q`);
  });
});

/** Daemons of Debian, unmodified, with their own settings where they have any. */
describe.skipIf(skipTools)('a shortage of memory', () => {
  const machines: Inside[] = [];
  const shortage = async (): Promise<Inside> => {
    const inside = await Inside.start({ scenario: SHORTAGE });
    machines.push(inside);
    return inside;
  };
  afterAll(async () => {
    for (const inside of machines) {
      await inside.check();
      await inside.stop();
    }
  });

  const alive = async (inside: Inside): Promise<string> =>
    (await inside.text('pgrep -l "^(init|precious|editor|eater)$"')).replace(/\d+ /g, '').trim().replaceAll('\n', ' ');
  /** The eater eats, slowly, until it has gone: below the marks of the daemons it waits for them, however slow they are. */
  const eat = async (inside: Inside): Promise<void> => {
    const gone = async (): Promise<boolean> => (await inside.sh('test -d /proc/1100')).status !== 0;
    for (let mib = EATEN_MIB; mib < 320; mib += 3) {
      await inside.sh(`echo 'eater touch heap ${mib}M 3M write' > /proc/reclaimfs/control; sleep 0.3`);
      const { MemAvailable = 0, MemTotal = 0 } = await readMeminfo(inside);
      if (MemAvailable < 0.045 * MemTotal) return until(gone, 'end of the eater', 90_000);
      if (await gone()) return;
    }
  };
  const oomKills = async (inside: Inside): Promise<string> =>
    /oom_kill (\d+)/.exec(await inside.read('/proc/vmstat'))![1]!;

  test.concurrent.each([
    ['earlyoom', 'earlyoom -r 0 -m 8', /sending SIGTERM to process 1100 uid 1000 "eater"/],
    ['nohang', 'nohang --monitor --config /etc/nohang/nohang.conf', /Sending SIG\w+ to the victim|eater/],
  ] as const)('%s ends the eater, and nobody else', async (name, command, says) => {
    const inside = await shortage();
    const log = `/tmp/reclaimfs-${name}`;
    const daemon = inside.sh(`${command} > ${log}.log 2>&1 & echo $! > ${log}.pid; wait`, { timeoutMs: 160_000 });
    await inside.text('sleep 2');
    expect(await alive(inside)).toBe('init precious editor eater');
    await eat(inside);
    expect(await alive(inside)).toBe('init precious editor');
    // It was the daemon, not the simulated kernel.
    expect(await oomKills(inside)).toBe('0');
    await inside.text(`kill $(cat ${log}.pid)`);
    await daemon;
    expect(await inside.text(`cat ${log}.log; rm ${log}.log ${log}.pid`)).toMatch(says);
  });
});
