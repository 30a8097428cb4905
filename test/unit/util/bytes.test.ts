import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteValue, splitWords } from '../../../src/scenario/words.ts';
import {
  bytesOf,
  fromBuffer,
  jsonOf,
  printable,
  textOf,
  toBuffer,
  trimBytes,
  utf8Of,
} from '../../../src/util/bytes.ts';

const anyBytes = fc.uint8Array({ maxLength: 40 }).map(fromBuffer);

test('a byte string shows as UTF-8 where it is, and byte by byte where it is not', () => {
  expect(textOf(bytesOf('prozeß 日本'))).toBe('prozeß 日本');
  expect(textOf('bad\xff\xfex')).toBe('bad\\xff\\xfex');
  expect(textOf('half \xc3')).toBe('half \\xc3');
  // A surrogate, an overlong slash, and a character beyond the last one are no UTF-8.
  expect(textOf('\xed\xa0\x80 \xc0\xaf \xf4\x90\x80\x80')).toBe('\\xed\\xa0\\x80 \\xc0\\xaf \\xf4\\x90\\x80\\x80');
});

test('nothing that a terminal obeys survives', () => {
  expect(textOf('\x1b[2Jx\x07\n')).toBe('\\x1b[2Jx\\x07\\n');
  expect(textOf(bytesOf('\u009b31m \u202egnp.exe \u2028'))).toBe(
    '\\xc2\\x9b31m \\xe2\\x80\\xaegnp.exe \\xe2\\x80\\xa8',
  );
  expect(printable('no such file: a\x1b]0;title\x07b – über')).toBe('no such file: a\\x1b]0;title\\x07b – über');
  fc.assert(fc.property(anyBytes, (bytes) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(textOf(bytes))));
});

test('what is quoted is read back as the same bytes, and is UTF-8 itself', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const line = `comm=${quoteValue(bytes)}`;
      expect(splitWords(line, 'x', 1).map(({ value }) => value)).toEqual([bytes]);
      expect(bytesOf(utf8Of(line))).toBe(line);
    }),
  );
});

test('words end at white space of ASCII only: 0xa0 and 0x85 are bytes of characters', () => {
  expect(splitWords(bytesOf('proc à comm=à…  x'), 'x', 1).map(({ text }) => utf8Of(text))).toEqual([
    'proc',
    'à',
    'comm=à…',
    'x',
  ]);
  expect(trimBytes(' \t\xe3\x83\xa0\n')).toBe('\xe3\x83\xa0');
});

test('JSON with byte strings is JSON, and says what was no text', () => {
  const value = { comm: 'x\xff\x1b', path: bytesOf('/tmp/é') };
  expect(JSON.parse(utf8Of(jsonOf(value)))).toEqual({ comm: 'x\\xff\x1b', path: '/tmp/é' });
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const json = toBuffer(jsonOf({ bytes }));
      expect(() => JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(json))).not.toThrow();
    }),
  );
});
