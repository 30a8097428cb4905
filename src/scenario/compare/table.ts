/** A comparison as text. */
import type { Comparison, PolicySummary } from './compare.ts';

export interface Row {
  readonly label: string;
  readonly value: (summary: PolicySummary) => number;
  readonly digits?: number;
  readonly unit?: string;
  /** Which way is good, where one is. */
  readonly better?: 'less' | 'more';
}

interface Group {
  readonly group: string;
  /** Only where apps were opened. */
  readonly opened: boolean;
  readonly rows: readonly Row[];
}

/** The rows of the table, in groups. */
const TABLE: readonly Group[] = [
  {
    group: 'Apps',
    opened: true,
    rows: [
      { label: 'cold starts', value: (s) => s.cold, better: 'less' },
      { label: 'hot resumes', value: (s) => s.hot, better: 'more' },
      { label: 'states lost', value: (s) => s.lostStates, better: 'less' },
    ],
  },
  {
    group: 'Latency',
    opened: true,
    rows: [
      { label: 'resume p50', value: (s) => s.resumeMsP50, unit: 'ms' },
      { label: 'resume p95', value: (s) => s.resumeMsP95, unit: 'ms' },
      { label: 'resume p99', value: (s) => s.resumeMsP99, unit: 'ms' },
      { label: 'hot or cold, mean', value: (s) => s.openMsMean, unit: 'ms', better: 'less' },
    ],
  },
  {
    group: 'Kills',
    opened: false,
    rows: [
      { label: 'by the low-memory killer', value: (s) => s.lmkKills, better: 'less' },
      { label: 'by the OOM killer', value: (s) => s.oomKills, better: 'less' },
      { label: 'of the app in front', value: (s) => s.foregroundKills, better: 'less' },
    ],
  },
  {
    group: 'Memory',
    opened: false,
    rows: [
      { label: 'major faults', value: (s) => s.majorFaults, better: 'less' },
      { label: 'written to swap', value: (s) => s.swapOutMb, unit: 'MB', better: 'less' },
      { label: 'PSI memory some', value: (s) => s.psiSomeSeconds, digits: 2, unit: 's', better: 'less' },
      { label: 'PSI memory full', value: (s) => s.psiFullSeconds, digits: 2, unit: 's', better: 'less' },
      { label: 'direct reclaims', value: (s) => s.directReclaims, better: 'less' },
      { label: 'time in direct reclaim', value: (s) => s.directReclaimMs, unit: 'ms', better: 'less' },
      { label: 'background CPU', value: (s) => s.backgroundCpuMs, unit: 'ms', better: 'less' },
      { label: 'taken by reclaim files', value: (s) => s.reclaimedMb, unit: 'MB' },
    ],
  },
];

/** The groups that have something to say about a comparison. */
export function tableOf({ policies }: Comparison): readonly Group[] {
  const opened = policies.some(({ hot, cold }) => hot + cold > 0);
  return TABLE.filter((group) => opened || !group.opened);
}

export function cellText(row: Row, summary: PolicySummary): string {
  const value = row.value(summary);
  const digits = row.digits ?? (Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0);
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ' ');
}

export function comparisonTable(comparison: Comparison): string {
  const { policies, seeds } = comparison;
  const lines: string[] = [];
  if (comparison.title !== '') lines.push(comparison.title);
  const minutes = (comparison.simulatedSeconds / 60).toFixed(0);
  lines.push(
    `${comparison.scenario}: ${minutes} simulated minutes, means of ${seeds.length} seed${seeds.length === 1 ? '' : 's'}, ${(comparison.wallMs / 1000).toFixed(1)} s`,
    '',
  );
  const width = Math.max(12, ...policies.map(({ policy }) => policy.length + 2));
  lines.push(`${''.padEnd(30)}${policies.map(({ policy }) => policy.padStart(width)).join('')}`);
  for (const { group, rows } of tableOf(comparison)) {
    lines.push(group);
    for (const row of rows) {
      const label = row.unit === undefined ? row.label : `${row.label} (${row.unit})`;
      lines.push(`  ${label.padEnd(28)}${policies.map((summary) => cellText(row, summary).padStart(width)).join('')}`);
    }
    lines.push('');
  }
  for (const { policy, about } of policies) lines.push(`${policy.padEnd(14)}${about}`);
  return `${lines.join('\n')}\n`;
}
