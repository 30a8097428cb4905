// The published figures of the spectrum: runs the comparisons, and writes their tables into README.md and
// native-notes/spectrum.md between markers, so that what stands there is what came out.
//
//   npm run figures                     twenty seeds: about half an hour of CPU
//   npm run figures -- --seeds 3        to try
//   npm run figures -- --only lru       that comparison alone; the other tables stay
//
// Runs are kept in the directory --keep (default: a temporary one by commit): begun again, it does what is missing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = new URL('..', import.meta.url).pathname;
const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    keep: { type: 'string' },
    threads: { type: 'string' },
    only: { type: 'string' },
  },
});
const seeds = Number(options.seeds);
const few = Math.min(seeds, 5);
const commit = spawnSync('git', ['-C', ROOT, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim();
const keep = options.keep ?? join(tmpdir(), `reclaimfs-figures-${commit}`);
mkdirSync(keep, { recursive: true });

const POLICIES = 'kernel,lmk,lmkd,volatile,reclaim,proportional,none/switch';
const SOME = 'kernel,lmk,lmk/switch,none/switch';

/** The comparisons: what is run, and which metrics are shown. */
const COMPARISONS = {
  phone: ['phone-16-apps', '--policies', POLICIES, '--seeds', String(seeds)],
  game: ['game-and-call', '--policies', POLICIES, '--seeds', String(seeds)],
  leak: ['memory-leak', '--policies', 'kernel,lmk,lmkd,proportional', '--seeds', String(seeds)],
  ram: [
    'phone-16-apps',
    '--policies',
    SOME,
    '--set',
    'machine.ram=x0.65,x0.8,x1,x1.25,x1.5',
    '--set',
    'user.turns=64',
    '--duration',
    '9m',
    '--seeds',
    String(few),
  ],
  pace: [
    'game-and-call',
    '--policies',
    SOME,
    '--set',
    'machine.ram=x0.8,x1,x1.25',
    '--set',
    'app.rate=x0.5,x2',
    '--seeds',
    String(few),
  ],
  lru: [
    'phone-16-apps',
    '--policies',
    'kernel',
    '--set',
    'machine.lru=lists,generations',
    '--set',
    'machine.swapkind=zram,disk',
    '--seeds',
    String(seeds),
  ],
  sensitivity: [
    'phone-16-apps',
    '--policies',
    SOME,
    '--sensitivity',
    '--set',
    'user.turns=64',
    '--duration',
    '9m',
    '--seeds',
    String(few),
  ],
};

if (options.only !== undefined && COMPARISONS[options.only] === undefined) {
  console.error(`figures: --only is one of ${Object.keys(COMPARISONS).join(' ')}`);
  process.exit(2);
}
const results = {};
for (const [name, words] of Object.entries(COMPARISONS)) {
  if (options.only !== undefined && options.only !== name) continue;
  const more = options.threads === undefined ? [] : ['--threads', options.threads];
  const files = ['--jsonl', join(keep, `${name}.jsonl`), '--html', join(keep, `${name}.html`)];
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(ROOT, 'dist/cli/main.js'), 'compare', ...words, ...files, ...more],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 30 },
  );
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(join(keep, `${name}.txt`), stdout);
  const json = spawnSync(
    process.execPath,
    [join(ROOT, 'dist/cli/main.js'), 'compare', 'merge', join(keep, `${name}.jsonl`), '--json'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 30 },
  );
  results[name] = { ...JSON.parse(json.stdout), text: stdout };
}

function number(value, digits) {
  const shown = digits ?? (Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0);
  return value
    .toFixed(shown)
    .replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',')
    .replace(/^-(0(\.0*)?)$/, '$1');
}

/** Mean ± half of the interval; the best in bold; ~ where it is not distinguishable from the baseline. */
function cell({ mean, high, best, difference }, { digits }) {
  const spread = high === undefined ? '' : ` ± ${number(high - mean, digits)}`;
  const text = `${number(mean, digits)}${spread}`;
  return `${best ? `**${text}**` : text}${difference?.distinguishable === false ? ' ~' : ''}`;
}

