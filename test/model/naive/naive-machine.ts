/** The second model: the step language, read by a parser of its own. */
import {
  type Advice,
  type Errno,
  exit,
  fork,
  madvise,
  mlock,
  mprotect,
  msync,
  munlock,
  munmap,
  populate,
} from './calls.ts';
import { access, contentOf } from './faults.ts';
import { isKind, type Kind, pageoutVma, squeeze, swapoff, tick } from './reclaim.ts';
import { snapshot } from './snapshot.ts';
import {
  cachePage,
  diskContent,
  indexOf,
  type Obj,
  type Proc,
  type Region,
  type Vma,
  vmaAt,
  World,
  writeFile,
} from './world.ts';

type Result = Record<string, unknown> | undefined;

const SIZES: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, p: 4096 };
const REMARKS = ['title', 'note', 'validity', 'bothsnaps', 'expect2013', 'machine'];

export function bytes(text: string): number {
  const [, digits, unit] = /^(\d+)([KMGp]?)$/.exec(text)!;
  return Number(digits) * SIZES[unit!]!;
}

const pages = (text: string) => Math.ceil(bytes(text) / 4096);

export class NaiveMachine {
  readonly world: World;

  constructor(profile: string, kind: 'zram' | 'disk') {
    this.world = new World(profile, kind);
  }

  /** Carries out one line; what it returns has the keys of the goldens. */
  step(line: string): Result {
    const words = line
      .replace(/(^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    const [first, second, ...rest] = words as [string, string, ...string[]];
    if (first === '' || REMARKS.includes(first)) return undefined;
    const proc = this.world.procs.get(first);
    if (proc === undefined || first === 'proc') return this.#machineStep(first, second, rest);
    const { world } = this;
    const [inBefore, outBefore] = [world.pswpin, world.pswpout];
    const result = this.#procStep(proc, second, rest);
    return result === undefined
      ? undefined
      : { ...result, vmstat: { pswpin: world.pswpin - inBefore, pswpout: world.pswpout - outBefore } };
  }

  snap(label: string): Record<string, unknown> {
    return snapshot(this.world, label);
  }

  #machineStep(word: string, name: string, rest: string[]): Result {
    const { world } = this;
    switch (word) {
      case 'swap':
        world.setSwap(Math.floor(bytes(name) / 4096));
        return undefined;
      case 'object':
        world.objects.set(name, newObj(name, rest[0] === 'file' ? 'file' : 'shmem', pages(rest[1]!), modeOf(rest)));
        return undefined;
      case 'proc':
        world.procs.set(name, { name, uid: 0, vmas: [], entries: new Map(), regions: new Map() });
        return {};
      case 'cache':
        return this.#cache(world.objects.get(name)!, rest);
      case 'squeeze':
        squeeze(world);
        return { ret: 0 };
      case 'swapoff':
        swapoff(world);
        return { ret: 0 };
      case 'swapon':
        world.swapOn = true;
        return { ret: 0 };
      case 'tick':
        tick(world);
        return {};
      case 'snap':
        return this.snap([name, ...rest].join(' '));
      default:
        throw new Error(`the second model does not know "${word}"`);
    }
  }

  #cache(obj: Obj, [what, offset, length]: string[]): Result {
    const from = offset === undefined ? 0 : Math.floor(bytes(offset) / 4096);
    const to = Math.min(obj.pages, length === undefined ? obj.pages : from + pages(length));
    if (what === 'load' || what === 'loadpart') for (let i = from; i < to; i++) cachePage(this.world, obj, i);
    if (what === 'dirtywrite') {
      for (let i = from; i < to; i++) {
        const { page } = cachePage(this.world, obj, i);
        page.content = `w${++this.world.writes}`;
        obj.expected.set(i, page.content);
        // write(2) leaves the mark for reclaim on the page (64).
        page.dirty = true;
      }
    }
    if (what === 'sync') for (const page of obj.cache.values()) if (page.dirty) writeFile(page);
    if (what === 'drop' && obj.kind === 'file') {
      for (const page of [...obj.cache.values()]) {
        if (page.dirty) writeFile(page);
        else if (page.entries.size === 0) obj.cache.delete(page.index);
      }
    }
    return { ret: 0 };
  }

