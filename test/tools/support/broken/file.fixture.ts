/** Not a test of the project: what count-reporter.test.ts runs. */
import { beforeAll, test } from 'vitest';

beforeAll(() => {
  throw new Error('meant to fail');
});
test('one', () => {});
test('two', () => {});
