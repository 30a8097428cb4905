import { expect, test } from 'vitest';
import { peek } from '../../../src/mm/space/access.ts';
import { Session } from '../../../src/scenario/session.ts';

function session(): Session {
  const made = new Session();
  made.load(
    'machine ram=32M swap=8M\nproc a pid=50\na mmap heap size=8M anon\na touch heap 0 8M write fill=full',
    'test',
  );
  return made;
}

test('contents that nothing names any more are forgotten, however many words are written', () => {
  const made = session();
  for (let i = 0; i < 40; i++) made.apply('a touch heap 0 8M write fill=word');
  expect(made.machine.mem.content.tableSize).toBeLessThan(20_000);
  expect(made.apply('a verify heap 0 8M')[0]?.result).toMatchObject({ bad: 0 });
  expect(made.machine.check()).toEqual([]);
});

test('bytes under a word are kept as long as the word, in memory and in swap', () => {
  const made = session();
  const start = made.machine.tasks.get(50)!.regions.get('heap')!.start * 4096;
  made.apply(`a poke 0x${(start + 100).toString(16)} "these bytes stay"`);
  made.apply('a touch heap 0 4K write fill=word\na reclaim "0x100000000000 4096"');
  made.machine.mem.sweepContent();
  for (let i = 0; i < 20; i++) made.apply('a touch heap 1M 7M write fill=word');
  const out = Buffer.alloc(16);
  const { machine } = made;
  expect(peek(machine.mem, machine.tasks.get(50)!.mm!, start + 100, out)).toBe(16);
  expect(out.toString()).toBe('these bytes stay');
});

test('the count of writes begins again, and contents stay what they are', () => {
  const made = session();
  made.machine.mem.content.version = 2 ** 30 - 100;
  made.apply('a touch heap 0 1M write fill=full');
  expect(made.machine.mem.content.version).toBeLessThan(2000);
  expect(made.apply('a verify heap 0 8M')[0]?.result).toMatchObject({ bad: 0 });
});
