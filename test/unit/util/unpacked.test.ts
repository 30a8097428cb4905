/** Packed files: what they hold is bounded, whichever library unpacks them. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { unpacked } from '../../../src/util/unpacked.ts';

const MEGABYTE = 1 << 20;
/** `head -c 1M /dev/zero | zstd -19`. */
const ZEROS = Buffer.from(
  '28b52ffd04684c000008000100fcff39100202001000020010000200100002001000020010000200100003001000f13e16e1',
  'hex',
);

test('what gzip has packed comes out, up to the bound', () => {
  const packed = gzipSync(Buffer.alloc(MEGABYTE));
  expect(unpacked('a.gz', packed).length).toBe(MEGABYTE);
  expect(() => unpacked('a.gz', packed, MEGABYTE - 1)).toThrow('a.gz is damaged or larger');
});

test('what zstd has packed comes out, up to the bound', () => {
  expect(unpacked('a.zst', ZEROS).length).toBe(MEGABYTE);
  expect(() => unpacked('a.zst', ZEROS, MEGABYTE - 1)).toThrow('a.zst is damaged or larger');
});

test('a file that is not packed is left as it is', () => {
  const plain = Buffer.from('machine ram=64M\n');
  expect(unpacked('a.scn', plain)).toBe(plain);
});