/** Metrics down, rows of the comparison across. */
function table(comparison, keys) {
  const { rows } = comparison.experiment;
  const lines = [`| | ${rows.map(({ name }) => name).join(' | ')} |`, `|---${'|---'.repeat(rows.length)}|`];
  for (const key of keys) {
    const found = comparison.metrics.find(({ metric }) => metric.key === key);
    if (found === undefined) continue;
    const { metric, cells } = found;
    const label = metric.group.startsWith('Latency') ? `hot and cold, ${metric.label}` : metric.label;
    lines.push(
      `| ${label}${metric.unit === undefined ? '' : `, ${metric.unit}`} | ${cells.map((c) => cell(c, metric)).join(' | ')} |`,
    );
  }
  return lines.join('\n');
}

/** Rows of the comparison down, metrics across. */
function long(comparison, keys) {
  const shown = keys
    .map((key) => comparison.metrics.find(({ metric }) => metric.key === key))
    .filter((row) => row !== undefined);
  const lines = [
    `| | ${shown.map(({ metric }) => `${metric.label}${metric.unit === undefined ? '' : `, ${metric.unit}`}`).join(' | ')} |`,
    `|---${'|---'.repeat(shown.length)}|`,
  ];
  comparison.experiment.rows.forEach(({ name }, i) => {
    lines.push(`| ${name} | ${shown.map(({ metric, cells }) => cell(cells[i], metric)).join(' | ')} |`);
  });
  return lines.join('\n');
}

const APPS = [
  'cold',
  'hot',
  'states_lost',
  'open_ms_mean',
  'open_ms_p50',
  'open_ms_p95',
  'open_ms_p99',
  'kills',
  'oom_kills',
  'foreground_kills',
  'lost_seconds',
  'background_cpu_ms',
  'swap_out_mb',
  'psi_some_s',
  'major_faults',
  'reclaim_writes',
  'pressure_events',
];
const LEAK = [
  'kills',
  'oom_kills',
  'lost_seconds',
  'background_cpu_ms',
  'swap_out_mb',
  'psi_some_s',
  'psi_full_s',
  'major_faults',
  'direct_reclaims',
];
const LRU = [
  'cold',
  'open_ms_mean',
  'open_ms_p95',
  'oom_kills',
  'background_cpu_ms',
  'swap_out_mb',
  'psi_some_s',
  'major_faults',
  'direct_reclaims',
];
const SHORT = ['cold', 'open_ms_mean', 'open_ms_p95', 'kills', 'oom_kills', 'lost_seconds', 'background_cpu_ms'];

function origin({ origin: { version, commit: at, date, command } }) {
  return `\`${command}\` (reclaimfs ${version}, commit ${at}, ${date.slice(0, 10)})`;
}

function sensitivity({ text }) {
  return `\`\`\`\n${text.slice(text.indexOf('Sensitivity:')).trim()}\n\`\`\``;
}

/** Tables by file and place: of which comparison, and what is written of it. */
const BLOCKS = {
  'README.md': {
    'phone-16-apps': [
      'phone',
      (of) =>
        table(
          of,
          APPS.filter((key) => !['states_lost', 'open_ms_p99', 'foreground_kills'].includes(key)),
        ),
    ],
    lru: ['lru', (of) => long(of, LRU)],
  },
  'native-notes/spectrum.md': {
    'phone-16-apps': ['phone', (of) => table(of, APPS)],
    'game-and-call': ['game', (of) => table(of, APPS)],
    'memory-leak': ['leak', (of) => table(of, LEAK)],
    ram: ['ram', (of) => long(of, SHORT)],
    pace: ['pace', (of) => long(of, SHORT)],
    sensitivity: ['sensitivity', sensitivity],
  },
};

for (const [file, blocks] of Object.entries(BLOCKS)) {
  const path = join(ROOT, file);
  let text = readFileSync(path, 'utf8');
  for (const [name, [comparison, write]] of Object.entries(blocks)) {
    const result = results[comparison];
    if (result === undefined) continue;
    const [begin, end] = [`<!-- figures ${name} -->`, `<!-- end ${name} -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`${file} has no place for ${name}: ${begin} … ${end}`);
    text = `${text.slice(0, from + begin.length)}\n${write(result)}\n\n${origin(result)}\n${text.slice(to)}`;
  }
  writeFileSync(path, text);
  console.log(`${file} written`);
}
console.log(`runs and pages in ${keep}`);
