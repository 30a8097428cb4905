/** Distribution of the time until an app was ready: a histogram a row over all openings of all seeds, on a common scale. */
import { bin } from 'd3-array';
import { scaleLinear, scaleLog } from 'd3-scale';
import type { Comparison } from '../comparison.ts';
import { percentile } from '../statistics.ts';
import { AXIS_ROOM, figure, type Layout, px, rounded, xAxis } from './figure.ts';
import { html, type Markup } from './template.ts';

const HEIGHT = 44;
const PITCH = 74;
const BINS = 56;

export function latencyFigure({ experiment, runs }: Comparison): Markup {
  const rows = experiment.rows.map(({ name }, row) => {
    const openings = runs.filter((run) => run.row === row).flatMap((run) => run.openings);
    return { name, all: openings.map(({ ms }) => ms), hot: openings.filter(({ hot }) => hot).map(({ ms }) => ms) };
  });
  const all = rows.flatMap((row) => row.all);
  const low = Math.max(0.1, Math.min(...all));
  const high = Math.max(low * 10, ...all);
  const edges = Array.from({ length: BINS + 1 }, (_, i) => low * (high / low) ** (i / BINS));
  const shares = (values: readonly number[], of: number) =>
    bin()
      .domain([low, high])
      .thresholds(edges.slice(1, -1))([...values])
      .map((list) => list.length / Math.max(1, of));
  const histograms = rows.map((row) => ({
    all: shares(row.all, row.all.length),
    hot: shares(row.hot, row.all.length),
  }));
  const peak = Math.max(...histograms.flatMap(({ all: bars }) => bars));
  const draw = ({ width }: Layout) => {
    const [left, right] = [2, width - 14];
    const x = scaleLog([low, high], [left, right]);
    const h = scaleLinear([0, peak], [0, HEIGHT]);
    const bottom = rows.length * PITCH + 4;
    const decades = [0.1, 1, 10, 100, 1000, 10_000, 100_000].flatMap((ten) =>
      (width > 500 ? [1, 2, 5] : [1, 3]).map((f) => f * ten),
    );
    const ticks = decades
      .filter((ms) => ms >= low && ms <= high)
      .map((ms) => ({ x: x(ms), text: ms >= 1000 ? `${ms / 1000} s` : `${ms} ms` }));
    const drawn = rows.map((row, i) => {
      const floor = i * PITCH + PITCH;
      const outline = (bars: readonly number[]) =>
        `M${px(x(low))} ${floor}${bars.map((share, k) => `V${px(floor - h(share))}H${px(x(edges[k + 1]!))}`).join('')}V${floor}Z`;
      const [p50, p95] = [percentile(row.all, 0.5), percentile(row.all, 0.95)];
      const mark = (ms: number) =>
        html`<line class="median" x1="${px(x(ms))}" x2="${px(x(ms))}" y1="${floor - HEIGHT}" y2="${floor + 4}"/>`;
      return html`<text class="name" x="0" y="${floor - HEIGHT - 8}">${row.name}<tspan dx="10" font-weight="400" fill="var(--soft)">p50 ${rounded(p50)} ms, p95 ${rounded(p95)} ms</tspan></text><path class="first" d="${outline(histograms[i]!.all)}"/><path class="hot" d="${outline(histograms[i]!.hot)}"/>${row.all.length > 0 && [mark(p50), mark(p95)]}`;
    });
    return {
      height: bottom + AXIS_ROOM,
      content: html`${xAxis(ticks, { left, right, top: 4, bottom }, 'time until ready (log scale)')}${drawn}`,
    };
  };
  const levels = [0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];
  return figure({
    name: 'latency',
    label: 'Distribution of the time until an app was ready, by row',
    head: ['row', 'openings', ...levels.map((level) => `p${level * 100} ms`), 'hot p50 ms', 'hot p95 ms'],
    rows: rows.map((row) => [
      row.name,
      row.all.length,
      ...levels.map((level) => rounded(percentile(row.all, level))),
      rounded(percentile(row.hot, 0.5)),
      rounded(percentile(row.hot, 0.95)),
    ]),
    draw,
  });
}
