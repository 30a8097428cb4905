/** The same small daemon tested from vitest, node:test, pytest, Go, C and plain sh: the examples that the manual points to. */
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../scripts/examples');
const program = new Program();
let tests = '';

beforeAll(async () => {
  await program.build();
  cpSync(EXAMPLES, join(program.directory, 'consumer'), { recursive: true });
  tests = join(program.directory, 'consumer/tests');
  mkdirSync(join(tests, 'node_modules'));
  symlinkSync(program.directory, join(tests, 'node_modules/reclaimfs'));
  symlinkSync(join(program.directory, 'node_modules/vitest'), join(tests, 'node_modules/vitest'));
  writeFileSync(join(tests, 'package.json'), '{"type":"module"}');
  const command = join(program.directory, 'reclaimfs');
  const main = join(program.directory, 'dist/cli/main.js');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
});
afterAll(() => program.dispose());

function sh(script: string): ReturnType<typeof run> {
  const environment = `cd '${tests}' && export RECLAIMFS='${program.directory}/reclaimfs' PYTHONDONTWRITEBYTECODE=1`;
  return run('sh', ['-c', `${environment}\n${script}`], 120_000);
}

async function expectRight(script: string, shown: RegExp): Promise<void> {
  const { status, stdout, stderr } = await sh(script);
  expect(stdout + stderr).toMatch(shown);
  expect(status, stdout + stderr).toBe(0);
}

