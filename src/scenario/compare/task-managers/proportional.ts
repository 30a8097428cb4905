/**
 * Qualcomm's way (reclaim-interface.md §3.1): at each pressure event a bounded number of anonymous pages, taken from
 * many processes in proportion to their size, so that no one of them has to come back from nothing. Its in-kernel page
 * budget is expressed as ranges written to the reclaim files.
 */
import type { Machine } from '../../../machine/machine.ts';
import type { Task } from '../../../machine/task.ts';
import type { PressureListener } from '../../../machine/vmpressure.ts';
import { KIND_PRESENT } from '../../../mm/pages/pte.ts';
import type { PressureLevel } from '../../../mm/reclaim/vmpressure.ts';
import type { Vma } from '../../../mm/space/vma.ts';
import { Daemon } from './daemon.ts';

/** The module's parameters. */
const PER_SWAP_SIZE = 1024;
const PRESSURE_MIN = 50;
const PRESSURE_MAX = 90;
const SWAP_EFF_WIN = 2;
const SWAP_OPT_EFF = 50;
const MIN_SCORE_ADJ = 360;
const MOST_TASKS = 32;
const LEAST_PAGES = 32;
const WAKE_US = 2_000;

export class ProportionalReclaimer extends Daemon implements PressureListener {
  /** Where the next range begins, by process. */
  private readonly cursors = new Map<Task, number>();
  private poorRuns = 0;
  private skip = 0;

  constructor(machine: Machine) {
    super(machine, 'process_reclaim');
    machine.vmpressure.listeners.push(this);
  }

  onPressure(_level: PressureLevel, percent: number): void {
    if (percent >= PRESSURE_MIN && percent < PRESSURE_MAX) this.wakeAt(this.machine.nowUs + WAKE_US);
  }

  protected work(): void {
    this.forgetGone(this.cursors);
    if (this.skip > 0) {
      this.skip--;
      return;
    }
    const victims = [...this.machine.tasks.values()]
      .filter((task) => task.mm !== null && task.oomScoreAdj >= MIN_SCORE_ADJ && task.mm.rssAnon > 0)
      .sort((a, b) => b.mm!.rssAnon - a.mm!.rssAnon || a.pid - b.pid)
      .slice(0, MOST_TASKS);
    const total = victims.reduce((sum, task) => sum + task.mm!.rssAnon, 0);
    if (total < LEAST_PAGES) return;
    let asked = 0;
    let taken = 0;
    for (const task of victims) {
      const share = Math.max(1, Math.floor((task.mm!.rssAnon * PER_SWAP_SIZE) / total));
      asked += share;
      taken += this.#take(task, share);
    }
    const efficiency = (taken * 100) / asked;
    this.poorRuns = efficiency < SWAP_OPT_EFF ? this.poorRuns + 1 : 0;
    if (this.poorRuns < SWAP_EFF_WIN) return;
    this.poorRuns = 0;
    this.skip = SWAP_EFF_WIN;
  }

  /** Reclaims `wanted` resident anonymous pages, from where it left off last time; a pagemap tells where they are. */
  #take(task: Task, wanted: number): number {
    const mm = task.mm!;
    let cursor = this.cursors.get(task) ?? 0;
    let taken = 0;
    for (let lap = 0; lap < 2 && taken < wanted; lap++) {
      for (let i = mm.indexAfter(cursor); i < mm.vmas.length && taken < wanted; i++) {
        const vma = mm.vmas[i]!;
        if (vma.mapping !== null) continue;
        const from = Math.max(cursor, vma.start);
        cursor = this.#endOf(vma, from, wanted - taken);
        taken += this.write(task, `0x${(from * 4096).toString(16)} ${(cursor - from) * 4096}`);
      }
      if (taken < wanted) cursor = 0;
    }
    this.cursors.set(task, cursor);
    return taken;
  }

  /** Where a range from `from` on has so many resident pages, or the VMA ends. */
  #endOf(vma: Vma, from: number, wanted: number): number {
    const { tables } = this.machine.mem;
    const directory = vma.mm.pageDirectory;
    let found = 0;
    let vpn = from;
    while (vpn < vma.end && found < wanted) {
      const count = tables.run(directory, vpn, vma.end);
      const first = tables.find(directory, vpn);
      if (first === 0) {
        vpn += count;
        continue;
      }
      for (let i = 0; i < count && found < wanted; i++, vpn++) {
        if (tables.pte[first + i]! >>> 30 === KIND_PRESENT) found++;
      }
    }
    return vpn;
  }
}
