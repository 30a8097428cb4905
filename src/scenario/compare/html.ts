/** A comparison as one HTML page that needs nothing else: its own SVG, drawn here, and a few lines of script for hints. */
import type { Comparison } from './compare.ts';
import { escapeHtml, STYLE, TOOLTIP_SCRIPT } from './page-parts.ts';
import { latencyPlot, memoryPlot, openingsPlot } from './plots.ts';
import { cellText, type Row, tableOf } from './table.ts';

/** The page. Contains no address of any other host. */
export function comparisonPage(comparison: Comparison): string {
  const { policies, runs, seeds } = comparison;
  const title = comparison.title === '' ? comparison.scenario : comparison.title;
  const shown = seeds[0];
  const minutes = Math.round(comparison.simulatedSeconds / 60);
  const opened = policies.some((summary) => summary.hot + summary.cold > 0);
  const memory = runs.filter((run) => run.seed === shown);
  const top = Math.max(
    ...memory.flatMap((run) => run.samples.map((s) => s.resident.reduce((a, b) => a + b, 0) + s.cached)),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} – reclaimfs compare</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="kicker">reclaimfs compare ${escapeHtml(comparison.scenario)}</p>
<h1>${escapeHtml(title)}</h1>
<p class="lead">The same load under ${policies.length} ${policies.length === 1 ? 'policy' : 'policies'}: ${minutes} simulated
minutes, ${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}. Figures are means per run; latencies are over all of them.</p>
</header>
${opened ? section('Opening an app', 'How often it was as it was left, and how often it had to be started from nothing.', openingsPlot(policies)) : ''}
${opened ? section('How long that takes', 'Share of openings that were ready within a time, hot and cold together.', latencyPlot(policies, runs)) : ''}
${section('Figures', 'The best value of each row is marked.', table(comparison))}
${section(
  'Memory over time',
  `Private and shared memory by process, page cache above it, and swap in use as a line (seed ${shown}). Marks at the top are kills.`,
  memory.map((run) => memoryPlot(run, top)).join('\n'),
)}
<footer><p>Made by reclaimfs. All times are simulated; device and CPU costs are configured, not measured.</p>
<dl>${policies.map(({ policy, about }) => `<dt>${escapeHtml(policy)}</dt><dd>${escapeHtml(about)}</dd>`).join('')}</dl></footer>
</main>
<div id="hint" role="status" hidden></div>
<script>${TOOLTIP_SCRIPT}</script>
</body>
</html>
`;
}

function section(title: string, about: string, content: string): string {
  return `<section><h2>${title}</h2><p class="about">${about}</p>${content}</section>`;
}

function table(comparison: Comparison): string {
  const { policies } = comparison;
  const head = policies.map(({ policy }) => `<th scope="col">${escapeHtml(policy)}</th>`).join('');
  const body = tableOf(comparison)
    .map(({ group, rows }) => {
      const lines = rows.map((row) => tableRow(row, policies));
      return `<tbody><tr class="group"><th colspan="${policies.length + 1}">${group}</th></tr>${lines.join('')}</tbody>`;
    })
    .join('');
  return `<div class="scroll"><table><thead><tr><th></th>${head}</tr></thead>${body}</table></div>`;
}

function tableRow(row: Row, policies: Comparison['policies']): string {
  const values = policies.map(row.value);
  const best = row.better === 'more' ? Math.max(...values) : row.better === 'less' ? Math.min(...values) : undefined;
  const worth = best !== undefined && values.some((value) => value !== best);
  const cells = policies.map((summary, i) => {
    const mark = worth && values[i] === best ? ' class="best"' : '';
    return `<td${mark}>${cellText(row, summary)}</td>`;
  });
  const unit = row.unit === undefined ? '' : ` <span class="unit">${row.unit}</span>`;
  return `<tr><th scope="row">${row.label}${unit}</th>${cells.join('')}</tr>`;
}
