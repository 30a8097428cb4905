/** Control groups of version 1, held to a recording of a real kernel's (cgroup1-6.18.txt). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCgroupFs } from '../../../src/procfs/cgroupfs.ts';
import { Session } from '../../../src/scenario/session.ts';
import { EBUSY, EINVAL, ENOENT, EOPNOTSUPP, EPERM } from '../../../src/util/errno.ts';
import { finish, isJob } from '../../../src/util/job.ts';
import { newAttr, type OpenFile, S_IFDIR, S_IFLNK } from '../../../src/vfs/types.ts';

const HIERARCHY = 'cpu,cpuacct,memory,freezer,pids';
const START = `machine ram=128M swap=128M cgroup=v1
proc A pid=1001
A mmap heap size=64M anon private
`;
/** Without a model: kernel memory and TCP apart, limits of memory and swap together, what is counted by node or CPU, events by eventfd. */
const LEFT_OUT =
  /^memory\.(kmem\.|memsw\.(failcnt|limit|max)|numa_stat|pressure_level)|^cpuacct\.usage_(all|percpu)|^cgroup\.event_control$/;

interface Recorded {
  readonly mode: number;
  readonly text: string;
}

function recorded(): Map<string, Recorded> {
  const text = readFileSync(join(import.meta.dirname, 'cgroup1-6.18.txt'), 'utf8');
  return new Map(
    text
      .split(/^== /m)
      .slice(1)
      .map((part) => {
        const [, name = '', mode = '', content = ''] = /^(\S+) (\d+)\n([\s\S]*)$/.exec(part) ?? [];
        return [name, { mode: Number.parseInt(mode, 8), text: content }];
      }),
  );
}

function mounted(text = START) {
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
  const at = (path: string): number => {
    let ino = fs.root;
    for (const name of path.split('/')) if (name !== '' && ino > 0) ino = fs.lookup(ino, name, undefined);
    return ino;
  };
  const open = (path: string, flags: number) => fs.open(at(`${HIERARCHY}/${path}`), flags, undefined) as OpenFile;
  const read = (path: string) => Buffer.from(open(path, 0).read(0, 65536, undefined) as Uint8Array).toString();
  const write = (path: string, words: string) => open(path, 1).write(Buffer.from(words), 0, undefined) as number;
  const mkdir = (name: string) => fs.mkdir!(at(HIERARCHY), name, 0o755, undefined) as number;
  const row = (path: string, name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(read(path))?.[1]);
  return { session, fs, at, read, write, mkdir, row };
}

