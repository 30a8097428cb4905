import { describe, expect, it } from 'vitest';
import { createCgroupFs } from '../../../src/procfs/cgroupfs.ts';
import { Session } from '../../../src/scenario/session.ts';
import {
  E2BIG,
  EACCES,
  EAGAIN,
  EBUSY,
  EEXIST,
  EINVAL,
  ENODATA,
  ENODEV,
  ENOENT,
  ENOSPC,
  EOPNOTSUPP,
  ESRCH,
} from '../../../src/util/errno.ts';
import { finish, isJob } from '../../../src/util/job.ts';
import { type FileSystem, newAttr, type OpenFile, S_IFDIR, S_IFREG } from '../../../src/vfs/types.ts';

function mounted(text: string) {
  const session = new Session();
  session.load(text, 'test');
  const fs = createCgroupFs({
    get machine() {
      return session.machine;
    },
    advanceToNow: () => {},
    run: (begin) => {
      const begun = begin();
      return isJob(begun) ? finish(begun) : begun;
    },
    busy: false,
    record: (step) => session.record(step),
  });
  return { session, fs };
}

function resolve(fs: FileSystem, path: string): number {
  let ino = fs.root;
  for (const name of path.split('/')) if (name !== '') ino = fs.lookup(ino, name, undefined);
  return ino;
}

function open(fs: FileSystem, path: string, flags: number): OpenFile {
  const file = fs.open(resolve(fs, path), flags, undefined);
  if (typeof file === 'number') throw new Error(`${path}: ${file}`);
  return file;
}

function read(fs: FileSystem, path: string): string {
  return Buffer.from(open(fs, path, 0).read(0, 65536, undefined) as Uint8Array).toString();
}

function write(fs: FileSystem, path: string, text: string): number {
  return open(fs, path, 1).write(Buffer.from(text), 0, undefined) as number;
}

function mkdir(fs: FileSystem, name: string): number {
  return fs.mkdir!(fs.root, name, 0o755, undefined) as number;
}

const START = `machine ram=128M swap=128M
proc A pid=1001
A mmap heap size=64M anon private
`;

describe('the cgroup2 file system', () => {
  it('makes and removes groups, and hands the controller down', () => {
    const { fs } = mounted(START);
    const names = (path: string) =>
      (fs.readdir(resolve(fs, path), undefined) as readonly { name: string }[]).map((e) => e.name);
    expect(names('/')).toContain('cgroup.subtree_control');
    expect(names('/')).not.toContain('memory.max');
    const apps = mkdir(fs, 'apps');
    expect(apps).toBeGreaterThan(0);
    expect(fs.mkdir!(fs.root, 'apps', 0o755, undefined)).toBe(-EEXIST);
    expect(names('/apps')).not.toContain('memory.max');
    expect(fs.lookup(apps, 'memory.max', undefined)).toBe(-ENOENT);
    expect(write(fs, '/cgroup.subtree_control', '+memory\n')).toBe(8);
    expect(read(fs, '/apps/cgroup.controllers')).toBe('memory\n');
    expect(names('/apps')).toContain('memory.max');
    const attr = newAttr();
    expect(fs.getattr(resolve(fs, '/apps/memory.max'), attr)).toBe(0);
    expect(attr.mode).toBe(S_IFREG | 0o644);
    fs.getattr(resolve(fs, '/apps/memory.reclaim'), attr);
    expect(attr.mode).toBe(S_IFREG | 0o200);
    fs.getattr(apps, attr);
    expect(attr.mode).toBe(S_IFDIR | 0o755);
    const held = open(fs, '/apps/memory.current', 0);
    expect(fs.rmdir!(fs.root, 'apps', undefined)).toBe(0);
    expect(fs.rmdir!(fs.root, 'apps', undefined)).toBe(-ENOENT);
    expect(fs.getattr(apps, attr)).toBe(-ENOENT);
    expect(held.read(0, 100, undefined)).toBe(-ENODEV);
  });

  it('takes writes with the grammar and errors of the kernel, and notes them for replay', () => {
    const { session, fs } = mounted(START);
    fs.mkdir!(fs.root, 'apps', 0o755, undefined);
    write(fs, '/cgroup.subtree_control', '+memory');
    expect(write(fs, '/apps/cgroup.procs', '1001\n')).toBe(5);
    expect(write(fs, '/apps/cgroup.procs', '77')).toBe(-ESRCH);
    expect(write(fs, '/apps/cgroup.procs', 'x')).toBe(-EINVAL);
    expect(write(fs, '/apps/cgroup.subtree_control', '+memory')).toBe(-EBUSY);
    expect(read(fs, '/apps/cgroup.procs')).toBe('1001\n');
    expect(read(fs, '/apps/memory.max')).toBe('max\n');
    expect(write(fs, '/apps/memory.max', '16M\n')).toBe(4);
    expect(read(fs, '/apps/memory.max')).toBe('16777216\n');
    expect(write(fs, '/apps/memory.high', '10000')).toBe(5);
    expect(read(fs, '/apps/memory.high')).toBe('8192\n');
    expect(write(fs, '/apps/memory.high', 'max')).toBe(3);
    expect(write(fs, '/apps/memory.high', '1Q')).toBe(-EINVAL);
    expect(fs.rmdir!(fs.root, 'apps', undefined)).toBe(-EBUSY);
    session.apply('A touch heap 0 8M write');
    expect(read(fs, '/apps/memory.current')).toBe(`${8 * 2 ** 20}\n`);
    expect(write(fs, '/apps/memory.reclaim', '2M')).toBe(2);
    expect(write(fs, '/apps/memory.reclaim', '1G')).toBe(-EAGAIN);
    const again = new Session();
    again.load(session.state(), 'state');
    expect(again.machine.mem.events).toEqual(session.machine.mem.events);
    expect(again.machine.cgroups.at('/apps').memcg.usage).toBe(session.machine.cgroups.at('/apps').memcg.usage);
  });
});

