// check.mjs: is every mutation of the list still to be found in the sources? Prints those that are not; exit status 1.
import { readFileSync } from 'node:fs';
import { mutate } from './operators.mjs';

const root = new URL('../../', import.meta.url).pathname;
let gone = 0;
for (const mutation of JSON.parse(readFileSync(new URL('mutations.json', import.meta.url), 'utf8'))) {
  if (mutate(readFileSync(`${root}${mutation.file}`, 'utf8'), mutation) !== undefined) continue;
  console.log(`${mutation.file}: "${mutation.line}" is not there any more`);
  gone++;
}
process.exitCode = gone === 0 ? 0 : 1;
