/** Memory over time: of the processes, one upon the other; pressure; swap. */
import { Chart, type Series } from './chart.tsx';
import type { Sample, Store } from './store.ts';
import { size } from './units.ts';

/** So many processes have a layer of their own; the rest is one. */
const NR_LAYERS = 8;

export function Charts({ store }: { store: Store }) {
  const { samples } = store;
  const t = samples.map((sample) => sample.t);
  const of = (key: 'free' | 'swap' | 'some' | 'full'): number[] => samples.map((sample) => sample[key]);
  const kb = (value: number): string => size(Math.round(value));
  const percent = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} %`;
  return (
    <section aria-labelledby="over-time" class="charts">
      <h2 id="over-time">Over time</h2>
      <Chart
        name="memory"
        label="Resident memory by process"
        unit="shared pages count for each who maps them"
        t={t}
        series={layers(samples, store.names)}
        format={kb}
      />
      <Chart
        name="pressure"
        label="Memory pressure (PSI)"
        unit="avg10"
        t={t}
        series={[
          { label: 'some', color: '--line-1', values: of('some') },
          { label: 'full', color: '--line-2', values: of('full'), dash: [6, 4] },
        ]}
        format={percent}
      />
      <Chart
        name="swap"
        label="Swap in use, free memory"
        unit=""
        t={t}
        series={[
          { label: 'swap', color: '--line-1', values: of('swap') },
          { label: 'free', color: '--line-2', values: of('free'), dash: [6, 4] },
        ]}
        format={kb}
      />
    </section>
  );
}

/** The largest of all that was seen, from the top down. */
function layers(samples: readonly Sample[], names: Readonly<Record<number, string>>): Series[] {
  const peaks = new Map<string, number>();
  for (const { rss } of samples)
    for (const [pid, kb] of Object.entries(rss)) peaks.set(pid, Math.max(peaks.get(pid) ?? 0, kb));
  const largest = [...peaks]
    .sort((a, b) => b[1] - a[1] || Number(a[0]) - Number(b[0]))
    .slice(0, NR_LAYERS)
    .map(([pid]) => Number(pid));
  let below = samples.map(
    ({ rss, rest }) =>
      rest + Object.entries(rss).reduce((sum, [pid, kb]) => (largest.includes(Number(pid)) ? sum : sum + kb), 0),
  );
  const series: Series[] = [{ label: 'others', color: '--layer-0', values: below, isLayer: true }];
  for (const [i, pid] of [...largest].reverse().entries()) {
    below = below.map((kb, k) => kb + (samples[k]!.rss[pid] ?? 0));
    const label = `${names[pid] ?? 'process'} ${pid}`;
    series.push({ label, color: `--layer-${largest.length - i}`, values: below, isLayer: true });
  }
  return series.reverse();
}