describe('poll(2) on files that notify', () => {
  const POLLPRI = 2;
  const POLLERR = 8;
  const SETUP = `${START}cgroup write /cgroup.subtree_control +memory
cgroup mkdir /box
`;
  const changed = (file: OpenFile): boolean => (file.poll!() & (POLLPRI | POLLERR)) === (POLLPRI | POLLERR);

  it.each([
    ['cgroup.events', 'cgroup write /box/cgroup.procs 1001'],
    ['memory.events', 'cgroup write /box/memory.max 4M\ncgroup write /box/cgroup.procs 1001\nA touch heap 0 8M write'],
    [
      'memory.events.local',
      'cgroup write /box/memory.max 4M\ncgroup write /box/cgroup.procs 1001\nA touch heap 0 8M write',
    ],
  ])('%s: changed until it has been read, and again when it changes; who waits is woken', (name, steps) => {
    const { session, fs } = mounted(SETUP);
    const file = open(fs, `box/${name}`, 0);
    expect(changed(file)).toBe(true);
    file.read(0, 4096, undefined);
    expect(changed(file)).toBe(false);
    let woken = 0;
    file.waitQueue!.add(() => woken++);
    fs.heartbeat();
    expect(woken).toBe(0);
    try {
      session.apply(steps);
    } catch {
      // Who is beyond the limit may be killed: that is what is to be told.
    }
    fs.heartbeat();
    expect(woken).toBe(1);
    expect(changed(file)).toBe(true);
    file.read(0, 4096, undefined);
    expect(changed(file)).toBe(false);
    file.release?.();
  });

  it('others are always ready, and say nothing of changes', () => {
    const { fs } = mounted(SETUP);
    expect(open(fs, 'box/memory.current', 0).poll!() & (POLLPRI | POLLERR)).toBe(0);
  });
});

