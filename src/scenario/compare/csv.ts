/** A comparison as comma-separated values: a line a run; where it comes from stands above in lines that begin with `#`. */
import type { Comparison } from './comparison.ts';
import { originLines } from './table.ts';

/** A comparison as CSV, a line a run. */
export function comparisonCsv(comparison: Comparison): string {
  const { experiment, metrics, runs } = comparison;
  const settings = [...new Set(experiment.rows.flatMap((row) => Object.keys(row.settings)))];
  const head = ['row', 'policy', ...settings, 'seed', ...metrics.map(({ metric }) => metric.key)];
  const lines = runs.map((run) => {
    const row = experiment.rows[run.row]!;
    const values = metrics.map(({ metric }) => String(Math.round(metric.value(run) * 1e4) / 1e4));
    return [row.name, row.policy.name, ...settings.map((key) => row.settings[key] ?? ''), String(run.seed), ...values];
  });
  const notes = [
    ...originLines(comparison),
    `scenario ${experiment.scenario.file}:`,
    ...experiment.scenario.text.split('\n'),
  ];
  return `${[...notes.map((line) => `# ${line}`.trimEnd()), ...[head, ...lines].map((fields) => fields.map(quoted).join(','))].join('\n')}\n`;
}

function quoted(field: string): string {
  return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
