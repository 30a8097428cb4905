/** The kernel's log: what the killers say in it, and how it is read. The formats: mm/oom_kill.c, mm/show_mem.c, kernel/printk/printk.c. */
import { describe, expect, test } from 'vitest';
import { type KernelRecord, LOG_BYTES } from '../../../src/machine/kernel-log.ts';
import type { Machine } from '../../../src/machine/machine.ts';
import { EAGAIN, EINVAL, EPIPE } from '../../../src/util/errno.ts';
import { type OpenFile, WAIT } from '../../../src/vfs/types.ts';
import { Tree } from '../procfs/support.ts';

const O_NONBLOCK = 0o4000;
const texts = (machine: Machine): string[] => machine.kernelLog.from(0).flatMap(({ text }) => text.split('\n'));

/** All records that there are, as a reader of /dev/kmsg gets them. */
function drain(file: OpenFile): string[] {
  const lines: string[] = [];
  for (;;) {
    const bytes = file.read(0, 8192, undefined);
    if (typeof bytes !== 'object' || !('length' in bytes)) return lines;
    lines.push(Buffer.from(bytes).toString('latin1'));
  }
}

const opened = (tree: Tree, path: string, flags = O_NONBLOCK): OpenFile => {
  const file = tree.open(path, flags);
  if (typeof file === 'number') throw new Error(`open: ${file}`);
  return file;
};

const HOG = `proc init pid=1 ppid=0
proc hog pid=300 uid=1000 adj=200 comm="hog (big)"
proc other pid=301
other mmap heap size=1M anon private
other touch heap 0 1M write
hog mmap heap size=63M anon private
hog touch heap 0 63M write
`;

