/** Not a test of the project: what count-reporter.test.ts runs. */
import { beforeAll, describe, expect, test } from 'vitest';

describe('a group whose set-up fails', () => {
  beforeAll(() => {
    throw new Error('meant to fail');
  });
  test('one', () => {});
  test('two', () => {});
  test.skip('left out on purpose', () => {});
});

describe('a group beside it', () => {
  test('passes', () => {});
  test('fails', () => expect(1).toBe(2));
  test.skip('left out on purpose', () => {});
});
