/** Calls on files of the simulated disk (/proc/reclaimfs/disk): what of them is in the machine's page cache, and advice about them. */
import { readFileSync, readlinkSync } from 'node:fs';
import { EFAULT, EINVAL } from '../../../util/errno.ts';
import type { Context, Handler } from './context.ts';
import { CONTINUE, type Notification } from './notification.ts';

const PAGE = 4096n;
const DISK = '/proc/reclaimfs/disk/';
/** struct cachestat_range, struct cachestat. */
const RANGE_BYTES = 16;
const STAT_BYTES = 40;
/** Pages that are asked about at once: their bits fit into one answer. */
const CHUNK_PAGES = 16384;
/** Mirrors: TASK_SIZE_MAX of x86-64; on other machines there is more. */
const TASK_SIZE = 0x7fff_ffff_f000n;

/** Of the file behind a descriptor, below the simulated disk; undefined for all others. */
function diskPath(tid: number, fd: number): string | undefined {
  try {
    const target = readlinkSync(`/proc/${tid}/fd/${fd}`, 'latin1');
    return target.startsWith(DISK) ? target.slice(DISK.length - 1) : undefined;
  } catch {
    return undefined;
  }
}

/** cachestat(fd, range, stat, flags). Mirrors: mm/filemap.c. */
export const cachestat: Handler = (call, { model }) => {
  const path = diskPath(call.tid, call.int(0));
  if (path === undefined) return CONTINUE;
  const range = call.memory.read(call.tid, call.word(1), RANGE_BYTES);
  if (range === undefined || !call.isValid) return -EFAULT;
  const [offset, length] = [range.readBigUInt64LE(0), range.readBigUInt64LE(8)];
  const answer = model.ask({
    ask: 'cachestat',
    path,
    first: Number(offset / PAGE),
    last: length === 0n ? Number.MAX_SAFE_INTEGER : Number((offset + length - 1n) / PAGE),
    flags: call.int(3) >>> 0,
  });
  if (typeof answer === 'number') return answer;
  const out = Buffer.alloc(STAT_BYTES);
  for (const [i, pages] of answer.entries()) out.writeBigUInt64LE(BigInt(pages), i * 8);
  return call.memory.write(call.tid, call.word(2), out) ? 0 : -EFAULT;
};

/** fadvise64(fd, offset, length, advice): only what concerns the cache is asked about at all. Mirrors: mm/fadvise.c. */
export const fadvise64: Handler = (call, { model }) => {
  const path = diskPath(call.tid, call.int(0));
  if (path === undefined) return CONTINUE;
  const [offset, length] = [BigInt.asIntN(64, call.word(1)), BigInt.asIntN(64, call.word(2))];
  if (length < 0n) return -EINVAL;
  const advice = call.int(3) === 3 ? 'willneed' : 'dontneed';
  return model.ask({ ask: 'fadvise', path, offset: String(offset < 0n ? 0n : offset), length: String(length), advice });
};

/** mincore(address, length, vector) of a mapping of such a file. Mirrors: mm/mincore.c. */
export const mincore: Handler = (call, context) => {
  const [start, length, vector] = [call.word(0), call.word(1), call.word(2)];
  if (start % PAGE !== 0n || length === 0n || start + length > TASK_SIZE) return CONTINUE;
  const mapping = mappingOf(call.tid, start, start + length);
  if (mapping === undefined || !call.isValid) return CONTINUE;
  return inCore(call, context, mapping, Number((length + PAGE - 1n) / PAGE), vector);
};

interface DiskMapping {
  readonly path: string;
  readonly firstPage: number;
}

function inCore(
  call: Notification,
  { model }: Context,
  { path, firstPage }: DiskMapping,
  pages: number,
  vector: bigint,
): ReturnType<Handler> {
  for (let done = 0; done < pages; done += CHUNK_PAGES) {
    const count = Math.min(CHUNK_PAGES, pages - done);
    const bits = Buffer.from(model.ask({ ask: 'incore', path, first: firstPage + done, count }), 'base64');
    const bytes = Buffer.alloc(count);
    for (let i = 0; i < count; i++) bytes[i] = (bits[i >> 3]! >> (i & 7)) & 1;
    if (!call.memory.write(call.tid, vector + BigInt(done), bytes)) return -EFAULT;
  }
  return 0;
}

/** What one mapping of a simulated file covers all of; undefined where there is anything else. */
function mappingOf(tid: number, start: bigint, end: bigint): DiskMapping | undefined {
  for (const line of readFileSync(`/proc/${tid}/maps`, 'latin1').split('\n')) {
    const found = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ +(\/proc\/reclaimfs\/disk\/.*)$/.exec(line);
    if (found === null) continue;
    const [from, to, offset] = found.slice(1, 4).map((hex) => BigInt(`0x${hex}`));
    if (from === undefined || to === undefined || offset === undefined || start < from || end > to) continue;
    return { path: found[4]!.slice(DISK.length - 1), firstPage: Number((offset + start - from) / PAGE) };
  }
  return undefined;
}
