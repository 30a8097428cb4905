import { describe, expect, test } from 'vitest';
import { EACCES, EINVAL, EIO, ENOENT, ESRCH } from '../../../src/util/errno.ts';
import { newAttr, S_IFDIR, S_IFLNK, S_IFMT } from '../../../src/vfs/types.ts';
import { Tree } from './support.ts';

/** Files that cannot be read to their end, or wait there. */
const UNENDING = /\/(mem|pagemap|events|vmpressure|kmsg)$/;
const REFUSED = [-EINVAL, -EIO, -ESRCH, -EACCES];

describe('every file', () => {
  const tree = new Tree();

  test('is found under its name, with the inode and type that readdir says', () => {
    let count = 0;
    for (const { path, entry } of tree.walk()) {
      count++;
      expect(tree.ino(path), path).toBe(entry.ino);
      const attr = tree.attr(path);
      expect(attr.mode & S_IFMT, path).toBe(entry.type);
      expect(attr.nlink, path).toBeGreaterThan(0);
    }
    expect(count).toBeGreaterThan(1000);
  });

  test('reads to its end, and is as long as stat says', () => {
    for (const path of tree.files()) {
      if (UNENDING.test(path)) continue;
      const { size } = tree.attr(path);
      const bytes = tree.bytes(path);
      if (typeof bytes === 'number') expect(REFUSED, `${path}: ${bytes}`).toContain(bytes);
      else if (/^\/reclaimfs\/(check|snapshot|state)$/.test(path))
        expect(size).toBe(0); // Found out when it is read: it may take seconds.
      else expect(bytes.length, path).toBe(size);
    }
  });

  test('has an inode number of its own', () => {
    const seen = new Map<number, string>();
    for (const { path, entry } of tree.walk()) {
      // A thread shares ns, attr, fd and net with its process.
      if (/\/(ns|attr|fd|fdinfo|net)\/[^/]+$/.test(path) && /^\/\d+\/(task|net)/.test(path)) continue;
      expect(seen.get(entry.ino), path).toBeUndefined();
      seen.set(entry.ino, path);
      expect(Number.isSafeInteger(entry.ino)).toBe(true);
    }
  });

  test('ends in a newline, if it is text that the kernel ends so', () => {
    const without = /\/(cmdline|environ|auxv|wchan|loginuid|sessionid|children|state|snapshot|disk\/.*|kpage.*)$/;
    for (const path of tree.files()) {
      if (UNENDING.test(path) || without.test(path)) continue;
      const bytes = tree.bytes(path);
      if (typeof bytes !== 'number' && bytes.length > 0) expect(bytes.at(-1), path).toBe(10);
    }
  });

  test('holds no NaN, undefined or fraction where there is none', () => {
    for (const path of tree.files()) {
      if (UNENDING.test(path) || /disk\/|auxv|kpage|snapshot/.test(path)) continue;
      const bytes = tree.bytes(path);
      if (typeof bytes !== 'number') expect(bytes.toString(), path).not.toMatch(/NaN|undefined|\bnull\b|Infinity/);
    }
  });

  test('is reached from a symlink or is one', () => {
    for (const { path, entry } of tree.walk()) {
      if (entry.type !== S_IFLNK) continue;
      const target = tree.fs.readlink(entry.ino, undefined);
      if (typeof target === 'number') expect(target, path).toBe(-ENOENT);
      else expect(target.length, path).toBeGreaterThan(0);
    }
  });
});

