/** Memory by process over the time of one run, stacked; page cache on top, RAM and swap as lines, kills as marks. */
import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import type { Row } from '../experiment.ts';
import type { MemorySample } from '../memory-sampler.ts';
import { OTHERS } from '../memory-sampler.ts';
import type { RunFigures } from '../recorder.ts';
import { AXIS_ROOM, figure, type Layout, px, xAxis } from './figure.ts';
import { html, type Markup } from './template.ts';

const CACHE = 'page cache';
const SWAP = 'swap in use';
const MOST_TABLE_ROWS = 30;
const LABEL_ROOM = 128;
const LABEL_PITCH = 15;

/** At most so many samples, evenly. */
function thinned(samples: readonly MemorySample[], most: number): MemorySample[] {
  const every = Math.max(1, Math.ceil(samples.length / most));
  return samples.filter((_, i) => i % every === 0 || i === samples.length - 1);
}

function fillOf(name: string, index: number): string {
  return name === CACHE ? 'var(--cache)' : name === OTHERS ? 'var(--rest)' : `var(--c${index})`;
}

/** `topMb`: the end of the vertical axis, the same in all plots of a page. */
export function memoryFigure(row: Row, run: RunFigures, topMb: number): Markup {
  const layers = [...run.names, CACHE];
  const amounts = ({ resident, cached }: MemorySample) => [...resident, cached];
  const draw = (layout: Layout) => {
    const wide = layout.name === 'wide';
    const samples = thinned(run.samples, wide ? 72 : 36);
    const [left, top, bottom] = [44, 30, wide ? 270 : 230];
    const right = layout.width - (wide ? LABEL_ROOM : 8);
    const last = Math.max(1e-6, samples.at(-1)?.at ?? 1);
    const x = scaleLinear([0, last / 60], [left, right]);
    const y = scaleLinear([0, topMb], [bottom, top]);
    // The topmost layer first: each covers all below it, so that its upper edge alone says where it ends.
    const tops = samples.map((sample) => cumulative(amounts(sample)));
    const shape = (layer: number) =>
      area<number>(
        (i) => px(x(samples[i]!.at / 60)),
        () => bottom,
        (i) => px(y(tops[i]![layer]!)),
      ).digits(1)(samples.map((_, i) => i)) ?? '';
    const drawn = layers
      .map(
        (name, layer) =>
          html`<path class="layer" d="${shape(layer)}" fill="${fillOf(name, layer)}"><title>${name}</title></path>`,
      )
      .reverse();
    const swap = line<MemorySample>(
      (sample) => px(x(sample.at / 60)),
      (sample) => px(y(Math.min(topMb, sample.swap))),
    ).digits(1)(samples);
    const ticks = x.ticks(wide ? 8 : 4).map((value) => ({ x: x(value), text: String(value) }));
    const grid = y
      .ticks(5)
      .map(
        (mb) =>
          html`<line class="grid" x1="${left}" x2="${right}" y1="${px(y(mb))}" y2="${px(y(mb))}" opacity=".6"/><text x="${left - 6}" y="${px(y(mb) + 4)}" text-anchor="end">${mb}</text>`,
      );
    const kills = html`<path class="kill" d="${run.kills.map(({ at, foreground }) => `M${px(x(at / 60))} ${foreground ? 14 : 20}V27`).join('')}"/>`;
    const keys = wide
      ? directLabels(layers, samples.at(-1), tops.at(-1) ?? [], y, right, [top, bottom])
      : legend(layers, bottom + AXIS_ROOM + 8, layout.width);
    const legendRows = wide ? 0 : Math.ceil((layers.length + 1) / 2);
    return {
      height: bottom + AXIS_ROOM + 4 + legendRows * 18,
      span: [left, right] as const,
      content: html`<text x="0" y="12">MB</text><text x="${left}" y="12">${run.kills.length === 0 ? '' : '| kills, taller: of the app in front'}</text>${drawn}${grid}${xAxis(ticks, { left, right, top: bottom, bottom }, 'minutes')}<path class="ram" d="M${left} ${px(y(run.ramMb))}H${right}"/><text x="${left + 4}" y="${px(y(run.ramMb) - 4)}" class="name">RAM ${Math.round(run.ramMb)} MB</text><path class="swap" d="${swap ?? ''}"/>${kills}${keys}`,
    };
  };
  const rows = thinned(run.samples, MOST_TABLE_ROWS);
  return figure({
    name: `memory-${row.name.replace(/[^\w.-]+/g, '-')}`,
    label: `Memory by process over time under ${row.name}, seed ${run.seed}`,
    head: ['minutes', ...layers, 'free', SWAP],
    rows: rows.map((sample) => [
      Math.round(sample.at / 0.6) / 100,
      ...amounts(sample).map(Math.round),
      Math.round(sample.free),
      Math.round(sample.swap),
    ]),
    reading: true,
    draw,
  });
}

function cumulative(values: readonly number[]): number[] {
  let sum = 0;
  return values.map((value) => (sum += value));
}

type Scale = (mb: number) => number;

/** Names beside the ends of their layers, moved apart so that none covers another. */
function directLabels(
  layers: readonly string[],
  last: MemorySample | undefined,
  tops: readonly number[],
  y: Scale,
  right: number,
  [top, bottom]: readonly [number, number],
): Markup {
  const middle = (layer: number) => y(((tops[layer - 1] ?? 0) + (tops[layer] ?? 0)) / 2);
  const labels = [
    ...layers.map((name, layer) => ({ name, at: middle(layer), fill: fillOf(name, layer) })),
    { name: SWAP, at: y(last?.swap ?? 0), fill: 'var(--ink)' },
  ].sort((a, b) => b.at - a.at);
  let free = bottom + 2;
  const placed = labels.map((label) => {
    const place = Math.min(label.at + 4, free);
    free = place - LABEL_PITCH;
    return { ...label, place };
  });
  const over = Math.max(0, top - (placed.at(-1)?.place ?? top));
  return html`${placed.map(({ name, at, fill, place }) => html`<path class="leader" d="M${right} ${px(at)}L${right + 8} ${px(place + over - 4)}"/><rect x="${right + 10}" y="${px(place + over - 11)}" width="9" height="9" fill="${fill}"/><text x="${right + 23}" y="${px(place + over - 2)}">${name}</text>`)}`;
}

function legend(layers: readonly string[], y: number, width: number): Markup {
  const names = [
    ...layers.map((name, layer) => ({ name, fill: fillOf(name, layer) })),
    { name: `${SWAP} (line)`, fill: 'var(--ink)' },
  ];
  return html`${names.map(({ name, fill }, i) => {
    const x = (i % 2) * (width / 2);
    const top = y + Math.floor(i / 2) * 18;
    return html`<rect x="${x}" y="${top}" width="10" height="10" fill="${fill}"/><text x="${x + 15}" y="${top + 10}">${name}</text>`;
  })}`;
}
