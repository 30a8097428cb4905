/** The plots of the comparison page, as SVG. */
import type { PolicySummary } from './compare.ts';
import { percentile, type RunFigures } from './metrics.ts';
import { escapeHtml, POLICY_COLOURS, PROCESS_COLOURS } from './page-parts.ts';

const WIDTH = 1000;
const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

function policyColour(index: number): string {
  return `var(--p${index % POLICY_COLOURS})`;
}

/** Numbers for coordinates: one decimal is finer than a pixel. */
function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A round step that gives at most `most` marks up to `max`. */
export function niceStep(max: number, most: number): number {
  const rough = Math.max(max, 1e-9) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10;
  return step * power;
}

/** Hot and cold openings, one bar a policy. */
export function openingsPlot(policies: readonly PolicySummary[]): string {
  const left = 110;
  const right = WIDTH - 30;
  const bar = 34;
  const gap = 16;
  const height = policies.length * (bar + gap) + 30;
  const max = Math.max(1, ...policies.map(({ hot, cold }) => hot + cold));
  const x = (value: number) => left + (value / max) * (right - left);
  const rows = policies.map((summary, i) => {
    const { policy, hot, cold, lostStates } = summary;
    const y = i * (bar + gap) + 6;
    const first = cold - lostStates;
    const parts = [
      { n: hot, name: 'hot: as it was left', fill: policyColour(i), opacity: 1 },
      { n: lostStates, name: 'cold: killed, state lost', fill: policyColour(i), opacity: 0.45 },
      { n: first, name: 'cold: opened for the first time', fill: policyColour(i), opacity: 0.2 },
    ];
    let at = 0;
    const rects = parts.map(({ n, name, fill, opacity }) => {
      const from = x(at);
      at += n;
      const width = Math.max(0, x(at) - from - 1);
      const label =
        width > 46
          ? `<text x="${px(from + 10)}" y="${y + bar / 2 + 4}" class="${opacity === 1 ? 'inside' : 'strong'}">${NUMBER.format(n)}</text>`
          : '';
      return `<rect x="${px(from)}" y="${y}" width="${px(width)}" height="${bar}" rx="3" fill="${fill}" fill-opacity="${opacity}" data-hint="${escapeHtml(`${policy}: ${NUMBER.format(n)} ${name}`)}"/>${label}`;
    });
    return `<text x="${left - 12}" y="${y + bar / 2 + 4}" text-anchor="end" class="strong">${escapeHtml(policy)}</text>${rects.join('')}`;
  });
  const notes = [
    ['1', 'hot: as it was left'],
    ['.45', 'cold: killed meanwhile, state lost'],
    ['.2', 'cold: opened for the first time'],
  ].map(([opacity, name]) => `<li><i style="background:var(--p0);opacity:${opacity}"></i>${name}</li>`);
  return `<svg class="plot" viewBox="0 0 ${WIDTH} ${height - 24}" role="img" aria-label="Hot and cold openings by policy">${rows.join('')}</svg>
<ul class="legend">${notes.join('')}</ul>`;
}

/** Distribution of the time until an app was ready: one curve a policy. */
export function latencyPlot(policies: readonly PolicySummary[], runs: readonly RunFigures[]): string {
  const left = 60;
  const right = WIDTH - 20;
  const top = 10;
  const bottom = 300;
  const curves = policies.map(({ policy }) => {
    const values = runs.filter((run) => run.policy === policy).flatMap((run) => run.openings.map(({ ms }) => ms));
    return values.sort((a, b) => a - b);
  });
  const all = curves.flat();
  const low = 10 ** Math.floor(Math.log10(Math.max(1, percentile(all, 0.001))));
  const high = Math.max(low * 10, ...all);
  const x = (ms: number) => left + (Math.log10(Math.max(ms, low) / low) / Math.log10(high / low)) * (right - left);
  const y = (share: number) => bottom - share * (bottom - top);
  const grid: string[] = [];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    grid.push(
      `<line class="grid" x1="${left}" x2="${right}" y1="${y(share)}" y2="${y(share)}"/><text x="${left - 10}" y="${y(share) + 4}" text-anchor="end">${share * 100} %</text>`,
    );
  }
  for (let power = low; power <= high; power *= 10) {
    for (const factor of [1, 2, 5]) {
      const ms = power * factor;
      if (ms > high) break;
      const label = ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
      grid.push(
        `<line class="grid" x1="${px(x(ms))}" x2="${px(x(ms))}" y1="${top}" y2="${bottom}"/><text x="${px(x(ms))}" y="${bottom + 18}" text-anchor="middle">${label}</text>`,
      );
    }
  }
  const lines = curves.map((values, i) => {
    if (values.length === 0) return '';
    const every = Math.max(1, Math.floor(values.length / 400));
    const points = values
      .map((ms, rank) => ({ ms, share: (rank + 1) / values.length, rank }))
      .filter(({ rank }) => rank % every === 0 || rank === values.length - 1)
      .map(({ ms, share }) => `${px(x(ms))},${px(y(share))}`);
    const { policy } = policies[i]!;
    const about = [0.5, 0.95, 0.99].map(
      (share) => `${share * 100} % within ${NUMBER.format(percentile(values, share))} ms`,
    );
    const hint = escapeHtml(`${policy}\n${about.join('\n')}`);
    const path = `M${px(x(values[0]!))},${bottom}L${points.join('L')}`;
    return `<path d="${path}" fill="none" stroke="${policyColour(i)}" stroke-width="2.5" stroke-linejoin="round"/><path d="${path}" fill="none" stroke="transparent" stroke-width="14" data-hint="${hint}"/>`;
  });
  const legend = policies.map(
    ({ policy }, i) => `<li><i style="background:${policyColour(i)}"></i>${escapeHtml(policy)}</li>`,
  );
  return `<svg class="plot" viewBox="0 0 ${WIDTH} ${bottom + 28}" role="img" aria-label="Distribution of the time until an app was ready">${grid.join('')}${lines.join('')}</svg>
<ul class="legend">${legend.join('')}</ul>`;
}