describe('version 1', () => {
  it('lies in a directory of its controllers, with a link for each', () => {
    const { fs, at, mkdir } = mounted();
    const names = (fs.readdir(fs.root, undefined) as readonly { name: string; type: number }[]).map(({ name }) => name);
    expect(names).toEqual([HIERARCHY, ...HIERARCHY.split(',')]);
    const attr = newAttr();
    fs.getattr(fs.root, attr);
    expect(attr.mode).toBe(S_IFDIR | 0o755);
    fs.getattr(at('memory'), attr);
    expect([attr.mode, fs.readlink(at('memory'), undefined)]).toEqual([S_IFLNK | 0o777, HIERARCHY]);
    expect(at('unified')).toBe(-ENOENT);
    expect(fs.mkdir!(fs.root, 'x', 0o755, undefined)).toBe(-EPERM);
    expect(mkdir('apps')).toBeGreaterThan(0);
    expect(at('cgroup.procs')).toBe(-ENOENT);
  });

  it('has the files of a real kernel with their modes, and says of an empty group what that says', () => {
    const { fs, at, mkdir, read } = mounted();
    mkdir('apps');
    const real = recorded();
    const ours = (fs.readdir(at(`${HIERARCHY}/apps`), undefined) as readonly { name: string }[]).map(
      ({ name }) => name,
    );
    expect([...ours].sort()).toEqual([...real.keys()].filter((name) => !LEFT_OUT.test(name)).sort());
    const attr = newAttr();
    for (const name of ours) {
      fs.getattr(at(`${HIERARCHY}/apps/${name}`), attr);
      expect(attr.mode & 0o777, name).toBe(real.get(name)!.mode);
      if ((attr.mode & 0o444) !== 0)
        expect(read(`apps/${name}`), name).toBe(real.get(name)!.text.replace(/^(total_)?pgpg(in|out) 0\n/gm, ''));
    }
  });

  it('counts what the processes of a group use, with and without those below', () => {
    const { session, read, write, row } = mounted(`${START}cgroup mkdir /apps\ncgroup mkdir /apps/one\n`);
    expect(write('apps/one/tasks', '1001')).toBe(4);
    expect(read('apps/one/cgroup.procs')).toBe('1001\n');
    session.apply('A touch heap 0 8M write\nA reclaim anon\nA touch heap 0 4M write', 'test');
    session.machine.mem.lruBatch.drain();
    const bytes = (file: string) => Number(read(file));
    expect(bytes('apps/memory.usage_in_bytes')).toBe(bytes('apps/one/memory.usage_in_bytes'));
    expect(bytes('apps/memory.max_usage_in_bytes')).toBeGreaterThanOrEqual(8 << 20);
    expect(row('apps/one/memory.stat', 'rss')).toBe(4 << 20);
    expect(row('apps/memory.stat', 'rss')).toBe(0);
    expect(row('apps/memory.stat', 'total_rss')).toBe(4 << 20);
    expect(row('apps/memory.stat', 'total_swap')).toBe(4 << 20);
    expect(row('apps/memory.stat', 'swap')).toBe(0);
    expect(bytes('apps/one/memory.memsw.usage_in_bytes')).toBe(bytes('apps/one/memory.usage_in_bytes') + (4 << 20));
    expect(write('apps/memory.max_usage_in_bytes', '0')).toBe(1);
    expect(bytes('apps/memory.max_usage_in_bytes')).toBe(bytes('apps/memory.usage_in_bytes'));
  });

  it('takes processes also into groups with groups below them', () => {
    const { write, read } = mounted(`${START}cgroup mkdir /apps\ncgroup mkdir /apps/one\n`);
    expect(write('apps/cgroup.procs', '1001')).toBe(4);
    expect(read('apps/pids.current')).toBe('1\n');
  });

  it('memory.limit_in_bytes reclaims, and is EBUSY where nothing more goes; nobody is killed', () => {
    const { session, read, write } = mounted(`${START}cgroup mkdir /apps\n`);
    write('apps/tasks', '1001');
    session.apply('A touch heap 0 16M write', 'test');
    expect(write('apps/memory.limit_in_bytes', '8M')).toBe(2);
    expect(read('apps/memory.limit_in_bytes')).toBe(`${8 << 20}\n`);
    expect(Number(read('apps/memory.usage_in_bytes'))).toBeLessThanOrEqual(8 << 20);
    expect(Number(/hierarchical_memory_limit (\d+)/.exec(read('apps/memory.stat'))?.[1])).toBe(8 << 20);
    expect(read('apps/memory.failcnt')).toBe('0\n');
    session.apply('A touch heap 0 32M write', 'test');
    expect(Number(read('apps/memory.failcnt'))).toBeGreaterThan(0);
    expect(write('apps/memory.failcnt', '0')).toBe(1);
    expect(read('apps/memory.failcnt')).toBe('0\n');
    session.apply('A mlock heap 0 4M', 'test');
    expect(write('apps/memory.limit_in_bytes', '1M')).toBe(-EBUSY);
    expect(read('apps/memory.limit_in_bytes')).toBe(`${8 << 20}\n`);
    expect(write('apps/memory.limit_in_bytes', '-1')).toBe(2);
    expect(read('apps/memory.limit_in_bytes')).toBe('9223372036854771712\n');
    expect(write('memory.limit_in_bytes', '64M')).toBe(-EINVAL);
    expect(session.machine.byTid.has(1001)).toBe(true);
  });

  it('memory.force_empty takes what can be taken', () => {
    const { session, read, write } = mounted(`${START}cgroup mkdir /apps\n`);
    write('apps/tasks', '1001');
    session.apply('A touch heap 0 16M write', 'test');
    expect(write('apps/memory.force_empty', '0')).toBe(1);
    expect(read('apps/memory.usage_in_bytes')).toBe('0\n');
    expect(write('memory.force_empty', '0')).toBe(-EINVAL);
  });

  it('swappiness, soft limit and what stands fixed', () => {
    const { session, read, write } = mounted(`${START}cgroup mkdir /apps\n`);
    expect(write('apps/memory.swappiness', '100')).toBe(3);
    expect(read('apps/memory.swappiness')).toBe('100\n');
    expect(write('apps/memory.swappiness', '201')).toBe(-EINVAL);
    expect(write('memory.swappiness', '10')).toBe(2);
    expect(session.machine.vm.swappiness).toBe(10);
    expect(write('apps/memory.soft_limit_in_bytes', '16M')).toBe(3);
    expect(read('apps/memory.soft_limit_in_bytes')).toBe(`${16 << 20}\n`);
    expect(write('apps/memory.use_hierarchy', '1')).toBe(1);
    expect(write('apps/memory.use_hierarchy', '0')).toBe(-EINVAL);
    expect(write('apps/memory.move_charge_at_immigrate', '1')).toBe(-EINVAL);
    expect(write('apps/memory.oom_control', '1')).toBe(-EOPNOTSUPP);
    expect(write('apps/notify_on_release', '1')).toBe(-EOPNOTSUPP);
  });

  it('freezer.state stops processes, and tells of groups above', () => {
    const { session, read, write } = mounted(`${START}cgroup mkdir /apps\ncgroup mkdir /apps/one\n`);
    write('apps/one/tasks', '1001');
    expect(write('apps/freezer.state', 'FROZEN\n')).toBe(7);
    expect(read('apps/one/freezer.state')).toBe('FROZEN\n');
    expect([read('apps/one/freezer.self_freezing'), read('apps/one/freezer.parent_freezing')]).toEqual(['0\n', '1\n']);
    expect(session.machine.byTid.get(1001)!.threads[0]!.frozen).toBe(true);
    expect(write('apps/freezer.state', 'COLD')).toBe(-EINVAL);
    expect(write('apps/freezer.state', 'THAWED')).toBe(6);
    expect(session.machine.byTid.get(1001)!.threads[0]!.frozen).toBe(false);
  });

  it('cpuacct counts from the last reset on, in nanoseconds; cpuacct.stat in ticks from the beginning', () => {
    const { session, read, write } = mounted(`${START}cgroup mkdir /apps\n`);
    write('apps/tasks', '1001');
    session.apply('A load user=50 system=0\ntick 4s', 'test');
    expect(Number(read('apps/cpuacct.usage'))).toBe(2e9);
    expect(Number(read('apps/cpuacct.usage_user'))).toBe(2e9);
    expect(read('apps/cpuacct.stat')).toBe('user 200\nsystem 0\n');
    expect(write('apps/cpuacct.usage', '1')).toBe(-EINVAL);
    expect(write('apps/cpuacct.usage', '0')).toBe(1);
    expect(read('apps/cpuacct.usage')).toBe('0\n');
    expect(read('apps/cpuacct.stat')).toBe('user 200\nsystem 0\n');
  });

  it('is part of the machine that is saved', () => {
    const { session, write } = mounted(`${START}cgroup mkdir /apps\n`);
    write('apps/memory.limit_in_bytes', '32M');
    const again = new Session();
    again.load(Buffer.from(finish(session.writingState())).toString('latin1'), 'again');
    expect(again.machine.options.cgroup).toBe('v1');
    expect(again.machine.cgroups.at('/apps').memcg.max).toBe(8192);
  });
});
