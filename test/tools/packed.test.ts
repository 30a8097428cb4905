/** The package as npm packs it, in an empty directory: with nothing but its own files and the dependencies that it declares. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipTools } from './support/inside.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const LIMIT_MS = 170_000;
const directory = mkdtempSync(join(tmpdir(), 'reclaimfs-packed-'));
const installed = join(directory, 'node_modules/reclaimfs');
let files: string[] = [];
/** What is found beside a module that went into the bundle (scripts/bundle.mjs). */
const PLACE = /new URL\("([^"]+)", new URL\("([^"]+)", import\.meta\.url\)/g;
const SOURCE_OR_BUILT =
  /new URL\(new URL\("([^"]+)", import\.meta\.url\)\.href\.endsWith\("\.ts"\) \? "[^"]+" : "([^"]+)"/g;

function inDirectory(command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: directory, encoding: 'utf8', timeout: LIMIT_MS });
}

interface Locked {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly peer?: boolean }>>;
}

beforeAll(() => {
  const npm = { cwd: REPOSITORY, encoding: 'utf8', timeout: LIMIT_MS } as const;
  execFileSync('npm', ['run', '--silent', 'build'], npm);
  const packed = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', directory], npm)) as {
    filename: string;
    files: { path: string }[];
  }[];
  files = packed[0]!.files.map(({ path }) => path);
  mkdirSync(installed, { recursive: true });
  inDirectory('tar', '-xzf', packed[0]!.filename, '-C', installed, '--strip-components=1');
  // As npm would install it: what it declares, and what that needs; nothing that only developers have.
  const lock = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as Locked;
  for (const [path, { dev, peer }] of Object.entries(lock.packages)) {
    if (path === '' || dev === true || peer === true || path.lastIndexOf('node_modules/') > 0) continue;
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    symlinkSync(join(REPOSITORY, path), join(directory, path));
  }
  mkdirSync(join(directory, 'node_modules/.bin'));
  symlinkSync('../reclaimfs/dist/cli/main.js', join(directory, 'node_modules/.bin/reclaimfs'));
  writeFileSync(join(directory, 'package.json'), '{"name":"empty","type":"module"}');
}, 300_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('it holds what it needs and no source maps, sources or tests', () => {
  for (const path of ['dist/cli/main.js', 'schemas/run.schema.json', 'man/reclaimfs.1', 'completions/reclaimfs.bash'])
    expect(files).toContain(path);
  expect(files.filter((path) => /\.map$|^(src|test)\//.test(path))).toEqual([]);
});

test('every file that its modules import, or start by its place, is in it', () => {
  const modules = files.filter((path) => /^dist\/.*\.js$/.test(path) && !path.startsWith('dist/ui/page/'));
  const wanted = modules.flatMap((path) => {
    const code = readFileSync(join(installed, path), 'utf8');
    const here = (name: string, from = ''): string => join(dirname(join(dirname(path), from)), name);
    return [
      ...[...code.matchAll(/(?:from |import |import\()["'](\.[^"']+)["']/g)].map(([, name]) => here(name!, 'x')),
      ...[...code.matchAll(PLACE)].map(([, name, from]) => here(name!, from)),
      ...[...code.matchAll(SOURCE_OR_BUILT)].map(([, from, name]) => here(name!, from)),
    ];
  });
  expect(wanted.length).toBeGreaterThan(100);
  expect(wanted).toContain('dist/fuse/direct/kernel-thread.js');
  for (const path of new Set(wanted))
    expect(
      path.endsWith('/') ? files.some((file) => join('/', file).startsWith(join('/', path))) : files.includes(path),
      path,
    ).toBe(true);
});

test('every export can be imported, and every path that the manifest names is there', () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  for (const path of [...manifest.man, manifest.bin.reclaimfs, manifest.types])
    expect(files).toContain(path.replace(/^\.\//, ''));
  const script = `import { createMachine, BUILT_IN_NAMES } from 'reclaimfs';
    import { withProc } from 'reclaimfs/node-test';
    import manifest from 'reclaimfs/package.json' with { type: 'json' };
    import schema from 'reclaimfs/schemas/mount.schema.json' with { type: 'json' };
    const machine = createMachine('proc a pid=7\\na mmap heap size=4M\\na touch heap 0 4M write\\na reclaim anon');
    console.log(/VmSwap:.*/.exec(machine.read('/proc/7/status'))[0], typeof withProc, manifest.name, schema.title);`;
  writeFileSync(join(directory, 'program.mjs'), script);
  const words = inDirectory(process.execPath, '--no-warnings', 'program.mjs').trim().split(/\s+/);
  expect(words).toEqual(['VmSwap:', '4096', 'kB', 'function', 'reclaimfs', 'reclaimfs', 'mount', '--json']);
});

describe.skipIf(skipTools)('as root', () => {
  test('npx reclaimfs demo tells its story', { timeout: LIMIT_MS }, () => {
    expect(inDirectory('npx', '--no-install', 'reclaimfs', 'demo')).toMatch(/claims checked, all true/);
  });
});