/** Memory by process over the time of one run, stacked; page cache on top, swap as a line, kills as marks. */
export function memoryPlot(run: RunFigures, topMb: number): string {
  const left = 60;
  const right = WIDTH - 20;
  const top = 18;
  const bottom = 250;
  const { samples, names, kills } = run;
  const last = samples.at(-1)?.at ?? 1;
  const step = niceStep(topMb, 5);
  const max = Math.max(step, Math.ceil(topMb / step) * step);
  const x = (seconds: number) => left + (seconds / Math.max(last, 1e-6)) * (right - left);
  const y = (mb: number) => bottom - (mb / max) * (bottom - top);
  const sums = samples.map(() => 0);
  const layers = [...names, 'page cache'].map((name, layer) => {
    const cache = layer === names.length;
    const lower = sums.map((mb, i) => `${px(x(samples[i]!.at))},${px(y(mb))}`);
    const upper = samples.map((sample, i) => {
      sums[i]! += cache ? sample.cached : sample.resident[layer]!;
      return `${px(x(sample.at))},${px(y(sums[i]!))}`;
    });
    const fill = cache ? 'var(--cache)' : `var(--c${layer % PROCESS_COLOURS})`;
    return `<path class="layer" d="M${upper.join('L')}L${lower.reverse().join('L')}Z" fill="${fill}"><title>${escapeHtml(name)}</title></path>`;
  });
  const grid: string[] = [];
  for (let mb = 0; mb <= max + step / 2; mb += step) {
    grid.push(
      `<line class="grid" x1="${left}" x2="${right}" y1="${px(y(mb))}" y2="${px(y(mb))}"/><text x="${left - 10}" y="${px(y(mb) + 4)}" text-anchor="end">${NUMBER.format(mb)} MB</text>`,
    );
  }
  const inMinutes = last > 240;
  const timeStep = niceStep(inMinutes ? last / 60 : last, 8);
  for (let t = 0; t <= (inMinutes ? last / 60 : last); t += timeStep) {
    const at = inMinutes ? t * 60 : t;
    grid.push(
      `<text x="${px(x(at))}" y="${bottom + 18}" text-anchor="middle">${NUMBER.format(t)} ${inMinutes ? 'min' : 's'}</text>`,
    );
  }
  const swap = samples.map((sample) => `${px(x(sample.at))},${px(y(Math.min(sample.swap, max)))}`);
  const marks = kills.map(({ at, name, by, foreground }) => {
    const size = foreground ? 11 : 8;
    const hint = escapeHtml(
      `${name} killed (${by === 'lmk' ? 'low-memory killer' : by === 'oom' ? 'OOM killer' : 'signal'})${foreground ? ' while in front' : ''}`,
    );
    return `<line x1="${px(x(at))}" x2="${px(x(at))}" y1="${top - size - 3}" y2="${top - 3}" stroke="var(--kill)" stroke-width="2" data-hint="${hint}"/>`;
  });
  const texts = samples.map((sample) => {
    const parts = names
      .map((name, i) => ({ name, mb: sample.resident[i]! }))
      .filter(({ mb }) => mb >= 1)
      .sort((a, b) => b.mb - a.mb)
      .slice(0, 8)
      .map(({ name, mb }) => `${name} ${NUMBER.format(mb)} MB`);
    const time = inMinutes ? `${NUMBER.format(sample.at / 60)} min` : `${NUMBER.format(sample.at)} s`;
    return [
      time,
      ...parts,
      `page cache ${NUMBER.format(sample.cached)} MB`,
      `swap ${NUMBER.format(sample.swap)} MB`,
    ].join('\n');
  });
  const data = `data-times="${escapeHtml(JSON.stringify(samples.map(({ at }) => at)))}" data-texts="${escapeHtml(JSON.stringify(texts))}" data-left="${left}" data-right="${right}"`;
  const legend = names.map(
    (name, i) => `<li><i style="background:var(--c${i % PROCESS_COLOURS})"></i>${escapeHtml(name)}</li>`,
  );
  legend.push('<li><i style="background:var(--cache)"></i>page cache</li>', '<li><i class="line"></i>swap in use</li>');
  const killed = kills.length === 0 ? 'nobody was killed' : `${kills.length} ${kills.length === 1 ? 'kill' : 'kills'}`;
  return `<h3>${escapeHtml(run.policy)} <span class="unit">· ${killed}</span></h3>
<svg class="plot memory" viewBox="0 0 ${WIDTH} ${bottom + 26}" role="img" aria-label="Memory by process over time under ${escapeHtml(run.policy)}" ${data}>
<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="transparent"/>${layers.join('')}${grid.join('')}<path d="M${swap.join('L')}" fill="none" stroke="var(--swap)" stroke-width="2" stroke-linejoin="round"/>${marks.join('')}</svg>
<ul class="legend">${legend.join('')}</ul>`;
}
