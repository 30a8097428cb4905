/** How much of a group's memory is kept from reclaim by memory.min and memory.low. Mirrors: mm/page_counter.c. */
import type { Memcg } from './memcg.ts';

/** What the children of a group claim and use together. */
function claimed(parent: Memcg, which: 'min' | 'low'): number {
  let sum = 0;
  for (const child of parent.children) sum += Math.min(child.usage, child[which]);
  return sum;
}

/**
 * The share of a parent's protection that a child has. Siblings that claim more than there is share it by what they use
 * of their claims; what nobody claims is shared by what is not protected (memory_recursiveprot, which systemd mounts
 * with). Mirrors: effective_protection.
 */
function effective(group: Memcg, parent: Memcg, setting: number, above: number, siblings: number): number {
  const protectedPages = Math.min(group.usage, setting);
  if (siblings > above) return Math.floor((protectedPages * above) / siblings);
  if (above <= siblings || parent.usage <= siblings || group.usage <= protectedPages) return protectedPages;
  const unclaimed = (above - siblings) * (group.usage - protectedPages);
  return protectedPages + Math.floor(unclaimed / (parent.usage - siblings));
}

/**
 * Brings `effectiveMin` and `effectiveLow` of a group up to date for reclaim from `root`. To be called from the top down.
 * Mirrors: mem_cgroup_calculate_protection.
 */
export function calculateProtection(root: Memcg, group: Memcg): void {
  const { parent } = group;
  if (group === root || parent === null || group.usage === 0) return;
  if (parent === root) {
    group.effectiveMin = group.min;
    group.effectiveLow = group.low;
    return;
  }
  group.effectiveMin = effective(group, parent, group.min, parent.effectiveMin, claimed(parent, 'min'));
  group.effectiveLow = effective(group, parent, group.low, parent.effectiveLow, claimed(parent, 'low'));
}

/** Nothing of it may be reclaimed. Mirrors: mem_cgroup_below_min. */
export function isBelowMin(root: Memcg, group: Memcg): boolean {
  return group !== root && group.parent !== null && group.effectiveMin >= group.usage;
}

/** Nothing of it is to be reclaimed as long as there is something else. Mirrors: mem_cgroup_below_low. */
export function isBelowLow(root: Memcg, group: Memcg): boolean {
  return group !== root && group.parent !== null && group.effectiveLow >= group.usage;
}
