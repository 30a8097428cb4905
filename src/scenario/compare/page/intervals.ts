/** One metric in all rows: each seed a tick, the mean a dot, its 95 % interval a line. */
import { scaleLinear } from 'd3-scale';
import type { Comparison, MetricRow } from '../comparison.ts';
import { labelText, numberText } from '../table.ts';
import { AXIS_ROOM, figure, type Layout, px, rounded, xAxis } from './figure.ts';
import { html, type Markup } from './template.ts';

const PITCH = 34;

export function intervalsFigure({ experiment }: Comparison, { metric, cells }: MetricRow): Markup {
  const values = cells.flatMap(({ values: list, low, high }) => [...list, low ?? list[0]!, high ?? list[0]!]);
  const most = Math.max(...values, 1e-9);
  const least = Math.min(0, ...values);
  const draw = ({ width }: Layout) => {
    const [left, right] = [2, width - 16];
    const x = scaleLinear([least, most], [left, right]).nice();
    const bottom = cells.length * PITCH + 4;
    const ticks = x
      .ticks(width > 500 ? 8 : 4)
      .map((value) => ({ x: x(value), text: numberText(value, { digits: Number.isInteger(value) ? 0 : 1 }) }));
    const drawn = cells.map(({ mean, low, high, values: list, difference }, i) => {
      const y = i * PITCH + 24;
      const nd = difference?.distinguishable === false ? ' (not distinguishable from the baseline)' : '';
      return html`<text class="name" x="2" y="${y - 9}">${experiment.rows[i]!.name}<tspan dx="8" font-weight="400" fill="var(--soft)">${numberText(mean, metric)}${nd}</tspan></text><path class="seed" d="${list.map((value) => `M${px(x(value))} ${y - 4}v8`).join('')}"/>${low !== undefined && high !== undefined && html`<line class="whisker" x1="${px(x(low))}" x2="${px(x(high))}" y1="${y}" y2="${y}"/>`}<circle class="dot" cx="${px(x(mean))}" cy="${y}" r="4"/>`;
    });
    return {
      height: bottom + AXIS_ROOM,
      content: html`${xAxis(ticks, { left, right, top: 4, bottom }, labelText(metric))}${drawn}`,
    };
  };
  return figure({
    name: metric.key,
    label: `${labelText(metric)} by row, with its spread over seeds`,
    head: [
      'row',
      'mean',
      'from',
      'to',
      'difference',
      'from',
      'to',
      ...cells[0]!.values.map((_, i) => `seed ${experiment.seeds[i]}`),
    ],
    rows: cells.map(({ mean, low, high, difference, values: list }, i) => [
      experiment.rows[i]!.name,
      ...[mean, low, high, difference?.mean, difference?.low, difference?.high].map((v) =>
        v === undefined ? '' : rounded(v, 3),
      ),
      ...list.map((value) => rounded(value, 3)),
    ]),
    draw,
  });
}
