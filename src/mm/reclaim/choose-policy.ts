/** Which policy of reclaim is in force: two lists, or generations. */
import type { Memory } from '../memory.ts';
import { GENERATIONS_LRU } from './generations-lru.ts';
import { TWO_LIST_LRU } from './two-list-lru.ts';

/** Names of the policies, as `machine lru=` takes them. */
export const LRU_KINDS = ['lists', 'generations'] as const;
export type LruKind = (typeof LRU_KINDS)[number];

export function lruKindOf(mem: Memory): LruKind {
  return mem.frames.generations === null ? 'lists' : 'generations';
}

/** Changes to a policy; pages keep their order. Mirrors: lru_gen_change_state. */
export function chooseLru(mem: Memory, kind: LruKind): void {
  if (kind === lruKindOf(mem)) return;
  mem.lruBatch.drain();
  mem.frames.useGenerations(kind === 'generations');
  mem.policy = kind === 'generations' ? GENERATIONS_LRU : TWO_LIST_LRU;
}
