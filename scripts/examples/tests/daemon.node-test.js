// The daemon under node:test: node --test daemon.node-test.js
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { withProc } from 'reclaimfs/node-test';

const DAEMON = process.env.DAEMON ?? new URL('../reclaim-daemon.sh', import.meta.url).pathname;

test(
  'it asks the largest in the background',
  withProc({}, (proc) => {
    execFileSync('sh', [DAEMON, proc.mountpoint, String(1 << 20)]);
    assert.equal(proc.process(1234).kB('RssAnon'), 0);
    assert.equal(proc.process(1201).kB('VmSwap'), 0);
  }),
);
