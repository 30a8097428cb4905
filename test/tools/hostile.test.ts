import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Inside, skipTools } from './support/inside.ts';

const TRANSPORTS = ['direct', 'fuse-native'] as const;

/**
 * Reads every file below /proc to its end with odd sizes, and by what find and stat say of it; prints what failed in ways
 * that a real /proc does not, and how much was read. The idea is that of LTP's proc01.
 */
const READ_EVERYTHING = `
import os, stat, errno, json, sys
# Those that wait for what happens next, and those that have no end.
SKIP = {'/proc/reclaimfs/events', '/proc/reclaimfs/vmpressure', '/proc/kmsg'}
ENDLESS = ('/mem', '/pagemap', '/kpagecount', '/kpageflags', '/kpagecgroup', '/kcore')
# What reading may answer: not for reading, or nothing behind it.
EXPECTED = {errno.EINVAL, errno.EIO, errno.ESRCH, errno.EACCES, errno.EPERM, errno.ENOENT}
files = directories = links = total = 0
failed, wrong_size = [], []
for directory, names, others in os.walk('/proc'):
    if directory == '/proc':
        names[:] = [n for n in names if not os.path.islink('/proc/' + n) and n != '.host']
    directories += 1
    for name in others + names:
        path = os.path.join(directory, name)
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            links += 1
            try: os.readlink(path)
            except OSError as e:
                if e.errno not in EXPECTED: failed.append([path, e.errno])
            continue
        if not stat.S_ISREG(status.st_mode) or path in SKIP: continue
        files += 1
        try: fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as e:
            if e.errno not in EXPECTED: failed.append([path, e.errno])
            continue
        size = 0
        try:
            for step in (1, 7, 100, 4096) + (65536,) * 4096:
                data = os.read(fd, step)
                size += len(data)
                if not data: break
                if path.endswith(ENDLESS) and size > 10000: break
            else: failed.append([path, 'no end'])
            if status.st_size not in (0, size) and not path.endswith(ENDLESS) and MANUAL: wrong_size.append([path, status.st_size, size])
        except OSError as e:
            if e.errno not in EXPECTED: failed.append([path, e.errno])
        finally: os.close(fd)
        total += size
print(json.dumps({'files': files, 'directories': directories, 'links': links, 'total': total, 'failed': failed, 'wrong': wrong_size}))
`;

interface Walk {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly total: number;
  readonly failed: readonly unknown[];
  readonly wrong: readonly unknown[];
}

describe.skipIf(skipTools).each(TRANSPORTS)('%s under hostile load', (transport) => {
  let inside: Inside;
  beforeAll(async () => {
    inside = await Inside.start({ clock: 'manual', transport });
  });
  afterAll(() => inside.stop());

  const walk = async (): Promise<Walk> =>
    JSON.parse(
      await inside.text(['/usr/bin/python3', '-c', `MANUAL = True\n${READ_EVERYTHING}`], { timeoutMs: 120_000 }),
    );

  test('every file can be read to its end, and is as long as its status says', async () => {
    const seen = await walk();
    expect(seen).toMatchObject({ failed: [], wrong: [] });
    expect(seen.files).toBeGreaterThan(2500);
    expect(seen.directories).toBeGreaterThan(400);
    expect(seen.links).toBeGreaterThan(300);
    await inside.check();
  });

  test('four readers of everything at a time while processes come, go and give memory back', async () => {
    const steps = inside.text(
      `for i in $(seq 12); do
         printf 'proc guest%s pid=%s ppid=1\\nguest%s mmap heap size=4M anon private name=[heap]\\nguest%s touch heap 0 4M write\\n' $i $((20000 + i)) $i $i > /proc/reclaimfs/control
         echo all > /proc/$((20000 + i))/reclaim; echo anon > /proc/2000/reclaim
         echo 'webapp touch heap 0 20M write' > /proc/reclaimfs/control
         printf 'guest%s exit\\n' $i > /proc/reclaimfs/control
       done`,
      { timeoutMs: 120_000 },
    );
    const readers = [1, 2, 3, 4].map(() =>
      inside.text(
        'find /proc -path /proc/.host -prune -o -path "/proc/reclaimfs/events" -prune -o -path /proc/reclaimfs/vmpressure -prune -o -name kmsg -prune -o -name mem -prune -o -name "kpage*" -prune -o -name pagemap -prune -o -type f -print0 2>/dev/null | xargs -0 -n 200 cat > /dev/null 2>&1; true',
        {
          timeoutMs: 120_000,
        },
      ),
    );
    await Promise.all([steps, ...readers]);
    await inside.check();
  });

  test('stress-ng --procfs', async () => {
    const { stdout, stderr, status } = await inside.run(
      ['stress-ng', '--procfs', '2', '--timeout', '5', '--metrics-brief'],
      {
        timeoutMs: 60_000,
      },
    );
    expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('successful run completed')]);
    await inside.check();
    expect((await inside.text('ps aux')).split('\n').length).toBeGreaterThan(40);
  });

  test('odd operations leave everything as it is', async () => {
    const script = `
cd /proc/2000
for f in stat status maps smaps reclaim oom_score_adj; do
  chmod 777 $f && echo chmod $f; rm -f $f 2>/dev/null && echo rm $f; mv $f x 2>/dev/null && echo mv $f
  ln $f /tmp/hard 2>/dev/null && echo ln $f; touch $f 2>/dev/null || true
done 2>/dev/null
mkdir new 2>/dev/null && echo mkdir; echo x > new 2>/dev/null && echo create
rmdir /proc/2000 2>/dev/null && echo rmdir
dd if=stat of=/dev/null bs=1 skip=100000 2>/dev/null || echo seek
tail -c 5 status > /dev/null; head -c 10 smaps > /dev/null
true`;
    expect(await inside.text(script)).toBe('');
    await inside.check();
  });
});
