/** `play` and `capture` of the library: in pieces, and ended by a signal. */
import { expect, test } from 'vitest';
import { capture, play, playScenario, toText } from '../../../src/index.ts';

const STEPS = Array.from({ length: 3000 }, (_, i) => `a touch heap ${(i % 16) * 4096} 64p write`).join('\n');
const LONG = `proc a pid=7\na mmap heap size=16M\n${STEPS}\n`;

test('played in pieces, it comes to the same as at one go', async () => {
  const whole = playScenario(LONG, 'long');
  expect(toText(await play(LONG, 'long'))).toBe(toText(whole));
});

test('other work of the program goes on while a scenario is played', async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await play(LONG, 'long');
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
});

test('a signal ends a scenario that would go on for a day', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  setTimeout(() => controller.abort(reason), 20);
  let nrRecorded = 0;
  const day = `${LONG}duration 24h\na load user=50\n`;
  const playing = play(day, 'day', { signal: controller.signal, trace: () => nrRecorded++ });
  await expect(playing).rejects.toBe(reason);
  const then = nrRecorded;
  await new Promise((settle) => setTimeout(settle, 20));
  expect(nrRecorded).toBe(then);
});

test('a signal that was given before is heeded at once', async () => {
  await expect(play(LONG, 'long', { signal: AbortSignal.abort('no') })).rejects.toBe('no');
  await expect(capture({ pids: [process.pid], signal: AbortSignal.abort('no') })).rejects.toBe('no');
});

test('capture in pieces is what capture gives', async () => {
  const { processes } = await capture({ pids: [process.pid] });
  expect(processes.map(({ pid }) => pid)).toEqual([process.pid]);
});
