// mutation.mjs TREE [--choose] [--results FILE] [--jobs N] [WORD...]: see `run`.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { transformWithOxc } from 'vite';
import { mutate, mutationsOf } from './operators.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    choose: { type: 'boolean', default: false },
    results: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    'cpu-limit': { type: 'string' },
  },
});
const [tree, ...words] = positionals;
const root = new URL('../../', import.meta.url).pathname;
const listFile = new URL('mutations.json', import.meta.url).pathname;

/** Where the goal is 85 %, and how many mutations are chosen; of other files of the memory model a few. */
const MAIN = /\/(referenced|shrink-list|vmscan|two-list-lru|lruvec|swap-readahead|pageout|fault|rmap)\.ts$/;
const PER_MAIN_FILE = 20;
const PER_OTHER_FILE = 1;
const MACHINE = ['cgroups', 'kswapd', 'oom', 'pressure', 'reclaim', 'reclaim-request', 'stall', 'vmpressure'];

function sources() {
  const mm = readdirSync(join(root, 'src/mm'), { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `src/mm/${file}`);
  const machine = MACHINE.map((name) => `src/machine/${name}.ts`).filter((file) => existsSync(join(root, file)));
  return [...mm, ...machine].sort((a, b) => Number(MAIN.test(b)) - Number(MAIN.test(a)) || (a < b ? -1 : 1));
}

const compile = async (text, file) => (await transformWithOxc(text, file, { sourcemap: false, target: 'es2023' })).code;

/** Evenly over each file; what changes only types is left out. With words: only files with one of them, the others stay. */
async function choose() {
  const before = words.length === 0 ? [] : JSON.parse(readFileSync(listFile, 'utf8'));
  const list = before.filter(({ file }) => !words.some((word) => file.includes(word)));
  for (const file of sources()) {
    if (words.length > 0 && !words.some((word) => file.includes(word))) continue;
    const text = readFileSync(join(root, file), 'utf8');
    const plain = await compile(text, file);
    const all = [];
    for (const mutation of mutationsOf(text)) {
      const changed = mutate(text, mutation);
      try {
        if ((await compile(changed, file)) !== plain) all.push(mutation);
      } catch {
        // It does not compile: no mutation.
      }
    }
    const wanted = Math.min(all.length, MAIN.test(file) ? PER_MAIN_FILE : PER_OTHER_FILE);
    for (let i = 0; i < wanted; i++) list.push({ file, ...all[Math.floor(((i + 0.5) * all.length) / wanted)] });
  }
  writeFileSync(listFile, `[\n${list.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`);
  console.log(`${list.length} mutations in ${new Set(list.map(({ file }) => file)).size} files`);
}

/** Time that the tests may take, in seconds of CPU: a multiple of what they take unchanged. */
function baseline() {
  const began = performance.now();
  const run = spawnSync('sh', ['-c', 'node run-tests.mjs && times'], { cwd: tree, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`the tests fail without any mutation: ${run.stdout}${run.stderr}`);
  const [, minutes, seconds] = /(\d+)m([\d.]+)s \S+\s*$/.exec(run.stdout.trim()) ?? [0, 0, 30];
  const cpu = Number(minutes) * 60 + Number(seconds);
  console.log(`unchanged: ${cpu.toFixed(1)} s of CPU, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return Math.ceil(cpu * 3 + 10);
}

/** Runs the tests in a copy of the tree; how the mutation was noticed, or undefined: it was not. */
function runTests(cwd, limit) {
  return new Promise((resolve) => {
    const child = spawn('sh', ['-c', `ulimit -t ${limit}; exec node run-tests.mjs`], { cwd });
    let out = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      out += data;
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      // A copy that cannot find its packages notices nothing.
      else if (/ERR_MODULE_NOT_FOUND|ERR_MODULE|ENOENT/.test(out))
        throw new Error(`the tests could not be run: ${out.slice(0, 500)}`);
      else
        resolve(
          signal === null && code !== 137
            ? (out
                .trim()
                .split('\n')
                .find((line) => /test\.js|recordings|Error/.test(line)) ?? 'fails')
            : 'takes too long',
        );
    });
  });
}

async function run() {
  const list = JSON.parse(readFileSync(listFile, 'utf8')).filter(
    ({ file }) => words.length === 0 || words.some((word) => file.includes(word)),
  );
  const results =
    values.results !== undefined && existsSync(values.results) ? JSON.parse(readFileSync(values.results, 'utf8')) : {};
  const limit = values['cpu-limit'] === undefined ? baseline() : Number(values['cpu-limit']);
  const texts = new Map(list.map(({ file }) => [file, readFileSync(join(root, file), 'utf8')]));
  const todo = list
    .map((mutation) => ({ ...mutation, key: JSON.stringify(mutation) }))
    .filter(({ key }) => results[key] === undefined);
  let gone = 0;
  const worker = async (job) => {
    const cwd = job === 0 ? tree : `${tree}-${job}`;
    if (job > 0) cpSync(tree, cwd, { recursive: true, verbatimSymlinks: true });
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const { file, key, line, from, to } = next;
      const changed = mutate(texts.get(file), next);
      if (changed === undefined) {
        gone++;
        console.log(`${file}: "${line}" is not there any more`);
        continue;
      }
      const compiled = join(cwd, file.replace(/\.ts$/, '.js'));
      const before = readFileSync(compiled, 'utf8');
      writeFileSync(compiled, (await compile(changed, file)).replace(/(from ['"][^'"]+)\.ts(['"])/g, '$1.js$2'));
      const noticed = await runTests(cwd, limit);
      writeFileSync(compiled, before);
      results[key] = noticed ?? 'survives';
      if (noticed === undefined) console.log(`${file}: survives: ${line}   [${from.trim()} → ${to.trim()}]`);
      if (values.results !== undefined) writeFileSync(values.results, JSON.stringify(results, null, 1));
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, (_, job) => worker(job)));
  return report(list, results, gone);
}

function report(list, results, gone) {
  const files = new Map();
  for (const mutation of list) {
    const result = results[JSON.stringify(mutation)];
    if (result === undefined) continue;
    const sum = files.get(mutation.file) ?? { killed: 0, all: 0 };
    sum.all++;
    if (result !== 'survives') sum.killed++;
    files.set(mutation.file, sum);
  }
  const total = { main: [0, 0], all: [0, 0] };
  for (const [file, { killed, all }] of files) {
    console.log(`${`${killed}/${all}`.padStart(8)} ${((killed / all) * 100).toFixed(0).padStart(4)} %  ${file}`);
    for (const sum of MAIN.test(file) ? [total.main, total.all] : [total.all]) {
      sum[0] += killed;
      sum[1] += all;
    }
  }
  const percent = ([killed, all]) =>
    `${killed} of ${all} noticed (${all === 0 ? 0 : ((killed / all) * 100).toFixed(1)} %)`;
  console.log(`reclaim and faults: ${percent(total.main)}; in all: ${percent(total.all)}; ${gone} not there any more`);
  return gone === 0 ? 0 : 1;
}

if (values.choose) await choose();
else process.exitCode = await run();
