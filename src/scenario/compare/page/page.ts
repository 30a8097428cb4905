/** A comparison as one HTML page that needs nothing else: pictures, the numbers behind them, and where they come from. */
import { type Comparison, isSameForAllSeeds, type MetricRow } from '../comparison.ts';
import { comparisonCsv } from '../csv.ts';
import { commonSettings, experimentDigest } from '../experiment.ts';
import { INTERVAL } from '../statistics.ts';
import { cellText, differenceText, differing } from '../table.ts';
import { intervalsFigure } from './intervals.ts';
import { latencyFigure } from './latency.ts';
import { memoryFigure } from './memory.ts';
import { openingsFigure } from './openings.ts';
import { SCRIPT_MARKUP, STYLE_MARKUP } from './style.ts';
import { html, type Markup, type Piece } from './template.ts';

/** Metrics that get a picture with their spread over seeds. */
const PICTURED = ['open_ms_mean', 'lost_seconds', 'background_cpu_ms', 'psi_some_s'];
/** Plots of memory, and runs whose figures the page holds as data: more would make it large. */
const MOST_MEMORY_PLOTS = 4;
const MOST_RUNS = 150;

/** The page. Contains no address of any other host. */
export function comparisonPage(comparison: Comparison): string {
  const { experiment, runs } = comparison;
  const { scenario, rows, seeds } = experiment;
  const title = scenario.title === '' ? scenario.file : scenario.title;
  const minutes = Math.round((runs[0]?.simulatedSeconds ?? 0) / 60);
  const opened = runs.some((run) => run.openings.length > 0);
  const pictured = comparison.metrics.filter(({ metric }) => PICTURED.includes(metric.key));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – reclaimfs compare</title>
<link rel="icon" href="data:,">
<style>${STYLE_MARKUP}</style>
</head>
<body>
<main>
<header>
<p class="kicker">reclaimfs compare ${scenario.file}</p>
<h1>${title}</h1>
<p class="lead">The same load in ${rows.length} ${rows.length === 1 ? 'row' : 'rows'}: ${minutes} simulated minutes, ${seeds.length} ${seeds.length === 1 ? 'seed: no spread is known, and nothing can be told apart' : isSameForAllSeeds(comparison) ? 'seeds, all alike: nothing in this load depends on the seed, and intervals of no width say nothing' : `seeds. Figures are means per run with the ${INTERVAL}`}.</p>
</header>
${opened && section('Opening an app', 'Tall bars: hot, the app was as it was left. Low bars: it had been killed meanwhile, its state is lost. Outlined: its first start. The whisker is the 95 % interval of the hot ones.', openingsFigure(comparison))}
${opened && section('How long that takes', 'All openings of all seeds: filled the hot ones, outlined the cold ones. Upright lines: p50 and p95 of both together, for those that survived are not the only ones that count.', latencyFigure(comparison))}
${section(
  'Benefit and cost',
  'Each seed a tick, the mean a dot, its 95 % interval a line.',
  pictured.map((row) => html`<h3>${row.metric.group}: ${row.metric.label}</h3>${intervalsFigure(comparison, row)}`),
)}
${section('Figures', `± is half of the ${INTERVAL}. The best value of each line is marked, with all that equal it.`, table(comparison, cellText, true))}
${rows.length > 1 && section(`Differences to ${comparison.baseline}`, 'Pair by pair over seeds, with 95 % intervals, each by itself and not adjusted for their number. ~: not distinguishable, the interval holds 0.', table(differing(comparison), differenceText, false))}
${memorySection(comparison)}
${provenance(comparison)}
</main>
${runs.length <= MOST_RUNS && html`<pre id="runs" hidden>${comparisonCsv(comparison)}</pre>`}
${SCRIPT_MARKUP}
</body>
</html>
`;
  return page.text;
}

function section(title: string, about: string, content: Piece): Markup {
  return html`<section><h2>${title}</h2><p class="about">${about}</p>${content}</section>`;
}

function table({ metrics, experiment }: Comparison, text: typeof cellText, marks: boolean): Markup {
  const groups = [...new Set(metrics.map(({ metric }) => metric.group))];
  const line = ({ metric, cells }: MetricRow) =>
    html`<tr><th scope="row">${metric.label}${metric.unit !== undefined && html` <span class="unit">${metric.unit}</span>`}</th>${cells.map((cell) => html`<td${marks && cell.best && html` class="best"`}>${text(cell, metric).replace('*', '').trim()}</td>`)}</tr>`;
  return html`<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">metric</th>${experiment.rows.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>${groups.map(
    (group) =>
      html`<tbody><tr class="group"><th colspan="${experiment.rows.length + 1}">${group}</th></tr>${metrics.filter(({ metric }) => metric.group === group).map(line)}</tbody>`,
  )}</table></div>`;
}

function memorySection({ experiment, runs }: Comparison): Markup | undefined {
  const shown = runs.filter((run) => run.samples.length > 0).slice(0, MOST_MEMORY_PLOTS);
  if (shown.length === 0) return undefined;
  const used = (run: (typeof shown)[number]) =>
    run.samples.map(({ resident, cached, swap }) => Math.max(swap, resident.reduce((sum, mb) => sum + mb, 0) + cached));
  const top = Math.max(...shown.flatMap((run) => [run.ramMb, ...used(run)])) * 1.04;
  const left = experiment.rows.length - shown.length;
  const about = `Private and shared memory of the eight largest processes and of all others together, page cache above it, RAM as a dashed line, swap in use as a solid one (seed ${shown[0]!.seed}).${left > 0 ? ` ${left} more rows have no picture.` : ''}`;
  return section(
    'Memory over time',
    about,
    shown.map((run) => {
      const row = experiment.rows[run.row]!;
      const killed =
        run.kills.length === 0
          ? 'nobody was killed'
          : `${run.kills.length} ${run.kills.length === 1 ? 'kill' : 'kills'} in this run`;
      return html`<h3>${row.name} <span class="unit">· ${killed}</span></h3>${memoryFigure(row, run, top)}`;
    }),
  );
}

function provenance({ origin, experiment, baseline, runs }: Comparison): Markup {
  const settings = Object.entries(commonSettings(experiment))
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
  const about = new Map(experiment.rows.map(({ policy }) => [policy.name, policy.about]));
  const { seeds } = experiment;
  const facts: [string, string][] = [
    ['made by', `reclaimfs ${origin.version}, commit ${origin.commit}, ${origin.date}`],
    ['command', origin.command],
    ['seeds', seeds.length === 1 ? String(seeds[0]) : `${seeds[0]} to ${seeds.at(-1)} (${seeds.length})`],
    ['settings', settings === '' ? 'as the scenario says' : settings],
    ['baseline', baseline],
    ['experiment', experimentDigest(experiment)],
    ...about,
  ];
  return html`<footer><p>All times are simulated; costs of devices and CPU are configured, not measured.</p>
<dl>${facts.map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`)}</dl>
${runs.length <= MOST_RUNS ? html`<p><button type="button" data-save="runs">All runs as CSV</button></p>` : html`<p>${runs.length} runs: too many to be in this page; --csv and --jsonl have them.</p>`}
<details><summary>The scenario</summary><pre tabindex="0">${experiment.scenario.text}</pre></details></footer>`;
}
