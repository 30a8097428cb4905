/**
 * A reporter of vitest that writes `PASSED FAILED` to the file COUNT_FILE. A test that never ran because the set-up of its
 * file or group failed counts as failed, and so does a file that could not be loaded.
 */
import { writeFileSync } from 'node:fs';

/** Whether a group around a test, or its file, has an error of its own: a hook that threw. */
function isBroken(test) {
  for (let around = test.parent; around !== undefined; around = around.parent)
    if (around.errors().length > 0) return true;
  return test.module.errors().length > 0;
}

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      if (tests.length === 0 && module.errors().length > 0) failed++;
      let ownFailed = 0;
      for (const test of tests) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed' || (test.options.mode === 'run' && isBroken(test))) ownFailed++;
      }
      // A hook that fails after all tests have passed is a failure, too.
      if (ownFailed === 0 && tests.length > 0 && module.state() === 'failed') ownFailed = 1;
      failed += ownFailed;
    }
    writeFileSync(process.env.COUNT_FILE, `${passed} ${failed}\n`);
  }
}
