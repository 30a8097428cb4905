/**
 * Every command and program in the README and the manual is run, one page after the other from top to bottom, in a directory
 * and a mount namespace of its own; what is shown below a block (```text) is what it prints.
 *
 * ```sh, ```js   run                          ```sh [name], ```js [name], ```scn [name]   a file
 * ```scn         checked                      <!-- not run: why --> before a block        counted, not run
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
/** Made by the program: their blocks are help texts and signatures. */
const GENERATED = ['docs/language.md', 'docs/commands.md', 'docs/reclaimfs.api.md'];
const PAGES = [
  'README.md',
  ...readdirSync(join(REPOSITORY, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .filter((name) => !GENERATED.includes(name)),
];
/** Blocks that are not run; each says why. One more has to be justified here. */
const NOT_RUN = 6;
const LIMIT_MS = 280_000;

interface Block {
  readonly line: number;
  readonly language: string;
  readonly file: string | undefined;
  readonly text: string;
  readonly notRun: string | undefined;
  /** What it prints. */
  readonly shown: string | undefined;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(REPOSITORY, page), 'utf8');
  const found = [...text.matchAll(/(?:<!-- not run: (.*?) -->\n)?^```(\w*)(?: \[(.*)\])?\n([\s\S]*?)^```$/gm)];
  return found.flatMap(([, notRun, language = '', file, content = ''], i) => {
    const next = found[i + 1];
    const shown = next?.[2] === 'text' && next[3] === undefined ? next[4] : undefined;
    if (language === 'text') return [];
    const line = text.slice(0, found[i]!.index).split('\n').length;
    return [{ line, language, file, text: content, notRun, shown }];
  });
}

const program = new Program();

beforeAll(async () => {
  await program.build();
  symlinkSync(join(REPOSITORY, 'scripts'), join(program.directory, 'scripts'));
  const bin = join(program.directory, 'bin');
  mkdirSync(bin);
  const command = (name: string, script: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`, { mode: 0o755 });
  command('reclaimfs', join(program.directory, 'dist/cli/main.js'));
  command('vitest', join(REPOSITORY, 'node_modules/vitest/vitest.mjs'));
});
afterAll(() => program.dispose());

/** A script that does everything on a page: what block I printed lies in I.out and I.err, the last begun in `at`. */
function scriptOf(blocks: readonly Block[], directory: string): string {
  const lines = blocks.map((block, i) => {
    const here = `cat > '${block.file ?? `block-${i}.mjs`}' <<'END_OF_BLOCK'\n${block.text}END_OF_BLOCK\n`;
    const own = block.text.replaceAll('/tmp/proc', `${directory}/proc`);
    const what =
      block.file !== undefined
        ? here
        : block.language === 'js'
          ? `${here}node block-${i}.mjs\n`
          : block.language === 'scn'
            ? `reclaimfs scenario check - <<'END_OF_BLOCK'\n${block.text}END_OF_BLOCK\n`
            : own;
    return `echo ${i} > .at\nexec > .${i}.out 2> .${i}.err\n${what}`;
  });
  return `set -eu\ncd '${directory}'\n${lines.join('\n')}`;
}

function play(script: string, directory: string): Promise<number> {
  const path = `${program.directory}/bin:${dirname(process.execPath)}:${process.env['PATH']}`;
  const env = { ...process.env, PATH: path, NO_COLOR: '1', HOME: directory, LC_ALL: 'C' };
  const argv = ['--mount', '--propagation', 'private', 'sh', '-c', script];
  return new Promise((settle) => {
    execFile('unshare', argv, { env, timeout: LIMIT_MS, killSignal: 'SIGKILL' }, (error) =>
      settle(error === null ? 0 : Number(error.code ?? -1)),
    );
  });
}

describe.skipIf(skipMounts)('what is run on', () => {
  test.each(PAGES)('%s', { timeout: 300_000 }, async (page) => {
    const blocks = blocksOf(page).filter(({ notRun }) => notRun === undefined);
    const directory = join(program.directory, page.replaceAll(/\W/g, '-'));
    mkdirSync(join(directory, 'node_modules'), { recursive: true });
    symlinkSync(program.directory, join(directory, 'node_modules/reclaimfs'));
    symlinkSync(join(REPOSITORY, 'node_modules/vitest'), join(directory, 'node_modules/vitest'));
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    writeFileSync(
      join(directory, 'vitest.config.js'),
      'export default { test: { testTimeout: 60_000, hookTimeout: 60_000 } };',
    );
    const status = await play(scriptOf(blocks, directory), directory);
    const read = (name: string): string => {
      const path = join(directory, name);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    const at = Number(read('.at'));
    const said = `${page}:${blocks[at]?.line}\n${blocks[at]?.text}${read(`.${at}.out`)}${read(`.${at}.err`)}`;
    expect(blocks.length === 0 ? 0 : status, said).toBe(0);
    for (const [i, { shown, line }] of blocks.entries())
      if (shown !== undefined) expect(read(`.${i}.out`).trimEnd(), `${page}:${line}`).toBe(shown.trimEnd());
  });
});

test('what is not run says why, and is counted', () => {
  const skipped = PAGES.flatMap((page) => blocksOf(page).filter(({ notRun }) => notRun !== undefined));
  expect(skipped.map(({ notRun }) => notRun).filter((why) => why === '')).toEqual([]);
  expect(skipped.length).toBe(NOT_RUN);
});

test('every block is of a kind that is run', () => {
  const kinds = PAGES.flatMap((page) =>
    blocksOf(page)
      .filter(({ notRun, language }) => notRun === undefined && !['sh', 'js', 'scn'].includes(language))
      .map(({ line, language }) => `${page}:${line} ${language}`),
  );
  expect(kinds).toEqual([]);
});

test('links lead to files that are there', () => {
  const broken = [...PAGES, 'SECURITY.md', 'CONTRIBUTING.md'].flatMap((page) => {
    const text = readFileSync(join(REPOSITORY, page), 'utf8').replaceAll(/```[\s\S]*?```/g, '');
    return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !existsSync(join(REPOSITORY, dirname(page), link)))
      .map((link) => `${page}: ${link}`);
  });
  expect(broken).toEqual([]);
});