  #procStep(proc: Proc, word: string, rest: string[]): Result {
    const { world } = this;
    switch (word) {
      case 'fork':
        fork(world, proc, rest[0]!);
        return {};
      case 'exit':
        exit(world, proc);
        return {};
      case 'setuid':
        proc.uid = Number(rest[0]);
        return { ret: 0 };
      case 'cpu':
        return {};
      case 'mmap':
        return this.#mmap(proc, rest);
      case 'touch':
        return this.#touch(proc, rest);
      case 'verify':
        return this.#verify(proc, rest);
      case 'pageout':
      case 'selfpageout':
      case 'cold':
        return this.#advise(proc, word, rest);
      default:
        return this.#call(proc, word, rest);
    }
  }

  #call(proc: Proc, word: string, [name, offset, length, what]: string[]): Result {
    const { world } = this;
    const start = proc.regions.get(name!)!.start + bytes(offset!) / 4096;
    const end = start + pages(length!);
    let errno: Errno;
    if (!Number.isInteger(start)) errno = 'EINVAL';
    else if (word === 'munmap') errno = munmap(world, proc, start, end);
    else if (word === 'mprotect') errno = mprotect(world, proc, start, end, what as Vma['prot']);
    else if (word === 'mlock') errno = mlock(world, proc, start, end);
    else if (word === 'munlock') errno = munlock(proc, start, end);
    else if (word === 'msync') errno = msync(proc, start, end);
    else if (word === 'madvise') errno = madvise(world, proc, start, end, what as Advice);
    else throw new Error(`the second model does not know "${word}"`);
    return errno === undefined ? { ret: 0 } : { ret: -1, errno };
  }

  #mmap(proc: Proc, [name, ...words]: string[]): Result {
    const value = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1);
    const { world } = this;
    const count = Number(value('count') ?? 1);
    const each = pages(value('each') ?? value('size')!);
    const stride = each + (value('gap') === undefined ? 0 : pages(value('gap')!));
    const area = value('count') === undefined ? each : count * stride;
    const shared = words.includes('shared');
    const prot = (value('prot') ?? 'rw') as Vma['prot'];
    let obj = value('obj') === undefined ? undefined : world.objects.get(value('obj')!)!;
    if (obj === undefined && shared) {
      obj = { ...newObj(`shared ${world.objects.size}`, 'shmem', area, 0o777), anonymous: true };
      world.objects.set(obj.name, obj);
    }
    // A file that is mapped for reading was opened for reading (65).
    const readOnly = shared && obj!.kind === 'file' && prot === 'r' && value('open') !== 'rw';
    const start = world.nextAddress;
    const grows = words.includes('growsdown');
    const noreserve = words.includes('noreserve');
    const init = grows ? pages(value('init')!) : each;
    proc.regions.set(name!, { start, pages: area });
    for (let i = 0; i < count; i++) {
      const at = grows ? start + area - init : start + i * stride;
      const account = prot === 'rw' && !shared && !noreserve;
      proc.vmas.push({
        start: at,
        end: at + init,
        prot,
        shared: shared && !readOnly,
        mayShare: shared,
        mayWrite: !shared || !readOnly,
        locked: words.includes('locked'),
        grows,
        noreserve,
        account,
        obj,
        pgoff: obj === undefined ? at : value('off') === undefined ? 0 : bytes(value('off')!) / 4096,
        root: undefined,
        inherited: false,
      });
    }
    proc.vmas.sort((a, b) => a.start - b.start);
    const GIB = 262144;
    world.nextAddress = (Math.ceil((start + area) / GIB) + 1) * GIB;
    if (words.includes('locked')) populate(world, proc, start, start + area, true);
    return { ret: 0, addr: `0x${(start * 4096).toString(16)}` };
  }

  #touch(proc: Proc, [name, offset, length, kind, ...words]: string[]): Result {
    const stride = words.find((word) => word.startsWith('stride='))?.slice(7) ?? '4096';
    const fill = words.find((word) => word.startsWith('fill='))?.slice(5) ?? 'full';
    const first = proc.regions.get(name!)!.start * 4096 + bytes(offset!);
    const result = { pages: 0, minflt: 0, majflt: 0, signals: 0 };
    for (let at = 0; at < bytes(length!); at += bytes(stride)) {
      const vpn = Math.floor((first + at) / 4096);
      const outcome = access(this.world, proc, vpn, kind === 'write');
      result.pages++;
      if (outcome === 'minor') result.minflt++;
      if (outcome === 'major') result.majflt++;
      if (outcome === 'signal') result.signals++;
      else if (kind === 'write') this.#write(proc, vpn, fill);
    }
    const { signals, ...rest } = result;
    return signals > 0 ? result : rest;
  }

  #write(proc: Proc, vpn: number, fill: string): void {
    const entry = proc.entries.get(vpn)!;
    const page = entry.page!;
    const token = `w${++this.world.writes}`;
    page.content = fill === 'zero' ? '0' : fill === 'full' ? token : `${page.content.split('/')[0]}/${token}`;
    const vma = vmaAt(proc, vpn)!;
    if (vma.shared) vma.obj!.expected.set(indexOf(vma, vpn), page.content);
    else entry.expected = page.content;
  }

  #verify(proc: Proc, [name, offset, length]: string[]): Result {
    const region = proc.regions.get(name!)!;
    const start = region.start + (offset === undefined ? 0 : bytes(offset) / 4096);
    const end = offset === undefined ? start + region.pages : start + pages(length!);
    const result = { pages: 0, bad: 0 };
    for (let vpn = start; vpn < end; vpn++) {
      const vma = vmaAt(proc, vpn);
      const expected = vma === undefined ? undefined : expectedAt(proc, vma, vpn);
      if (expected === undefined) continue;
      result.pages++;
      const outcome = access(this.world, proc, vpn, false);
      if (outcome === 'signal' || contentOf(proc.entries.get(vpn)!) !== expected) result.bad++;
    }
    return result;
  }

  #advise(proc: Proc, word: string, [what, name, offset, length]: string[]): Result {
    const kind = (what === 'range' ? 'all' : what) as Kind;
    const range: Region | undefined =
      what === 'range'
        ? { start: proc.regions.get(name!)!.start + bytes(offset!) / 4096, pages: pages(length!) }
        : undefined;
    const result = { vmas_walked: 0, bytes_advised: 0, vmas_refused: 0 };
    const { dialect } = this.world;
    for (const vma of [...proc.vmas]) {
      const from = Math.max(vma.start, range?.start ?? 0);
      const to = Math.min(vma.end, range === undefined ? vma.end : range.start + range.pages);
      if (from >= to || !isKind(vma, kind)) continue;
      result.vmas_walked++;
      if (vma.locked && (word === 'cold' || dialect.asMadvise)) {
        result.vmas_refused++;
        continue;
      }
      result.bytes_advised += (to - from) * 4096;
      if (word !== 'cold') pageoutVma(this.world, proc, vma, from, to, word === 'selfpageout' ? proc.uid : undefined);
    }
    return result.vmas_refused > 0 ? { ...result, errno: 'EINVAL' } : result;
  }
}

function modeOf(words: readonly string[]): number {
  const mode = words.find((word) => word.startsWith('mode='));
  return mode === undefined ? (words[0] === 'file' ? 0o644 : 0o777) : Number.parseInt(mode.slice(5), 8);
}

function newObj(name: string, kind: Obj['kind'], count: number, mode: number): Obj {
  return {
    name,
    kind,
    pages: count,
    mode,
    cache: new Map(),
    swapped: new Map(),
    disk: new Map(),
    expected: new Map(),
    anonymous: false,
  };
}

/** What a process should find at a page, if anything was ever put there. */
function expectedAt(proc: Proc, vma: Vma, vpn: number): string | undefined {
  const own = proc.entries.get(vpn)?.expected;
  if (own !== undefined || vma.obj === undefined) return own;
  const index = indexOf(vma, vpn);
  if (index >= vma.obj.pages) return undefined;
  return (
    vma.obj.expected.get(index) ??
    (vma.obj.kind === 'file' ? diskContent({ ...vma.obj, disk: new Map() }, index) : undefined)
  );
}
