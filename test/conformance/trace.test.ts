/** --perfetto of play, mount and run: a file that holds what has happened there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const program = new Program();
const SCENARIO =
  'machine ram=64M swap=64M\nproc game pid=1234\ngame mmap heap size=8M anon\ngame touch heap 0 8M write\n';
const COMMAND_MS = 60_000;

beforeAll(() => program.build());
afterAll(() => program.dispose());

function traceFile(name: string): string {
  return join(program.directory, name);
}

/** Texts stand in the packets as they are. */
function expectTold(path: string, ...texts: readonly string[]): void {
  const text = readFileSync(path, 'latin1');
  for (const one of texts) expect(text).toContain(one);
}

describe.skipIf(skipMounts)('a trace', () => {
  test('of play', async () => {
    const scenario = traceFile('play.scn');
    writeFileSync(scenario, `${SCENARIO}tick 1s\ngame reclaim anon\ntick 1s\ngame kill KILL\n`);
    const main = join(program.directory, 'dist/cli/main.js');
    const outcome = await run(process.execPath, [main, 'play', scenario, '--perfetto', traceFile('play.pftrace')]);
    expect(outcome).toMatchObject({ status: 0 });
    expectTold(traceFile('play.pftrace'), 'game', 'RssAnon', 'MemFree', 'signal');
    const refused = await run(process.execPath, [main, 'play', scenario, '--perfetto', '/nowhere/t']);
    expect(refused).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('/nowhere/t cannot be written (ENOENT)'),
    });
  });

  test.each(['direct', 'fuse-native'] as const)('of a mount over %s', async (transport) => {
    const path = traceFile(`${transport}.pftrace`);
    const m = await program.mount(SCENARIO, transport, '--perfetto', path);
    m.write('1234/reclaim', 'anon');
    m.write('reclaimfs/clock', '+1s');
    expectTold(path, 'game', 'VmSwap', 'reclaim', 'request');
    await m.stop();
  });

  test('of run', async () => {
    const path = traceFile('run.pftrace');
    const scenario = traceFile('run.scn');
    writeFileSync(scenario, SCENARIO);
    const main = join(program.directory, 'dist/cli/main.js');
    const args = [
      main,
      'run',
      '--scenario',
      scenario,
      '--perfetto',
      path,
      '--',
      'sh',
      '-c',
      'echo all > /proc/1234/reclaim',
    ];
    expect(await run(process.execPath, args, COMMAND_MS)).toMatchObject({ status: 0 });
    expectTold(path, 'game', 'reclaim', 'request');
  });
});
