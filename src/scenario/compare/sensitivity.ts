/**
 * Whether what a comparison says still holds where a number that had to be chosen is another: one at a time, memory, swap,
 * sizes of apps and speeds of devices. Where two policies change places, the conclusion hung on that number.
 */
import type { Comparison, MetricRow } from './comparison.ts';
import type { Settings } from './experiment.ts';
import { pairedDifference } from './statistics.ts';
import { labelText, numberText } from './table.ts';

/** What is varied, in this order; the first is the comparison itself. */
export const VARIATIONS: readonly { readonly about: string; readonly settings: Settings; readonly apps?: true }[] = [
  { about: 'as it is', settings: {} },
  { about: 'RAM −25 %', settings: { 'machine.ram': 'x0.75' } },
  { about: 'RAM +25 %', settings: { 'machine.ram': 'x1.25' } },
  { about: 'swap −50 %', settings: { 'machine.swap': 'x0.5' } },
  { about: 'swap +50 %', settings: { 'machine.swap': 'x1.5' } },
  { about: 'apps −25 %', settings: { 'app.size': 'x0.75' }, apps: true },
  { about: 'apps +25 %', settings: { 'app.size': 'x1.25' }, apps: true },
  { about: 'devices twice as fast', settings: { 'storage.times': 'x0.5' } },
  { about: 'devices half as fast', settings: { 'storage.times': 'x2' } },
];

/** Metrics whose order is looked at. */
const LOOKED_AT = [
  'cold',
  'open_ms_mean',
  'open_ms_p95',
  'lost_seconds',
  'oom_kills',
  'background_cpu_ms',
  'psi_some_s',
];

/** How two policies stand to each other: which is lower for certain; or they cannot be told apart. */
type Standing = 'first' | 'second' | 'neither';

/** A pair of policies whose standing differs from that of the comparison as it is. */
export interface Turn {
  readonly metric: MetricRow['metric'];
  readonly variation: string;
  readonly first: string;
  readonly second: string;
  readonly before: Standing;
  readonly now: Standing;
}

/** The groups of rows with the same settings, in the order of the variations. */
function groupsOf({ experiment }: Comparison): number[][] {
  const groups = new Map<string, number[]>();
  experiment.rows.forEach(({ settings }, row) => {
    const key = JSON.stringify(settings);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  });
  return [...groups.values()];
}

function standing({ cells }: MetricRow, first: number, second: number): Standing {
  const { distinguishable, mean } = pairedDifference(cells[first]!.values, cells[second]!.values);
  if (distinguishable !== true) return 'neither';
  return mean < 0 ? 'first' : 'second';
}

/** Everything that changes with a variation. Precondition: rows are policies × variations, the first as it is. */
export function turnsOf(comparison: Comparison, variations: readonly { readonly about: string }[]): Turn[] {
  const [base = [], ...others] = groupsOf(comparison);
  const name = (row: number) => comparison.experiment.rows[row]!.policy.name;
  const turns: Turn[] = [];
  for (const metricRow of comparison.metrics) {
    if (!LOOKED_AT.includes(metricRow.metric.key)) continue;
    others.forEach((rows, i) => {
      for (let a = 0; a < base.length; a++)
        for (let b = a + 1; b < base.length; b++) {
          const before = standing(metricRow, base[a]!, base[b]!);
          const now = standing(metricRow, rows[a]!, rows[b]!);
          if (before === now) continue;
          const variation = variations[i + 1]!.about;
          turns.push({
            metric: metricRow.metric,
            variation,
            first: name(base[a]!),
            second: name(base[b]!),
            before,
            now,
          });
        }
    });
  }
  return turns;
}

/** The table: the order of the policies by each metric under each variation, and what turns over. */
export function sensitivityTable(comparison: Comparison, variations: readonly { readonly about: string }[]): string {
  const groups = groupsOf(comparison);
  const { rows } = comparison.experiment;
  const lines = [
    'Sensitivity: policies in the order of their means, lowest first (=: not distinguishable from the one before)',
    '',
  ];
  const width = Math.max(...variations.map(({ about }) => about.length));
  for (const metricRow of comparison.metrics.filter(({ metric }) => LOOKED_AT.includes(metric.key))) {
    const { metric, cells } = metricRow;
    lines.push(labelText(metric));
    groups.forEach((group, i) => {
      const order = [...group].sort((a, b) => cells[a]!.mean - cells[b]!.mean);
      const texts = order.map((row, place) => {
        const tied = place > 0 && standing(metricRow, order[place - 1]!, row) === 'neither';
        const sign = place === 0 ? '' : tied ? ' = ' : ' < ';
        return `${sign}${rows[row]!.policy.name} ${numberText(cells[row]!.mean, metric)}`;
      });
      lines.push(`  ${variations[i]!.about.padEnd(width)}  ${texts.join('')}`);
    });
    lines.push('');
  }
  const over = turnsOf(comparison, variations).filter(({ before, now }) => before !== 'neither' && now !== 'neither');
  lines.push(
    over.length === 0
      ? 'No pair of policies changes places.'
      : 'Where two policies change places, each time beyond the 95 % interval:',
  );
  for (const { metric, variation, first, second, before } of over) {
    const [low, high] = before === 'first' ? [first, second] : [second, first];
    lines.push(
      `  ${variation}: ${labelText(metric)} is lower under ${high} than under ${low}; as it is, the other way round`,
    );
  }
  return `${lines.join('\n')}\n`;
}
