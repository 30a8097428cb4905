/** Situations from public reports, one shell script each: `sh NAME.sh PATH-OF-main.js` exits 0 where the program is right. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, skipMounts } from '../conformance/support/mounts.ts';
import { Program } from '../conformance/support/reclaim-mount.ts';

const SCRIPTS = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.sh'));
const CASE_MS = 120_000;

const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

test.skipIf(skipMounts).each(SCRIPTS)('%s', async (name) => {
  const main = join(program.directory, 'dist/cli/main.js');
  const { status, stdout, stderr } = await run('sh', [join(import.meta.dirname, name), main], CASE_MS);
  expect(status, `${stdout}${stderr}`).toBe(0);
});
