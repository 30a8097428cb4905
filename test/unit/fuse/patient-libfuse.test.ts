import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { raiseIdleThreads } from '../../../src/fuse/fuse-native/patient-libfuse.ts';

const require = createRequire(import.meta.url);
const bundled = join(dirname(require.resolve('fuse-native/package.json')), 'prebuilds/linux-x64/libfuse.so');

test('in the libfuse that fuse-native brings along, two comparisons with ten become such with 127', () => {
  const before = readFileSync(bundled);
  const after = raiseIdleThreads(before);
  const changed = [...before.keys()].filter((at) => before[at] !== after?.[at]);
  expect(changed.map((at) => [before[at], after?.[at]])).toEqual([
    [10, 127],
    [10, 127],
  ]);
});

test('a library that is not that build is left alone', () => {
  expect(raiseIdleThreads(Buffer.alloc(4096))).toBeUndefined();
  const twice = Buffer.concat([readFileSync(bundled), readFileSync(bundled)]);
  expect(raiseIdleThreads(twice)).toBeUndefined();
});
