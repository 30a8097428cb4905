/** A comparison as text. */
import type { Cell, Comparison, MetricRow } from './comparison.ts';
import { isIdle, isSameForAllSeeds } from './comparison.ts';
import { commonSettings, experimentDigest } from './experiment.ts';
import type { Metric } from './metrics.ts';
import { INTERVAL } from './statistics.ts';

/** More rows than this stand below each other, with key figures only. */
const MOST_COLUMNS = 7;

/** A number as a table shows it: no more digits than it can bear. */
export function numberText(value: number, { digits }: Pick<Metric, 'digits'> = {}): string {
  if (Number.isNaN(value)) return '–';
  const shown = digits ?? (Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0);
  const text = value.toFixed(shown).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ' ');
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
}

export function labelText({ label, unit }: Metric): string {
  return unit === undefined ? label : `${label} (${unit})`;
}

/** Mean and half of the interval; `*`: the best, or one of them. */
export function cellText({ mean, high, best }: Cell, metric: Metric): string {
  const spread = high === undefined ? '' : ` ±${numberText(high - mean, metric)}`;
  return `${numberText(mean, metric)}${spread}${best ? '*' : ' '}`;
}

/** Mean difference and its interval; `~`: not distinguishable from the baseline; `same` in every pair. */
export function differenceText({ difference }: Cell, metric: Metric): string {
  if (difference === undefined) return '';
  const { mean, low, high, distinguishable } = difference;
  if (mean === 0 && low === high) return 'same ';
  const signed = (value: number) => {
    const text = numberText(value, metric);
    return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
  };
  if (low === undefined || high === undefined) return `${signed(mean)} `;
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]${distinguishable === true ? ' ' : '~'}`;
}

/** The part of a comparison that has differences: without the baseline, and without lines in which nothing differs. */
export function differing(comparison: Comparison): Comparison {
  const kept = comparison.experiment.rows.flatMap((_, row) =>
    comparison.metrics[0]?.cells[row]?.difference === undefined ? [] : [row],
  );
  const pick = <T>(list: readonly T[]) => kept.map((row) => list[row]!);
  return {
    ...comparison,
    experiment: { ...comparison.experiment, rows: pick(comparison.experiment.rows) },
    metrics: comparison.metrics
      .map(({ metric, cells }) => ({ metric, cells: pick(cells) }))
      .filter(({ cells }) =>
        cells.some(({ difference }) => difference!.mean !== 0 || difference!.low !== difference!.high),
      ),
  };
}

/** A comparison as a table of plain text, as `reclaimfs compare` prints it. */
export function comparisonTable(comparison: Comparison): string {
  const { experiment, baseline } = comparison;
  const { rows, seeds, scenario } = experiment;
  const lines: string[] = [];
  if (scenario.title !== '') lines.push(scenario.title);
  const minutes = ((comparison.runs[0]?.simulatedSeconds ?? 0) / 60).toFixed(0);
  const many = seeds.length > 1;
  const spread = many ? `; ± is half of the ${INTERVAL}` : '; one seed: no intervals, and nothing can be told apart';
  lines.push(
    `${scenario.file}: ${minutes} simulated minutes, means of ${seeds.length} seed${many ? 's' : ''}${spread}; * the best`,
    '',
  );
  const wide = rows.length > MOST_COLUMNS;
  lines.push(...(wide ? longTable : wideTable)(comparison, cellText));
  const differences = differing(comparison);
  if (differences.experiment.rows.length > 0 && differences.metrics.length > 0) {
    const told = many
      ? ', pair by pair over seeds; ~: not distinguishable (the 95 % interval holds 0; each by itself)'
      : '';
    const shown = differences.experiment.rows.length > MOST_COLUMNS ? longTable : wideTable;
    lines.push(`Differences to ${baseline}${told}`, '', ...shown(differences, differenceText));
  }
  if (isSameForAllSeeds(comparison))
    lines.push(
      'Nothing in this load depends on the seed: its runs are one, and intervals of no width say nothing.',
      '',
    );
  if (isIdle(comparison)) lines.push('Nothing was short of memory in any run: there is nothing to compare.', '');
  for (const { name, about } of new Map(rows.map(({ policy }) => [policy.name, policy])).values())
    lines.push(`${name.padEnd(14)} ${about}`);
  lines.push('', ...originLines(comparison));
  return `${lines.join('\n')}\n`;
}

/** Program, command, settings and scenario, a line each. */
export function originLines({ origin, experiment }: Comparison): string[] {
  const settings = Object.entries(commonSettings(experiment)).map(([key, value]) => `${key}=${value}`);
  return [
    `reclaimfs ${origin.version}, commit ${origin.commit}, ${origin.date}`,
    `${origin.command}`,
    `settings: ${settings.length === 0 ? 'as the scenario says' : settings.join(' ')}; experiment ${experimentDigest(experiment)}`,
  ];
}

type CellWriter = (cell: Cell, metric: Metric) => string;

function wideTable({ metrics, experiment }: Comparison, text: CellWriter): string[] {
  const cells = metrics.map(({ metric, cells: list }) => list.map((cell) => text(cell, metric)));
  const widths = experiment.rows.map(({ name }, column) =>
    Math.max(name.length + 1, ...cells.map((row) => row[column]!.length)),
  );
  const columns = (texts: readonly string[]) => texts.map((t, i) => `  ${t.padStart(widths[i]!)}`).join('');
  const label = Math.max(...metrics.map(({ metric }) => labelText(metric).length)) + 2;
  const lines = [`${''.padEnd(label)}${columns(experiment.rows.map(({ name }) => `${name} `))}`.trimEnd()];
  let group = '';
  metrics.forEach(({ metric }, i) => {
    if (metric.group !== group) lines.push(metric.group);
    group = metric.group;
    lines.push(`  ${labelText(metric).padEnd(label - 2)}${columns(cells[i]!)}`.trimEnd());
  });
  return [...lines, ''];
}

/** One line a row of the experiment, key figures only. */
function longTable({ metrics, experiment }: Comparison, text: CellWriter): string[] {
  const shown: MetricRow[] = metrics.filter(({ metric }) => metric.isKeyFigure === true);
  const columns = shown.map(({ metric, cells }) => {
    const texts = [labelText(metric), ...cells.map((cell) => text(cell, metric))];
    const width = Math.max(...texts.map((t) => t.length));
    return texts.map((t) => t.padStart(width));
  });
  const label = Math.max(...experiment.rows.map(({ name }) => name.length));
  return [
    ...['', ...experiment.rows.map(({ name }) => name)].map((name, line) =>
      `${name.padEnd(label)}  ${columns.map((column) => column[line]).join('  ')}`.trimEnd(),
    ),
    '',
  ];
}
