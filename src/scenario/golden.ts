/** Comparing what `play` saw with what a real kernel did (the oracle's goldens). */

type Json = Record<string, unknown>;

/** Outcome of one comparison. */
export interface GoldenComparison {
  readonly compared: number;
  readonly differing: number;
  /** Where the first differing value is, and both values. */
  readonly first?: { readonly where: string; readonly golden: unknown; readonly ours: unknown };
}

const KB_FIELDS = [
  'Size',
  'Rss',
  'Pss',
  'Shared_Clean',
  'Shared_Dirty',
  'Private_Clean',
  'Private_Dirty',
  'Anonymous',
  'Swap',
  'SwapPss',
  'Locked',
] as const;

class Comparison {
  compared = 0;
  differing = 0;
  first: GoldenComparison['first'];

  value(where: string, golden: unknown, ours: unknown): void {
    if (golden === undefined) return;
    this.compared++;
    if (same(golden, ours)) return;
    this.differing++;
    this.first ??= { where, golden, ours };
  }

  kB(where: string, golden: Json | undefined, ours: Json | undefined): void {
    for (const field of KB_FIELDS) this.value(`${where}.${field}`, golden?.[field], ours?.[field]);
  }
}

/** Equal, or a recorded value that differed between runs and spans ours. */
function same(golden: unknown, ours: unknown): boolean {
  const range = (golden as { noisy?: unknown[] } | null)?.noisy;
  if (Array.isArray(range) && typeof range[0] !== 'number') return true;
  if (Array.isArray(range)) return typeof ours === 'number' && ours >= Number(range[0]) && ours <= Number(range[1]);
  // Some recordings tell shared memory objects from files; what is compared is how often a page is mapped.
  return JSON.stringify(golden).replaceAll('"shmem/', '"file/') === JSON.stringify(ours);
}

/**
 * Compares every field that the oracle's README calls comparable. `onlyBoth`: just the snaps that hold for the
 * interface of 2013 as well, and its derived figures.
 */
export function compareGolden(golden: Json, ours: Json, onlyBoth = false): GoldenComparison {
  const result = new Comparison();
  const valid = golden['snaps_valid_for_both'];
  const goldenSteps = golden['steps'] as Json[];
  const ourSteps = ours['steps'] as Json[];
  result.value('number of steps', goldenSteps.length, ourSteps.length);
  const allBoth = valid === 'all';
  goldenSteps.forEach((theirs, i) => {
    const mine = ourSteps[i] ?? {};
    if (typeof theirs['snap'] === 'string') {
      const label = theirs['snap'];
      const holds = allBoth || (Array.isArray(valid) && valid.includes(label));
      if (!onlyBoth || holds) compareSnap(result, `snap ${label}`, theirs, mine);
    } else compareStep(result, `line ${theirs['line']} ${theirs['step']}`, theirs, mine, onlyBoth);
  });
  if (onlyBoth) compareDerived(result, golden, ourSteps);
  const { compared, differing, first } = result;
  return first === undefined ? { compared, differing } : { compared, differing, first };
}

function compareStep(result: Comparison, where: string, theirs: Json, mine: Json, onlyBoth: boolean): void {
  result.value(`${where}: step`, theirs['step'], mine['step']);
  const keys = onlyBoth
    ? ['pages', 'bad', 'addr']
    : ['pages', 'bad', 'minflt', 'majflt', 'ret', 'errno', 'addr', 'signals'];
  for (const key of keys) result.value(`${where}: ${key}`, theirs[key], mine[key]);
  if (!onlyBoth && /\b(populate|populate_read|populate_write|mlock|mremap)\b/.test(String(theirs['step'])))
    for (const key of ['call_minflt', 'call_majflt']) result.value(`${where}: ${key}`, theirs[key], mine[key] ?? 0);
  if (onlyBoth || theirs['vmstat'] === undefined) return;
  const pageout = /\b(self)?pageout\b/.test(String(theirs['step']));
  if (pageout) {
    for (const key of ['vmas_walked', 'vmas_refused']) result.value(`${where}: ${key}`, theirs[key], mine[key]);
    const theirsOut = (theirs['vmstat'] as Json)['pswpout'] ?? 0;
    result.value(`${where}: pswpout`, theirsOut, (mine['vmstat'] as Json | undefined)?.['pswpout'] ?? 0);
  }
}

