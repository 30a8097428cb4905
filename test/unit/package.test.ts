/** The package as its readers find it: fields, files, exports that are explained, a version that is the same everywhere. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
const manifest = JSON.parse(read('package.json'));

test('the fields that registries and tools read are there', () => {
  for (const field of ['description', 'license', 'homepage', 'repository', 'bugs', 'keywords', 'engines', 'man'])
    expect(manifest[field], field).toBeTruthy();
  expect(manifest.exports['./package.json']).toBe('./package.json');
  expect(manifest.publishConfig).toEqual({ access: 'public' });
  expect(manifest.repository.url).toContain(manifest.homepage.replace('#readme', ''));
});

test('what a module does when it is imported is said: sideEffects', () => {
  const listed: string[] = manifest.sideEffects;
  for (const entry of listed.filter((name) => !name.includes('*')))
    expect(existsSync(join(ROOT, entry.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))), entry).toBe(true);
});

test('versions are exact, but for the range of Node and vitest', () => {
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
    for (const [name, version] of Object.entries(manifest[kind])) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
});

test('the version is the newest of the CHANGELOG, and that of the lock file', () => {
  const [newest] = [...read('CHANGELOG.md').matchAll(/^## (\d\S*)/gm)].map(([, version]) => version);
  expect(newest).toBe(manifest.version);
  expect(JSON.parse(read('package-lock.json')).version).toBe(manifest.version);
});

test('every export is explained', () => {
  const report = read('docs/reclaimfs.api.md');
  const undocumented = [...report.matchAll(/^\/\/ @public \(undocumented\)\n(.*)/gm)].map(([, line]) => line);
  expect(undocumented, 'write a doc comment, then npm run api').toEqual([]);
});

test('the report of the API names every export of the library', () => {
  const report = read('docs/reclaimfs.api.md');
  const exported = [...read('src/index.ts').matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) =>
    names!.split(',').map((name) => name.replace(/^\s*(type\s+)?/, '').trim()),
  );
  for (const name of exported.filter(Boolean))
    expect(report, `${name}: npm run api`).toMatch(new RegExp(`^export .*\\b${name}\\b`, 'm'));
});

test('every error that the library throws has a code', () => {
  const report = read('docs/reclaimfs.api.md');
  const errors = [...report.matchAll(/^export class (\w+Error) [\s\S]*?\n\}/gm)];
  expect(errors.length).toBeGreaterThan(6);
  for (const [body, name] of errors) expect(body, name).toMatch(/readonly code( |:)/);
});

test('the release script refuses a version that the CHANGELOG does not name', () => {
  const refused = (...args: string[]): string => {
    try {
      execFileSync(join(ROOT, 'scripts/release'), args, { encoding: 'utf8', stdio: 'pipe' });
      return 'accepted';
    } catch (error) {
      return (error as { stderr: string }).stderr;
    }
  };
  expect(refused()).toMatch(/^usage: scripts\/release/);
  expect(refused('1.2')).toMatch(/is no version/);
  expect(refused('0.0.1', '--dry-run')).toMatch(/not later than/);
});