describe('inodes', () => {
  test('of a process that has gone answer ESRCH where the kernel does, and its path is not found', () => {
    const tree = new Tree();
    const directory = tree.ino('5000');
    const status = tree.ino('5000/status');
    const reclaim = tree.open('5000/reclaim', 1);
    tree.apply('other exit');
    expect(tree.ino('5000')).toBe(-ENOENT);
    expect(tree.fs.lookup(directory, 'status', undefined)).toBe(-ESRCH);
    expect(tree.fs.readdir(directory, undefined)).toEqual([]);
    expect(tree.fs.open(status, 0, undefined)).toBe(-ESRCH);
    const out = newAttr();
    expect(tree.fs.getattr(status, out)).toBe(0);
    expect([out.uid, out.mode & 0o777]).toEqual([0, 0o444]);
    if (typeof reclaim === 'number') throw new Error('not open');
    expect(reclaim.write(Buffer.from('all'), 0, undefined)).toBe(-ESRCH);
    expect(reclaim.write(Buffer.from('rubbish'), 0, undefined)).toBe(-EINVAL);
  });

  test('of a pid that is used again are different', () => {
    const tree = new Tree();
    const before = tree.ino('5000/status');
    const held = tree.open('5000/reclaim', 1);
    tree.apply('other exit\nproc again pid=5000');
    expect(tree.ino('5000/status')).not.toBe(before);
    if (typeof held === 'number') throw new Error('not open');
    expect(held.write(Buffer.from('all'), 0, undefined)).toBe(-ESRCH);
  });

  test('outlive the machine that a rejected write has replaced', () => {
    const tree = new Tree();
    const status = tree.ino('4242/status');
    const { machine } = tree;
    expect(tree.write('reclaimfs/control', 'proc fresh pid=7000\nproc fresh pid=7000\n')).toBe(-EINVAL);
    expect(tree.machine).not.toBe(machine);
    expect(tree.ino('7000')).toBe(-ENOENT);
    expect(tree.ino('4242/status')).toBe(status);
    expect(tree.read('4242/status')).toContain('Pid:\t4242\n');
    expect(tree.read('reclaimfs/error')).toMatch(/^line 2, column \d+: .*there is a process named fresh/);
  });

  test('tell the owner of the vanished name', () => {
    const tree = new Tree();
    const gone: string[] = [];
    tree.fs.onEntryGone = (_parent, name) => gone.push(name);
    tree.apply('other exit');
    expect(gone).toEqual(['5000']);
  });
});

describe('numbers that are not simulated', () => {
  test('do not exist without a genuine procfs', () => {
    const tree = new Tree();
    expect(tree.ino('99')).toBe(-ENOENT);
    expect(tree.ino('self')).toBe(-ENOENT);
  });

  test('lead to it where there is one, unlisted', () => {
    const tree = new Tree(undefined, { hostProc: true, callerKnown: true });
    expect(tree.fs.readlink(tree.ino('99'), undefined)).toBe('.host/99');
    expect(tree.fs.readlink(tree.ino('self'), undefined)).toBe('.host/self');
    expect(tree.fs.readlink(tree.ino('thread-self'), undefined)).toBe('.host/thread-self');
    expect(tree.attr('.host').mode & S_IFMT).toBe(S_IFDIR);
    const names = tree.names('');
    expect(names).not.toContain('.host');
    expect(names).not.toContain('99');
    expect(tree.ino('099')).toBe(-ENOENT);
    expect(tree.ino('99999999')).toBe(-ENOENT);
    expect(tree.fs.entryTimeoutMs(tree.ino('99'))).toBe(0);
  });

  test('are the caller’s own in self and thread-self, where it is known', () => {
    const options = { hostProc: true, callerKnown: true, callerPid: (tid: number) => tid - 1 };
    const tree = new Tree(undefined, options);
    const caller = { uid: 0, gid: 0, pid: 78 };
    expect(tree.fs.readlink(tree.ino('self'), caller)).toBe('77');
    expect(tree.fs.readlink(tree.ino('thread-self'), caller)).toBe('77/task/78');
  });

  test('are no match for a thread id, which leads to a whole process and is not listed', () => {
    const tree = new Tree(undefined, { hostProc: true, callerKnown: true });
    expect(tree.read('4243/status')).toContain('Tgid:\t4242\n');
    expect(tree.read('4243/status')).toContain('Pid:\t4243\n');
    expect(tree.names('')).not.toContain('4243');
    expect(tree.names('4243')).toContain('reclaim');
    expect(tree.names('4242/task')).toEqual(['4242', '4243']);
    expect(tree.ino('4242/task/4243/reclaim')).toBe(-ENOENT);
    expect(tree.ino('4242/task/5000')).toBe(-ENOENT);
  });
});
