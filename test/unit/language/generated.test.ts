/** Files that follow from the step tables are up to date: otherwise `npm run generate`. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { RESULT_SCHEMAS } from '../../../src/cli/result-schemas.ts';
import { languageMarkdown } from '../../../src/scenario/language/markdown.ts';
import { languageSchema, stepTypes } from '../../../src/scenario/language/schema.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
/** The formatter breaks lines in its own way. */
const plain = (text: string): string => text.replace(/[\s|&();]+/g, '');

test('docs/language.md', () => {
  expect(read('docs/language.md'), 'npm run generate').toBe(languageMarkdown());
});

test('schemas/step.schema.json', () => {
  expect(JSON.parse(read('schemas/step.schema.json')), 'npm run generate').toEqual(languageSchema());
});

test('src/library/step-types.ts', () => {
  expect(plain(read('src/library/step-types.ts')) === plain(stepTypes()), 'npm run generate').toBe(true);
});

test.each(Object.entries(RESULT_SCHEMAS))('schemas/%s.schema.json', (name, schema) => {
  expect(JSON.parse(read(`schemas/${name}.schema.json`)), 'npm run generate').toEqual(schema);
});