describe('the OOM killer says', () => {
  const { machine } = new Tree(`machine ram=64M swap=0 uptime=12s\n${HOG}`);
  const lines = texts(machine);
  const report = lines.slice(lines.findIndex((line) => line.includes('invoked oom-killer')));

  test('who asked for memory, what there is, who could die, who does', () => {
    expect(report[0]).toBe(
      'hog (big) invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=200',
    );
    const order = [
      /^CPU: \d+ UID: 1000 PID: 300 Comm: hog \(big\) Not tainted 6\.18\.0-reclaimfs #1$/,
      /^Call Trace:$/,
      /^Mem-Info:$/,
      /^active_anon:\d+ inactive_anon:\d+ isolated_anon:0$/,
      /^ active_file:\d+ inactive_file:\d+ isolated_file:0$/,
      /^ unevictable:0 dirty:0 writeback:0$/,
      /^ slab_reclaimable:\d+ slab_unreclaimable:\d+$/,
      /^ mapped:0 shmem:0 pagetables:\d+$/,
      /^ sec_pagetables:0 bounce:0$/,
      /^ kernel_misc_reclaimable:0$/,
      /^ free:\d+ free_pcp:0 free_cma:0$/,
      /^Node 0 active_anon:\d+kB .* all_unreclaimable\? no Balloon:0kB$/,
      /^Node 0 Normal free:\d+kB boost:0kB min:\d+kB low:\d+kB high:\d+kB reserved_highatomic:0KB .* free_cma:0kB$/,
      /^lowmem_reserve\[\]: 0 0 0 0 0$/,
      /^Node 0 Normal: \d+\*4kB .* = \d+kB$/,
      /^Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB$/,
      /^\d+ total pagecache pages$/,
      /^0 pages in swap cache$/,
      /^Free swap {2}= 0kB$/,
      /^Total swap = 0kB$/,
      /^16384 pages RAM$/,
      /^Tasks state \(memory values in pages\):$/,
      /^\[ {2}pid {2}\] {3}uid {2}tgid total_vm {6}rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name$/,
      /^\[ {4}300\] {2}1000 {3}300 {4}16128 {4}\d{5} {4}\d{5} {8}0 {9}0 +\d+ {8}0 {11}200 hog \(big\)$/,
      /^\[ {4}301\] {5}0 {3}301 {6}256 {6}256 {6}256 {8}0 {9}0 +\d+ {8}0 {13}0 other$/,
      /^oom-kill:constraint=CONSTRAINT_NONE,nodemask=\(null\),cpuset=\/,mems_allowed=0,global_oom,task_memcg=\/,task=hog \(big\),pid=300,uid=1000$/,
      /^Out of memory: Killed process 300 \(hog \(big\)\) total-vm:64512kB, anon-rss:\d+kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:\d+kB oom_score_adj:200$/,
      /^oom_reaper: reaped process 300 \(hog \(big\)\), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB$/,
    ];
    let at = 0;
    for (const line of order) {
      const found = report.findIndex((text, i) => i >= at && line.test(text));
      expect(found, `${line} in\n${report.join('\n')}`).toBeGreaterThanOrEqual(at);
      at = found + 1;
    }
    expect(report.some((line) => line.startsWith('[      1]'))).toBe(false);
  });

  test('what stands in zoneinfo and meminfo at that moment, and nothing else', () => {
    const tree = new Tree(`machine ram=64M swap=0\n${HOG}`);
    const zone = tree.machine.kernelLog.from(0).find(({ text }) => text.startsWith('Node 0 Normal free'))!.text;
    for (const name of ['min', 'low', 'high']) {
      const pages = Number(new RegExp(`^ {8}${name} +(\\d+)$`, 'm').exec(tree.read('zoneinfo'))![1]);
      expect(zone).toContain(` ${name}:${pages * 4}kB`);
    }
    const sum = /Node 0 Normal: (.*) = (\d+)kB/.exec(texts(tree.machine).join('\n'))!;
    const blocks = [...sum[1]!.matchAll(/(\d+)\*(\d+)kB/g)].reduce((all, [, n, kb]) => all + Number(n) * Number(kb), 0);
    expect(blocks).toBe(Number(sum[2]));
  });

  test('the group that is short of memory, and its statistics', () => {
    const { machine: grouped } = new Tree(`machine ram=256M swap=0
cgroup write /cgroup.subtree_control +memory
cgroup mkdir /box
cgroup write /box/memory.max 20M
proc a pid=400 cgroup=/box uid=5
a mmap heap size=64M anon private
a touch heap 0 64M write
`);
    const said = texts(grouped);
    expect(said).toContain('Memory cgroup stats for /box:');
    const usage = said.find((line) => line.startsWith('memory: usage '))!;
    expect(usage).toMatch(/^memory: usage 20480kB, limit 20480kB, failcnt \d+$/);
    expect(said).toContain('swap: usage 0kB, limit 9007199254740988kB, failcnt 0');
    expect(said.find((line) => /^anon \d+$/.test(line))).toBeDefined();
    expect(said).toContain(
      'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/box,task_memcg=/box,task=a,pid=400,uid=5',
    );
    expect(
      said.some((line) => line.startsWith('Memory cgroup out of memory: Killed process 400 (a) total-vm:65536kB')),
    ).toBe(true);
  });

  test('the same as older kernels did', () => {
    const old = texts(new Tree(`machine ram=64M swap=0 kernel=4.14\n${HOG}`).machine);
    expect(old.find((line) => line.includes('invoked'))).toBe(
      'hog (big) invoked oom-killer: gfp_mask=0x14280ca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), nodemask=(null),  order=0, oom_score_adj=200',
    );
    expect(old).toContain('[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name');
    expect(
      old.some((line) => /^Out of memory: Kill process 300 \(hog \(big\)\) score \d+ or sacrifice child$/.test(line)),
    ).toBe(true);
    const table = texts(new Tree(`machine ram=64M swap=0 kernel=5.10\n${HOG}`).machine);
    expect(table).toContain('[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name');
  });

  test('no table where vm.oom_dump_tasks is 0, and panics where it is told to', () => {
    const quiet = texts(new Tree(`machine ram=64M swap=0\nsysctl vm.oom_dump_tasks 0\n${HOG}`).machine);
    expect(quiet.some((line) => line.startsWith('Tasks state'))).toBe(false);
    const panic = texts(new Tree(`machine ram=64M swap=0\nsysctl vm.panic_on_oom 1\n${HOG}`).machine);
    expect(panic).toContain('Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled');
  });
});