function compareSnap(result: Comparison, where: string, theirs: Json, mine: Json): void {
  const theirProcs = theirs['procs'] as Record<string, Json>;
  const myProcs = (mine['procs'] ?? {}) as Record<string, Json>;
  for (const [proc, their] of Object.entries(theirProcs)) {
    const my = myProcs[proc] ?? {};
    result.kB(`${where} ${proc} own`, their['own_kB'] as Json, my['own_kB'] as Json | undefined);
    result.value(
      `${where} ${proc} VmSwap`,
      (their['status_kB'] as Json)['VmSwap'],
      (my['status_kB'] as Json | undefined)?.['VmSwap'],
    );
    const myMaps = (my['maps'] ?? {}) as Record<string, Json>;
    for (const [name, map] of Object.entries(their['maps'] as Record<string, Json>)) {
      compareMap(result, `${where} ${proc} ${name}`, map, myMaps[name] ?? {});
    }
  }
  const myObjects = (mine['objects'] ?? {}) as Record<string, Json>;
  for (const [name, object] of Object.entries((theirs['objects'] ?? {}) as Record<string, Json>)) {
    for (const key of ['pages_cached', 'pages_dirty']) {
      result.value(`${where} object ${name} ${key}`, object[key], myObjects[name]?.[key]);
    }
  }
  const system = theirs['system'] as Json;
  const mySystem = (mine['system'] ?? {}) as Json;
  for (const key of ['swap_used_pages', 'SwapCached_kB_delta'])
    result.value(`${where} ${key}`, system[key], mySystem[key]);
}

function compareMap(result: Comparison, where: string, theirs: Json, mine: Json): void {
  result.value(`${where} vma_count`, theirs['vma_count'], mine['vma_count']);
  result.value(`${where} pages`, theirs['pages'], mine['pages']);
  if (theirs['sum_kB'] !== undefined)
    result.kB(`${where} sum`, theirs['sum_kB'] as Json, mine['sum_kB'] as Json | undefined);
  const myVmas = (mine['vmas'] ?? []) as Json[];
  ((theirs['vmas'] ?? []) as Json[]).forEach((vma, i) => {
    const my = myVmas[i] ?? {};
    for (const key of ['first_page', 'page_count', 'perms'])
      result.value(`${where} vma ${i} ${key}`, vma[key], my[key]);
    result.kB(`${where} vma ${i}`, vma['kB'] as Json, my['kB'] as Json | undefined);
  });
}

/** `derived_2013`: {snap: {proc: {mapping: {rss_kB, swap_kB}}}}. */
function compareDerived(result: Comparison, golden: Json, ourSteps: readonly Json[]): void {
  const derived = golden['derived_2013'] as Record<string, Record<string, Record<string, Json>>> | undefined;
  for (const [label, procs] of Object.entries(derived ?? {})) {
    const snap = ourSteps.find((step) => step['snap'] === label);
    for (const [proc, maps] of Object.entries(procs)) {
      for (const [name, figures] of Object.entries(maps)) {
        const map = ((((snap?.['procs'] as Json)?.[proc] as Json)?.['maps'] as Json)?.[name] ?? {}) as Json;
        const vmas = (map['vmas'] ?? []) as { kB: Record<string, number> }[];
        const sum = (field: string) => vmas.reduce((n, vma) => n + (vma.kB[field] ?? 0), 0);
        result.value(`derived ${label} ${proc} ${name} rss`, figures['rss_kB'], sum('Rss'));
        result.value(`derived ${label} ${proc} ${name} swap`, figures['swap_kB'], sum('Swap'));
      }
    }
  }
}
