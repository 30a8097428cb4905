/** PID/auxv: what the kernel told the program at its start, pairs of 64-bit words. Mirrors: fs/binfmt_elf.c:create_elf_tables. */
import type { TaskContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

const AT_PHDR = 3;
const AT_PHENT = 4;
const AT_PHNUM = 5;
const AT_PAGESZ = 6;
const AT_BASE = 7;
const AT_FLAGS = 8;
const AT_ENTRY = 9;
const AT_UID = 11;
const AT_EUID = 12;
const AT_GID = 13;
const AT_EGID = 14;
const AT_CLKTCK = 17;
const AT_SECURE = 23;

/** Pretend: an ELF program of 13 headers that begins at its first code page. */
export function showAuxv(out: TextBuffer, { task }: TaskContext): void {
  if (task.mm === null) return;
  const { ids, mm } = task;
  const pairs: readonly (readonly [number, number])[] = [
    [AT_PAGESZ, 4096],
    [AT_CLKTCK, 100],
    [AT_PHDR, mm.startCode + 64],
    [AT_PHENT, 56],
    [AT_PHNUM, 13],
    [AT_BASE, 0],
    [AT_FLAGS, 0],
    [AT_ENTRY, mm.startCode],
    [AT_UID, ids.uid],
    [AT_EUID, ids.euid],
    [AT_GID, ids.gid],
    [AT_EGID, ids.egid],
    [AT_SECURE, 0],
    [0, 0],
  ];
  const bytes = Buffer.alloc(pairs.length * 16);
  pairs.forEach(([tag, value], i) => {
    bytes.writeBigUInt64LE(BigInt(tag), i * 16);
    bytes.writeBigUInt64LE(BigInt(value), i * 16 + 8);
  });
  out.raw(bytes);
}
