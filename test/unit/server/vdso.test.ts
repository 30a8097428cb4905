/** The clocks of programs: where their code lies, and by what it is replaced. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { expect, test } from 'vitest';
import { patchesOf } from '../../../src/server/run/virtual/vdso.ts';
import { clockZeroUs } from '../../../src/server/run/virtual/waits.ts';
import { architecture } from '../../../src/util/system-calls.ts';

/** The vDSO of this process. */
function ownImage(): Buffer {
  const [, from = '', to = ''] =
    /^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$/m.exec(readFileSync('/proc/self/maps', 'latin1')) ?? [];
  const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)];
  const memory = openSync('/proc/self/mem', 'r');
  const image = Buffer.alloc(end - start);
  readSync(memory, image, 0, image.length, start);
  closeSync(memory);
  return image;
}

test('every clock of this kernel is found once, and becomes the call that it stands for', () => {
  const image = ownImage();
  const patches = patchesOf(image);
  const calls =
    process.arch === 'arm64'
      ? (['clock_gettime', 'gettimeofday'] as const)
      : (['clock_gettime', 'gettimeofday', 'time'] as const);
  expect(patches).toHaveLength(calls.length);
  expect(new Set(patches.map(({ offset }) => offset)).size).toBe(calls.length);
  for (const { offset } of patches) expect(offset).toBeLessThan(image.length);
  const number = (code: Buffer) =>
    process.arch === 'arm64' ? (code.readUInt32LE(0) >> 5) & 0xffff : code.readUInt32LE(1);
  const wanted = calls.map((name) => architecture()!.timeCalls.get(name));
  expect(patches.map(({ code }) => number(code)).sort()).toEqual([...wanted].sort());
});

test('clocks of CPU time are left alone; the others begin at boot or in 1970', () => {
  expect([0, 5, 11].map((clock) => clockZeroUs(clock, 7))).toEqual([-7, -7, -7]);
  expect([1, 4, 6, 7].map((clock) => clockZeroUs(clock, 7))).toEqual([0, 0, 0, 0]);
  expect([2, 3, -6, 99].map((clock) => clockZeroUs(clock, 7))).toEqual([undefined, undefined, undefined, undefined]);
});
