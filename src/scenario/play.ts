/** Playing a scenario without a mount, and what it saw: as text, or in the format of the oracle's goldens. */
import type { ProfileName } from '../machine/profiles.ts';
import type { SwapKind } from '../mm/swap/swap.ts';
import { bytesOf, fromBuffer, jsonOf, textOf, utf8Of } from '../util/bytes.ts';
import { finish, type Job } from '../util/job.ts';
import { durationUs } from './duration.ts';
import type { AccessMap } from './heat/access-map.ts';
import { isSaved, Session, type StepRecord } from './session.ts';
import type { Snap } from './snap.ts';
import { PerfettoTrace } from './trace/perfetto.ts';

/** What a scenario has seen; for `toText` and `toGolden`. */
export interface PlayResult {
  /** Byte strings, as the records: toGolden and toText make text of them. */
  readonly file: string;
  readonly text: string;
  readonly session: Session;
  readonly records: readonly StepRecord[];
}

/** How a scenario is played. */
export interface PlayOptions {
  readonly profile?: ProfileName | undefined;
  readonly swapKind?: SwapKind | undefined;
  /** Is given a trace of what happens, for ui.perfetto.dev (perfetto.protos.Trace), piece by piece. */
  readonly trace?: ((bytes: Uint8Array) => void) | undefined;
  /** Sees which memory of a process is accessed when. */
  readonly heat?: AccessMap | undefined;
}

/** Runs a scenario (text, or bytes as they are) to its end, and on for its `duration`. Throws ScenarioError. */
export function playScenario(scenario: string | Uint8Array, name: string, options: PlayOptions = {}): PlayResult {
  return finish(playing(scenario, name, options));
}

/** The same in pieces. */
export function* playing(
  scenario: string | Uint8Array,
  name: string,
  { trace: sink, heat, ...options }: PlayOptions = {},
): Job<PlayResult> {
  const text = scenarioBytes(scenario);
  const file = bytesOf(name);
  const trace = sink === undefined ? undefined : new PerfettoTrace(sink);
  const session = new Session({
    ...options,
    watch: (machine) => {
      trace?.watch(machine);
      heat?.watch(machine);
    },
  });
  const records: StepRecord[] = [];
  yield* session.loading(text, file, (record) => records.push(record));
  // A saved machine says nothing on the way: it is shown as it is.
  if (isSaved(text)) records.push(...session.apply('snap saved machine', file));
  yield* session.advancing(session.machine.nowUs + durationUs(text));
  trace?.end();
  heat?.end();
  return { file, text, session, records };
}

/** A scenario as the session takes it. */
export function scenarioBytes(scenario: string | Uint8Array): string {
  return typeof scenario === 'string' ? bytesOf(scenario) : fromBuffer(scenario);
}

/** The value of a remark line, such as `title …`. */
function remark(text: string, word: string): string | undefined {
  return new RegExp(`^${word}[ \\t]+(.*?)[ \\t\\r]*$`, 'm').exec(text)?.[1];
}

/** One JSON object with the keys of the goldens in shared/oracle. */
export function toGolden(play: PlayResult): Record<string, unknown> {
  const { machine } = play.session;
  const validity = /^(\S+)\s*(.*)$/.exec(remark(play.text, 'validity') ?? '');
  const bothSnaps = remark(play.text, 'bothsnaps');
  const steps: Record<string, unknown>[] = [];
  for (const record of play.records) {
    if (record.result === undefined) continue;
    steps.push(record.word === 'snap' ? record.result : { line: record.line, step: record.step, ...record.result });
  }
  return asText(play, {
    scenario: play.file.split('/').at(-1),
    title: remark(play.text, 'title') ?? '',
    ...(validity === null ? {} : { validity: validity[1], validity_note: validity[2] }),
    ...(validity?.[1] === 'both'
      ? { snaps_valid_for_both: 'all' }
      : bothSnaps === undefined
        ? {}
        : { snaps_valid_for_both: bothSnaps.split(/\s+/) }),
    profile: machine.profile.name,
    swap_kind: machine.swapKind === 'zram' ? 'zram' : 'file',
    swap_pages: machine.mem.swap?.total ?? 0,
    page_cluster: machine.vm.pageCluster,
    readahead_kB: machine.mem.settings.readaheadPages * 4,
    steps,
  });
}

/** The byte strings of a result as text. Without such bytes in the scenario there are none in the result. */
function asText(play: PlayResult, result: Record<string, unknown>): Record<string, unknown> {
  if (/^[ -~\s]*$/.test(play.text) && !play.text.includes('\\x')) return result;
  return JSON.parse(utf8Of(jsonOf(result))) as Record<string, unknown>;
}

/** The same for people. */
export function toText(play: PlayResult): string {
  const lines: string[] = [];
  const title = remark(play.text, 'title');
  if (title !== undefined) lines.push(textOf(title), '');
  for (const record of play.records) {
    if (record.result === undefined) continue;
    if (record.word === 'snap') lines.push(...snapText(record.result as unknown as Snap));
    else lines.push(`${textOf(record.step)}${resultText(record.result)}`);
  }
  return `${lines.join('\n')}\n`;
}

function resultText(result: Record<string, unknown>): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(result)) {
    if (key === 'ret' && value === 0) continue;
    if (typeof value === 'object' && value !== null) {
      for (const [name, moved] of Object.entries(value)) parts.push(`${name}+${moved}`);
    } else parts.push(textOf(`${key}=${value}`));
  }
  return parts.length === 0 ? '' : `   → ${parts.join(' ')}`;
}

function snapText(snap: Snap): string[] {
  const lines = ['', `── ${textOf(snap.snap)} `.padEnd(72, '─')];
  lines.push(
    `${'kB'.padEnd(20)}${'Size'.padStart(9)}${'Rss'.padStart(9)}${'Pss'.padStart(9)}${'Dirty'.padStart(9)}${'Swap'.padStart(9)}  pages`,
  );
  for (const [proc, { maps }] of Object.entries(snap.procs)) {
    for (const [name, map] of Object.entries(maps)) {
      const sum = (field: string) =>
        map.sum_kB?.[field] ?? (map.vmas ?? []).reduce((n, vma) => n + (vma.kB[field] ?? 0), 0);
      const columns = [sum('Size'), sum('Rss'), sum('Pss'), sum('Private_Dirty') + sum('Shared_Dirty'), sum('Swap')];
      const pages = (map.pages ?? []).map(([state, n]) => `${state}×${n}`);
      const shown = pages.length > 8 ? [...pages.slice(0, 7), `… ${pages.length - 7} more runs`] : pages;
      lines.push(
        `${textOf(`${proc} ${name}`).padEnd(20)}${columns.map((n) => String(n).padStart(9)).join('')}  ${shown.join(' ')}`,
      );
    }
  }
  for (const [name, object] of Object.entries(snap.objects)) {
    lines.push(`${textOf(name).padEnd(20)}${object.pages_cached} pages cached, ${object.pages_dirty} dirty`);
  }
  const { swap_used_pages: used, SwapCached_kB_delta: cached } = snap.system;
  lines.push(`${'swap'.padEnd(20)}${used} pages used, ${cached} kB in the swap cache`, '');
  return lines;
}
