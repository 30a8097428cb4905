import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';
import { type ProcessFiles, readMeminfo, readProcesses, readVmstat, table } from './support/tree.ts';

const APP = 2000;
const HOG = 5000;
const EXPORTER_PORT = 19180;
const MODULES = new URL('../../node_modules', import.meta.url).pathname;

/** What tools of other families say about memory on a machine that stands still, before and after a reclaim. */
describe.skipIf(skipTools)('memory', () => {
  let inside: Inside;
  let processes: Map<number, ProcessFiles>;
  beforeAll(async () => {
    inside = await Inside.start({ clock: 'manual' });
  });
  afterAll(async () => {
    await inside.check();
    await inside.stop();
  });

  /** With memory; kernel threads and zombies have none. */
  const living = (): ProcessFiles[] => [...processes.values()].filter(({ rollup }) => rollup['Rss'] !== undefined);
  const uss = ({ rollup }: ProcessFiles): number => rollup['Private_Clean']! + rollup['Private_Dirty']!;

  describe.each(['before', 'after'])('%s a reclaim', (when) => {
    beforeAll(async () => {
      if (when === 'after') {
        for (const [pid, what] of [
          [APP, 'anon'],
          [903, 'file'],
          [4000, 'all'],
        ] as const)
          await inside.reclaim(pid, what);
      }
      processes = await readProcesses(inside);
    });

    test.concurrent('smem', async () => {
      const rows = table(await inside.text('smem -H -c "pid swap uss pss rss"')).map((row) => row.map(Number));
      const seen = rows.filter(([pid]) => processes.has(pid!));
      expect(seen.map(([pid]) => pid).sort()).toEqual(
        living()
          .map(({ pid }) => pid)
          .sort(),
      );
      for (const [pid, swap, unique, pss, rss] of seen) {
        const p = processes.get(pid!)!;
        expect([pid, swap, unique, rss]).toEqual([pid, p.rollup['Swap'], uss(p), p.rollup['Rss']]);
        // It adds up mappings, each rounded down.
        expect(Math.abs(pss! - p.rollup['Pss']!)).toBeLessThan(12);
      }
      const users = table(await inside.text('smem -H -u -n -c "user count rss"')).map((row) => row.map(Number));
      const of1001 = living().filter(({ uid }) => uid === 1001);
      expect(users.find(([user]) => user === 1001)).toEqual([
        1001,
        of1001.length,
        of1001.reduce((sum, { rollup }) => sum + rollup['Rss']!, 0),
      ]);
      expect(await inside.text('smem -m')).toContain('libpython3.11');
      const { MemFree } = await readMeminfo(inside);
      expect(await inside.text('smem -w')).toMatch(new RegExp(`free memory +${MemFree} `));
    });

    test.concurrent('smemstat', async () => {
      const rows = table(await inside.text('smemstat -k'), 1);
      for (const { pid, rollup } of living()) {
        // It leaves out the process of number 1.
        if (rollup['Rss'] === 0 || pid === 1) continue;
        const row = rows.find(([number]) => Number(number) === pid);
        expect([pid, Number(row?.[4])]).toEqual([pid, rollup['Rss']]);
        expect([pid, Number(row?.[1])]).toEqual([pid, rollup['Swap']]);
      }
    });

    test.concurrent('numastat -p', async () => {
      const rows = table(await inside.text(`numastat -p ${APP}`));
      const total = Number(rows.find(([name]) => name === 'Total')?.[1]);
      expect(total).toBeCloseTo(processes.get(APP)!.rollup['Rss']! / 1024, 1);
    });

    test.concurrent('psutil: the system', async () => {
      const [memory, swap] = await inside.python<[Record<string, number>, Record<string, number>]>(
        'result = [psutil.virtual_memory()._asdict(), psutil.swap_memory()._asdict()]',
      );
      const m = await readMeminfo(inside);
      const kb = (bytes: number | undefined): number => bytes! / 1024;
      expect([memory['total'], memory['free'], memory['available'], memory['shared'], memory['slab']].map(kb)).toEqual([
        m['MemTotal'],
        m['MemFree'],
        m['MemAvailable'],
        m['Shmem'],
        m['Slab'],
      ]);
      expect(kb(memory['cached'])).toBe(m['Cached']! + m['SReclaimable']!);
      const counters = await readVmstat(inside);
      expect([swap['total'], swap['used'], swap['sin'], swap['sout']].map(kb)).toEqual([
        m['SwapTotal'],
        m['SwapTotal']! - m['SwapFree']!,
        counters['pswpin']! * 4,
        counters['pswpout']! * 4,
      ]);
    });

    test.concurrent('psutil: every process', async () => {
      const rows = await inside.python<Record<string, [string, number, number, number, number, number, number]>>(`
result = {}
for p in psutil.process_iter():
    try: m = p.memory_full_info()
    except psutil.NoSuchProcess: continue # a zombie has no memory
    result[p.pid] = [p.name(), m.rss, m.vms, m.uss, m.pss, m.swap, p.num_threads()]`);
      for (const p of living()) {
        const [name, rss, vms, unique, pss, swap, threads] = rows[String(p.pid)]!;
        expect(p.stat.comm === name || name.startsWith(p.stat.comm)).toBe(true);
        expect([rss, vms, unique, pss, swap].map((bytes) => bytes / 1024)).toEqual([
          p.status['VmRSS'],
          p.status['VmSize'],
          uss(p),
          p.rollup['Pss'],
          p.rollup['Swap'],
        ]);
        expect(threads).toBe(p.status['Threads']);
      }
    });

    test.concurrent('psutil: memory_maps and the rest of one process', async () => {
      const [rss, about] = await inside.python<[number, Record<string, unknown>]>(`
p = psutil.Process(${APP})
about = p.as_dict(["cmdline", "exe", "cwd", "ppid", "status", "uids", "num_fds", "threads", "io_counters", "environ"])
result = [sum(m.rss for m in p.memory_maps()), about]`);
      expect(rss / 1024).toBe(processes.get(APP)!.rollup['Rss']);
      expect(about).toMatchObject({ cwd: '/', ppid: 1, status: 'sleeping', uids: [1001, 1001, 1001], num_fds: 3 });
      expect(about['threads']).toHaveLength(5);
    });

    test.concurrent('earlyoom picks the highest oom_score', async () => {
      const { stdout, stderr } = await inside.sh(
        'timeout 25 earlyoom --dryrun -m 99 -s 100 -r 1 2>&1 | sed "/to process .* badness/q"',
      );
      const highest = [...living()].sort((a, b) => b.oomScore - a.oomScore)[0]!;
      expect(stdout + stderr).toContain(
        `process ${highest.pid} uid ${highest.uid} "${highest.stat.comm}": badness ${highest.oomScore}`,
      );
      const m = await readMeminfo(inside);
      expect(stdout + stderr).toMatch(
        new RegExp(`mem avail: +${Math.floor(m['MemAvailable']! / 1024)} of +${m['MemTotal']! / 1024} MiB`),
      );
    });

    test.concurrent('nohang --tasks, oom-sort', async () => {
      const tasks = await inside.text('nohang --tasks --config /etc/nohang/nohang.conf 2>/dev/null');
      const row = table(tasks).find((words) => words[0] === `#${HOG}` || words[1] === String(HOG));
      const { oomScore } = processes.get(HOG)!;
      expect(row?.join(' ')).toContain(` ${oomScore} ${oomScore} 900 10042 S `);
      const rows = table(await inside.text('oom-sort'), 2);
      expect(Number(rows[0]![0])).toBe(Math.max(...living().map((p) => p.oomScore)));
      expect(rows.filter(([, , , pid]) => processes.has(Number(pid)))).toHaveLength(
        living().filter(({ cmdline, pid }) => cmdline.length > 0 && pid !== 1).length,
      );
    });

    test.concurrent('prometheus-node-exporter', async () => {
      const port = EXPORTER_PORT + (when === 'before' ? 0 : 1);
      const collectors =
        '--collector.processes --collector.buddyinfo --collector.interrupts --collector.mountstats --collector.slabinfo';
      const metrics = await inside.text(
        `prometheus-node-exporter --web.listen-address=127.0.0.1:${port} ${collectors} 2>/dev/null & server=$!
        for i in $(seq 50); do
          /usr/bin/python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:${port}/metrics").read().decode())' 2>/dev/null && break
          sleep 0.2
        done; kill $server`,
      );
      const values = new Map(table(metrics).map(([name, value]) => [name!, Number(value)]));
      const [m, counters] = [await readMeminfo(inside), await readVmstat(inside)];
      for (const key of ['MemTotal', 'MemFree', 'MemAvailable', 'Cached', 'AnonPages', 'SwapFree', 'Shmem', 'Mapped'])
        expect([key, values.get(`node_memory_${key}_bytes`)]).toEqual([key, m[key]! * 1024]);
      for (const key of ['pswpin', 'pswpout', 'pgmajfault', 'oom_kill'])
        expect([key, values.get(`node_vmstat_${key}`)]).toEqual([key, counters[key]]);
      for (const collector of [
        'buddyinfo',
        'cpu',
        'diskstats',
        'filefd',
        'interrupts',
        'loadavg',
        'meminfo',
        'mountstats',
        'netdev',
        'netstat',
        'pressure',
        'processes',
        'sockstat',
        'softnet',
        'stat',
        'udp_queues',
        'vmstat',
      ])
        expect([collector, values.get(`node_scrape_collector_success{collector="${collector}"}`)]).toEqual([
          collector,
          1,
        ]);
      expect(values.get('node_processes_state{state="Z"}')).toBe(2);
    });

    test.concurrent('npm: systeminformation, pidusage, ps-list, @stroncium/procfs', async () => {
      const text = await inside.text([
        process.execPath,
        '--input-type=module',
        '-e',
        `
        import si from '${MODULES}/systeminformation/lib/index.js';
        import pidusage from '${MODULES}/pidusage/index.js';
        import psList from '${MODULES}/ps-list/index.js';
        import procfs from '${MODULES}/@stroncium/procfs/index.js';
        const [memory, list, usage, ps] = [await si.mem(), await si.processes(), await pidusage(${HOG}), await psList()];
        const p = procfs.procfs;
        const plain = (key, value) => typeof value === 'bigint' ? Number(value) : value;
        console.log(JSON.stringify({ memory, list: list.list, usage, ps,
          procfs: { meminfo: p.meminfo(), swaps: p.swaps(), processes: p.processes(), threads: p.processThreads(${APP}),
            cmdline: p.processCmdline(${APP}), stat: p.processStat(${HOG}), status: p.processStatus(${HOG}) },
          failed: Object.keys(procfs.Procfs.prototype).filter((name) => {
            if (/^devId|Wireless$/.test(name)) return false;
            try { p[name](...(name.startsWith('process') ? [${APP}] : [])); } catch { return true; }
          }) }, plain));
        `,
      ]);
      const seen = JSON.parse(text);
      const m = await readMeminfo(inside);
      const hog = processes.get(HOG)!;
      expect(seen.memory).toMatchObject({
        total: m['MemTotal']! * 1024,
        free: m['MemFree']! * 1024,
        available: m['MemAvailable']! * 1024,
        swapfree: m['SwapFree']! * 1024,
      });
      const inList = seen.list.filter(({ pid }: { pid: number }) => processes.has(pid));
      expect(inList).toHaveLength(processes.size);
      for (const { pid, memRss, memVsz, parentPid } of inList) {
        const { status, stat } = processes.get(pid)!;
        expect([pid, memRss, memVsz, parentPid]).toEqual([
          pid,
          status['VmRSS'] ?? 0,
          status['VmSize'] ?? 0,
          stat.field(4),
        ]);
      }
      expect(seen.usage).toMatchObject({ pid: HOG, ppid: 1, memory: hog.status['VmRSS']! * 1024 });
      expect(seen.ps.filter(({ pid }: { pid: number }) => processes.has(pid))).toHaveLength(processes.size);
      expect(seen.procfs.threads).toEqual([2000, 2001, 2002, 2003, 2004]);
      expect(seen.procfs.processes).toEqual(expect.arrayContaining([...processes.keys()]));
      expect(seen.procfs.cmdline[0]).toBe('/usr/bin/python3');
      expect(seen.failed).toEqual([]);
      expect(seen.procfs.meminfo).toMatchObject({ free: m['MemFree']! * 1024, swapFree: m['SwapFree']! * 1024 });
      expect(seen.procfs.swaps).toMatchObject([{ size: m['SwapTotal'], used: m['SwapTotal']! - m['SwapFree']! }]);
      expect(seen.procfs.status).toMatchObject({ vmRss: hog.status['VmRSS'], vmSwap: hog.status['VmSwap'] });
      expect(seen.procfs.stat).toMatchObject({ comm: 'memhog', vsize: hog.status['VmSize']! * 1024 });
    });
  });
});
