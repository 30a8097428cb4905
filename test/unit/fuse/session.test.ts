import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as fuse from '../../../src/fuse/direct/protocol.ts';
import { Bench } from './support.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const name = (text: string): Uint8Array => Buffer.from(`${text}\0`);
const read = (fh: number, offset: number, size: number): number[] => [fh, 0, offset, 0, size, 0, 0, 0, 0, 0];

function openFile(file: string): { nodeid: number; fh: number } {
  bench.ask(fuse.FUSE_LOOKUP, 1, name(file));
  const nodeid = bench.answers()[0]!.body.readUInt32LE(0);
  bench.ask(fuse.FUSE_OPEN, nodeid, [0, 0]);
  return { nodeid, fh: bench.answers()[0]!.body.readUInt32LE(0) };
}

describe('session', () => {
  test('INIT agrees on a version', () => {
    bench.ask(fuse.FUSE_INIT, 0, [7, 45, 4096, 0xffffffff, 0]);
    const [{ errno, body } = { errno: 1, body: Buffer.alloc(0) }] = bench.answers();
    expect([errno, body.length, body.readUInt32LE(0), body.readUInt32LE(4)]).toEqual([0, 64, 7, 38]);
    expect(body.readUInt32LE(12)).toBe(
      fuse.FUSE_ATOMIC_O_TRUNC | fuse.FUSE_BIG_WRITES | fuse.FUSE_PARALLEL_DIROPS | fuse.FUSE_MAX_PAGES,
    );
    expect([body.readUInt32LE(20), body.readUInt16LE(28)]).toEqual([1 << 20, 256]);
  });

  test('INIT steps a newer major down and refuses what is too old', () => {
    bench.ask(fuse.FUSE_INIT, 0, [8, 0, 0, 0, 0]);
    expect(bench.answers()[0]!.body.readUInt32LE(0)).toBe(7);
    bench.ask(fuse.FUSE_INIT, 0, [7, 30, 0, 0, 0]);
    expect(bench.answers()[0]!.errno).toBe(-71);
    expect(bench.session.refusal).toContain('7.31');
  });

  test('the root changes places with inode 1', () => {
    bench.ask(fuse.FUSE_GETATTR, 1, [0, 0, 0, 0]);
    const root = bench.answers()[0]!.body;
    expect([root.readUInt32LE(16), root.readUInt32LE(16 + 60)]).toEqual([7, 0o040555]);
    bench.ask(fuse.FUSE_LOOKUP, 1, name('events'));
    const events = bench.answers()[0]!.body;
    expect([events.readUInt32LE(0), events.readUInt32LE(40)]).toEqual([7, 1]);
  });

  test('times, sizes and 64-bit inodes are encoded whole', () => {
    bench.ask(fuse.FUSE_LOOKUP, 2, name('f17'));
    const { body } = bench.answers()[0]!;
    expect(body.readBigUInt64LE(0)).toBe(2n ** 40n + 17n);
    expect([body.readUInt32LE(40 + 24), body.readUInt32LE(40 + 48)]).toEqual([1_700_000_000, 250_000_000]);
  });

  test('READDIR continues where the last one ended', () => {
    bench.ask(fuse.FUSE_OPENDIR, 2, [0, 0]);
    const fh = bench.answers()[0]!.body.readUInt32LE(0);
    const names: string[] = [];
    for (let offset = 0; ; ) {
      bench.ask(fuse.FUSE_READDIR, 2, read(fh, offset, 4096));
      const { body } = bench.answers()[0]!;
      expect(body.length).toBeLessThanOrEqual(4096);
      if (body.length === 0) break;
      for (let at = 0; at < body.length; ) {
        const length = body.readUInt32LE(at + 16);
        names.push(body.toString('utf8', at + 24, at + 24 + length));
        offset = body.readUInt32LE(at + 8);
        at += (24 + length + 7) & ~7;
      }
    }
    expect(names.length).toBe(10_002);
    expect(names.slice(0, 3)).toEqual(['.', '..', 'f0']);
  });

  test('a parked read is answered when its file wakes, and the others wait on', () => {
    const { nodeid, fh } = openFile('events');
    const first = bench.ask(fuse.FUSE_READ, nodeid, read(fh, 0, 100));
    const second = bench.ask(fuse.FUSE_READ, nodeid, read(fh, 0, 100));
    expect(bench.answers()).toEqual([]);
    const control = openFile('control');
    bench.ask(
      fuse.FUSE_WRITE,
      control.nodeid,
      Buffer.concat([Buffer.from(Uint32Array.from(read(control.fh, 0, 7)).buffer), Buffer.from('event x')]),
    );
    const answers = bench.answers();
    expect(answers.map(({ unique }) => unique)).toContain(first);
    expect(answers.find(({ unique }) => unique === first)?.body.toString()).toBe('x\n');
    expect(answers.map(({ unique }) => unique)).not.toContain(second);
    bench.ask(fuse.FUSE_INTERRUPT, 0, [second, 0]);
    expect(bench.answers()).toEqual([{ errno: -4, unique: second, body: Buffer.alloc(0) }]);
    expect(bench.events).toEqual(['waiting 1', 'waiting 2', 'waiting 1', 'waiting 0']);
  });

  test('an armed poll is told once, and only while it is armed', () => {
    const { nodeid, fh } = openFile('events');
    const poll = [fh, 0, 77, 5, fuse.FUSE_POLL_SCHEDULE_NOTIFY, 1];
    bench.ask(fuse.FUSE_POLL, nodeid, poll);
    expect(bench.answers()[0]!.body.readUInt32LE(0)).toBe(0);
    const control = openFile('control');
    const say = (): void => {
      const body = Buffer.concat([
        Buffer.from(Uint32Array.from(read(control.fh, 0, 7)).buffer),
        Buffer.from('event x'),
      ]);
      bench.ask(fuse.FUSE_WRITE, control.nodeid, body);
    };
    say();
    const notice = bench.answers()[1]!;
    expect([notice.errno, notice.unique, notice.body.readUInt32LE(0), notice.body.readUInt32LE(4)]).toEqual([
      1, 0, 77, 5,
    ]);
    say();
    expect(bench.answers()).toHaveLength(1);
    bench.ask(fuse.FUSE_POLL, nodeid, poll);
    expect(bench.answers()[0]!.body.readUInt32LE(0)).toBe(1);
    bench.ask(fuse.FUSE_RELEASE, nodeid, [fh, 0, 0, 0, 0, 0]);
    expect(bench.session.parking.size).toBe(0);
  });

  test('who wrote what ended a process hears of it when the kernel has forgotten the name', () => {
    const control = openFile('control');
    const command = (text: string): number => {
      const header = Uint32Array.from(read(control.fh, 0, text.length));
      return bench.ask(fuse.FUSE_WRITE, control.nodeid, Buffer.concat([Buffer.from(header.buffer), Buffer.from(text)]));
    };
    const first = command('gone 9');
    expect([bench.answers(), bench.events]).toEqual([[], ['invalidate 1', 'waiting 1']]);
    const second = command('gone 10');
    bench.noticesSent = 1;
    bench.session.settle();
    expect(bench.answers().map(({ unique }) => unique)).toEqual([first]);
    bench.noticesSent = 2;
    const third = command('event x');
    const answers = bench.answers();
    expect(new Set(answers.map(({ unique }) => unique))).toEqual(new Set([second, third]));
    expect(answers.map(({ body }) => body.readUInt32LE(0)).sort()).toEqual([7, 7]);
  });

  test('the file to poke with is nothing but that', () => {
    bench.ask(fuse.FUSE_LOOKUP, 1, name(fuse.POKE_NAME));
    expect(bench.answers()[0]!.body.readBigUInt64LE(0)).toBe(2n ** 63n);
    bench.ask(fuse.FUSE_OPEN, fuse.POKE_NODEID, [0, 0]);
    expect(bench.answers()[0]!.errno).toBe(-2);
    bench.ask(fuse.FUSE_NOTIFY_REPLY, fuse.POKE_NODEID, read(0, 0, 0));
    expect([bench.answers(), bench.events]).toEqual([[], ['poked']]);
  });

  test.each([
    ['shorter than a header', Buffer.alloc(39), []],
    ['empty', Buffer.alloc(0), []],
    ['with a length that lies', Buffer.from(Uint32Array.from([50, 1, 2, 0, 1, 0, 0, 0, 0, 0]).buffer), [-22]],
    ['of a lookup without a name', Buffer.from(Uint32Array.from([40, 1, 2, 0, 1, 0, 0, 0, 0, 0]).buffer), [-22]],
    ['of an unknown kind', Buffer.from(Uint32Array.from([40, 999, 2, 0, 1, 0, 0, 0, 0, 0]).buffer), [-38]],
    [
      'with an unterminated name',
      Buffer.from(Uint32Array.from([44, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0x41414141]).buffer),
      [-22],
    ],
    [
      'of a write that claims more than has arrived',
      Buffer.from(Uint32Array.from([80, 16, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 99, 0, 0, 0, 0, 0]).buffer),
      [-9],
    ],
  ])('a request %s is survived', (_what, bytes, errnos) => {
    bench.raw(bytes);
    expect(bench.answers().map(({ errno }) => errno)).toEqual(errnos);
  });

  test('any bytes are survived, and every request is answered at most once', () => {
    const opcodes = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.nat());
    const request = fc.record({
      opcode: opcodes,
      nodeid: fc.oneof(fc.constantFrom(1, 2, 7, 10, 19, 257, 258, 260, 2 ** 40), fc.nat()),
      body: fc.uint8Array({ maxLength: 160 }),
      lie: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: -50, max: 50 })),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 40 }), (requests) => {
        for (const { opcode, nodeid, body, lie } of requests) {
          const header = new Uint32Array([40 + body.length + lie, opcode, 2, 0, nodeid, nodeid / 2 ** 32, 0, 0, 0, 0]);
          bench.raw(Buffer.concat([new Uint8Array(header.buffer), body]));
          const replies = bench.answers().filter(({ unique }) => unique === 2);
          expect(replies.length).toBeLessThanOrEqual(1);
          for (const { errno } of replies) expect(errno).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 300 },
    );
    bench.ask(fuse.FUSE_LOOKUP, 1, name('hello'));
    expect(bench.answers()[0]!.errno).toBe(0);
  });
});
