/**
 * The checklist of shared/spec/reclaim-interface.md §10, one test a row, on a real mount over both transports. Rows that
 * a FUSE server cannot satisfy are tested for what it does instead, or stand in native-notes/limits-procfs.md: 3, 80-83.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TransportName } from '../../src/fuse/types.ts';
import { run, sh, skipMounts } from './support/mounts.ts';
import { Program, type ReclaimMount } from './support/reclaim-mount.ts';

const TRANSPORTS: readonly TransportName[] = ['direct', 'fuse-native'];
const LOW = 0x1000;
const MID = 0x100000;

/** Files and shared memory for all, and the processes that rows are about. */
const SCENARIO = `machine ram=512M swap=256M swapkind=zram profile=2013-05
object LIBC file 1M path=/lib/libc.so
object DB file 256K path=/data/db
object SHM memfd 256K path="/memfd:shm (deleted)"
proc init pid=1 ppid=0 comm=init cmdline=init
init mmap heap size=64K anon private name=[heap]
init touch heap 0 64K write
proc kthreadd pid=2 ppid=0 kthread start=0s
`;
/** Pages at the addresses that the rows name. */
const AT_ADDRESSES = `% mmap low size=16K anon private at=0x1000
% mmap mid size=4M anon private at=0x100000
% touch low 0 16K write
% touch mid 0 4M write`;
const ANON = '% mmap heap size=1M anon private\n% touch heap 0 64K write';

const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

/** What a Python statement raises: the name of the error, or what it prints. */
async function python(code: string): Promise<string> {
  const lines = ['import os, errno, mmap, ctypes', 'try:', ...code.split('\n').map((line) => `  ${line}`)];
  const script = `${lines.join('\n')}\nexcept OSError as e: print(errno.errorcode[e.errno])`;
  const { stdout, stderr } = await run('python3', ['-c', script]);
  return (stdout + stderr).trim();
}

