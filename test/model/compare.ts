/** Two models side by side: the same line on both, then everything that can be seen of both. */
import type { Machine } from '../../src/machine/machine.ts';
import { KIND_PRESENT, KIND_SWAP } from '../../src/mm/pages/pte.ts';
import type { Mm } from '../../src/mm/space/mm.ts';
import { parseSteps } from '../../src/scenario/parse.ts';
import { Session } from '../../src/scenario/session.ts';
import { takeSnap } from '../../src/scenario/snap.ts';
import { header, lineOf, type Run } from './commands.ts';
import { contentOf } from './naive/faults.ts';
import { NaiveMachine } from './naive/naive-machine.ts';
import type { Proc } from './naive/world.ts';

const RESULT_KEYS = 'pages minflt majflt signals bad ret errno addr vmas_walked bytes_advised vmas_refused'.split(' ');

/** What a run came to. */
export interface Outcome {
  readonly commands: number;
}

/** The models differ; `scenario` replays it. */
export class Disagreement extends Error {
  constructor(run: Run, lines: readonly string[], what: string) {
    super(`${what}\n--- replay (profile ${run.profile}, ${run.kind}) ---\n${lines.join('\n')}\n---`);
    this.name = 'Disagreement';
  }
}

/** Plays a run on both models. Throws Disagreement. */
export function playRun(run: Run): Outcome {
  const lines: string[] = [];
  const pair = new Pair(run.profile, run.kind);
  let ticks = 0;
  const take = (line: string) => {
    lines.push(line);
    const difference = pair.step(line);
    if (difference !== undefined) throw new Disagreement(run, lines, difference);
  };
  for (const line of header(run)) take(line);
  for (const draw of run.draws) {
    const line = lineOf(draw, pair.naive, ticks);
    if (line === undefined) continue;
    if (line.startsWith('tick')) ticks++;
    take(line);
  }
  return { commands: lines.length };
}

export class Pair {
  readonly naive: NaiveMachine;
  readonly #session: Session;
  /** Which number of ours stands for which content of the second model, and back. */
  readonly #contents = new Map<string, number>();
  readonly #names = new Map<number, string>();

  constructor(profile: Run['profile'], kind: Run['kind']) {
    this.naive = new NaiveMachine(profile, kind);
    this.#session = new Session({ profile, swapKind: kind });
  }

  get machine(): Machine {
    return this.#session.machine;
  }

  /** Takes one step on both. Returns the first difference in words. */
  step(line: string): string | undefined {
    if (line.startsWith('machine ')) {
      this.#session.load(line, 'run');
      return undefined;
    }
    const { machine } = this;
    let ours: Record<string, unknown> | undefined;
    try {
      ours = parseSteps(line, 'run')[0]?.run({ machine });
    } catch (error) {
      return `the step fails: ${error instanceof Error ? error.stack : error}`;
    }
    const theirs = this.naive.step(line);
    return this.#results(ours ?? {}, theirs ?? {}) ?? this.#broken() ?? this.#state() ?? this.#contentsDiffer();
  }

  #broken(): string | undefined {
    const problems = this.machine.check();
    return problems.length === 0 ? undefined : `broken: ${problems.slice(0, 3).join('; ')}`;
  }

  #results(ours: Record<string, unknown>, theirs: Record<string, unknown>): string | undefined {
    for (const key of RESULT_KEYS)
      if (ours[key] !== theirs[key]) return differ(`result ${key}`, ours[key], theirs[key]);
    const [moved, expected] = [ours['vmstat'], theirs['vmstat']] as Record<string, number>[];
    if (expected === undefined) return undefined;
    for (const key of ['pswpin', 'pswpout']) {
      if ((moved?.[key] ?? 0) !== expected[key]) return differ(key, moved?.[key] ?? 0, expected[key]);
    }
    return undefined;
  }

  #state(): string | undefined {
    const theirs = this.naive.snap('now');
    const difference = within(takeSnap(this.machine, 'now'), theirs, '');
    if (difference !== undefined) return difference;
    for (const proc of this.naive.world.procs.values()) {
      const { rssAnon, rssFile, rssShmem, swapents } = this.#mm(proc);
      const count = { anon: 0, file: 0, shmem: 0, swap: 0, zero: 0 };
      for (const entry of proc.entries.values()) count[entry.state === 'page' ? entry.page!.kind : entry.state]++;
      const shown = `${rssAnon} ${rssFile} ${rssShmem} ${swapents}`;
      const counted = `${count.anon} ${count.file} ${count.shmem} ${count.swap}`;
      if (shown !== counted) return differ(`${proc.name} anon file shmem swap`, shown, counted);
    }
    return undefined;
  }

  /** What every process would find at every page, and what the objects hold. */
  #contentsDiffer(): string | undefined {
    const { mem } = this.machine;
    for (const proc of this.naive.world.procs.values()) {
      const mm = this.#mm(proc);
      for (const [vpn, entry] of proc.entries) {
        if (entry.state === 'zero') continue;
        const at = mem.tables.find(mm.pageDirectory, vpn);
        const pte = mem.tables.pte[at]!;
        const number = mem.tables.numberOf(at, pte);
        const kind = pte >>> 30;
        if (kind !== KIND_PRESENT && kind !== KIND_SWAP) return differ(`${proc.name} entry ${vpn}`, kind, entry.state);
        const frame = kind === KIND_PRESENT ? number : mem.swap!.frame[number]!;
        const id = frame === 0 ? mem.swap!.content[number]! : mem.frames.content[frame]!;
        const difference = this.#same(id, contentOf(entry), `${proc.name} page ${vpn}`);
        if (difference !== undefined) return difference;
      }
    }
    for (const obj of this.naive.world.objects.values()) {
      const mapping = this.machine.objects.get(obj.name);
      if (mapping === undefined) continue;
      for (const [index, page] of obj.cache) {
        const id = mem.frames.content[mapping.pages.get(index)]!;
        const difference = this.#same(id, page.content, `${obj.name} page ${index}`);
        if (difference !== undefined) return difference;
      }
      for (const [index, content] of obj.disk) {
        const difference = this.#same(mapping.diskContent(index), content, `${obj.name} block ${index}`);
        if (difference !== undefined) return difference;
      }
    }
    return undefined;
  }

  #same(id: number, content: string, where: string): string | undefined {
    const known = this.#contents.get(content);
    const name = this.#names.get(id);
    if (known === undefined && name === undefined) {
      this.#contents.set(content, id);
      this.#names.set(id, content);
      return undefined;
    }
    return known === id && name === content ? undefined : differ(`content of ${where}`, name ?? id, content);
  }

  #mm(proc: Proc): Mm {
    return this.machine.named.get(proc.name)!.mm!;
  }
}

function differ(what: string, ours: unknown, theirs: unknown): string {
  return `${what}: reclaimfs ${JSON.stringify(ours)}, second model ${JSON.stringify(theirs)}`;
}

/** The first place where `theirs` says something else than `ours`; what only `ours` has is not looked at. */
function within(ours: unknown, theirs: unknown, where: string): string | undefined {
  if (typeof theirs !== 'object' || theirs === null) return ours === theirs ? undefined : differ(where, ours, theirs);
  if (typeof ours !== 'object' || ours === null) return differ(where, ours, theirs);
  const [mine, their] = [ours as Record<string, unknown>, theirs as Record<string, unknown>];
  if (Array.isArray(theirs) && JSON.stringify(ours) !== JSON.stringify(theirs) && /pages|mincore/.test(where))
    return differ(where, ours, theirs);
  for (const key of Object.keys(their)) {
    const difference = within(mine[key], their[key], `${where} ${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}
