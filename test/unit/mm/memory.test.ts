import { describe, expect, test } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';

function machine(text: string) {
  const session = new Session();
  session.load(text, 'test');
  return session;
}

describe('running out of memory', () => {
  test('a touch ends with ENOMEM and an oom event; the machine stays sound', () => {
    const s = machine('machine ram=4M swap=0\nproc A\nA mmap heap size=6M anon private noreserve');
    const [record] = s.apply('A touch heap 0 6M write');
    expect(record!.result!['errno']).toBe('ENOMEM');
    expect(s.machine.events.from(0).some((event) => event.type === 'oom')).toBe(true);
    expect(s.machine.check()).toEqual([]);
  });

  test('more than the machine has is refused at mmap (overcommit 0)', () => {
    const s = machine('machine ram=4M swap=0\nproc A');
    expect(() => s.apply('A mmap heap size=64M anon private')).toThrow('ENOMEM');
  });
});

describe('zram takes memory', () => {
  test('what does not compress saves nothing, zeros cost nothing', () => {
    const s = machine('machine ram=16M swap=16M profile=linux-6.18\nproc A\nA mmap heap size=4M anon private');
    s.apply('A touch heap 0 2M write fill=zero\nA touch heap 2M 2M write');
    const before = s.machine.mem.nrFree;
    s.apply('A pageout anon');
    expect(s.machine.mem.swap!.nrUsed).toBe(1024);
    // 512 zero pages come back whole; 512 full pages come back less a third (the Pretend ratio of 3).
    expect(s.machine.mem.nrFree - before).toBe(1024 - Math.ceil((512 * Math.ceil(4096 / 3)) / 4096));
  });
});

describe('the writes of /proc/PID/mem', () => {
  test('survive reclaim byte for byte, on both kinds of swap', () => {
    for (const kind of ['zram', 'disk']) {
      const s = machine(
        `machine ram=16M swap=16M swapkind=${kind}\nproc A\nA mmap heap size=64p anon private at=0x10000000`,
      );
      s.apply('A poke 0x10000ffe "hello"\nA pageout anon\ntick 1s\nA verify heap');
      const task = s.machine.named.get('A')!;
      expect(task.majflt).toBeGreaterThan(0);
      expect(s.machine.check()).toEqual([]);
    }
  });
});

describe('dirty pages of a shared file', () => {
  const SHARED = 'machine ram=16M swap=1M\nobject F file 16p\nproc A\nA mmap f size=16p obj=F shared prot=rw';

  test('leave memory when the flusher has written them, and their content is on the disk', () => {
    const s = machine(SHARED);
    s.apply('A touch f 0 8p write\nA pageout file');
    const file = s.machine.objects.get('F')!;
    expect([file.nrCached, file.nrDirty]).toEqual([8, 8]);
    const wanted = file.expected.get(3);
    s.apply('tick 1s');
    expect([file.nrCached, file.nrDirty]).toEqual([0, 0]);
    expect(file.diskContent(3)).toBe(wanted);
    s.apply('A verify f');
    expect(s.machine.check()).toEqual([]);
  });

  test('stay when they are touched again before the write is done', () => {
    const s = machine(SHARED);
    s.apply('A touch f 0 8p write\nA pageout file\nA touch f 0 2p read\ntick 1s');
    const file = s.machine.objects.get('F')!;
    expect([file.nrCached, file.nrDirty]).toEqual([2, 0]);
    expect(s.machine.check()).toEqual([]);
  });
});
