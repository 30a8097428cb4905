/**
 * Reclaim as a whole: from which groups, how hard, how often. Which pages go is for the policy to say (policy.ts).
 * Mirrors: mm/vmscan.c:do_try_to_free_pages, shrink_node, shrink_node_memcgs.
 */
import type { Job } from '../../util/job.ts';
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
 * One pass at the priority of `sc`. Volatile memory goes first; if that suffices, nothing else happens. Otherwise, after
 * the lists, the low-memory killer has its turn, as shrinkers have, and listeners hear how hard it was.
 * Mirrors: shrink_node, shrink_node_memcgs.
 */
class NodePass {
  private readonly mem: Memory;
  private readonly sc: ScanControl;
  private readonly root: Memcg;
  private readonly before: number;
  private readonly scannedBefore: number;
  private readonly outer: Memcg | null;
  private readonly partial: PartialWalk | undefined;
  /** The lists are looked at: volatile memory has not sufficed. */
  private readonly shrinks: boolean;
  private group: Memcg | null = null;

  constructor(mem: Memory, sc: ScanControl) {
    this.mem = mem;
    this.sc = sc;
    this.root = sc.target ?? mem.rootMemcg;
    const before = sc.nrReclaimed;
    this.before = before;
    this.scannedBefore = sc.nrScanned;
    this.outer = mem.reclaimTarget;
    mem.reclaimTarget = sc.target;
    if (!sc.isGroup) sc.nrReclaimed += mem.hooks.purgeVolatile?.(mem, sc.nrToReclaim - before) ?? 0;
    this.shrinks = sc.nrReclaimed < sc.nrToReclaim || before === sc.nrReclaimed;
    this.partial = sc.by !== 'kswapd' && !sc.fullWalk ? new PartialWalk(this.root) : undefined;
    if (!this.shrinks) return;
    mem.policy.prepareScan(mem, sc);
    this.#enter(this.#next());
  }

  /** Looks at a few pages; false: the pass has been over all groups, or has enough. */
  step(): boolean {
    const { mem, sc, group, partial } = this;
    if (group === null) return false;
    if (mem.policy.stepLruvec(mem, group, sc)) return true;
    if (partial !== undefined && sc.nrReclaimed >= sc.nrToReclaim) return false;
    this.#enter(this.#next());
    return this.group !== null;
  }

  /** To be called once when there are no steps left; returns pages freed. */
  end(): number {
    const { mem, sc } = this;
    if (this.shrinks) mem.hooks.shrinkers?.(mem, sc);
    mem.reclaimTarget = this.outer;
    const reclaimed = sc.nrReclaimed - this.before;
    if (reclaimed === 0 && sc.cacheTrimMode) sc.cacheTrimFailed = true;
    mem.hooks.onScanned?.(mem, sc, sc.nrScanned - this.scannedBefore, reclaimed);
    return reclaimed;
  }

  /** Begins with `group`, or with the next one that is not protected. */
  #enter(group: Memcg | null): void {
    const { mem, sc, root } = this;
    for (this.group = group; this.group !== null; this.group = this.#next()) {
      calculateProtection(root, this.group);
      if (isBelowMin(root, this.group) || !mayShrink(root, this.group, sc)) continue;
      mem.policy.beginLruvec(mem, this.group, sc);
      return;
    }
  }

  #next(): Memcg | null {
    return this.partial === undefined ? nextInTree(this.group, this.root) : this.partial.next();
  }
}

/** Carries one pass out; returns pages freed. */
export function shrinkNode(mem: Memory, sc: ScanControl): number {
  const pass = new NodePass(mem, sc);
  while (pass.step()) {
    // Each step does its part.
  }
  return pass.end();
}

/**
 * Reclaims until `nrToReclaim` pages are free or priority 0 has been tried; returns pages freed. Where nothing came free
 * it tries again: all groups, then active pages by force, then what memory.low protects.
 * Mirrors: do_try_to_free_pages.
 */
export function tryToFreePages(mem: Memory, sc: ScanControl): number {
  setPriority(mem, sc, DEF_PRIORITY);
  do shrinkNode(mem, sc);
  while (goesOn(mem, sc));
  return sc.nrReclaimed;
}

/** The same in pieces. */
export function* freeingPages(mem: Memory, sc: ScanControl): Job<number> {
  setPriority(mem, sc, DEF_PRIORITY);
  do {
    const pass = new NodePass(mem, sc);
    while (pass.step()) yield;
    pass.end();
  } while (goesOn(mem, sc));
  return sc.nrReclaimed;
}

function setPriority(mem: Memory, sc: ScanControl, priority: number): void {
  sc.priority = priority;
  if (!sc.isGroup) mem.hooks.onPriority?.(mem, priority);
}

/** After a pass: whether there is to be another one, for which `sc` is made ready. */
function goesOn(mem: Memory, sc: ScanControl): boolean {
  if (sc.nrReclaimed < sc.nrToReclaim) {
    // What was found is being written: better to wait for it than to look at everything else.
    if (sc.nrWritten + sc.nrWriteback > sc.nrAwaited) mem.hooks.onCongested?.(mem);
    sc.nrAwaited = sc.nrWritten + sc.nrWriteback;
    if (sc.priority > 0) {
      setPriority(mem, sc, sc.priority - 1);
      return true;
    }
  }
  mem.policy.endReclaim(mem, sc.target);
  if (sc.nrReclaimed > 0) return false;
  if (!sc.fullWalk) sc.fullWalk = true;
  else if (sc.skippedDeactivate) {
    sc.forceDeactivate = true;
    sc.skippedDeactivate = false;
  } else if (sc.lowSkipped) {
    sc.forceDeactivate = false;
    sc.lowReclaim = true;
    sc.lowSkipped = false;
  } else return false;
  setPriority(mem, sc, DEF_PRIORITY);
  return true;
}