describe('owners, permissions and extended attributes of groups', () => {
  const user = { uid: 1000, gid: 1000, pid: 4711 };

  it('keeps what chown and chmod set, until the group goes', () => {
    const { fs } = mounted(START);
    const apps = mkdir(fs, 'apps');
    const procs = resolve(fs, '/apps/cgroup.procs');
    const attr = newAttr();
    expect(fs.setattr(procs, { uid: 1000, mode: 0o100660 }, undefined)).toBe(0);
    fs.getattr(procs, attr);
    expect([attr.uid, attr.gid, attr.mode]).toEqual([1000, 0, S_IFREG | 0o660]);
    fs.getattr(resolve(fs, '/apps/cgroup.events'), attr);
    expect([attr.uid, attr.mode]).toEqual([0, S_IFREG | 0o444]);
    fs.rmdir!(fs.root, 'apps', undefined);
    expect(mkdir(fs, 'apps')).not.toBe(apps);
    fs.getattr(resolve(fs, '/apps/cgroup.procs'), attr);
    expect([attr.uid, attr.mode]).toEqual([0, S_IFREG | 0o644]);
  });

  it('gives a group to whoever makes it', () => {
    const { fs } = mounted(START);
    const apps = mkdir(fs, 'apps');
    const one = fs.mkdir!(apps, 'one', 0o755, user) as number;
    const attr = newAttr();
    for (const ino of [one, resolve(fs, '/apps/one/cgroup.procs')]) {
      fs.getattr(ino, attr);
      expect([attr.uid, attr.gid]).toEqual([1000, 1000]);
    }
    fs.getattr(apps, attr);
    expect(attr.uid).toBe(0);
  });

  it('lets a user move processes only within what is his', () => {
    const { fs, session } = mounted(START);
    const mine = mkdir(fs, 'mine');
    for (const name of ['a', 'b']) fs.mkdir!(mine, name, 0o755, user);
    const move = (path: string, by = user) =>
      open(fs, `${path}/cgroup.procs`, 1).write(Buffer.from('1001'), 0, by) as number;
    expect(move('/mine/a')).toBe(-EACCES);
    expect(move('/mine/a', { uid: 0, gid: 0, pid: 1 })).toBe(4);
    expect(move('/mine/b')).toBe(-EACCES);
    fs.setattr(resolve(fs, '/mine/cgroup.procs'), { uid: 1000 }, undefined);
    expect(move('/mine/b')).toBe(4);
    expect(session.machine.byTid.get(1001)!.cgroup).toBe('/mine/b');
  });

  it('has user, trusted and security attributes with the bounds of kernfs', () => {
    const { fs } = mounted(START);
    const apps = mkdir(fs, 'apps');
    const { get, list, set } = fs.xattrs!;
    const value = (ino: number, name: string) => {
      const got = get(ino, name);
      return typeof got === 'number' ? got : Buffer.from(got).toString();
    };
    const bytes = Buffer.from('delegated');
    expect(value(apps, 'user.x')).toBe(-ENODATA);
    expect(set(apps, 'user.x', bytes, 0)).toBe(0);
    bytes.fill(0);
    expect(value(apps, 'user.x')).toBe('delegated');
    expect(set(apps, 'user.x', Buffer.from('y'), 1)).toBe(-EEXIST);
    expect(set(apps, 'user.z', Buffer.from('y'), 2)).toBe(-ENODATA);
    expect(set(apps, 'trusted.t', Buffer.from(''), 0)).toBe(0);
    expect(value(apps, 'trusted.t')).toBe('');
    expect(list(apps, undefined)).toEqual(['trusted.t', 'user.x']);
    expect(list(apps, user)).toEqual(['user.x']);
    for (const name of ['system.posix_acl_access', 'user.', 'other.x']) {
      expect(get(apps, name)).toBe(-EOPNOTSUPP);
      expect(set(apps, name, bytes, 0)).toBe(-EOPNOTSUPP);
    }
    expect(set(apps, 'user.x', undefined, 0)).toBe(0);
    expect(set(apps, 'user.x', undefined, 0)).toBe(-ENODATA);
    expect(list(resolve(fs, '/apps/cgroup.procs'), undefined)).toEqual([]);
    expect(set(apps, 'trusted.big', Buffer.alloc(65537), 0)).toBe(-E2BIG);
    expect(set(apps, 'user.a', Buffer.alloc(65536), 0)).toBe(0);
    expect(set(apps, 'user.b', Buffer.alloc(65536), 0)).toBe(0);
    expect(set(apps, 'user.c', Buffer.alloc(1), 0)).toBe(-ENOSPC);
    expect(set(apps, 'trusted.c', Buffer.alloc(1), 0)).toBe(0);
    const root = fs.root;
    for (let i = 0; i < 128; i++) expect(set(root, `user.${i}`, Buffer.from(''), 0)).toBe(0);
    expect(set(root, 'user.128', Buffer.from(''), 0)).toBe(-ENOSPC);
    fs.rmdir!(fs.root, 'apps', undefined);
    expect(set(apps, 'user.x', Buffer.from(''), 0)).toBe(-ENOENT);
  });

  it('has no user attributes before 5.7', () => {
    const { fs } = mounted(`machine ram=128M kernel=4.14\n`);
    expect(fs.xattrs!.set(fs.root, 'user.x', Buffer.from(''), 0)).toBe(-EOPNOTSUPP);
    expect(fs.xattrs!.set(fs.root, 'trusted.x', Buffer.from(''), 0)).toBe(0);
  });
});
