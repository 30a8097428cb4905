import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';
import { type ProcessFiles, parseKeys, readMeminfo, readProcesses, readVmstat, table } from './support/tree.ts';

const APP = 2000;

/** Debian's procps and psmisc on a machine that stands still, before and after its processes gave memory back. */
describe.skipIf(skipTools)('procps', () => {
  let inside: Inside;
  let processes: Map<number, ProcessFiles>;
  beforeAll(async () => {
    inside = await Inside.start({ clock: 'manual' });
  });
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  describe.each(['before', 'after'])('%s a reclaim', (when) => {
    beforeAll(async () => {
      if (when === 'after') {
        await inside.step('vim kill CONT');
        for (const [pid, what] of [
          [APP, 'anon'],
          [900, 'all'],
          [4000, 'file'],
          [5000, 'anon'],
        ] as const)
          await inside.reclaim(pid, what);
        await inside.text('echo +3s > /proc/reclaimfs/clock');
      }
      processes = await readProcesses(inside);
    });

    /** Rows of ps that are simulated: the tools of the test see themselves as well. */
    const simulated = (rows: string[][], column = 0): string[][] =>
      rows.filter((row) => processes.has(Number(row[column])));

    test('ps aux', async () => {
      const rows = simulated(table(await inside.text('ps aux'), 1), 1);
      expect(rows).toHaveLength(processes.size);
      const memory = (await readMeminfo(inside))['MemTotal']!;
      for (const [, pid, , percent, vsz, rss, , state] of rows) {
        const { status, stat } = processes.get(Number(pid))!;
        expect([pid, Number(vsz), Number(rss)]).toEqual([pid, status['VmSize'] ?? 0, status['VmRSS'] ?? 0]);
        expect(state![0]).toBe(stat.state);
        expect(Number(percent)).toBeCloseTo(Math.floor((Number(rss) * 1000) / memory) / 10, 5);
      }
    });

    test('ps -ef', async () => {
      const rows = simulated(table(await inside.text('ps -ef'), 1), 1);
      expect(rows.map(([, pid, ppid]) => [pid, ppid])).toEqual(
        [...processes.values()]
          .sort((a, b) => a.pid - b.pid)
          .map(({ pid, stat }) => [String(pid), String(stat.field(4))]),
      );
      const app = rows.find(([, pid]) => pid === String(APP));
      expect(app?.slice(7).join(' ')).toBe('/usr/bin/python3 /srv/app/main.py --workers 4 --name Hello World');
    });

    test('ps -eLf', async () => {
      const rows = simulated(table(await inside.text('ps -eLf'), 1), 1);
      const threads = [...processes.values()].reduce((sum, { status }) => sum + status['Threads']!, 0);
      expect(rows).toHaveLength(threads);
      expect(rows.filter(([, pid]) => pid === String(APP)).map((row) => row[3])).toEqual([
        '2000',
        '2001',
        '2002',
        '2003',
        '2004',
      ]);
    });

    test('ps -o pss,uss,rss and others', async () => {
      const columns = 'pid,ppid,uid,pss,uss,rss,vsz,nlwp,ni,pri,stat,min_flt,maj_flt';
      const rows = simulated(table(await inside.text(`ps -eo ${columns} --no-headers`)));
      expect(rows).toHaveLength(processes.size);
      for (const [pid, ppid, uid, pss, uss, rss, vsz, nlwp, ni, , , minor, major] of rows) {
        const p = processes.get(Number(pid))!;
        expect([pid, ppid, uid, nlwp].map(Number)).toEqual([p.pid, p.stat.field(4), p.uid, p.stat.field(20)]);
        expect([rss, vsz].map(Number)).toEqual([p.status['VmRSS'] ?? 0, p.status['VmSize'] ?? 0]);
        expect([minor, major].map(Number)).toEqual([p.stat.field(10), p.stat.field(12)]);
        if (p.stat.state !== 'Z' && p.rollup['Rss'] !== undefined) {
          expect(Number(pss)).toBe(p.rollup['Pss']);
          expect(Number(uss)).toBe(p.rollup['Private_Clean']! + p.rollup['Private_Dirty']!);
          expect(Number(ni)).toBe(p.stat.field(19));
        }
      }
    });

    test('ps of one process with a name full of brackets', async () => {
      expect(await inside.text(['ps', '-o', 'comm=', '-p', '3100'])).toBe(') ( R 1 (\n');
      expect(await inside.text(['ps', '-o', 'stat=,ppid=', '-p', '3100'])).toMatch(/^S\S* +3002\n$/);
    });

    test('kernel threads belong to no session', async () => {
      expect(await inside.text(['ps', '-o', 'pgid=,sess=,stat=', '-p', '40'])).toMatch(/^ +0 +0 [SI]<?\n$/);
    });

    test('top -b', async () => {
      const text = await inside.text('top -b -n1 -w 300');
      const [heading = [], ...rows] = table(text.slice(text.indexOf('    PID')));
      expect(heading).toEqual('PID USER PR NI VIRT RES SHR S %CPU %MEM TIME+ COMMAND'.split(' '));
      const seen = simulated(rows);
      expect(seen).toHaveLength(processes.size);
      const kb = (value = ''): number => ({ m: 1024, g: 1024 ** 2 })[value.at(-1)!] ?? 1;
      for (const [pid, , , ni, virt, res, shr, state] of seen) {
        const { status, stat } = processes.get(Number(pid))!;
        expect([pid, state, Number(ni)]).toEqual([pid, stat.state, stat.field(19)]);
        const wanted = [
          status['VmSize'] ?? 0,
          status['VmRSS'] ?? 0,
          (status['RssFile'] ?? 0) + (status['RssShmem'] ?? 0),
        ];
        [virt, res, shr].forEach((value, i) => {
          if (kb(value) === 1) expect([pid, Number(value)]).toEqual([pid, wanted[i]]);
          else expect(Number.parseFloat(value!) * kb(value)).toBeCloseTo(wanted[i]!, -3);
        });
      }
      const memory = await readMeminfo(inside);
      const mib = (key: string): string => (memory[key]! / 1024).toFixed(1);
      expect(text).toMatch(new RegExp(`MiB Mem : +${mib('MemTotal')} total, +${mib('MemFree')} free`));
      expect(text).toMatch(new RegExp(`MiB Swap: +${mib('SwapTotal')} total, +${mib('SwapFree')} free`));
      const states = [...processes.values()].map(({ stat }) => stat.state);
      const nr = (state: string): number => states.filter((s) => s === state).length;
      expect(text).toMatch(new RegExp(`${nr('T')} stopped, +${nr('Z')} zombie`));
    });

    test('free', async () => {
      const [mem, swap] = table(await inside.text('free'), 1);
      const m = await readMeminfo(inside);
      const cached = m['Cached']! + m['SReclaimable']!;
      expect(mem!.slice(1).map(Number)).toEqual([
        m['MemTotal'],
        m['MemTotal']! - m['MemAvailable']!,
        m['MemFree'],
        m['Shmem'],
        m['Buffers']! + cached,
        m['MemAvailable'],
      ]);
      expect(swap!.slice(1).map(Number)).toEqual([m['SwapTotal'], m['SwapTotal']! - m['SwapFree']!, m['SwapFree']]);
    });

    test('vmstat, vmstat -s', async () => {
      const [memory, counters] = [await readMeminfo(inside), await readVmstat(inside)];
      const row = table(await inside.text('vmstat'), 2)[0]!.map(Number);
      expect(row.slice(2, 6)).toEqual([
        memory['SwapTotal']! - memory['SwapFree']!,
        memory['MemFree'],
        memory['Buffers'],
        memory['Cached']! + memory['SReclaimable']!,
      ]);
      const totals = new Map<string, number>();
      for (const [, value, name] of (await inside.text('vmstat -s')).matchAll(/^ *(\d+) (.*)$/gm))
        totals.set(name!, Number(value));
      const wanted: readonly (readonly [string, number | undefined])[] = [
        ['K total memory', memory['MemTotal']],
        ['K free memory', memory['MemFree']],
        ['K active memory', memory['Active']],
        ['K inactive memory', memory['Inactive']],
        ['K free swap', memory['SwapFree']],
        ['pages swapped in', counters['pswpin']],
        ['pages swapped out', counters['pswpout']],
        ['K paged in', counters['pgpgin']],
        ['K paged out', counters['pgpgout']],
      ];
      for (const [name, value] of wanted) {
        const found = totals.get(name) ?? totals.get(name.replace('K paged', 'pages paged'));
        expect([name, found]).toEqual([name, value]);
      }
    });

    test('vmstat -d, -m, -p', async () => {
      const disks = await inside.read('/proc/diskstats');
      const rows = table(await inside.text('vmstat -d'), 2);
      expect(rows.map(([name]) => name)).toEqual(table(disks).map((row) => row[2]));
      expect(rows.map((row) => row[3])).toEqual(table(disks).map((row) => row[5]));
      const slabs = table(await inside.read('/proc/slabinfo'), 2);
      expect(
        table(await inside.text('vmstat -m'), 1)
          .map(([name, used]) => `${name} ${used}`)
          .sort(),
      ).toEqual(slabs.map(([name, used]) => `${name} ${used}`).sort());
    });

    test('pmap', async () => {
      const { rollup, status } = processes.get(APP)!;
      expect((await inside.text(`pmap ${APP}`)).trimEnd().split('\n').at(-1)).toMatch(
        new RegExp(`total +${status['VmSize']}K`),
      );
      const extended = await inside.text(`pmap -x ${APP}`);
      const dirty = rollup['Private_Dirty']! + rollup['Shared_Dirty']!;
      expect(table(extended).at(-1)!.slice(2).map(Number)).toEqual([status['VmSize'], rollup['Rss'], dirty]);
      expect(extended).toMatch(/rw--- {3}\[ stack \]/);
      const all = table(await inside.text(`pmap -X ${APP}`), 1);
      const names = all[0]!;
      const sums = all.at(-1)!;
      const numbers = names.slice(names.indexOf('Size'), names.indexOf('Mapping'));
      const sum = Object.fromEntries(numbers.map((name, i) => [name, Number(sums[i])]));
      // Each mapping is rounded down by itself, the whole process only once.
      for (const key of ['Rss', 'Pss', 'Referenced', 'Anonymous', 'Swap', 'SwapPss', 'Locked'])
        expect(Math.abs(sum[key]! - rollup[key]!), key).toBeLessThan(names.length);
      expect(await inside.text(`pmap -XX ${APP}`)).toContain('VmFlags');
      expect(await inside.text('pmap -x 2')).toContain('kthreadd');
    });

    test('pgrep, pidof, pwdx', async () => {
      const pids = (text: string): number[] => text.trim().split(/\s+/).map(Number);
      const of = (wanted: (p: ProcessFiles) => boolean): number[] =>
        [...processes.values()].filter(wanted).map((p) => p.pid);
      const sorted = (list: number[]): number[] => list.sort((a, b) => a - b);
      expect(pids(await inside.text('pgrep -x nginx'))).toEqual(sorted(of(({ stat }) => stat.comm === 'nginx')));
      expect(pids(await inside.text('pgrep -f "worker process"'))).toEqual([701, 702, 703, 704]);
      expect(pids(await inside.text('pgrep -u 1001'))).toEqual(sorted(of(({ uid }) => uid === 1001)));
      expect(pids(await inside.text('pgrep -P 900'))).toEqual([901, 902, 903, 904]);
      expect(pids(await inside.text('pgrep -r Z'))).toEqual([7001, 7002]);
      expect(pids(await inside.text('pidof python3'))).toContain(APP);
      expect(await inside.text(`pwdx ${APP}`)).toBe(`${APP}: /\n`);
    });

    test('pstree', async () => {
      const text = await inside.text('pstree -p -A');
      for (const { pid, stat } of processes.values())
        if (pid !== 2 && stat.field(4) !== 2 && stat.field(4) !== 0) expect(text).toContain(`(${pid})`);
      expect(text).toMatch(/bash\(3002\)-\+-\) \( R 1 \(\(3100\)/);
      expect(await inside.text('pstree -a -s 3021')).toContain('cc1plus -quiet main.cc');
    });

    test('uptime, w', async () => {
      const [load1, load5, load15] = (await inside.read('/proc/loadavg')).split(' ');
      for (const tool of ['uptime', 'w'])
        expect(await inside.text(tool)).toContain(`up  2:00,  0 user,  load average: ${load1}, ${load5}, ${load15}`);
      expect(await inside.text('uptime -s')).toMatch(/^\d{4}-/);
    });

    test('slabtop -o', async () => {
      const rows = table(await inside.text('slabtop -o'), 7);
      const slabs = table(await inside.read('/proc/slabinfo'), 2);
      expect(rows.map((row) => `${row[7]} ${row[0]}`).sort()).toEqual(
        slabs.map(([name, , total]) => `${name} ${total}`).sort(),
      );
    });

    test('sysctl', async () => {
      const rows = (await inside.text('sysctl vm')).trimEnd().split('\n');
      expect(rows.length).toBeGreaterThan(30);
      for (const key of ['swappiness', 'overcommit_memory', 'min_free_kbytes', 'vfs_cache_pressure'])
        expect(rows).toContain(`vm.${key} = ${(await inside.read(`/proc/sys/vm/${key}`)).trim()}`);
      const value = when === 'before' ? 61 : 62;
      await inside.text(`sysctl -w vm.swappiness=${value}`);
      expect(await inside.read('/proc/sys/vm/swappiness')).toBe(`${value}\n`);
      expect((await inside.run(['sysctl', '-w', 'vm.swappiness=high'])).status).not.toBe(0);
      await inside.text('sysctl -a');
    });

    test('lsof', async () => {
      const rows = table(await inside.text(`lsof -n -p ${APP}`), 1);
      expect(rows.filter(([, pid]) => pid === String(APP)).map((row) => row[3])).toEqual(
        expect.arrayContaining(['cwd', 'rtd', 'txt', 'mem', '0u', '1u', '2u']),
      );
      expect(rows.map((row) => row.join(' ')).join('\n')).toContain('libpython3.11.so.1.0');
      const all = await inside.text('lsof -n');
      for (const { pid, stat } of processes.values())
        if (stat.state !== 'Z') expect(all).toMatch(new RegExp(` ${pid} `));
    });

    test('fuser', async () => {
      expect((await inside.text('fuser /usr/bin/bash 2>/dev/null')).trim().split(/\s+/)).toContain('3002');
      expect((await inside.text('fuser -m / 2>/dev/null')).trim().split(/\s+/)).toContain(String(APP));
    });

    test('prtstat, swapon', async () => {
      expect(await inside.text(`prtstat ${APP}`)).toMatch(/Threads: 5\n/);
      const memory = await readMeminfo(inside);
      expect(
        table(await inside.text('swapon -s'), 1)[0]!
          .slice(2, 4)
          .map(Number),
      ).toEqual([memory['SwapTotal'], memory['SwapTotal']! - memory['SwapFree']!]);
    });

    test('lscpu, df, mount, findmnt', async () => {
      expect(await inside.text('lscpu')).toContain('Simulated CPU');
      for (const tool of ['df', 'mount', 'findmnt']) expect(await inside.text(tool)).toMatch(/\//);
    });

    test('busybox ps, top', async () => {
      const rows = simulated(table(await inside.text('busybox ps'), 1));
      expect(rows).toHaveLength(processes.size);
      const top = await inside.text('busybox top -b -n1');
      const { MemTotal = 0, MemFree, Cached } = await readMeminfo(inside);
      expect(top).toContain(`Mem: ${MemTotal - MemFree!}K used, ${MemFree}K free`);
      expect(top).toContain(`${Cached}K cached`);
      const seen = simulated(table(top, 4));
      expect(seen).toHaveLength(processes.size);
    });
  });

  test('what the test compares with has moved', () => {
    expect(processes.get(APP)!.status['VmSwap']).toBeGreaterThan(100_000);
    expect(parseKeys('a: 5 kB')['a']).toBe(5);
  });
});
