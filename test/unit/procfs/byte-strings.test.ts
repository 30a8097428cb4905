/** Texts of processes are bytes, and paths are of files: what the tree shows of them. */
import { describe, expect, test } from 'vitest';
import { fromBuffer, toBuffer } from '../../../src/util/bytes.ts';
import { S_IFLNK, S_IFMT } from '../../../src/vfs/types.ts';
import { Tree } from './support.ts';

const BYTES = `
machine ram=64M hostname="h\\xf6st"
object LIB file 64K path="/lib/new\\nline b\\xffs.so"
proc a pid=50 comm="bad\\xff\\xfex\\n\\\\" cmdline="caf\\xe9\\0-x\\0" environ="K=\\xab\\0" exe="/bin/\\xe9" cwd="/tmp/\\xa0"
a mmap l size=64K obj=LIB private prot=r
a mmap h size=64K anon name="[anon:\\xc3]"
a thread tid=51 comm="t\\x80"
`;

function raw(tree: Tree, path: string): string {
  const bytes = tree.bytes(path);
  if (typeof bytes === 'number') throw new Error(`${path}: ${bytes}`);
  return fromBuffer(bytes);
}

function link(tree: Tree, path: string): string {
  const target = tree.fs.readlink(tree.ino(path), undefined);
  if (typeof target === 'number') throw new Error(`${path}: ${target}`);
  return target;
}

describe('bytes of a scenario', () => {
  const tree = new Tree(BYTES);

  test('come out of every file that shows them, escaped as the kernel escapes them there', () => {
    expect(raw(tree, '50/comm')).toBe('bad\xff\xfex\n\\\n');
    expect(raw(tree, '50/stat')).toMatch(/^50 \(bad\xff\xfex\n\\\) S /);
    expect(raw(tree, '50/status')).toMatch(/^Name:\tbad\xff\xfex\\n\\\\\n/);
    expect(raw(tree, '50/task/51/comm')).toBe('t\x80\n');
    expect(raw(tree, '50/cmdline')).toBe('caf\xe9\0-x\0');
    expect(raw(tree, '50/environ')).toBe('K=\xab\0');
    expect(link(tree, '50/exe')).toBe('/bin/\xe9');
    expect(link(tree, '50/cwd')).toBe('/tmp/\xa0');
    expect(raw(tree, '50/maps')).toContain(' /lib/new\\012line b\xffs.so\n');
    expect(raw(tree, '50/smaps')).toContain(' /lib/new\\012line b\xffs.so\n');
    expect(raw(tree, '50/numa_maps')).toContain(' file=/lib/new\\012line\\040b\xffs.so');
    expect(raw(tree, '50/maps')).toContain(' [anon:\xc3]\n');
    expect(tree.names('50/map_files').map((name) => link(tree, `50/map_files/${name}`))).toEqual([
      '/lib/new\nline b\xffs.so',
    ]);
    expect(tree.names('reclaimfs/disk/lib')).toEqual(['new\nline b\xffs.so']);
    expect(raw(tree, 'sys/kernel/hostname')).toBe('h\xf6st\n');
  });

  test('come in by a write', () => {
    const own = new Tree(BYTES);
    own.write('50/comm', toBuffer('\xc3\xa4'.repeat(8)));
    expect(raw(own, '50/comm')).toBe(`${'\xc3\xa4'.repeat(7)}\xc3\n`);
    own.write('sys/kernel/hostname', toBuffer('# "\xff \xa0\nrest'));
    expect(raw(own, 'sys/kernel/hostname')).toBe('# "\xff \xa0\n');
    own.write('reclaimfs/control', toBuffer('proc b pid=60 cmdline="\xe3\x83\xa0 \xff"'));
    expect(raw(own, '60/cmdline')).toBe('\xe3\x83\xa0\0\xff\0');
  });

  test('survive the state', () => {
    const own = new Tree(BYTES);
    own.write('50/comm', toBuffer('\xfe\xa0'));
    const again = new Tree(raw(own, 'reclaimfs/state'));
    for (const path of ['50/comm', '50/stat', '50/cmdline', '50/environ', '50/maps', '50/numa_maps'])
      expect(raw(again, path), path).toBe(raw(own, path));
    expect(raw(again, 'reclaimfs/state').trimEnd()).toBe(raw(own, 'reclaimfs/state').trimEnd());
  });

  test('are text in error and JSON in events', () => {
    const own = new Tree(BYTES);
    own.write('reclaimfs/control', toBuffer('proc "x\x1b[2J\xff" pid=50'));
    expect(raw(own, 'reclaimfs/error')).toContain('"x\\x1b[2J\\xff" is no name');
    own.write('reclaimfs/control', 'a exit');
    const events = own.open('reclaimfs/events', 0o4000);
    if (typeof events === 'number') throw new Error('not open');
    const text = new TextDecoder('utf8', { fatal: true }).decode(events.read(0, 100_000, undefined) as Uint8Array);
    const exit = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { type: string; comm: string })
      .find(({ type }) => type === 'exit');
    expect(exit?.comm).toBe('bad\\xff\\xfex\n\\');
  });
});

