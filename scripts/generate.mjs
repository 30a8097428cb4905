/** Writes what follows from the tables of the program; `--check`: only says what is out of date. Needs a build. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { manualFiles } from '../dist/cli/manual/files.js';
import { RESULT_SCHEMAS } from '../dist/cli/result-schemas.js';
import { editorFiles } from '../dist/scenario/language/editor.js';
import { languageMarkdown } from '../dist/scenario/language/markdown.js';
import { languageSchema, stepTypes } from '../dist/scenario/language/schema.js';

const ROOT = resolve(import.meta.dirname, '..');
const FILES = {
  'docs/language.md': languageMarkdown(),
  'schemas/step.schema.json': `${JSON.stringify(languageSchema(), undefined, 1)}\n`,
  'src/library/step-types.ts': formatted('src/library/step-types.ts', stepTypes()),
  ...manualFiles(),
  ...editorFiles(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version),
  ...Object.fromEntries(
    Object.entries(RESULT_SCHEMAS).map(([name, schema]) => [
      `schemas/${name}.schema.json`,
      `${JSON.stringify(schema, undefined, 1)}\n`,
    ]),
  ),
};

let stale = 0;
for (const [name, text] of Object.entries(FILES)) {
  const path = join(ROOT, name);
  if (read(path) === text) continue;
  stale++;
  if (process.argv.includes('--check')) console.error(`${name} is out of date: npm run generate`);
  else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(name);
  }
}
if (process.argv.includes('--check') && stale > 0) process.exitCode = 1;

/** As `npm run fix` leaves it: what stands in the repository is compared with that. */
function formatted(name, text) {
  const biome = join(ROOT, 'node_modules/.bin/biome');
  const { status, stdout, stderr } = spawnSync(biome, ['format', `--stdin-file-path=${name}`], {
    cwd: ROOT,
    input: text,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`biome: ${stderr}`);
  return stdout;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
