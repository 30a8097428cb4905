import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { replaceFile } from '../../../src/util/replace-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-unit-'));
afterAll(() => rmSync(directory, { recursive: true }));

test('the old file is replaced, not written over: who has it open keeps what was there', () => {
  const path = join(directory, 'a.scn');
  writeFileSync(path, 'old');
  chmodSync(path, 0o640);
  linkSync(path, join(directory, 'held'));
  symlinkSync(path, join(directory, 'link'));
  replaceFile(join(directory, 'link'), 'new');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readFileSync(join(directory, 'held'), 'utf8')).toBe('old');
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(readdirSync(directory).sort()).toEqual(['a.scn', 'held', 'link']);
});

test('what cannot be written stays as it was, and nothing is left beside it', () => {
  const path = join(directory, 'there');
  mkdirSync(path);
  expect(() => replaceFile(path, 'x')).toThrow('cannot be written (EISDIR); what was there is as it was');
  expect(() => replaceFile(join(directory, 'no/such'), 'x')).toThrow('cannot be written (ENOENT)');
  expect(readdirSync(path)).toEqual([]);
});
