/** What is wrong with a step: where, why and what would be accepted. `file:line:column: reason (hint)`. */
export class ScenarioError extends Error {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly reason: string;
  readonly hint: string;

  constructor(file: string, line: number, column: number, reason: string, hint = '') {
    super(`${file}:${line}:${column}: ${reason}${hint === '' ? '' : ` (${hint})`}`);
    this.name = 'ScenarioError';
    this.file = file;
    this.line = line;
    this.column = column;
    this.reason = reason;
    this.hint = hint;
  }
}
