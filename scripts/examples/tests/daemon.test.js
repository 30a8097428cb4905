// The daemon under vitest: npx vitest run daemon.test.js
import { execFileSync } from 'node:child_process';
import { expect, test } from 'reclaimfs/vitest';

const DAEMON = process.env.DAEMON ?? new URL('../reclaim-daemon.sh', import.meta.url).pathname;
const daemon = (proc, minKb) => execFileSync('sh', [DAEMON, proc.mountpoint, String(minKb)]);

test('with enough memory it does nothing', ({ proc }) => {
  daemon(proc, 1024);
  expect(proc).not.toHaveEvent('reclaim');
});

test('with too little it asks the largest in the background, and nothing is lost', ({ proc }) => {
  daemon(proc, 1 << 20);
  expect(proc).toHaveEvent('reclaim', { pid: 1234, request: 'anon' });
  expect(proc.process(1234).kB('RssAnon')).toBe(0);
  expect(proc.process(1234).kB('VmSwap')).toBeGreaterThan(180_000);
  proc.apply([{ step: 'verify', of: 'game', mapping: 'heap' }]);
  expect(proc).toBeConsistent();
});
