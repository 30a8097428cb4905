import { describe, expect, test } from 'vitest';
import { mappingsOf, numbersOf, Tree } from './support.ts';

const PIDS = [1, 4242, 4300, 5000];
/** Steps after each of which everything has to agree. */
const STORY = [
  '',
  'game reclaim anon',
  'child reclaim file',
  'game reclaim all',
  'game touch heap 0 2M read',
  'tick 60s',
];

function sumOf(maps: readonly Map<string, number>[], name: string): number {
  return maps.reduce((sum, numbers) => sum + (numbers.get(name) ?? 0), 0);
}

describe.each(STORY.map((step, i) => ({ step, i })))('after "$step"', ({ i }) => {
  const tree = new Tree();
  for (const step of STORY.slice(1, i + 1)) tree.apply(step);

  test.each(PIDS)('smaps, smaps_rollup, status and statm of %i agree', (pid) => {
    const maps = mappingsOf(tree.read(`${pid}/smaps`));
    const rollup = numbersOf(tree.read(`${pid}/smaps_rollup`));
    const status = numbersOf(tree.read(`${pid}/status`));
    const statm = tree.read(`${pid}/statm`).split(' ').map(Number);
    const exact = 'Rss Shared_Clean Shared_Dirty Private_Clean Private_Dirty Referenced Anonymous LazyFree Swap';
    for (const name of exact.split(' ')) expect(sumOf(maps, name), name).toBe(rollup.get(name));
    for (const name of ['Pss', 'Pss_Dirty', 'SwapPss', 'Locked']) {
      const difference = rollup.get(name)! - sumOf(maps, name);
      expect(difference, name).toBeGreaterThanOrEqual(0);
      expect(difference, name).toBeLessThanOrEqual(maps.length);
    }
    expect(rollup.get('Rss')).toBe(status.get('VmRSS'));
    expect(status.get('VmRSS')).toBe(status.get('RssAnon')! + status.get('RssFile')! + status.get('RssShmem')!);
    expect(rollup.get('Anonymous')).toBe(status.get('RssAnon'));
    expect(rollup.get('Swap')).toBe(status.get('VmSwap'));
    expect(sumOf(maps, 'Size')).toBe(status.get('VmSize'));
    expect(status.get('VmHWM')).toBeGreaterThanOrEqual(status.get('VmRSS')!);
    expect(statm.slice(0, 3).map((pages) => pages * 4)).toEqual([
      status.get('VmSize'),
      status.get('VmRSS'),
      status.get('RssFile')! + status.get('RssShmem')!,
    ]);
    expect(statm[5]! * 4).toBe(status.get('VmData')! + status.get('VmStk')!);
    const stat = tree.read(`${pid}/stat`);
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    expect([fields[20]! / 1024, fields[21]! * 4]).toEqual([status.get('VmSize'), status.get('VmRSS')]);
  });

  test.each(PIDS)('pagemap and numa_maps of %i agree with smaps', (pid) => {
    const maps = tree.read(`${pid}/maps`).trimEnd().split('\n');
    const smaps = mappingsOf(tree.read(`${pid}/smaps`));
    const file = tree.open(`${pid}/pagemap`);
    if (typeof file === 'number') throw new Error('not open');
    let inNuma = 0;
    for (const count of tree.read(`${pid}/numa_maps`).matchAll(/N0=(\d+)/g)) inNuma += Number(count[1]);
    expect(inNuma * 4).toBe(sumOf(smaps, 'Rss'));
    maps.forEach((line, i) => {
      const [start, end] = line
        .split(' ')[0]!
        .split('-')
        .map((hex) => Number.parseInt(hex, 16) / 4096);
      const bytes = file.read(start! * 8, (end! - start!) * 8, undefined);
      if (!(bytes instanceof Uint8Array)) throw new Error('no bytes');
      const entries = new BigUint64Array(bytes.slice().buffer);
      const swapped = entries.filter((entry) => (entry >> 62n) & 1n).length;
      const present = entries.filter((entry) => entry >> 63n && (entry & ((1n << 55n) - 1n)) !== 0n).length;
      expect([present * 4, swapped * 4], line).toEqual([smaps[i]!.get('Rss'), smaps[i]!.get('Swap')]);
    });
  });

  test('the parts of meminfo add up, and vmstat says the same', () => {
    const mem = numbersOf(tree.read('meminfo'));
    const vm = numbersOf(tree.read('vmstat'));
    const kb = (name: string): number => mem.get(name) ?? Number.NaN;
    const lists = kb('Active') + kb('Inactive') + kb('Unevictable');
    const kernel = kb('Slab') + kb('KernelStack') + kb('PageTables') + kb('Percpu') + vm.get('nr_zspages')! * 4;
    expect(kb('MemFree') + lists + kernel).toBe(kb('MemTotal'));
    expect(kb('Active(anon)') + kb('Active(file)')).toBe(kb('Active'));
    expect(kb('SReclaimable') + kb('SUnreclaim')).toBe(kb('Slab'));
    expect(kb('MemAvailable')).toBeLessThanOrEqual(kb('MemTotal'));
    for (const [ours, theirs] of [
      ['MemFree', 'nr_free_pages'],
      ['AnonPages', 'nr_anon_pages'],
      ['Mapped', 'nr_mapped'],
      ['Shmem', 'nr_shmem'],
      ['Dirty', 'nr_dirty'],
      ['Mlocked', 'nr_mlock'],
      ['PageTables', 'nr_page_table_pages'],
      ['SwapCached', 'nr_swapcached'],
    ] as const)
      expect(vm.get(theirs)! * 4, theirs).toBe(kb(ours));
    expect(vm.get('nr_file_pages')! * 4).toBe(kb('Cached') + kb('SwapCached') + kb('Buffers'));
    const swap = /partition\s+(\d+)\s+(\d+)/.exec(tree.read('swaps'))!;
    expect([Number(swap[1]), Number(swap[2])]).toEqual([kb('SwapTotal'), kb('SwapTotal') - kb('SwapFree')]);
  });

  test('buddyinfo, zoneinfo and slabinfo say the same as meminfo', () => {
    const mem = numbersOf(tree.read('meminfo'));
    const blocks = tree.read('buddyinfo').trim().split(/\s+/).slice(4).map(Number);
    expect(blocks.reduce((sum, count, order) => sum + count * 2 ** order, 0) * 4).toBe(mem.get('MemFree'));
    expect(tree.read('zoneinfo')).toMatch(new RegExp(`pages free +${mem.get('MemFree')! / 4}\n`));
    const slabs = [...tree.read('slabinfo').matchAll(/slabdata +(\d+)/g)].map((match) => Number(match[1]));
    expect(slabs.reduce((sum, n) => sum + n, 0) * 4).toBe(mem.get('Slab'));
  });

  test('kpageflags counts what the lists hold, kpagecount what is mapped', () => {
    const mem = numbersOf(tree.read('meminfo'));
    expect(tree.attr('kpageflags').size).toBe((mem.get('MemTotal')! / 4 + 1) * 8);
    const words = new Uint32Array((tree.bytes('kpageflags') as Buffer).slice().buffer);
    let listed = 0;
    let mappedAnon = 0;
    for (let at = 0; at < words.length; at += 2) {
      if (words[at]! & (1 << 5)) listed++;
      if ((words[at]! & 0x1800) === 0x1800) mappedAnon++;
    }
    expect(listed * 4).toBe(mem.get('Active')! + mem.get('Inactive')! + mem.get('Unevictable')!);
    expect(mappedAnon * 4).toBe(mem.get('AnonPages'));
  });

  test('CPU times add up to uptime × CPUs', () => {
    const cpu = tree.read('stat').split('\n')[0]!.split(/\s+/).slice(1).map(Number);
    const uptime = Number(tree.read('uptime').split(' ')[0]);
    expect(cpu.reduce((sum, n) => sum + n, 0)).toBeCloseTo(uptime * 100 * 2, -1);
    let ticks = 0;
    for (const pid of tree.names('').filter((name) => /^\d+$/.test(name))) {
      const stat = tree.read(`${pid}/stat`);
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      ticks += fields[11]! + fields[12]!;
    }
    expect(cpu[0]! + cpu[2]!).toBeCloseTo(ticks, -1);
  });
});
