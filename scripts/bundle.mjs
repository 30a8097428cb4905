// Puts what tsc wrote together for a quick start: Node opens a handful of files in dist/bundle instead of hundreds. Whatever is
// imported or started by its name keeps its place, as a line that leads into the bundle. The other modules stay beside
// them for the scripts of this repository; they are not published (package.json, "files").
// `node scripts/bundle.mjs [DIST]`
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const DIST = resolve(process.argv[2] ?? resolve(import.meta.dirname, '../dist'));
const BUNDLE = join(DIST, 'bundle');

/** The package's exports, the command, and what is started as a process or thread of its own or found by its name. */
const ENTRIES = [
  'index',
  'testing/vitest',
  'testing/node-test',
  'cli/main',
  'cli/serve',
  'cli/run/run-server',
  'server/server',
  'server/compare/compare-server',
  'server/run/syscalls/spawner-thread',
  'server/run/syscalls/notifier-thread',
  'fuse/direct/kernel-thread',
  'fuse/fuse-native/watchdog',
  'scenario/compare/worker',
];

/** Modules that are loaded together are one file: what everything needs, and what a machine needs. */
const GROUPS = [
  {
    name: 'base',
    test: new RegExp(
      [
        '(util|vfs)/[^/]+',
        'server/messages',
        'fuse/types',
        'cli/(output|version)',
        'scenario/(built-in(/.*)?|masim|words|scenario-error)',
        'machine/(profiles|time-limits)',
      ]
        .map((modules) => `^${DIST}/${modules}.js$`)
        .join('|'),
    ),
  },
  {
    name: 'machine',
    test: new RegExp(`^${DIST}/(mm|machine|scenario/(heat|language|state|steps|trace))/|^${DIST}/scenario/[^/]+$`),
  },
];

/** A module finds the files beside it (`import.meta.url`) where it was before. */
const keepPlaces = {
  name: 'keep-places',
  transform(code, id) {
    if (!id.startsWith(DIST) || !code.includes('import.meta.url')) return null;
    return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(relative(BUNDLE, id))}, import.meta.url).href`);
  },
};

const inBundle = (entry) => entry.replaceAll('/', '-');
const bundle = await rolldown({
  input: Object.fromEntries(ENTRIES.map((entry) => [inBundle(entry), join(DIST, `${entry}.js`)])),
  platform: 'node',
  external: (id) => !id.startsWith('.') && !id.startsWith('/'),
  treeshake: { moduleSideEffects: () => true },
  plugins: [keepPlaces],
});
rmSync(BUNDLE, { recursive: true, force: true });
const { output } = await bundle.write({
  dir: BUNDLE,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  comments: { legal: true, annotation: true, jsdoc: false },
  codeSplitting: { groups: GROUPS },
});
await bundle.close();
const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../package.json'), 'utf8'),
);
const declared = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
for (const { fileName, imports, dynamicImports } of output)
  for (const name of [...(imports ?? []), ...(dynamicImports ?? [])])
    if (!/^node:|\.js$/.test(name) && !declared.some((known) => name === known || name.startsWith(`${known}/`)))
      throw new Error(`${fileName} imports ${name}, which package.json does not declare`);
for (const entry of ENTRIES) {
  const path = join(DIST, `${entry}.js`);
  const [hashbang] = /^#!.*\n/.exec(readFileSync(path, 'utf8')) ?? [''];
  const target = relative(dirname(path), join(BUNDLE, `${inBundle(entry)}.js`));
  writeFileSync(path, `${hashbang}export * from '${target.startsWith('.') ? target : `./${target}`}';\n`);
}
if (process.env.BUNDLE_SIZES) for (const chunk of output) console.log(chunk.fileName, chunk.code?.length);