function asUser(uid: number, script: string) {
  return run('setpriv', ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', 'sh', '-c', script]);
}

describe.skipIf(skipMounts).each(TRANSPORTS)('over %s', (transport) => {
  let m: ReclaimMount;
  beforeAll(async () => {
    m = await program.mount(SCENARIO, transport);
  });
  afterAll(() => {
    expect(m.read('reclaimfs/check')).toBe('ok\n');
    return m.stop();
  });
  const file = (pid: number): string => m.path(`${pid}/reclaim`);
  const n = (text: string): number => text.length;

  describe('the file', () => {
    test('1 stat: regular, 0200, empty, one link, of the target', () => {
      const stat = statSync(file(m.process(ANON)));
      expect([stat.mode, stat.size, stat.nlink, stat.uid, stat.gid]).toEqual([0o100200, 0, 1, 1000, 1000]);
    });

    test('2 belongs to root for a zombie, a kernel thread and a process that may not be dumped', () => {
      const zombie = m.process('% exit zombie');
      const closed = m.process('% dumpable 0');
      for (const pid of [zombie, closed, 2]) {
        const stat = statSync(file(pid));
        expect([stat.uid, stat.gid]).toEqual([0, 0]);
      }
    });

    test('4 is not there for a thread, 5 but is under the number of any thread', () => {
      const pid = m.process(`${ANON}\n% thread tid=90001`);
      expect(m.write(`${pid}/task/90001/reclaim`, 'all')).toBe('ENOENT');
      expect(m.write(`${pid}/task/${pid}/reclaim`, 'all')).toBe('ENOENT');
      expect(readdirSync(m.mnt)).not.toContain('90001');
      expect(m.reclaim(90001, 'anon')).toBe(4);
      expect(m.status(pid, 'VmSwap')).toBe(64);
    });

    test('6 is opened for writing by its owner and root, by nobody else', async () => {
      const pid = m.process(ANON);
      expect((await asUser(1000, `echo anon > ${file(pid)}`)).status).toBe(0);
      expect(m.status(pid, 'VmSwap')).toBe(64);
      expect((await asUser(2000, `echo anon > ${file(pid)}`)).stderr).toContain('Permission denied');
      expect(m.reclaim(pid, 'anon')).toBe(4);
    });

    test('7 is not opened for reading by its owner', async () => {
      const pid = m.process();
      expect((await asUser(1000, `cat ${file(pid)}`)).stderr).toContain('Permission denied');
      expect((await asUser(1000, `: <> ${file(pid)}`)).stderr).toContain('Permission denied');
    });

    test('8 read by root is EINVAL, 9 and EBADF where it is open for writing', async () => {
      const pid = m.process();
      expect(await python(`os.read(os.open('${file(pid)}', os.O_RDONLY), 10)`)).toBe('EINVAL');
      expect(await python(`os.read(os.open('${file(pid)}', os.O_WRONLY), 10)`)).toBe('EBADF');
    });

    test('10, 11, 12 O_CREAT, O_TRUNC and : > do nothing, O_EXCL is EEXIST', async () => {
      const pid = m.process(ANON);
      expect(await python(`print(os.open('${file(pid)}', os.O_WRONLY | os.O_CREAT | os.O_TRUNC))`)).toBe('3');
      expect(await python(`os.open('${file(pid)}', os.O_WRONLY | os.O_CREAT | os.O_EXCL)`)).toBe('EEXIST');
      expect((await sh(`: > ${file(pid)}`)).status).toBe(0);
      expect(m.status(pid, 'VmSwap')).toBe(0);
    });

    test('13 chmod and unlink are EPERM; chown by root succeeds', async () => {
      const pid = m.process();
      expect(await python(`os.chmod('${file(pid)}', 0o666)`)).toBe('EPERM');
      expect(await python(`os.unlink('${file(pid)}')`)).toBe('EPERM');
      expect(await python(`os.chown('${file(pid)}', 0, 0)`)).toBe('');
    });

    test('14 ftruncate succeeds, 15 mmap is ENODEV and fsync EINVAL', async () => {
      const pid = m.process(ANON);
      const fd = openSync(file(pid), 'w');
      ftruncateSync(fd, 100);
      ftruncateSync(fd, 0);
      expect(() => fsyncSync(fd)).toThrow('EINVAL');
      closeSync(fd);
      expect(statSync(file(pid)).size).toBe(0);
      const code = `fd = os.open('${file(pid)}', os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_ssize_t
r = libc.mmap(None, ctypes.c_size_t(4096), 3, mmap.MAP_SHARED, fd, ctypes.c_long(0))
print(r, errno.errorcode[ctypes.get_errno()])`;
      expect(await python(code)).toBe('-1 ENODEV');
    });

    test('16 of no process is not found', () => {
      expect(m.reclaim(77_777_777, 'all')).toBe('ENOENT');
    });
  });

  describe('words', () => {
    test.each([
      ['17', 'all', 3],
      ['18', 'all\n', 4],
      ['19', '  anon \t\n', 9],
      ['20', 'file', 4],
      ['21', '\xa0all\xa0', 5],
      ['22', 'all\0junk', 8],
      ['23', 'ALL', 'EINVAL'],
      ['23', 'allx', 'EINVAL'],
      ['23', 'all file', 'EINVAL'],
      ['23', 'both', 'EINVAL'],
      ['23', 'full', 'EINVAL'],
      ['23', "'all'", 'EINVAL'],
      ['24', '\n', 'EINVAL'],
      ['24', '   ', 'EINVAL'],
      ['26', '1', 'EINVAL'],
      ['26', '2', 'EINVAL'],
      ['26', '3', 'EINVAL'],
      ['26', '1000', 'EINVAL'],
      ['27', '4096', 'EINVAL'],
      ['27', '0', 'EINVAL'],
      ['46', `all${' '.repeat(300)}`, 199],
      ['47', 'x'.repeat(300), 'EINVAL'],
    ])('%s write %j: %s', (_row, text, outcome) => {
      const pid = m.process(ANON);
      expect(m.reclaim(pid, text)).toBe(outcome);
      const anon = typeof outcome === 'number' && text !== 'file';
      expect(m.status(pid, 'VmSwap')).toBe(anon ? 64 : 0);
      expect(m.status(pid, 'RssAnon')).toBe(anon ? 0 : 64);
    });

    test('25 a write of nothing is not seen by a server: 0 where the kernel says EINVAL', () => {
      expect(m.reclaim(m.process(), '')).toBe(0);
    });

    test('48 a bad buffer is EFAULT', async () => {
      const code = `fd = os.open('${file(m.process())}', os.O_WRONLY)
libc = ctypes.CDLL(None, use_errno=True)
r = libc.write(fd, ctypes.c_void_p(1), 4)
print(r, errno.errorcode[ctypes.get_errno()])`;
      expect(await python(code)).toBe('-1 EFAULT');
    });

    test('49 pwrite at an offset, 50 and after a seek, is a write; the position moves, unlike in a kernel', async () => {
      const pid = m.process(ANON);
      expect(await python(`print(os.pwrite(os.open('${file(pid)}', os.O_WRONLY), b'all', 100))`)).toBe('3');
      expect(m.status(pid, 'VmSwap')).toBe(64);
      const code = `fd = os.open('${file(pid)}', os.O_WRONLY)
print(os.lseek(fd, 100, 0), os.write(fd, b'all'), os.write(fd, b'anon'))`;
      expect(await python(code)).toBe('100 3 4');
      expect(await python(`os.pwrite(os.open('${file(pid)}', os.O_WRONLY), b'all', -1)`)).toBe('EINVAL');
    });

    test('51 good, bad, good on one descriptor', () => {
      const fd = openSync(file(m.process(ANON)), 'w');
      expect(writeSync(fd, 'all')).toBe(3);
      expect(() => writeSync(fd, 'bad')).toThrow('EINVAL');
      expect(writeSync(fd, 'anon')).toBe(4);
      closeSync(fd);
    });

    test('52 the pieces of a writev arrive joined', async () => {
      const path = file(m.process(ANON));
      expect(await python(`os.writev(os.open('${path}', os.O_WRONLY), [b'all', b'x'])`)).toBe('EINVAL');
      expect(await python(`print(os.writev(os.open('${path}', os.O_WRONLY), [b'al', b'l']))`)).toBe('3');
    });

    test('shells say so', async () => {
      const pid = m.process();
      const bad = await run('bash', ['-c', `echo rubbish > ${file(pid)}`]);
      expect([bad.status, bad.stderr.includes('Invalid argument')]).toEqual([1, true]);
      expect((await run('bash', ['-c', `echo all > ${m.path('77777/nothing')}`])).status).toBe(1);
      expect((await run('cat', [file(pid)])).stderr).toContain('Invalid argument');
    });
  });

  describe('ranges', () => {
    /** Which pages of low (4) and mid (first 8, and number swapped) are gone. */
    const swapped = (pid: number): [string, string, number] => [
      m.pages(pid, LOW, 4),
      m.pages(pid, MID, 8),
      m.status(pid, 'VmSwap') / 4,
    ];
    const NOTHING: [string, string, number] = ['RRRR', 'RRRRRRRR', 0];

    test.each<[string, string, [string, string, number]]>([
      ['28', '0x100000 8K', ['RRRR', 'SSRRRRRR', 2]],
      ['29', '0x100000 2M', ['RRRR', 'SSSSSSSS', 512]],
      ['30', '1048576 8192', ['RRRR', 'SSRRRRRR', 2]],
      ['31', '0x100000 1', ['RRRR', 'SRRRRRRR', 1]],
      ['33', '010000 4096', ['SRRR', 'RRRRRRRR', 1]],
      ['34', '4K 4K', ['SRRR', 'RRRRRRRR', 1]],
      ['35', '0x1000 0', NOTHING],
      ['36', '0x1000  8192', NOTHING],
      ['37', '0x1000 -1', NOTHING],
      ['37', '0x1000 abc', NOTHING],
      ['38', '0x1000 8192 junk', ['SSRR', 'RRRRRRRR', 2]],
      ['39', '0x1000zz 8192', ['SSRR', 'RRRRRRRR', 2]],
      ['44', '0 0xfffffffffffff000', ['SSSS', 'SSSSSSSS', 1028]],
      ['45', '0 16E', NOTHING],
      ['84', '0x1000 1M', ['SSSS', 'SRRRRRRR', 5]],
      ['85', '0x1000 0xff000', ['SSSS', 'RRRRRRRR', 4]],
    ])('%s write %j', (_row, text, expected) => {
      const pid = m.process(AT_ADDRESSES);
      expect(m.reclaim(pid, text)).toBe(n(text));
      expect(swapped(pid)).toEqual(expected);
    });

    test.each([
      ['32', '0x100001 4096'],
      ['40', '4096\t8192'],
      ['40', '0x1000\n8192'],
      ['40', '0x1000-0x3000'],
      ['41', '-4096 4096'],
      ['41', '+4096 4096'],
      ['42', '0x1000 18446744073709551615'],
      ['43', '0x1000 0xfffffffffffff000'],
    ])('%s write %j is EINVAL and changes nothing', (_row, text) => {
      const pid = m.process(AT_ADDRESSES);
      expect(m.reclaim(pid, text)).toBe('EINVAL');
      expect(swapped(pid)).toEqual(NOTHING);
    });

    test('70 takes file and anonymous memory alike', () => {
      const pid = m.process(`% mmap libc size=64K obj=LIBC private at=0x200000
% mmap heap size=64K anon private at=0x210000\n% touch libc 0 64K read\n% touch heap 0 64K write`);
      expect(m.reclaim(pid, '0x200000 128K')).toBe(13);
      expect([m.status(pid, 'RssFile'), m.status(pid, 'RssAnon'), m.status(pid, 'VmSwap')]).toEqual([0, 0, 64]);
    });
  });

  describe('targets', () => {
    test('53 a zombie and 54 a kernel thread take good words and do nothing', () => {
      const zombie = m.process('% exit zombie');
      for (const pid of [zombie, 2]) {
        expect(m.reclaim(pid, 'all')).toBe(3);
        expect(m.reclaim(pid, 'rubbish')).toBe('EINVAL');
      }
    });

    test('55 a descriptor outlives the process: ESRCH, EINVAL, fstat; 56 the path does not', async () => {
      const pid = m.process(ANON);
      const fd = openSync(file(pid), 'w');
      const script = `d = os.open('${m.path(String(pid))}', os.O_RDONLY)
open('${m.path('reclaimfs/control')}', 'w').write('p${pid} exit')
${transport === 'direct' ? 'print(os.listdir(d))' : ''}
os.open('status', os.O_RDONLY, dir_fd=d)`;
      // fuse-native knows paths only: a held directory is looked for again, its name now leads to the host's /proc, and
      // the kernel gives up an inode that has changed its type.
      expect(await python(script)).toBe(transport === 'direct' ? '[]\nESRCH' : 'ENOENT');
      expect(() => writeSync(fd, 'all')).toThrow('ESRCH');
      expect(() => writeSync(fd, 'rubbish')).toThrow('EINVAL');
      closeSync(fd);
      expect(m.reclaim(pid, 'all')).toBe('ENOENT');
    });

    test('57 after setuid the descriptor still works, 58 after exec it acts on the new image', () => {
      const pid = m.process(ANON);
      const fd = openSync(file(pid), 'w');
      m.apply(`p${pid} setuid 3000`);
      expect(writeSync(fd, 'anon')).toBe(4);
      expect(m.status(pid, 'VmSwap')).toBe(64);
      m.apply(`p${pid} exec\n${ANON.replaceAll('%', `p${pid}`)}\np${pid} touch heap 0 128K write`);
      expect(m.status(pid, 'VmSwap')).toBe(0);
      expect(writeSync(fd, 'anon')).toBe(4);
      expect(m.status(pid, 'VmSwap')).toBe(128);
      closeSync(fd);
    });

    test('93 every process may be written to by root', () => {
      m.process(ANON);
      for (const name of readdirSync(m.mnt).filter((entry) => /^\d+$/.test(entry)))
        expect(m.reclaim(Number(name), 'all'), name).toBe(3);
    });

    test('94 writers at the same time all succeed', async () => {
      const pid = m.process(ANON);
      const script = `i=0; while [ $i -lt 64 ]; do (echo anon > ${file(pid)} || echo failed) & i=$((i+1)); done; wait`;
      expect((await sh(script)).stdout).toBe('');
      expect(m.status(pid, 'VmSwap')).toBe(64);
    });
  });

  describe('pages', () => {
    const counters = (...names: string[]): number[] => names.map((name) => m.vmstat(name));

    test('61, 62 a dirty anonymous page goes to swap, accessed or not', () => {
      const pid = m.process('% mmap heap size=64K anon private\n% touch heap 0 4K write');
      const [before] = counters('pswpout');
      expect(m.number(`${pid}/smaps`, 'Referenced')).toBe(4);
      m.reclaim(pid, 'anon');
      expect([m.status(pid, 'RssAnon'), m.status(pid, 'VmSwap'), m.vmstat('pswpout') - before!]).toEqual([0, 4, 1]);
    });

    test('63 a page with a good copy in swap is freed without writing', () => {
      const pid = m.process('% mmap heap size=64K anon private\n% touch heap 0 64K write');
      m.reclaim(pid, 'anon');
      m.apply(`p${pid} touch heap 0 64K read`);
      const [before] = counters('pswpout');
      m.reclaim(pid, 'anon');
      expect([m.status(pid, 'VmSwap'), m.vmstat('pswpout') - before!]).toEqual([64, 0]);
    });

    test('64 a clean page of a file is freed', () => {
      m.apply('object CLEAN file 64K path=/clean');
      const pid = m.process('% mmap clean size=64K obj=CLEAN private\n% touch clean 0 64K read');
      const cached = m.number('meminfo', 'Cached');
      m.reclaim(pid, 'file');
      expect([m.status(pid, 'RssFile'), cached - m.number('meminfo', 'Cached')]).toEqual([0, 64]);
    });

    test('65 a dirty page of a shared file is unmapped, not freed and not written at once', () => {
      const pid = m.process('% mmap db size=256K obj=DB shared\n% touch db 0 64K write');
      const cached = m.number('meminfo', 'Cached');
      m.reclaim(pid, 'file');
      expect([m.status(pid, 'RssFile'), cached - m.number('meminfo', 'Cached')]).toEqual([0, 0]);
      expect(m.write('reclaimfs/clock', '+60s')).toBe(4);
      expect(m.number('meminfo', 'Dirty')).toBe(0);
    });

    test('66, 67 a private copy of a page of a file is file memory, and goes to swap', () => {
      const pid = m.process('% mmap data size=64K obj=LIBC private prot=rw\n% touch data 0 64K write');
      m.reclaim(pid, 'anon');
      expect([m.status(pid, 'RssAnon'), m.status(pid, 'VmSwap')]).toEqual([64, 0]);
      m.reclaim(pid, 'file');
      expect([m.status(pid, 'RssAnon'), m.status(pid, 'VmSwap')]).toEqual([0, 64]);
    });

    test('68, 69 shared memory is file memory, goes to swap and is not in VmSwap', () => {
      const pid = m.process('% mmap shm size=256K obj=SHM shared\n% touch shm 0 256K write');
      m.reclaim(pid, 'anon');
      expect(m.status(pid, 'RssShmem')).toBe(256);
      const free = m.number('meminfo', 'SwapFree');
      m.reclaim(pid, 'file');
      expect([m.status(pid, 'RssShmem'), m.status(pid, 'VmSwap')]).toEqual([0, 0]);
      expect(free - m.number('meminfo', 'SwapFree')).toBe(256);
    });

    test('71, 72 a page that two map is freed when the second gives it up', () => {
      m.apply('object BOTH file 64K path=/both');
      const map = '% mmap both size=64K obj=BOTH private\n% touch both 0 64K read';
      const [a, b] = [m.process(map), m.process(map)];
      const cached = m.number('meminfo', 'Cached');
      m.reclaim(a, 'file');
      expect([m.status(a, 'RssFile'), m.status(b, 'RssFile')]).toEqual([0, 64]);
      expect(m.number('meminfo', 'Cached')).toBe(cached);
      m.reclaim(b, 'file');
      expect(m.number('meminfo', 'Cached')).toBe(cached - 64);
    });

    test('73 a forked page leaves the parent only', () => {
      const pid = m.process(ANON);
      m.apply(`p${pid} fork child pid=${pid + 500_000}`);
      m.reclaim(pid, 'anon');
      expect([m.status(pid, 'VmSwap'), m.status(pid + 500_000, 'RssAnon')]).toEqual([64, 64]);
      expect(m.number('meminfo', 'SwapCached')).toBeGreaterThanOrEqual(64);
      m.apply('child exit');
    });

    test('76 locked, 77, 78 huge, 79 raw and zero pages are left alone', () => {
      const pid = m.process(`% mmap lock size=64K anon private locked at=0x400000
% mmap zero size=64K anon private at=0x500000
% touch zero 0 64K read
% mmap huge size=4M anon private hugetlb=4096 at=0x40000000
% mmap raw size=64K anon private pfnmap at=0x60000000`);
      const before = m.read(`${pid}/smaps`);
      for (const word of ['all', 'anon', 'file', '0 0xfffffffffffff000']) expect(m.reclaim(pid, word)).toBe(n(word));
      expect(m.read(`${pid}/smaps`)).toBe(before);
    });

    test('86, 87 counters of list scanning do not move, nothing stays isolated', () => {
      const names = ['pgscan_kswapd', 'pgscan_direct', 'pgsteal_kswapd', 'pgsteal_direct', 'pgrefill'];
      const all = [...names, 'allocstall_normal', 'nr_isolated_anon', 'nr_isolated_file'];
      const pid = m.process(ANON);
      const before = counters(...all);
      m.reclaim(pid, 'all');
      expect(counters(...all)).toEqual(before);
    });

    test('88 the peak stays', () => {
      const pid = m.process(ANON);
      m.reclaim(pid, 'all');
      expect([m.status(pid, 'VmHWM'), m.status(pid, 'VmRSS')]).toEqual([64, 0]);
    });

    test('89 a touch afterwards is a major fault that reads from swap, and the content is the same', () => {
      const pid = m.process(ANON);
      m.reclaim(pid, 'anon');
      const [faults, reads] = counters('pgmajfault', 'pswpin');
      m.apply(`p${pid} touch heap 0 4K read\np${pid} verify heap`);
      expect(m.vmstat('pgmajfault') - faults!).toBeGreaterThanOrEqual(1);
      expect(m.vmstat('pswpin') - reads!).toBeGreaterThanOrEqual(1);
    });

    test('90 of 100 MiB at least 90 go to swap', () => {
      const pid = m.process('% mmap heap size=100M anon private\n% touch heap 0 100M write');
      const used = (): number => Number(/partition\s+\d+\s+(\d+)/.exec(m.read('swaps'))![1]);
      const before = used();
      m.reclaim(pid, 'all\n');
      expect(used() - before).toBeGreaterThanOrEqual(90 * 1024);
      m.apply(`p${pid} exit`);
    });

    test('mem: a pattern is written, reclaimed and read back', async () => {
      const pid = m.process(AT_ADDRESSES);
      const dd = `dd bs=4096 status=none`;
      const write = `head -c 8192 /dev/zero | tr '\\0' Z | ${dd} of=${m.path(`${pid}/mem`)} seek=256 conv=notrunc`;
      const read = `${dd} if=${m.path(`${pid}/mem`)} skip=256 count=2 | tr -d Z | wc -c`;
      expect((await sh(`${write} && echo all > ${file(pid)} && ${read}`)).stdout.trim()).toBe('0');
    });
  });

  describe('swap', () => {
    let tight: ReclaimMount;
    beforeAll(async () => {
      tight = await program.mount('machine ram=64M swap=64K profile=2013-05\n', transport);
    });
    afterAll(() => tight.stop());

    test('60 with room for some, those go, in ascending order; 59 without room none', () => {
      const pid = tight.process('% mmap mid size=128K anon private at=0x100000\n% touch mid 0 128K write');
      expect(tight.reclaim(pid, 'anon')).toBe(4);
      expect(tight.pages(pid, MID, 32)).toBe('S'.repeat(16) + 'R'.repeat(16));
      const activated = tight.vmstat('pgactivate');
      expect(tight.reclaim(pid, 'anon')).toBe(4);
      expect(tight.status(pid, 'RssAnon')).toBe(64);
      expect(tight.vmstat('pgactivate')).toBeGreaterThan(activated);
    });
  });

  describe('profiles', () => {
    const withProfile = async (profile: string, body: (p: ReclaimMount) => void): Promise<void> => {
      const p = await program.mount(SCENARIO, transport, '--profile', profile);
      try {
        body(p);
        expect(p.read('reclaimfs/check')).toBe('ok\n');
      } finally {
        await p.stop();
      }
    };
    const SHARERS = '% mmap libc size=64K obj=LIBC private\n% touch libc 0 64K read';

    test('74, 91 2016-06: numbers; shared pages are skipped in both', () =>
      withProfile('2016-06', (p) => {
        const [a, b] = [p.process(SHARERS), p.process(SHARERS)];
        expect(['1', '2\n', '3', '4', '9999999999', 'all'].map((text) => p.reclaim(a, text))).toEqual([
          1,
          2,
          1,
          'EINVAL',
          'ERANGE',
          'EINVAL',
        ]);
        expect([p.status(a, 'RssFile'), p.status(b, 'RssFile')]).toEqual([64, 64]);
      }));

    test('75 all-mappings: one write takes a page from both', () =>
      withProfile('all-mappings', (p) => {
        const [a, b] = [p.process(SHARERS), p.process(SHARERS)];
        expect(p.reclaim(a, 'file')).toBe(4);
        expect([p.status(a, 'RssFile'), p.status(b, 'RssFile')]).toEqual([0, 0]);
      }));

    test('92 2013-04: 6 ADDR LEN takes both kinds', () =>
      withProfile('2013-04', (p) => {
        const pid = p.process(AT_ADDRESSES);
        expect(p.reclaim(pid, '6 1048576 4096')).toBe(14);
        expect(p.pages(pid, MID, 2)).toBe('SR');
        expect(p.reclaim(pid, 'all')).toBe('EINVAL');
      }));
  });
});
