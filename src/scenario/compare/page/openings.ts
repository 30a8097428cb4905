/** Hot and cold openings, one bar a row; the whisker is the 95 % interval of the hot ones. */
import { scaleLinear } from 'd3-scale';
import type { Comparison, MetricRow } from '../comparison.ts';
import { AXIS_ROOM, figure, type Layout, px, rounded, xAxis } from './figure.ts';
import { html, type Markup } from './template.ts';

const BAR = 22;
const PITCH = 58;

export function openingsFigure(comparison: Comparison): Markup {
  const metric = (key: string): MetricRow => comparison.metrics.find((row) => row.metric.key === key)!;
  const hot = metric('hot').cells;
  const cold = metric('cold').cells;
  const lost = metric('states_lost').cells;
  const rows = comparison.experiment.rows.map(({ name }, i) => {
    const h = hot[i]!;
    return { name, hot: h.mean, low: h.low, high: h.high, lost: lost[i]!.mean, first: cold[i]!.mean - lost[i]!.mean };
  });
  const most = Math.max(1, ...rows.map((row) => row.hot + row.lost + row.first));
  const draw = ({ width }: Layout) => {
    const right = width - 12;
    const x = scaleLinear([0, most], [1, right]);
    const bottom = rows.length * PITCH + 6;
    const ticks = x.ticks(width > 500 ? 8 : 4).map((value) => ({ x: x(value), text: String(value) }));
    const bars = rows.map((row, i) => {
      const y = i * PITCH + 24;
      const [a, b, c] = [x(row.hot), x(row.hot + row.lost), x(row.hot + row.lost + row.first)];
      const text = `${rounded(row.hot)} hot, ${rounded(row.lost)} lost, ${rounded(row.first)} first starts`;
      return html`<text class="name" x="0" y="${y - 6}">${row.name}<tspan dx="10" font-weight="400" fill="var(--soft)">${text}</tspan></text><rect class="hot" x="1" y="${y}" width="${px(a - 1)}" height="${BAR}"/><rect class="lost" x="${px(a)}" y="${y + 4}" width="${px(b - a)}" height="${BAR - 8}"/><rect class="first" x="${px(b + 1)}" y="${y + 4}" width="${px(Math.max(0, c - b - 1))}" height="${BAR - 8}"/>${row.low !== undefined && row.high !== undefined && html`<path class="whisker" fill="none" d="M${px(x(row.low))} ${y - 2}v${BAR + 4}m0 -${BAR / 2 + 2}H${px(x(row.high))}m0 -${BAR / 2 + 2}v${BAR + 4}"/>`}`;
    });
    return {
      height: bottom + AXIS_ROOM,
      content: html`${xAxis(ticks, { left: 1, right, top: 0, bottom }, 'openings per run')}${bars}`,
    };
  };
  return figure({
    name: 'openings',
    label: 'Hot and cold openings by row',
    head: ['row', 'hot', 'hot from', 'hot to', 'lost', 'first starts'],
    rows: rows.map((row) => [
      row.name,
      rounded(row.hot, 2),
      row.low === undefined ? '' : rounded(row.low, 2),
      row.high === undefined ? '' : rounded(row.high, 2),
      rounded(row.lost, 2),
      rounded(row.first, 2),
    ]),
    draw,
  });
}
