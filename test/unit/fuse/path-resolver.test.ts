import { describe, expect, test } from 'vitest';
import { baseName, PathResolver } from '../../../src/fuse/fuse-native/path-resolver.ts';
import { ENOENT, ENOTDIR } from '../../../src/util/errno.ts';
import { DemoFs } from '../../conformance/support/demo-fs.ts';
import { noHooks } from './support.ts';

/** The demo tree, counting lookups, with a clock that is set by hand. */
function resolver(entryMs: number) {
  const clock = { nowMs: 0, nrLookups: 0 };
  class Counting extends DemoFs {
    override lookup(parent: number, name: string): number {
      clock.nrLookups++;
      return super.lookup(parent, name, undefined);
    }
  }
  const fs = new Counting({ entryMs }, noHooks());
  return { fs, clock, paths: new PathResolver(fs, () => clock.nowMs) };
}

describe('path resolver', () => {
  test('walks from the root', () => {
    const { fs, paths } = resolver(0);
    expect(paths.resolve('/')).toBe(fs.root);
    expect(paths.resolve('/hello')).toBe(11);
    expect(paths.resolve('/5/stat')).toBe(5 * 256 + 2);
    expect(paths.resolve('/5/stat/')).toBe(5 * 256 + 2);
    expect(paths.parent('/5/stat')).toBe(5 * 256 + 1);
    expect(paths.parent('/5')).toBe(fs.root);
    expect(paths.resolve('/nothing')).toBe(-ENOENT);
    expect(paths.resolve('/99999/stat')).toBe(-ENOENT);
    expect(paths.resolve('/hello/x')).toBe(-ENOTDIR);
    expect(baseName('/5/stat')).toBe('stat');
  });

  test('keeps parents for as long as the file system allows', () => {
    const { clock, paths } = resolver(1000);
    paths.resolve('/5/stat');
    expect(clock.nrLookups).toBe(2);
    paths.resolve('/5/smaps');
    expect(clock.nrLookups).toBe(3);
    clock.nowMs = 1001;
    paths.resolve('/5/smaps');
    expect(clock.nrLookups).toBe(5);
  });

  test('keeps nothing where nothing may be kept', () => {
    const { clock, paths } = resolver(0);
    paths.resolve('/5/stat');
    paths.resolve('/5/stat');
    expect(clock.nrLookups).toBe(4);
  });

  test('a vanished directory is gone once forgotten, and was never kept as missing', () => {
    const { fs, paths } = resolver(1e9);
    fs.onEntryGone = () => paths.forget();
    expect(paths.resolve('/9/stat')).toBe(9 * 256 + 2);
    const control = fs.open(fs.lookup(fs.root, 'control'), 0, undefined);
    if (typeof control === 'object') control.write(Buffer.from('gone 9'), 0, undefined);
    expect(paths.resolve('/9/stat')).toBe(-ENOENT);
  });
});
