/** lru_gen below kernel/mm, and its files for the curious below kernel/debug. Mirrors: mm/vmscan.c, "sysfs interface", "debugfs interface". */
import type { Cgroup } from '../machine/cgroup.ts';
import { memcgNumber } from '../machine/lru-gen.ts';
import type { Machine } from '../machine/machine.ts';
import { sysctlOf } from '../machine/sysctl.ts';
import { GEN_FILE, MAX_NR_GENS } from '../mm/pages/generations.ts';
import { lruGenOf } from '../mm/reclaim/aging.ts';
import { MAX_NR_TIERS } from '../mm/reclaim/lru-gen.ts';
import { type Memcg, nextInTree } from '../mm/reclaim/memcg.ts';
import { directory, file } from '../procfs/entry.ts';
import { writtenText } from '../procfs/parse-number.ts';
import type { TextBuffer } from '../procfs/text.ts';
import { EINVAL } from '../util/errno.ts';
import { parseWhole } from '../util/kstrto.ts';
import type { Row } from './rows.ts';

const ALL_CAPS = 7;
const UINT_MAX = 2n ** 32n - 1n;

const enabled = sysctlOf('lru_gen.enabled')!;
const minTtl = sysctlOf('lru_gen.min_ttl_ms')!;

/** `y`, `n`, or the bits that are to be set. Mirrors: store_enabled. */
function capsOf(text: string): number | undefined {
  if (/^[nN]/.test(text)) return 0;
  if (/^[yY]/.test(text)) return ALL_CAPS;
  const bits = parseWhole(text, 0);
  return bits === undefined || bits < 0n || bits > UINT_MAX ? undefined : Number(bits) & ALL_CAPS;
}

export const lruGenDirectory: Row = directory('lru_gen', [
  file(
    'enabled',
    0o644,
    (out, { machine }) => void out.text(`0x${enabled.get(machine).toString(16).padStart(4, '0')}\n`),
    {
      write: ({ host }, data) => {
        const caps = capsOf(writtenText(data));
        if (caps === undefined) return -EINVAL;
        const status = host.setSysctl(enabled.name, String(caps));
        return status < 0 ? status : data.length;
      },
    },
  ),
  file('min_ttl_ms', 0o644, (out, { machine }) => void out.dec(minTtl.get(machine)).newline(), {
    write: ({ host }, data) => {
      const ms = parseWhole(writtenText(data), 0);
      if (ms === undefined || ms < 0n || ms > UINT_MAX) return -EINVAL;
      const status = host.setSysctl(minTtl.name, String(ms));
      return status < 0 ? status : data.length;
    },
  }),
]);

/** The path of the topmost group of each memory accounting. */
function pathsOf(group: Cgroup, found = new Map<Memcg, string>()): Map<Memcg, string> {
  if (!found.has(group.memcg)) found.set(group.memcg, group.path);
  for (const child of group.children.values()) pathsOf(child, found);
  return found;
}

/** The generations of every group. Mirrors: lru_gen_seq_show. */
function showAll(out: TextBuffer, machine: Machine, full: boolean): void {
  const root = machine.mem.rootMemcg;
  const paths = pathsOf(machine.cgroups.root);
  for (let memcg = nextInTree(null, root); memcg !== null; memcg = nextInTree(memcg, root)) {
    out.text(`memcg ${pad(memcgNumber(memcg), 5)} ${paths.get(memcg) ?? ''}\n node ${pad(0, 5)}\n`);
    showGroup(out, machine, memcg, full);
  }
}

function showGroup(out: TextBuffer, machine: Machine, memcg: Memcg, full: boolean): void {
  const { frames } = machine.mem;
  const { generations } = frames;
  if (generations === null) return;
  const gen = lruGenOf(memcg);
  const maxSeq = generations.maxSeq[memcg.id]!;
  const minSeq = [generations.minSeq[memcg.id * 2]!, generations.minSeq[memcg.id * 2 + 1]!] as const;
  for (let seq = full ? Math.max(0, maxSeq - MAX_NR_GENS + 1) : minSeq[0]; seq <= maxSeq; seq++) {
    const at = seq % MAX_NR_GENS;
    const ageMs = Math.floor((machine.nowUs - gen.bornUs[at]!) / 1000);
    out.text(` ${pad(seq, 10)} ${pad(ageMs, 10)}`);
    for (let type = 0; type <= GEN_FILE; type++)
      out.text(` ${pad(frames.nrInGeneration(memcg.id, at, type), 10)}${full && seq < minSeq[type]! ? 'x' : ' '}`);
    out.newline();
    if (!full) continue;
    for (let tier = 0; tier < MAX_NR_TIERS; tier++) {
      out.text(`            ${pad(tier, 10)}`);
      for (let type = 0; type <= GEN_FILE; type++) {
        const of = type * MAX_NR_TIERS + tier;
        const [marks, counts] =
          seq === maxSeq
            ? ['RT ', [gen.avgRefaulted[of]!, gen.avgTotal[of]!, 0]]
            : seq === minSeq[type]
              ? ['rep', [gen.refaulted[of]!, gen.evicted[of]!, gen.protected[of]!]]
              : ['   ', [0, 0, 0]];
        counts.forEach((count, i) => {
          out.text(` ${pad(count, 10)}${marks[i]}`);
        });
      }
      out.newline();
    }
    out.text('                      ');
    gen.mmStats.forEach((count, i) => {
      out.text(` ${pad(seq === maxSeq ? count : 0, 10)}${seq === maxSeq ? 'LOYNFA'[i] : ' '}`);
    });
    out.newline();
  }
}

function pad(value: number, width: number): string {
  return String(value).padStart(width);
}

export const lruGenDebugFiles: readonly Row[] = [
  file('lru_gen', 0o644, (out, { machine }) => showAll(out, machine, false), {
    write: function* ({ host }, data) {
      const { length } = data;
      const status = yield* host.lruGen(writtenText(data));
      return status < 0 ? status : length;
    },
  }),
  file('lru_gen_full', 0o444, (out, { machine }) => showAll(out, machine, true), {}),
];
