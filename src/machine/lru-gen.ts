/**
 * The commands of /sys/kernel/debug/lru_gen: a younger generation, or eviction of old ones, for one control group.
 * Mirrors: mm/vmscan.c:lru_gen_seq_write, run_cmd, run_aging, run_eviction.
 */
import { GEN_ANON, GEN_FILE, MAX_NR_GENS, MIN_NR_GENS } from '../mm/pages/generations.ts';
import { addYoungest, beginWalks, endWalks, swappinessNow } from '../mm/reclaim/aging.ts';
import { lruKindOf } from '../mm/reclaim/choose-policy.ts';
import { evictFrom } from '../mm/reclaim/generations-lru.ts';
import type { Memcg } from '../mm/reclaim/memcg.ts';
import { ScanControl } from '../mm/reclaim/scan-control.ts';
import { EINVAL, ERANGE } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';

const UINT_MAX = 2 ** 32 - 1;
const MAX_SWAPPINESS = 200;
const COMMAND = /^([+-]) +(\d+) +(\d+) +(\d+)(?: +(\d+))?(?: +(\d+))? *$/;

/** The number of a group, as in /sys/kernel/debug/lru_gen. Mirrors: mem_cgroup_id. */
export function memcgNumber({ id }: Memcg): number {
  return id + 1;
}

/**
 * `+ GROUP NODE SEQ [CAN_SWAP [FORCE]]` and `- GROUP NODE SEQ [SWAPPINESS [PAGES]]`, separated by commas, semicolons or newlines; those
 * before one that is wrong have been carried out. Throws EINVAL, ERANGE (there are four generations already). Where there
 * are no generations nothing happens.
 */
export function* writeLruGen(machine: Machine, text: string): Job<void> {
  for (const one of text.split(/[,;\n]/)) {
    const command = one.replace(/^[ \t]+/, '');
    if (command === '') continue;
    const words = COMMAND.exec(command);
    if (words === null)
      throw new KernelError(EINVAL, `"${command}" is no command: + or -, group, node, sequence number`);
    const [group, node, seq] = [words[2], words[3], words[4]].map(Number) as [number, number, number];
    const memcg = machine.mem.memcgs[group - 1];
    if (memcg === undefined || node !== 0) throw new KernelError(EINVAL, `there is no group ${group} on node ${node}`);
    const swappiness = words[5] === undefined ? undefined : Number(words[5]);
    if (swappiness !== undefined && swappiness > MAX_SWAPPINESS)
      throw new KernelError(EINVAL, `swappiness is at most ${MAX_SWAPPINESS}`);
    if (lruKindOf(machine.mem) === 'lists') continue;
    const option = words[6] === undefined ? UINT_MAX : Number(words[6]);
    if (words[1] === '+') age(machine, memcg, seq, swappiness, option !== 0);
    else yield* evict(machine, memcg, seq, swappiness, option);
    machine.generation++;
  }
}

function control(machine: Machine, memcg: Memcg, nrToReclaim: number): ScanControl {
  const sc = new ScanControl('direct', nrToReclaim, machine.vm.swappiness, memcg);
  sc.priority = 0;
  return sc;
}

function age(machine: Machine, memcg: Memcg, seq: number, swappiness: number | undefined, force: boolean): void {
  const { mem } = machine;
  const { maxSeq, minSeq } = mem.frames.generations!;
  const youngest = maxSeq[memcg.id]!;
  if (seq < youngest) return;
  if (seq > youngest) throw new KernelError(EINVAL, `the youngest generation is ${youngest}`);
  const sc = control(machine, memcg, 0);
  const canSwap = (swappiness ?? swappinessNow(mem, memcg, sc)) > 0;
  const oldest = minSeq[memcg.id * 2 + (canSwap ? GEN_ANON : GEN_FILE)]!;
  if (!force && oldest + MAX_NR_GENS - 1 <= youngest)
    throw new KernelError(ERANGE, 'there are as many generations as there may be');
  beginWalks(sc);
  addYoungest(mem, memcg, canSwap, force);
  endWalks();
}

function* evict(machine: Machine, memcg: Memcg, seq: number, asked: number | undefined, pages: number): Job<void> {
  const { mem } = machine;
  const { maxSeq, minSeq } = mem.frames.generations!;
  if (seq + MIN_NR_GENS > maxSeq[memcg.id]!)
    throw new KernelError(EINVAL, `the youngest generation that may go is ${maxSeq[memcg.id]! - MIN_NR_GENS}`);
  const sc = control(machine, memcg, pages);
  const swappiness = asked ?? swappinessNow(mem, memcg, sc);
  const type = swappiness > 0 ? GEN_ANON : GEN_FILE;
  const outer = mem.reclaimTarget;
  while (seq >= minSeq[memcg.id * 2 + type]! && sc.nrReclaimed < pages) {
    mem.reclaimTarget = memcg;
    const scanned = evictFrom(mem, memcg, sc, swappiness);
    mem.reclaimTarget = outer;
    if (scanned === 0) return;
    yield;
  }
}
