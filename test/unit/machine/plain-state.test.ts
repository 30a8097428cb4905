/** The state of a machine is plain data: what walks it to save it sees every field. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SRC = new URL('../../../src', import.meta.url).pathname;
const FIELD = /^ {2}(?:readonly )?#\w+(?::|;|!|\?| =)/;

function files(directory: string): string[] {
  return readdirSync(join(SRC, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name));
}

test('fields of classes in src/mm and src/machine are `private x`, not `#x`, which cannot be seen from outside', () => {
  const hidden = [
    ...files('mm'),
    ...files('machine'),
    ...files('scenario/compare/task-managers'),
    'util/random.ts',
  ].flatMap((file) =>
    readFileSync(join(SRC, file), 'utf8')
      .split('\n')
      .filter((line) => FIELD.test(line))
      .map((line) => `${file}:${line}`),
  );
  expect(hidden).toEqual([]);
});
