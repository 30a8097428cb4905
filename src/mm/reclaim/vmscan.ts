/**
 * Reclaim as a whole: from which groups, how hard, how often. Which pages go is for the policy to say (policy.ts).
 * Mirrors: mm/vmscan.c:do_try_to_free_pages, shrink_node, shrink_node_memcgs.
 */
import { finish, type Job } from '../../util/job.ts';
import type { Memory } from '../memory.ts';
import { type Memcg, nextInTree } from './memcg.ts';
import { calculateProtection, isBelowLow, isBelowMin } from './protection.ts';
import { DEF_PRIORITY, type ScanControl } from './scan-control.ts';

/**
 * The groups that a direct reclaimer looks at: each begins where the last one stopped, so that all have their turn, and
 * stops at the end of the round. Mirrors: mem_cgroup_iter with a cookie.
 */
class PartialWalk {
  private readonly root: Memcg;
  private readonly round: number;
  private begun = false;

  constructor(root: Memcg) {
    this.root = root;
    this.round = root.walkRound;
  }

  next(): Memcg | null {
    const { root } = this;
    if (root.walkRound !== this.round && this.begun) return null;
    root.walkAt = nextInTree(root.walkAt, root);
    if (root.walkAt === null) {
      root.walkRound++;
      if (this.begun) return null;
      root.walkAt = root;
    }
    this.begun = true;
    return root.walkAt;
  }
}

/** Reclaims from the groups of the target at one priority. Mirrors: shrink_node_memcgs. */
function* shrinkMemcgs(mem: Memory, sc: ScanControl): Job<void> {
  const root = sc.target ?? mem.rootMemcg;
  const partial = sc.by !== 'kswapd' && !sc.fullWalk ? new PartialWalk(root) : undefined;
  let group = partial === undefined ? nextInTree(null, root) : partial.next();
  while (group !== null) {
    calculateProtection(root, group);
    if (!isBelowMin(root, group) && mayShrink(root, group, sc)) {
      yield* mem.policy.shrinkLruvec(mem, group, sc);
      if (partial !== undefined && sc.nrReclaimed >= sc.nrToReclaim) return;
    }
    group = partial === undefined ? nextInTree(group, root) : partial.next();
  }
}

/** Protected by memory.low: not as long as there is something else. */
function mayShrink(root: Memcg, group: Memcg, sc: ScanControl): boolean {
  if (!isBelowLow(root, group)) return true;
  if (!sc.lowReclaim) {
    sc.lowSkipped = true;
    return false;
  }
  group.note('low');
  return true;
}

/**
 * One pass at the priority of `sc`; returns pages freed. Volatile memory goes first; if that suffices, nothing else
 * happens. Otherwise, after the lists, the low-memory killer has its turn, as shrinkers have, and listeners hear how
 * hard it was. Mirrors: shrink_node.
 */
export function shrinkNode(mem: Memory, sc: ScanControl): number {
  return finish(shrinkingNode(mem, sc));
}

/** The same in pieces. */
function* shrinkingNode(mem: Memory, sc: ScanControl): Job<number> {
  const before = sc.nrReclaimed;
  const scannedBefore = sc.nrScanned;
  const outer = mem.reclaimTarget;
  mem.reclaimTarget = sc.target;
  if (!sc.isGroup) sc.nrReclaimed += mem.hooks.purgeVolatile?.(mem, sc.nrToReclaim - before) ?? 0;
  if (sc.nrReclaimed < sc.nrToReclaim || before === sc.nrReclaimed) {
    mem.policy.prepareScan(mem, sc);
    yield* shrinkMemcgs(mem, sc);
    mem.hooks.shrinkers?.(mem, sc);
  }
  mem.reclaimTarget = outer;
  const reclaimed = sc.nrReclaimed - before;
  if (reclaimed === 0 && sc.cacheTrimMode) sc.cacheTrimFailed = true;
  mem.hooks.onScanned?.(mem, sc, sc.nrScanned - scannedBefore, reclaimed);
  return reclaimed;
}

/**
 * Reclaims until `nrToReclaim` pages are free or priority 0 has been tried; returns pages freed. Where nothing came free
 * it tries again: all groups, then active pages by force, then what memory.low protects.
 * Mirrors: do_try_to_free_pages.
 */
export function tryToFreePages(mem: Memory, sc: ScanControl): number {
  return finish(freeingPages(mem, sc));
}

/** The same in pieces. */
export function* freeingPages(mem: Memory, sc: ScanControl): Job<number> {
  let waiting = 0;
  for (;;) {
    for (sc.priority = DEF_PRIORITY; sc.priority >= 0; sc.priority--) {
      if (!sc.isGroup) mem.hooks.onPriority?.(mem, sc.priority);
      yield* shrinkingNode(mem, sc);
      if (sc.nrReclaimed >= sc.nrToReclaim) break;
      // What was found is being written: better to wait for it than to look at everything else.
      if (sc.nrWritten + sc.nrWriteback > waiting) mem.hooks.onCongested?.(mem);
      waiting = sc.nrWritten + sc.nrWriteback;
    }
    mem.policy.endReclaim(mem, sc.target);
    if (sc.nrReclaimed > 0) return sc.nrReclaimed;
    if (!sc.fullWalk) sc.fullWalk = true;
    else if (sc.skippedDeactivate) {
      sc.forceDeactivate = true;
      sc.skippedDeactivate = false;
    } else if (sc.lowSkipped) {
      sc.forceDeactivate = false;
      sc.lowReclaim = true;
      sc.lowSkipped = false;
    } else return 0;
  }
}
