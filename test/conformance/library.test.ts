/** The built package as a consumer sees it: imported by its name, mounts for tests. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const program = new Program();
let consumer = '';

beforeAll(async () => {
  await program.build();
  consumer = join(program.directory, 'consumer');
  mkdirSync(join(consumer, 'node_modules'), { recursive: true });
  symlinkSync(program.directory, join(consumer, 'node_modules/reclaimfs'));
});
afterAll(() => program.dispose());

/** Runs a program that imports the package; what it printed as JSON. */
async function consume(source: string): Promise<unknown> {
  const path = join(consumer, 'program.mjs');
  writeFileSync(
    path,
    `import * as reclaimfs from 'reclaimfs';\nimport { readFileSync, existsSync } from 'node:fs';\n${source}`,
  );
  const { stdout, stderr } = await run(process.execPath, [path], 30_000);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

test('a machine in process', async () => {
  const source = `
    const machine = reclaimfs.createMachine('proc a pid=1000\\na mmap heap size=4M anon\\na touch heap 0 4M write');
    machine.write('/proc/1000/reclaim', 'anon');
    console.log(JSON.stringify(machine.read('/proc/1000/status').match(/VmSwap.*/)[0]));`;
  expect(await consume(source)).toBe('VmSwap:\t    4096 kB');
});

test('types are shipped', () => {
  const declarations = readFileSync(join(program.directory, 'dist/index.d.ts'), 'utf8');
  for (const name of ['createMachine', 'mount', 'MountedProc', 'ScenarioError', 'KernelError', 'MountError'])
    expect(declarations).toContain(name);
});

test.skipIf(skipMounts)('a mount that is read synchronously, and gone on dispose', async () => {
  const source = `
    const seen = [];
    let where;
    {
      const proc = await reclaimfs.mount({ scenario: 'proc a pid=1000', clock: 'manual' });
      where = proc.mountpoint;
      seen.push(proc.transport, readFileSync(where + '/1000/comm', 'utf8'));
      await proc[Symbol.asyncDispose]();
    }
    console.log(JSON.stringify([...seen, where]));`;
  const [transport, comm, where] = (await consume(source)) as string[];
  expect([transport, comm]).toEqual(['direct', 'a\n']);
  expect(existsSync(where!)).toBe(false);
});

test.skipIf(skipMounts)('errors of the server process are of their classes', async () => {
  const source = `
    const caught = [];
    for (const settings of [{ scenario: 'bogus', file: 'mine.scn' }, { mountpoint: '/nonexistent' }, { scenario: 'machine ram=1' }])
      await reclaimfs.mount(settings).catch((error) => caught.push([error.constructor.name, error.line ?? error.code ?? 0]));
    console.log(JSON.stringify(caught));`;
  expect(await consume(source)).toEqual([
    ['ScenarioError', 1],
    ['MountError', 'ERR_RECLAIMFS_MOUNT'],
    ['ScenarioError', 1],
  ]);
});

test.skipIf(skipMounts)('a program that dies takes its mount along', async () => {
  const path = join(consumer, 'dies.mjs');
  writeFileSync(
    path,
    `import { mount } from 'reclaimfs';
    const proc = await mount({ scenario: 'proc a pid=1000' });
    console.log(proc.mountpoint);
    process.kill(process.pid, 'SIGKILL');`,
  );
  const { stdout } = await run(process.execPath, [path], 30_000);
  const script = `for i in $(seq 50); do grep -q ' ${stdout.trim()} ' /proc/self/mountinfo || exit 0; sleep 0.1; done; exit 1`;
  expect((await run('sh', ['-c', script])).status).toBe(0);
});
