/** Prints `PASSED FAILED` of a vitest JSON report. `node sum-report.mjs REPORT STATUS`: STATUS is the exit status of the run. */
import { readFileSync } from 'node:fs';

const [, , path, status] = process.argv;
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  passed = report.numPassedTests;
  failed = report.numFailedTests;
  // A file that could not even be loaded has no tests.
  for (const file of report.testResults)
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) failed++;
} catch (error) {
  console.error(error.message);
}
if (failed === 0 && status !== '0') failed = 1;
console.log(`${passed} ${failed}`);
