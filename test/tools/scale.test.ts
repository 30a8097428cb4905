import { describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';
import { table } from './support/tree.ts';

/** A machine of many small processes of fifty users. */
function crowd(nr: number): string {
  const lines = [
    'machine ram=8G swap=1G swapkind=zram uptime=1h cpus=4 seed=1',
    'object LIBC file 1800K path=/usr/lib/libc.so.6',
    'proc init pid=1 ppid=0 comm=init start=1s',
  ];
  for (let i = 1; i < nr; i++) {
    const pid = 99 + i;
    lines.push(
      `proc p${pid} pid=${pid} ppid=1 uid=${1000 + (i % 50)} comm=work${i % 100} cmdline="/usr/bin/work --index ${i}" start=10m`,
      `p${pid} mmap libc size=1800K obj=LIBC private prot=rx`,
      `p${pid} touch libc 0 128K read`,
      `p${pid} mmap heap size=1M anon private name=[heap]`,
      `p${pid} touch heap 0 ${4 * (1 + (i % 64))}K write`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** SCALE.md has the times of 10,000 on both. */
describe.skipIf(skipTools)('scale', () => {
  test.each([
    ['direct', 10_000],
    ['fuse-native', 2500],
  ] as const)('%s: %i processes', async (transport, nr) => {
    const inside = await Inside.start({ scenario: crowd(nr), transport, options: ['--no-placeholders'] });
    try {
      const timeoutMs = 120_000;
      const isSimulated = (pid: string | undefined): boolean => Number(pid) <= nr + 99;
      const ps = table(await inside.text('ps aux', { timeoutMs }), 1);
      expect(ps.filter(([, pid]) => isSimulated(pid))).toHaveLength(nr);
      const top = table(await inside.text('top -b -n1', { timeoutMs }), 7);
      expect(top.filter(([pid]) => isSimulated(pid))).toHaveLength(nr);
      const fields = '["pid", "name", "memory_info", "cpu_times", "status", "cmdline", "num_threads"]';
      const psutil = await inside.python<(number | null)[]>(
        `result = [p.info["memory_info"] and p.info["memory_info"].rss for p in psutil.process_iter(${fields}) if p.pid <= ${nr + 99}]`,
        { timeoutMs },
      );
      expect(psutil).toHaveLength(nr);
      expect(psutil.every((rss) => rss !== null)).toBe(true);
      await inside.check();
    } finally {
      await inside.stop();
    }
  });
});