describe('paths are of files', () => {
  const FILES = `
machine ram=64M
object LIB file 64K path=/usr/lib/a.so
object EXE file 64K path=/usr/bin/d
object SHM memfd 64K path=/dev/shm/s
proc d pid=70 exe=/usr/bin/d cwd=/var/run/d root=/
d mmap l size=64K obj=LIB private prot=r
d mmap s size=64K obj=SHM shared
`;

  test('an unlinked one is (deleted) wherever its name stands', () => {
    const tree = new Tree(FILES);
    tree.apply('unlink LIB\nunlink /usr/bin/d\nunlink SHM\nunlink /var/run/d');
    expect(raw(tree, '70/maps')).toMatch(/\/usr\/lib\/a\.so \(deleted\)\n.*\/dev\/shm\/s \(deleted\)\n/);
    expect(link(tree, '70/exe')).toBe('/usr/bin/d (deleted)');
    expect(link(tree, '70/cwd')).toBe('/var/run/d (deleted)');
    expect(tree.names('70/map_files').map((name) => link(tree, `70/map_files/${name}`))).toEqual([
      '/usr/lib/a.so (deleted)',
      '/dev/shm/s (deleted)',
    ]);
    tree.apply('object LIB file 64K path=/usr/lib/a.so\nproc e pid=71 exe=/usr/bin/d');
    expect(raw(tree, '70/maps')).toContain('/usr/lib/a.so (deleted)\n');
    expect(link(tree, '71/exe')).toBe('/usr/bin/d');
  });

  test('a renamed one has its new name, and one that it replaces is deleted', () => {
    const tree = new Tree(FILES);
    tree.apply('rename /usr /opt\nrename LIB /opt/lib/b.so\nrename /var/run/d /var/run/e');
    expect(raw(tree, '70/maps')).toContain(' /opt/lib/b.so\n');
    expect(link(tree, '70/exe')).toBe('/opt/bin/d');
    expect(link(tree, '70/cwd')).toBe('/var/run/e');
    expect(tree.attr('reclaimfs/disk/opt/lib/b.so').mode & S_IFMT).not.toBe(S_IFLNK);
    tree.apply('object NEW file 64K path=/opt/lib/new.so\nrename NEW /opt/lib/b.so');
    expect(raw(tree, '70/maps')).toContain(' /opt/lib/b.so (deleted)\n');
  });

  test.each([
    ['object X file 4K path=../../etc/passwd', 'no absolute path'],
    ['object X file 4K path=/a/../b', 'no absolute path'],
    ['object X file 4K path=/a//b', 'no absolute path'],
    ['object X file 4K path=/usr/lib/a.so/below', 'is a file'],
    ['object X file 4K path=/usr/lib', 'is a directory'],
    [`object X file 4K path=/${'n'.repeat(256)}`, 'ENAMETOOLONG'],
    [`object X file 4K path=${'/name'.repeat(820)}`, 'ENAMETOOLONG'],
    ['rename /usr /usr/lib/x', 'lies within'],
    ['rename / NaN', 'the root cannot be moved'],
    ['rename /usr NaN', 'is no absolute path'],
    ['rename /nowhere /x', 'there is nothing'],
    ['rename /usr /usr/bin/d', 'lies within'],
    ['unlink /usr/lib', 'ENOTEMPTY'],
    ['unlink /nothing', 'there is nothing'],
  ])('%s is refused', (step, reason) => {
    const tree = new Tree(FILES);
    const before = raw(tree, 'reclaimfs/state');
    expect(() => tree.apply(step)).toThrow(reason);
    expect(raw(tree, 'reclaimfs/state')).toBe(before);
  });

  test('a name of 255 bytes fits', () => {
    const tree = new Tree(FILES);
    tree.apply(`object X file 4K path=/${'n'.repeat(255)}`);
    expect(tree.names('reclaimfs/disk')).toContain('n'.repeat(255));
  });
});

describe('names', () => {
  test.each(['proc note', 'proc app uid=3', 'proc machine', 'app user heap=4M', 'd fork tick', 'proc snap pid=4'])(
    '"%s" is refused where it is given, with the reason',
    (step) => {
      const tree = new Tree('machine ram=64M\nproc d pid=70');
      expect(() => tree.apply(step)).toThrow(/can be named "\w+": a line that begins so is the step/);
    },
  );

  test('words of process steps are free', () => {
    const tree = new Tree('machine ram=64M\nproc touch pid=70\ntouch mmap h size=4K anon\ntouch touch h 0 4K write');
    expect(tree.read('70/status')).toContain('VmRSS:\t       4 kB');
  });
});

test('states: those of the kernel, and nothing else', () => {
  for (const state of ['R', 'S', 'D', 'T', 't', 'I', 'P', 'X']) {
    const tree = new Tree(`machine ram=64M\nproc a pid=50 state=${state}\na thread tid=51 state=${state} tracer=9`);
    expect(tree.read('50/stat')).toContain(`(a) ${state} `);
    expect(tree.read('50/task/51/status')).toMatch(
      new RegExp(`State:\\t${state} \\([\\w ]+\\)\\n[^]*TracerPid:\\t9\\n`),
    );
  }
  for (const state of ['Z', '"S 1 2"', 'SS', '""'])
    for (const step of ['proc b state=', 'a thread state='])
      expect(() => new Tree(`proc a pid=50\n${step}${state}`), step + state).toThrow('is not known');
});
