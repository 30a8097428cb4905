// All runs of a scenario in one recording: counters as [median, least, greatest] at every snap, only those that belong to
// the group or that nobody else on the machine moves; sets: pages resident at the last snap (in most of the runs) as a
// base64 bitmap, least bit first, and the least Jaccard index between any two runs.

const VMSTAT =
  `pswpin pswpout pgscan_anon pgsteal_anon pgscan_file pgsteal_file workingset_activate_anon workingset_restore_anon
  swap_ra swap_ra_hit pgscan_direct pgsteal_direct pgscan_kswapd pgsteal_kswapd`.split(/\s+/);
const MEMCG =
  `rss anon cache file swap inactive_anon active_anon inactive_file active_file unevictable workingset_refault_anon
  workingset_refault_file workingset_activate_anon workingset_activate_file workingset_restore_anon workingset_restore_file
  pgscan pgsteal pgrefill pgactivate pgdeactivate pgfault pgmajfault usage kmem max_events high_events low_events`.split(
    /\s+/,
  );
const PROCESS = ['minflt', 'majflt', 'killed_at_line'];
const PRESSURE = ['low', 'medium', 'critical'];
const PAGE = 4096;

export function goldenOf(runs) {
  const [first] = runs;
  const { scenario, extra, swap, swappiness, page_cluster, limit } = first;
  const snaps = first.snaps.map(({ snap }, at) => ({ snap, counters: countersAt(runs.map((run) => run.snaps[at])) }));
  return { scenario, runs: runs.length, extra, swap, swappiness, page_cluster, limit, snaps, sets: setsOf(runs) };
}

function countersAt(snaps) {
  const counters = {};
  const add = (key, read) => {
    const values = snaps.map(read).filter((value) => value !== undefined);
    if (values.length < snaps.length) return;
    const spread = medianAndRange(values);
    if (spread[2] > 0) counters[key] = spread;
  };
  const [first] = snaps;
  for (const key of VMSTAT) add(key, ({ vmstat }) => vmstat[key]);
  for (const key of MEMCG) add(`memcg.${key}`, ({ memcg }) => memcg[key]);
  for (const path of Object.keys(first.groups ?? {})) {
    add(`${path}.pages`, ({ groups }) => pagesOf(groups[path]));
    for (const key of ['workingset_refault_anon', 'workingset_refault_file'])
      add(`${path}.${key}`, ({ groups }) => groups[path]?.[key]);
  }
  for (const name of Object.keys(first.procs))
    for (const key of PROCESS) add(`${name}.${key}`, ({ procs }) => procs[name][key]);
  for (const key of PRESSURE) add(`vmpressure.${key}`, ({ vmpressure }) => vmpressure[key]);
  return counters;
}

/** Pages of a group that belong to processes and files: what version 1 calls rss and cache, version 2 anon and file. */
function pagesOf(group) {
  return group === undefined ? undefined : ((group.rss ?? group.anon) + (group.cache ?? group.file)) / PAGE;
}

function medianAndRange(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)];
}

function setsOf(runs) {
  const all = runs.map(residentAtTheEnd);
  const sets = {};
  for (const key of new Set(all.flatMap((one) => Object.keys(one)))) {
    const have = all.map((one) => one[key]).filter((pages) => pages !== undefined);
    const nrPages = have[0].length;
    const bitmap = new Uint8Array(Math.ceil(nrPages / 8));
    let resident = 0;
    for (let page = 0; page < nrPages; page++) {
      if (have.reduce((n, pages) => n + pages[page], 0) * 2 <= have.length) continue;
      bitmap[page >> 3] |= 1 << (page & 7);
      resident++;
    }
    sets[key] = {
      pages: nrPages,
      resident,
      own_jaccard: +leastJaccard(have).toFixed(4),
      in_runs: have.length,
      bitmap: Buffer.from(bitmap).toString('base64'),
    };
  }
  return sets;
}

/** One byte a page, by `process.mapping` and by object. */
function residentAtTheEnd({ snaps }) {
  const { procs, objects } = snaps.at(-1);
  const sets = {};
  for (const [name, { maps }] of Object.entries(procs))
    for (const [map, runs] of Object.entries(maps)) sets[`${name}.${map}`] = fromRuns(runs);
  for (const [name, runs] of Object.entries(objects)) sets[name] = fromRuns(runs);
  return sets;
}

function fromRuns(runs) {
  return Uint8Array.from(runs.flatMap(([state, length]) => new Array(length).fill(state === '1' ? 1 : 0)));
}

function leastJaccard(sets) {
  let least = 1;
  for (let i = 0; i < sets.length; i++) for (let j = 0; j < i; j++) least = Math.min(least, jaccard(sets[i], sets[j]));
  return least;
}

function jaccard(a, b) {
  let both = 0;
  let either = 0;
  for (let page = 0; page < a.length; page++) {
    both += a[page] & b[page];
    either += a[page] | b[page];
  }
  return either === 0 ? 1 : both / either;
}
