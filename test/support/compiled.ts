import { execFile } from 'node:child_process';
import { cpSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const BUILD_MS = 120_000;

/**
 * Puts a compiled copy of the sources into `directory`, so that nobody's build in the meantime matters: a copy of `dist`
 * where that is newer than everything it is made of (as scripts/setup decides), else a build. Errors: what tsc or vite prints.
 */
export async function compileInto(directory: string): Promise<void> {
  const made = timeOf(join(REPOSITORY, 'dist/cli/main.js'));
  const sources = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/bundle.mjs'].map((name) =>
    join(REPOSITORY, name),
  );
  if (Math.max(newest(join(REPOSITORY, 'src')), ...sources.map(timeOf)) < made) {
    cpSync(join(REPOSITORY, 'dist'), directory, { recursive: true });
    return;
  }
  await ran(bin('tsc'), ['-p', join(REPOSITORY, 'tsconfig.build.json'), '--outDir', directory]);
  await ran(process.execPath, [join(REPOSITORY, 'scripts/bundle.mjs'), directory]);
  const page = join(REPOSITORY, 'src/ui/page/vite.config.ts');
  await ran(bin('vite'), ['build', '--config', page, '--outDir', join(directory, 'ui/page')]);
}

const bin = (tool: string): string => join(REPOSITORY, 'node_modules/.bin', tool);

function ran(file: string, argv: readonly string[]): Promise<void> {
  return new Promise((settle, fail) => {
    execFile(file, argv, { timeout: BUILD_MS, killSignal: 'SIGKILL' }, (error, stdout, stderr) =>
      error ? fail(new Error(`${file}: ${stdout}${stderr}`)) : settle(),
    );
  });
}

/** When a file was last changed, in milliseconds; 0 where there is none. */
function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newest(directory: string): number {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return Math.max(timeOf(directory), ...names.map((name) => timeOf(join(directory, name))));
}
