#!/usr/bin/env node
// Plays every scenario of a folder and compares with its goldens (what a real kernel did), in both swap variants.
//
//   npm run oracle [-- [SCENARIOS [GOLDENS]] [--profile P]]      default: test/oracle/{scenarios,goldens}, both profiles
//
// A line per scenario and variant; exit status 1 if any value differs. Profile linux-6.18 compares everything, the
// profiles of 2013 what holds for both kinds of kernel.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const { compareGolden } = await import('../dist/scenario/golden.js');
const { playScenario, toGolden } = await import('../dist/scenario/play.js');
const args = process.argv.slice(2);
const at = args.indexOf('--profile');
const profiles = at < 0 ? ['linux-6.18', '2013'] : args.splice(at, 2).slice(1);
const here = new URL('../test/oracle/', import.meta.url).pathname;
const scenarios = args[0] ?? join(here, 'scenarios');
const goldens = args[1] ?? (args[0] === undefined ? join(here, 'goldens') : join(args[0], '..', 'goldens'));
let failed = 0;
let passed = 0;
for (const file of readdirSync(scenarios)
  .filter((name) => name.endsWith('.scn'))
  .sort()) {
  for (const [variant, swapKind] of [
    ['zram0', 'zram'],
    ['file0', 'disk'],
  ]) {
    const goldenFile = join(goldens, file.replace(/\.scn$/, `.${variant}.json`));
    if (!existsSync(goldenFile)) {
      console.log(`${file} ${variant}: no golden ${goldenFile}`);
      failed++;
      continue;
    }
    const golden = JSON.parse(readFileSync(goldenFile, 'utf8'));
    const text = readFileSync(join(scenarios, file), 'utf8');
    for (const profile of profiles) {
      let line;
      try {
        const play = playScenario(text, file, { profile, swapKind });
        const problems = play.session.machine.check();
        const { compared, differing, first } = compareGolden(golden, toGolden(play), profile !== 'linux-6.18');
        const ok = differing === 0 && problems.length === 0;
        line = `${ok ? 'pass' : 'FAIL'} ${compared} compared, ${differing} differing`;
        if (first)
          line += `, first: ${first.where}: golden ${JSON.stringify(first.golden)}, ours ${JSON.stringify(first.ours)}`;
        if (problems.length > 0) line += `, broken: ${problems[0]}`;
        if (ok) passed++;
        else failed++;
      } catch (error) {
        failed++;
        line = `FAIL ${error.stack ?? error}`;
      }
      console.log(`${file} ${variant} ${profile}: ${line}`);
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
