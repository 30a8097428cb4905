import { textOf } from '../util/bytes.ts';

/** So much of a reason is told: it may quote a word of a megabyte. */
const MOST_BYTES = 1000;

/** What is wrong with a step: where, why and what would be accepted. `file:line:column: reason (hint)`. Made of byte strings, it
 * holds text that is safe on a terminal. */
export class ScenarioError extends Error {
  readonly code = 'ERR_RECLAIMFS_SCENARIO';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly reason: string;
  readonly hint: string;

  constructor(file: string, line: number, column: number, why: string, hint = '') {
    const reason = why.length > MOST_BYTES ? `${why.slice(0, MOST_BYTES)}...` : why;
    super(textOf(`${file}:${line}:${column}: ${reason}${hint === '' ? '' : ` (${hint})`}`));
    this.name = 'ScenarioError';
    this.file = textOf(file);
    this.line = line;
    this.column = column;
    this.reason = textOf(reason);
    this.hint = textOf(hint);
  }
}
