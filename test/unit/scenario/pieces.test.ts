/** Work in pieces: what it comes to does not depend on them, and a slip of the pen costs nothing. */
import { describe, expect, test } from 'vitest';
import { Session } from '../../../src/scenario/session.ts';
import { WorkQueue } from '../../../src/server/work-queue.ts';
import { Cancelled, type Job } from '../../../src/util/job.ts';
import { Pending } from '../../../src/vfs/types.ts';

const START = 'machine ram=64M swap=64M\nproc a pid=50\na mmap heap size=32M anon\n';

function session(): Session {
  const made = new Session();
  made.load(START, 'test');
  return made;
}

test.each(['a touch heap 0 32M write', 'a touch heap 0 1M read stride=64', 'tick 400h'])(
  '"%s" is many pieces',
  (step) => {
    const job = session().applying(step);
    let pieces = 0;
    while (job.next().done !== true) pieces++;
    expect(pieces).toBeGreaterThan(10);
  },
);

test('what a batch is about is looked up before its first step is carried out', () => {
  const made = session();
  const { generation } = made.machine;
  for (const step of ['b exit', 'a touch hepa 0 4K read', 'cache NOFILE load'])
    expect(() => made.apply(`a touch heap 0 4M write\n${step}`)).toThrow(/there is no|has no mapping/);
  expect(made.machine.generation).toBe(generation);
  expect(made.machine.tasks.get(50)?.mm?.rss).toBe(0);
  made.apply('proc b\nb mmap heap2 size=1M anon\nb touch heap2 0 1M write\nb fork c\nc exit');
});

test('a touch beyond its mapping, and more than a year at once, are refused', () => {
  const made = session();
  expect(() => made.apply('a touch heap 0 1T write')).toThrow(/beyond its end/);
  expect(() => made.apply('tick 9000h')).toThrow(/at most/);
});

test('a batch that is interrupted leaves nothing', () => {
  const made = session();
  const job = made.applying('a touch heap 0 32M write');
  for (let i = 0; i < 5; i++) job.next();
  expect(made.machine.tasks.get(50)!.mm!.rss).toBeGreaterThan(0);
  expect(() => {
    job.throw(new Cancelled());
    while (job.next().done !== true);
  }).toThrow(Cancelled);
  expect(made.machine.tasks.get(50)!.mm!.rss).toBe(0);
});

describe('the queue', () => {
  function* slow(pieces: number, log: string[], name: string): Job<string> {
    for (let i = 0; i < pieces; i++) yield;
    log.push(name);
    return name;
  }

  test('carries short work out at once, long work between requests, one after the other', () => {
    let ms = 0;
    const log: string[] = [];
    const queue = new WorkQueue(true, () => ++ms);
    expect(queue.run(() => slow(2, log, 'short'), false)).toBe('short');
    const long = queue.run(() => slow(100, log, 'long'), false);
    const next = queue.run(() => slow(1, log, 'next'), false);
    expect(long).toBeInstanceOf(Pending);
    expect(queue.busy).toBe(true);
    for (let i = 0; i < 30 && queue.busy; i++) queue.slice(10);
    expect(log).toEqual(['short', 'long', 'next']);
    expect((long as Pending<string>).take()).toBe('long');
    expect((next as Pending<string>).take()).toBe('next');
  });

  test('an interrupted job ends if it may, and its error is told to whoever waits', () => {
    let ms = 0;
    const queue = new WorkQueue(true, () => ++ms);
    const given = queue.run(() => slow(100, [], 'given up'), true) as Pending<string>;
    given.cancel();
    queue.slice(10);
    expect(queue.busy).toBe(false);
    expect(() => given.take()).toThrow(Cancelled);
    const kept = queue.run(() => slow(30, [], 'kept'), false) as Pending<string>;
    kept.cancel();
    for (let i = 0; i < 30 && queue.busy; i++) queue.slice(10);
    expect(kept.take()).toBe('kept');
  });
});
