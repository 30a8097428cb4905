/** One chart over virtual time by uPlot: redrawn in place, at most four times a second, and in the colours of the page. */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { moment } from './units.ts';

const DRAW_MS = 250;
const HEIGHT = 200;

export interface Series {
  readonly label: string;
  /** Name of a colour of the style sheet. */
  readonly color: string;
  readonly values: readonly number[];
  /** Dashes and gaps, so that lines differ by more than their colour. */
  readonly dash?: readonly number[];
  /** Filled down to the next series. */
  readonly isLayer?: boolean;
}

interface Props {
  readonly name: string;
  readonly label: string;
  readonly unit: string;
  readonly t: readonly number[];
  /** Layers from the top down, each already with those below added. */
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
}

const scheme = matchMedia('(prefers-color-scheme: dark)');

export function Chart({ name, label, unit, t, series, format }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [isDark, setDark] = useState(scheme.matches);
  const shape = `${isDark} ${series.map((one) => one.label).join('\0')}`;
  const data = useRef<uPlot.AlignedData>([[]]);
  data.current = [[...t], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
  useEffect(() => {
    const changed = (): void => setDark(scheme.matches);
    scheme.addEventListener('change', changed);
    return () => scheme.removeEventListener('change', changed);
  }, []);
  useEffect(() => {
    const made = new uPlot(options(place.current!, series, format), data.current, place.current!);
    plot.current = made;
    const observer = new ResizeObserver(([entry]) => made.setSize({ width: entry!.contentRect.width, height: HEIGHT }));
    observer.observe(place.current!);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => {
    let drawn = data.current;
    const timer = setInterval(() => {
      if (drawn === data.current) return;
      drawn = data.current;
      plot.current?.setData(drawn);
    }, DRAW_MS);
    return () => clearInterval(timer);
  }, []);
  const last = t.length - 1;
  return (
    <figure class="chart" data-name={name}>
      <figcaption>
        {label} <span class="soft">{unit}</span>
      </figcaption>
      <div ref={place} role="img" aria-label={`${label} over virtual time; the values stand beside and in Numbers`} />
      <p class="legend">
        {series.map((one, i) => {
          const below = one.isLayer ? (series[i + 1]?.values[last] ?? 0) : 0;
          return (
            <span key={one.label}>
              <span class="swatch" style={{ background: `var(${one.color})` }} aria-hidden="true" />
              {one.label} {last < 0 ? '' : format((one.values[last] ?? 0) - below)}
            </span>
          );
        })}
      </p>
      <Numbers label={label} t={t} series={series} format={format} />
    </figure>
  );
}

const NR_NUMBERS = 12;

function Numbers({ label, t, series, format }: Pick<Props, 'label' | 't' | 'series' | 'format'>) {
  const [isOpen, setOpen] = useState(false);
  const moments = t.slice(-NR_NUMBERS);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Numbers: {label}</summary>
      {isOpen && (
        <div class="scroll" tabIndex={0} role="group" aria-label={`numbers: ${label}`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {series.map((one) => (
                  <th key={one.label} scope="col">
                    {one.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {moments.map((at, i) => {
                const k = t.length - moments.length + i;
                return (
                  <tr key={at}>
                    <th scope="row">{moment(at)}</th>
                    {series.map((one, j) => (
                      <td key={one.label}>
                        {format((one.values[k] ?? 0) - (one.isLayer ? (series[j + 1]?.values[k] ?? 0) : 0))}
                      </td>
                    ))}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function options(place: HTMLElement, series: readonly Series[], format: Props['format']): uPlot.Options {
  const style = getComputedStyle(place);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: color('--text'),
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { stroke: color('--grid'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  return {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { x: { time: false }, y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.05 : 1] } },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => moment(tick)), space: 80 },
      { ...axis, size: 76, values: (_plot, ticks) => ticks.map(format) },
    ],
    series: [
      {},
      ...series.map(
        (one): uPlot.Series => ({
          label: one.label,
          stroke: color(one.isLayer ? '--surface' : one.color),
          width: one.isLayer ? 1 : 2,
          points: { show: false },
          ...(one.dash === undefined ? {} : { dash: [...one.dash] }),
          ...(one.isLayer ? { fill: color(one.color) } : {}),
        }),
      ),
    ],
  };
}
