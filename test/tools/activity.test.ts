import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools, until } from './support/inside.ts';
import { table } from './support/tree.ts';

/** What processes of the scenario use, in percent of one CPU. */
const LOADS: Readonly<Record<number, number>> = { 701: 18, 702: 5, 903: 50, 2000: 30, 3021: 98 };
const TOTAL = Object.values(LOADS).reduce((sum, load) => sum + load, 0);
const CPUS = 4;
/** Tools measure their second while all of them, and perhaps other tests, run. */
const TOLERANCE = 0.25;

/** Tools that look twice: on a machine whose time runs, side by side. */
describe.skipIf(skipTools)('activity', () => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start({ clock: 'real' });
  });
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  const about = (value: number | undefined, wanted: number, slack = TOLERANCE): void => {
    expect(value).toBeGreaterThan(wanted * (1 - slack) - 2);
    expect(value).toBeLessThan(wanted * (1 + slack) + 2);
  };
  const expectLoads = (seen: ReadonlyMap<number, number>): void => {
    for (const [pid, load] of Object.entries(LOADS)) about(seen.get(Number(pid)), load);
    for (const [pid, load] of seen) if (!(pid in LOADS) && pid < 10_000) expect([pid, load]).toEqual([pid, 0]);
  };

  test.concurrent('top -b -n2', async () => {
    const text = await inside.text('top -b -n2 -d2 -w 200');
    const second = text.slice(text.lastIndexOf('top - '));
    const rows = table(second.slice(second.indexOf('    PID')), 1).filter(([pid]) => Number(pid) < 10_000);
    expectLoads(new Map(rows.map((row) => [Number(row[0]), Number(row[8])])));
    const [, user, system] = /%Cpu\(s\): +([\d.]+) us, +([\d.]+) sy/.exec(second)!;
    const [, nice] = /, +([\d.]+) ni,/.exec(second)!;
    about(Number(user) + Number(system) + Number(nice), TOTAL / CPUS);
  });

  test.concurrent('vmstat 1 3', async () => {
    const rows = table(await inside.text('vmstat 1 3'), 2).map((row) => row.map(Number));
    expect(rows).toHaveLength(3);
    for (const row of rows.slice(1)) {
      about(row[12]! + row[13]!, TOTAL / CPUS);
      about(row[14], 100 - TOTAL / CPUS);
      // 400 + 90 + 1500 + 300 + 30 switches a second.
      about(row[11], 2320);
      expect(row[1]).toBe(1);
    }
  });

  test.concurrent('pidstat', async () => {
    const averages = (text: string): string[][] =>
      table(text)
        .filter(([first]) => first === 'Average:')
        .slice(1);
    const [cpu, switches, threads, memory] = await Promise.all([
      inside.text('pidstat -u 2 1'),
      inside.text('pidstat -w 2 1'),
      inside.text('pidstat -t -p 2000 1 1'),
      inside.text('pidstat -r -p 2000'),
    ]);
    const loads = averages(cpu).filter(([, , pid]) => Number(pid) < 10_000);
    expectLoads(new Map(loads.map((row) => [Number(row[2]), Number(row[7])])));
    const perSecond = new Map(averages(switches).map((row) => [Number(row[2]), Number(row[3])]));
    about(perSecond.get(903), 1500);
    expect(averages(threads).map((row) => row.at(-1))).toEqual(
      expect.arrayContaining(['|__python3', '|__worker-0', '|__worker-3']),
    );
    const rss = /VmRSS:\s+(\d+)/.exec(await inside.read('/proc/2000/status'))![1];
    // Since boot: UID PID minflt/s majflt/s VSZ RSS.
    expect(table(memory).at(-1)![6]).toBe(rss);
  });

  test.concurrent('sar, mpstat', async () => {
    const [all, memory, swap, perCpu] = await Promise.all([
      inside.text('sar -u 2 1'),
      inside.text('sar -r 1 1'),
      inside.text('sar -S 1 1'),
      inside.text('mpstat 2 1'),
    ]);
    const average = (text: string): number[] => table(text).at(-1)!.slice(1).map(Number);
    about(100 - average(all).at(-1)!, TOTAL / CPUS);
    about(100 - average(perCpu).at(-1)!, TOTAL / CPUS);
    const meminfo = await inside.read('/proc/meminfo');
    expect(average(memory)[0]).toBe(Number(/MemFree: +(\d+)/.exec(meminfo)![1]));
    expect(average(swap)[0]).toBe(Number(/SwapFree: +(\d+)/.exec(meminfo)![1]));
    for (const option of ['-B', '-W', '-q', '-w', '-n DEV', '-v', '-A'])
      expect(await inside.text(`sar ${option} 1 1`)).toContain('Average');
  });

  test.concurrent('atop', async () => {
    const text = await inside.text('atop -P CPU,MEM,PRM 1 2');
    const last = text.slice(text.lastIndexOf('CPU '));
    const cpu = last.split('\n')[0]!.split(' ');
    expect(Number(cpu[7])).toBe(CPUS);
    const meminfo = await inside.read('/proc/meminfo');
    const memory = text
      .split('\n')
      .filter((line) => line.startsWith('MEM '))
      .at(-1)!
      .split(' ');
    expect(Number(memory[7]) * 4).toBe(Number(/MemTotal: +(\d+)/.exec(meminfo)![1]));
    expect(Number(memory[8]) * 4).toBe(Number(/MemFree: +(\d+)/.exec(meminfo)![1]));
    const hog = text.split('\n').find((line) => line.startsWith('PRM ') && line.includes(' 5000 (memhog) '));
    expect(hog).toContain(` ${/VmRSS:\s+(\d+)/.exec(await inside.read('/proc/5000/status'))![1]} `);
  });

  test.concurrent('psutil: cpu_percent, cpu_times_percent', async () => {
    const [busy, perProcess] = await inside.python<[number, Record<string, number>]>(`
import time
ps = [p for p in psutil.process_iter() if p.pid < 10000]
for p in ps: p.cpu_percent()
psutil.cpu_percent()
time.sleep(2)
result = [psutil.cpu_percent(), {p.pid: p.cpu_percent() for p in ps if p.is_running()}]`);
    about(busy, TOTAL / CPUS);
    for (const [pid, load] of Object.entries(LOADS)) about(perProcess[pid], load);
  });

  test.concurrent('pidusage looks twice', async () => {
    const text = await inside.text([
      process.execPath,
      '-e',
      `const usage = require('${new URL('../../node_modules/pidusage', import.meta.url).pathname}');
       usage(3021).then(() => setTimeout(() => usage(3021).then((u) => console.log(u.cpu)), 2000))`,
    ]);
    about(Number(text), 98);
  });

  test.concurrent('glances lists simulated processes', async () => {
    const text = await inside.text(
      'timeout 20 glances --stdout-json mem,memswap,processcount,processlist --stop-after 2 2>/dev/null || timeout 20 glances --stdout mem,processcount,processlist 2>/dev/null | head -3',
      { timeoutMs: 60_000 },
    );
    expect(text).toContain('memhog');
    expect(text).toContain("'percent'".replaceAll("'", text.includes('"percent"') ? '"' : "'"));
  });

  /** What a terminal program shows on a screen of its own. */
  const screen = (
    name: string,
    command: string,
  ): { keys(...keys: string[]): Promise<string>; text(): Promise<string> } => {
    const tmux = `tmux -L ${name} -f /dev/null`;
    const started = inside.text(`${tmux} new-session -d -x 150 -y 60 '${command}'`, {
      env: { TERM: 'xterm-256color' },
    });
    return {
      keys: async (...keys) => {
        await started;
        return inside.text(`${tmux} send-keys ${keys.join(' ')}`);
      },
      text: async () => {
        await started;
        return inside.text(`${tmux} capture-pane -p`);
      },
    };
  };

  test.concurrent('htop', async () => {
    const htop = screen('htop', 'htop');
    await until(async () => (await htop.text()).includes('memhog 300m'), 'htop lists memhog');
    await until(
      async () => /\b3021 1001 +30 +10 .* R +\d{2,3}\.\d +4\.\d .*cc1plus/.test(await htop.text()),
      'CPU of cc1plus',
    );
    const text = await htop.text();
    expect(text).toMatch(/Load average: /);
    expect(text).toMatch(/Uptime: 02:00/);
    await htop.keys('q');
  });

  test.concurrent('btop', async () => {
    const btop = screen('btop', 'btop --utf-force');
    await until(async () => (await btop.text()).includes('cc1plus'), 'btop lists cc1plus');
    await btop.keys('q');
  });
});
