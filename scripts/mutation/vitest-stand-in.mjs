// What the tests of the memory model use of vitest, with its own expect: tests are noted, then run one after the other;
// the first failure ends it.
import { GLOBAL_EXPECT, JestAsymmetricMatchers, JestChaiExpect, JestExtend, setState } from '@vitest/expect';
import * as chai from 'chai';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
export const expect = Object.assign((value, message) => chai.expect(value, message), chai.expect);
Object.defineProperty(globalThis, GLOBAL_EXPECT, { value: expect, writable: true, configurable: true });
setState({ assertionCalls: 0, isExpectingAssertions: false, isExpectingAssertionsError: null }, expect);

const tests = [];
let path = [];
const hooks = { before: [], after: [] };

export function describe(name, body) {
  path = [...path, name];
  body();
  path = path.slice(0, -1);
}
describe.each = (rows) => (name, body) => {
  for (const row of rows) describe(name, () => body(...[row].flat()));
};

export function it(name, ...rest) {
  const body = rest.find((one) => typeof one === 'function');
  tests.push({ name: [...path, name].join(' > '), body });
}
it.each = (rows) => (name, body) => {
  for (const row of rows) it(`${name} ${JSON.stringify(row)}`, () => body(...[row].flat()));
};
export const test = it;
export const beforeEach = (body) => hooks.before.push(body);
export const afterEach = (body) => hooks.after.push(body);

/** The name and error of the first test that fails; undefined: none does. */
export async function runNoted() {
  for (const { name, body } of tests.splice(0)) {
    try {
      for (const hook of hooks.before) await hook();
      await body({ expect });
      for (const hook of hooks.after) await hook();
    } catch (error) {
      return { name, error };
    }
  }
  hooks.before = [];
  hooks.after = [];
  return undefined;
}