describe.skipIf(skipMounts)('the daemon is tested from', { timeout: 150_000 }, () => {
  const vitest = 'node node_modules/vitest/vitest.mjs run --root . --testTimeout=60000';

  test('vitest', () => expectRight(`${vitest} daemon.test.js`, /2 passed/));
  test('node:test', () => expectRight('node --test daemon.node-test.js', /# pass 1|pass 1/));
  test('plain sh', () => expectRight('sh daemon.sh', /the daemon works/));
  test('pytest', () => expectRight('python3 -m pytest -q -p no:cacheprovider test_daemon.py', /1 passed/));
  test('Go', () => expectRight('go test -count=1 -vet=off daemon_test.go', /^ok /m));
  test('C, with ctest', () =>
    expectRight(
      'cmake -S . -B build -DRECLAIMFS="$RECLAIMFS" >/dev/null && cmake --build build >/dev/null && ctest --test-dir build',
      /100% tests passed/,
    ));

  test('a test that fails shows the events and the state of its machine', async () => {
    writeFileSync(
      join(tests, 'fails.test.js'),
      `import { expect, test } from 'reclaimfs/vitest';
       test('fails', ({ proc }) => { proc.process(1234).reclaim('anon'); expect(proc).not.toHaveEvent('reclaim'); });`,
    );
    const { status, stdout, stderr } = await sh(`${vitest} fails.test.js`);
    expect(status).toBe(1);
    expect(stdout + stderr).toMatch(/"type":"reclaim".*"pid":1234/);
    expect(stdout + stderr).toContain('1234 reclaim anon');
  });
});

describe.skipIf(skipMounts)('the library, as a program uses it,', { timeout: 120_000 }, () => {
  async function consume(source: string): Promise<unknown> {
    const path = join(tests, 'program.mjs');
    writeFileSync(
      path,
      `import { compare, comparisonCsv, comparisonPage, comparisonTable, mount, run, step, WaitTimeoutError } from 'reclaimfs';\n${source}`,
    );
    const { stdout, stderr } = await run(process.execPath, [path], 100_000);
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  }

  test.each(['direct', 'fuse-native'])('applies, waits, snapshots, restores, resets over %s', async (transport) => {
    const seen = await consume(`
      const proc = await mount({ transport: '${transport}', scenario: 'machine ram=64M swap=0\\nproc a pid=4000007\\na mmap heap size=60M', clock: 'manual' });
      const seen = [];
      proc.apply([step({ step: 'touch', of: 'a', mapping: 'heap', off: 0, len: '1M', what: 'write' }), 'a adj 5']);
      seen.push(proc.process(4000007).kB('VmRSS'), proc.now);
      const snapshot = proc.snapshot();
      try { proc.apply('a tuoch heap 0 1M write'); } catch (error) { seen.push(error.code, error.hint); }
      proc.apply('a grow heap rate=40M/s');
      const kill = await proc.waitFor('oom-kill', (event) => event.pid === 4000007, { virtual: '10s' });
      seen.push(kill.comm, proc.process(4000007).exists, proc.now > 0.5 && proc.now < 3);
      await proc.waitFor('oom-kill', undefined, { virtual: '1s' }).catch((error) => seen.push(error.code));
      await proc.restore(snapshot);
      seen.push(proc.process(4000007).kB('VmRSS'), proc.now, proc.eventsSoFar.length);
      await proc.reset('proc b pid=9').catch(() => {});
      seen.push(proc.process(9).read('comm'), proc.process(4000007).exists);
      await proc.reset('nonsense').catch((error) => seen.push(error.name));
      seen.push(proc.process(9).exists);
      proc.advance('2s');
      seen.push(proc.now);
      await proc.unmount();
      console.log(JSON.stringify(seen));`);
    expect(seen).toEqual(
      [
        1024,
        0,
        'ERR_RECLAIMFS_SCENARIO',
        'did you mean touch?',
        'a',
        false,
        true,
        'ERR_RECLAIMFS_TIMEOUT',
        1024,
        0,
        0,
      ].concat(['b\n', false, 'ScenarioError', true, 2] as never[]),
    );
  });

  test('a program that forgets to unmount ends, and its mount with it', async () => {
    const where = (await consume(`
      const proc = await mount({ scenario: 'proc a pid=7' });
      console.log(JSON.stringify(proc.mountpoint));`)) as string;
    for (let i = 0; i < 100 && existsSync(where); i++) await new Promise((settle) => setTimeout(settle, 100));
    expect(existsSync(where)).toBe(false);
  });

  test('run gives status, output, events and the machine that is left', async () => {
    const seen = (await consume(`
      const scenario = 'proc game pid=1234\\ngame mmap heap size=4M\\ngame touch heap 0 4M write';
      const result = await run(['sh', '-c', 'read word; echo $word $RECLAIMFS; echo anon > /proc/1234/reclaim; exit 4'],
        { scenario, input: 'hello\\n', failOn: ['oom-kill'] });
      const again = await run(['grep', 'VmSwap', '/proc/1234/status'], { scenario: result.state });
      const given = await run(['sleep', '60'], { signal: AbortSignal.timeout(3000) }).catch((error) => error.name);
      const wrong = await run(['true'], { scenario: 'nonsense 1' }).catch((error) => [error.code, error.message]);
      const { exitStatus, stdout, stderr, eventList, failedOn } = result;
      console.log(JSON.stringify({ exitStatus, stdout, stderr, failedOn, again: again.stdout, given, wrong,
        types: eventList.map(({ type }) => type) }));`)) as Record<string, unknown>;
    expect(seen).toMatchObject({
      exitStatus: 4,
      stdout: 'hello 1\n',
      stderr: '',
      failedOn: null,
      again: 'VmSwap:\t    4096 kB\n',
      given: 'TimeoutError',
      types: ['reclaim'],
    });
    expect(seen['wrong']).toEqual(['ERR_RECLAIMFS_RUN', expect.stringContaining('nonsense')]);
  });

  test('compare gives what the command gives, and stops when it is told to', async () => {
    const seen = await consume(`
      const scenario = 'machine ram=64M swap=16M\\nproc a pid=7\\na mmap heap size=8M\\nduration 1s';
      const done = [];
      const result = await compare({ scenario, policies: ['kernel', 'lmk/switch'], seeds: [1, 2], onRun: (n, of) => done.push(n + '/' + of) });
      const abort = new AbortController();
      const stopped = await compare({ scenario, seeds: Array.from({ length: 40 }, (_, i) => i + 1), threads: 2, signal: abort.signal, onRun: () => abort.abort() })
        .catch((error) => error.name);
      const wrong = await compare({ scenario, policies: ['nobody'] }).catch((error) => error.code);
      console.log(JSON.stringify([result.runs.length, done.at(-1), stopped, wrong, comparisonTable(result).includes('lmk/switch'),
        comparisonCsv(result).split('\\n').filter((line) => /^[^#]/.test(line)).length, comparisonPage(result).startsWith('<!doctype html>')]));`);
    expect(seen).toEqual([4, '4/4', 'AbortError', 'ERR_RECLAIMFS_USAGE', true, 5, true]);
  });
});
