/** /proc/reclaimfs/snapshots: machines that are kept under names, as files. */
import { expect, test } from 'vitest';
import { load } from '../../../src/scenario/state/image.ts';
import { EEXIST, EINVAL, ENOENT, ENOSPC, EPERM } from '../../../src/util/errno.ts';
import { Pending } from '../../../src/vfs/types.ts';
import { ROOT, Tree } from './support.ts';

const DIRECTORY = 'reclaimfs/snapshots';

function create(tree: Tree, name: string, directory = DIRECTORY): number {
  const made = tree.fs.create!(tree.ino(directory), name, ROOT);
  return made instanceof Pending ? made.take() : made;
}

function unlink(tree: Tree, name: string, directory = DIRECTORY): number {
  const removed = tree.fs.unlink!(tree.ino(directory), name, ROOT);
  return removed instanceof Pending ? removed.take() : removed;
}

function small(): Tree {
  return new Tree('machine ram=16M swap=0\nproc a pid=50\na mmap heap size=4M anon\na touch heap 0 1M write');
}

test('making a file keeps the machine, reading gives it, restore comes back to it, rm forgets it', () => {
  const tree = small();
  const ino = create(tree, 'first');
  expect(ino).toBe(tree.ino(`${DIRECTORY}/first`));
  const bytes = tree.bytes(`${DIRECTORY}/first`) as Buffer;
  expect(bytes.equals(tree.session.save())).toBe(true);
  expect(tree.attr(`${DIRECTORY}/first`)).toMatchObject({ size: bytes.length, mode: 0o100600, nlink: 1 });
  expect(load(bytes).tasks.has(50)).toBe(true);

  tree.session.apply('50 kill 9\nsnapshot second');
  expect(tree.names(DIRECTORY)).toEqual(['first', 'second']);
  expect(tree.ino('50')).toBe(-ENOENT);
  expect(tree.write(`${DIRECTORY}/first`, 'restore\n')).toBe(8);
  expect(tree.ino('50')).toBeGreaterThan(0);
  expect(Buffer.from(tree.session.save()).equals(bytes)).toBe(true);

  expect(unlink(tree, 'first')).toBe(0);
  expect(tree.names(DIRECTORY)).toEqual(['second']);
  expect(tree.ino(`${DIRECTORY}/first`)).toBe(-ENOENT);
  expect([...tree.session.snapshots.keys()]).toEqual(['second']);
});

test('whoever holds a removed one open reads it to its end; a name that comes back is another file', () => {
  const tree = small();
  const first = create(tree, 'x');
  const file = tree.open(`${DIRECTORY}/x`);
  if (typeof file === 'number') throw new Error(String(file));
  unlink(tree, 'x');
  expect(Buffer.from(file.read(0, 15, ROOT) as Uint8Array).toString()).toBe('RECLAIMFS-STATE');
  expect(create(tree, 'x')).not.toBe(first);
});

test('what is not possible is refused, with the reason, and changes nothing', () => {
  const tree = small();
  create(tree, 'x');
  expect(create(tree, 'x')).toBe(-EEXIST);
  expect(create(tree, 'a b')).toBe(-EINVAL);
  expect(tree.read('reclaimfs/error')).toMatch(/"a b" is no name of a snapshot/);
  expect(tree.write(`${DIRECTORY}/x`, 'RECLAIMFS-STATE\n')).toBe(-EINVAL);
  expect(tree.read('reclaimfs/error')).toMatch(/takes the word "restore"/);
  expect(unlink(tree, 'y')).toBe(-ENOENT);
  expect(create(tree, 'y', '')).toBe(-ENOENT);
  expect(unlink(tree, 'reclaim', '50')).toBe(-EPERM);
  expect(unlink(tree, 'state', 'reclaimfs')).toBe(-EPERM);
  for (let i = 1; i < 64; i++) expect(create(tree, `n${i}`)).toBeGreaterThan(0);
  expect(create(tree, 'one-more')).toBe(-ENOSPC);
  expect(tree.names(DIRECTORY)).toHaveLength(64);
});