describe('the low-memory killer says', () => {
  const scenario = (words: string) => `machine ram=66M swap=0\nlmk adj=0,200 minfree=4096,8192 ${words}\n${HOG}`;
  const said = (words: string): KernelRecord[] =>
    [...new Tree(scenario(words)).machine.kernelLog.from(0)].filter(({ text }) => text.startsWith('lowmemorykiller: '));

  test('whom it kills and why, in one record of four lines', () => {
    const [record] = said('');
    expect(record!.text).toMatch(
      /^lowmemorykiller: Killing 'hog \(big\)' \(300\), adj 200,\n {3}to free \d+kB on behalf of '.*' \(\d+\) because\n {3}cache \d+kB is below limit \d+kB for oom_score_adj (0|200)\n {3}Free memory is -?\d+kB above reserved$/,
    );
  });

  test('the words of 2012 with the accounting of then, and nothing with debug=0', () => {
    expect(said('accounting=early')[0]!.text).toMatch(
      /^lowmemorykiller: send sigkill to 300 \(hog \(big\)\), adj 200, size \d+$/,
    );
    expect(said('debug=0')).toEqual([]);
  });
});

describe('/dev/kmsg', () => {
  test('gives a record a read, with priority, number and time; then waits, or says EAGAIN', () => {
    const tree = new Tree('machine ram=64M uptime=3s\nkmsg "two\\nlines \\\\ and \x01" priority=30');
    const file = opened(tree, 'reclaimfs/kmsg');
    const lines = drain(file);
    expect(lines[0]).toMatch(/^5,0,0,-;Linux version 6\.18\.0-reclaimfs .*\n$/);
    expect(lines.at(-1)).toBe('30,3,3000000,-;two\\x0alines \\x5c and \\x01\n');
    expect(file.read(0, 8192, undefined)).toBe(-EAGAIN);
    expect(opened(tree, 'reclaimfs/kmsg').read(0, 16, undefined)).toBe(-EINVAL);
    const waiting = opened(tree, 'reclaimfs/kmsg', 0);
    drain(waiting);
    expect(waiting.read(0, 8192, undefined)).toBe(WAIT);
    let woken = 0;
    waiting.waitQueue!.add(() => woken++);
    expect(tree.write('reclaimfs/kmsg', '<4>hello\n')).toBe(9);
    expect(woken).toBe(1);
    expect(drain(waiting)).toEqual(['12,4,3000000,-;hello\n']);
  });

  test('a reader that was too slow is told so once', () => {
    const tree = new Tree('machine ram=64M');
    const file = opened(tree, 'reclaimfs/kmsg');
    for (let i = 0; i < 5000; i++) tree.machine.printk(6, `line ${i} ${'x'.repeat(100)}`);
    expect(file.read(0, 8192, undefined)).toBe(-EPIPE);
    const left = drain(file);
    expect(left.at(-1)).toContain('line 4999');
    expect(left.join('').length).toBeLessThan(3 * LOG_BYTES);
    expect(left.length).toBeLessThan(5000);
  });

  test('/proc/kmsg gives lines, each once', () => {
    const tree = new Tree('machine ram=64M uptime=3s\nkmsg "a\\nb" priority=6');
    const read = () => opened(tree, 'kmsg').read(0, 65_536, undefined);
    expect(Buffer.from(read() as Uint8Array).toString()).toMatch(
      /^<5>\[ {4}0\.000000\] Linux version .*<6>\[ {4}3\.000000\] a\n<6>\[ {4}3\.000000\] b\n$/s,
    );
    expect(read()).toBe(-EAGAIN);
  });

  test('is part of a saved machine, and of one that is made from its steps', () => {
    const tree = new Tree('machine ram=64M uptime=3s\nkmsg kept priority=6');
    tree.write('reclaimfs/kmsg', '<6>written');
    const again = new Tree(tree.session.state());
    expect(texts(again.machine)).toEqual(texts(tree.machine));
    expect(texts(again.machine).slice(-2)).toEqual(['kept', 'written']);
  });

  test('what has been cleared is not shown to those who begin anew', () => {
    const tree = new Tree('machine ram=64M\nkmsg old\nkmsgclear\nkmsg new');
    expect(drain(opened(tree, 'reclaimfs/kmsg'))).toEqual(['14,4,0,-;new\n']);
  });
});
