/**
 * Clocks that programs read without a system call: the kernel maps their code into each of them (vDSO). Where time is the
 * machine's, the code is replaced by the system call that it stands for, which we are asked about.
 */
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { architecture, type TimeCallName } from '../../../util/system-calls.ts';

/** Functions of the vDSO by the call that they stand for. Mirrors: arch/x86/entry/vdso/vdso.lds.S, arch/arm64/kernel/vdso/vdso.lds.S. */
const FUNCTIONS: readonly (readonly [name: string, call: TimeCallName])[] = [
  ['__vdso_clock_gettime', 'clock_gettime'],
  ['__vdso_gettimeofday', 'gettimeofday'],
  ['__vdso_time', 'time'],
  ['__kernel_clock_gettime', 'clock_gettime'],
  ['__kernel_gettimeofday', 'gettimeofday'],
];
const SECTION_TYPE_DYNSYM = 11;
const MOST_BYTES = 1 << 16;

/** The code that makes a call with the arguments that it has been given, and returns what it returns. */
function stub(number: number): Buffer {
  if (process.arch === 'arm64') {
    const code = Buffer.alloc(12);
    code.writeUInt32LE((0xd2800008 | (number << 5)) >>> 0, 0); // mov x8, #number
    code.writeUInt32LE(0xd4000001, 4); // svc #0
    code.writeUInt32LE(0xd65f03c0, 8); // ret
    return code;
  }
  const code = Buffer.from([0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3]); // mov eax, number; syscall; ret
  code.writeUInt32LE(number, 1);
  return code;
}

/** Offsets of the functions in an image, with the code that takes their place. Exported for tests. */
export function patchesOf(image: Buffer): { readonly offset: number; readonly code: Buffer }[] {
  const numbers = architecture()?.timeCalls;
  const sections = Number(image.readBigUInt64LE(0x28));
  const [size, count] = [image.readUInt16LE(0x3a), image.readUInt16LE(0x3c)];
  const section = (index: number) => {
    const at = sections + index * size;
    const word = (offset: number) => Number(image.readBigUInt64LE(at + offset));
    return { type: image.readUInt32LE(at + 4), offset: word(24), size: word(32), link: image.readUInt32LE(at + 40) };
  };
  const symbols = Array.from({ length: count }, (_, i) => section(i)).find(({ type }) => type === SECTION_TYPE_DYNSYM);
  if (symbols === undefined || numbers === undefined) return [];
  const strings = section(symbols.link);
  const patches: { offset: number; code: Buffer }[] = [];
  for (let at = symbols.offset; at < symbols.offset + symbols.size; at += 24) {
    const from = strings.offset + image.readUInt32LE(at);
    const name = image.toString('latin1', from, image.indexOf(0, from));
    const number = numbers.get(FUNCTIONS.find(([known]) => known === name)?.[1] ?? 'nanosleep');
    if (number === undefined || !FUNCTIONS.some(([known]) => known === name)) continue;
    patches.push({ offset: Number(image.readBigUInt64LE(at + 8)), code: stub(number) });
  }
  return patches;
}

/** The patches are the same for all processes of one kernel. */
let known: ReturnType<typeof patchesOf> | undefined;

/** Has a program that is about to begin ask for the time by system calls. Throws where its memory cannot be written. */
export function redirectClocks(tid: number): void {
  const range = /^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$/m.exec(readFileSync(`/proc/${tid}/maps`, 'latin1'));
  if (range === null) return;
  const [start, end] = [Number.parseInt(range[1]!, 16), Number.parseInt(range[2]!, 16)];
  const memory = openSync(`/proc/${tid}/mem`, constants.O_RDWR);
  try {
    if (known === undefined) {
      const image = Buffer.alloc(Math.min(MOST_BYTES, end - start));
      readSync(memory, image, 0, image.length, start);
      known = patchesOf(image);
    }
    for (const { offset, code } of known) writeSync(memory, code, 0, code.length, start + offset);
  } finally {
    closeSync(memory);
  }
}
