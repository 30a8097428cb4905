/** A mounted tree to be measured: what it has follows from its kind. */
export interface Target {
  readonly label: string;
  readonly path: string;
  readonly kind: 'demo' | 'tree' | 'kernel' | 'lxcfs';
}

/** One operation on one target; the ratios are against the first target, C. */
export interface Row {
  readonly operation: string;
  readonly nrClients: number;
  readonly target: string;
  readonly medianUs: number;
  readonly p99Us: number;
  readonly opsPerSecond: number;
  readonly medianRatio: number;
  readonly throughputRatio: number;
  readonly nrErrors: number;
}

const HEADINGS = [
  'operation',
  'clients',
  'target',
  'median µs',
  'p99 µs',
  'ops/s',
  '× C median',
  '× C ops/s',
  'errors',
];

/** Prints the rows as a table, a blank line between operations. */
export function printTable(rows: readonly Row[]): void {
  const cells = rows.map((row) => [
    row.operation,
    String(row.nrClients),
    row.target,
    row.medianUs.toFixed(1),
    row.p99Us.toFixed(1),
    row.opsPerSecond.toFixed(0),
    row.medianRatio.toFixed(2),
    row.throughputRatio.toFixed(2),
    String(row.nrErrors),
  ]);
  const widths = HEADINGS.map((heading, i) => Math.max(heading.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 || i === 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  console.log(line(HEADINGS));
  cells.forEach((row, i) => {
    if (i > 0 && (row[0] !== cells[i - 1]![0] || row[1] !== cells[i - 1]![1])) console.log('');
    console.log(line(row));
  });
}
