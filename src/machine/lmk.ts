/**
 * The low-memory killer of Android kernels. Mirrors: drivers/staging/android/lowmemorykiller.c.
 *
 * Each time reclaim has looked at memory it compares free memory and page cache with a table: the first row of which
 * both are below the mark says from which adj on processes may die. Of those the one with the highest adj dies, of
 * several the largest; at once and with all it holds.
 */
import { EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { KERN_INFO } from './kernel-log.ts';
import type { Machine } from './machine.ts';
import type { Task } from './task.ts';

const MOST_ROWS = 6;
const OOM_ADJUST_MAX = 15;
const OOM_DISABLE = -17;
const KB = 4;
/** For so long after a kill nobody else is killed while a victim is still dying: HZ. */
const DEATH_PENDING_US = 1_000_000;

export interface LmkConfig {
  /** oom_score_adj, or oom_adj of old (then converted), ascending. */
  readonly adj?: readonly number[];
  /** Pages, ascending. */
  readonly minfree?: readonly number[];
  readonly cost?: number;
  readonly debugLevel?: number;
  /** How free memory is counted: as the first driver did, or less the reserves and what is no file. */
  readonly accounting?: 'early' | 'later';
}

export class LowMemoryKiller {
  private readonly machine: Machine;
  enabled = false;
  /** In the scale of oom_score_adj. */
  adj: number[] = [0, 1, 6, 12].map(scoreAdjOf);
  minfree: number[] = [1536, 2048, 4096, 16384];
  /** Seeks of the shrinker; shown, without effect. */
  cost = 32;
  debugLevel = 2;
  accounting: 'early' | 'later' = 'later';
  kills = 0;
  /** Mirrors: lowmem_deathpending_timeout. */
  private deathPendingUntilUs = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Switches it on with these settings; what is not given stays. Throws EINVAL: rows out of order, too many. */
  configure(config: LmkConfig = {}): void {
    const { adj, minfree } = config;
    if (adj !== undefined) this.adj = checkedRows('adj', adj, -1000, 1000);
    if (minfree !== undefined) this.minfree = checkedRows('minfree', minfree, 0, 2 ** 31 - 1);
    if (adj !== undefined && adj.length > 0 && adj.at(-1)! <= OOM_ADJUST_MAX) this.adj = this.adj.map(scoreAdjOf);
    this.cost = config.cost ?? this.cost;
    this.debugLevel = config.debugLevel ?? this.debugLevel;
    this.accounting = config.accounting ?? this.accounting;
    this.enabled = true;
    this.machine.generation++;
  }

  disable(): void {
    this.enabled = false;
    this.machine.generation++;
  }

  /** From which adj on processes may die now; undefined: memory suffices. Mirrors: the loop of lowmem_shrink. */
  minScoreAdj(): { readonly adj: number; readonly minfree: number } | undefined {
    const { free, file } = this.#levels();
    const rows = Math.min(this.adj.length, this.minfree.length);
    for (let i = 0; i < rows; i++) {
      const minfree = this.minfree[i]!;
      if (free < minfree && file < minfree) return { adj: this.adj[i]!, minfree };
    }
    return undefined;
  }

  #levels(): { free: number; file: number } {
    const { mem } = this.machine;
    if (this.accounting === 'early') return { free: mem.nrFree, file: mem.nrFilePages + mem.nrSwapCache };
    return { free: mem.nrFree - mem.watermarks.high, file: mem.nrFilePages - mem.nrShmem };
  }

  /** Kills one process if memory is that low, unless the last one is still giving its memory back. Mirrors: lowmem_shrink. */
  shrink(): void {
    if (!this.enabled) return;
    if (this.machine.pressure.deathPending && this.machine.nowUs <= this.deathPendingUntilUs) return;
    const limit = this.minScoreAdj();
    if (limit === undefined) return;
    const victim = this.selectVictim(limit.adj);
    if (victim === undefined) return;
    const { free, file } = this.#levels();
    this.kills++;
    this.deathPendingUntilUs = this.machine.nowUs + DEATH_PENDING_US;
    this.machine.log('lmk-kill', {
      pid: victim.pid,
      comm: victim.comm,
      uid: victim.ids.uid,
      adj: victim.oomScoreAdj,
      rssKb: victim.mm!.rss * KB,
      swapKb: victim.mm!.swapents * KB,
      minAdj: limit.adj,
      minfreeKb: limit.minfree * KB,
      freeKb: free * KB,
      fileKb: file * KB,
    });
    if (this.debugLevel >= 1) this.#report(victim, limit, free, file);
    this.machine.pressure.kill(victim);
  }

  /** In the words of the driver: those of 2012, or those that came with the later accounting. */
  #report(victim: Task, { adj, minfree }: { adj: number; minfree: number }, free: number, file: number): void {
    const { machine } = this;
    const asker = machine.pressure.currentTask();
    const rss = victim.mm!.rss;
    const text =
      this.accounting === 'early'
        ? `send sigkill to ${victim.pid} (${victim.comm}), adj ${victim.oomScoreAdj}, size ${rss}`
        : `Killing '${victim.comm}' (${victim.pid}), adj ${victim.oomScoreAdj},\n   to free ${rss * KB}kB on behalf of '${asker?.comm ?? 'kswapd0'}' (${asker?.pid ?? 0}) because\n   cache ${file * KB}kB is below limit ${minfree * KB}kB for oom_score_adj ${adj}\n   Free memory is ${free * KB}kB above reserved`;
    machine.printk(KERN_INFO, `lowmemorykiller: ${text}`);
  }

  /** Highest adj of at least `minAdj`, then most resident pages; the first found wins a tie. */
  selectVictim(minAdj: number): Task | undefined {
    let chosen: Task | undefined;
    for (const task of this.machine.tasks.values()) {
      const rss = task.mm?.rss ?? 0;
      if (rss === 0 || task.oomScoreAdj < minAdj || this.machine.pressure.isDying(task)) continue;
      if (chosen !== undefined) {
        if (task.oomScoreAdj < chosen.oomScoreAdj) continue;
        if (task.oomScoreAdj === chosen.oomScoreAdj && rss <= chosen.mm!.rss) continue;
      }
      chosen = task;
    }
    return chosen;
  }
}

/** An adj of the old scale (-17 … 15) in that of oom_score_adj. Mirrors: lowmem_oom_adj_to_oom_score_adj. */
export function scoreAdjOf(adj: number): number {
  return adj === OOM_ADJUST_MAX ? 1000 : Math.trunc((adj * 1000) / -OOM_DISABLE);
}

function checkedRows(name: string, rows: readonly number[], min: number, max: number): number[] {
  if (rows.length > MOST_ROWS) throw new KernelError(EINVAL, `${name} takes at most ${MOST_ROWS} numbers`);
  rows.forEach((value, i) => {
    if (!Number.isInteger(value) || value < min || value > max)
      throw new KernelError(EINVAL, `${name} takes whole numbers from ${min} to ${max}`);
    if (i > 0 && value < rows[i - 1]!) throw new KernelError(EINVAL, `${name} must ascend`);
  });
  return [...rows];
}
