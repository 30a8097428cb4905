/** Prints where the profiles part: profiles [--swap zram|disk] SCENARIO... */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { SwapKind } from '../../src/mm/swap/swap.ts';
import { partings } from './profiles.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { swap: { type: 'string', default: 'zram' } },
});
for (const file of positionals) {
  const text = readFileSync(file, 'utf8');
  console.log(`${file.split('/').at(-1)}: ${/^title (.*)$/m.exec(text)?.[1] ?? ''}`);
  const found = partings(text, file, values.swap as SwapKind);
  if (found.length === 0) console.log('  all profiles agree');
  for (const { where, values: groups } of found) {
    console.log(`  ${where}`);
    for (const [value, profiles] of groups) console.log(`    ${value.padEnd(24)} ${profiles.join(' ')}`);
  }
}
