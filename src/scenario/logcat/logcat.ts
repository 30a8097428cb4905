/** A day of a phone as a scenario: which app was in front when, from its events log, for `compare`. */
import { UsageError } from '../../util/errors.ts';
import { type AndroidEvent, androidEvents } from './android-events.ts';
import { type DumpedSizes, dumpedSizes } from './meminfo.ts';

/** How a log is read. */
export interface LogcatOptions {
  /** What `dumpsys meminfo` printed on the same phone; default: what the text has of it, as a bug report does. */
  readonly meminfo?: string;
  /** The name of the log, for the title. */
  readonly file?: string;
}

/** A scenario, and what about it is not known from the log. */
export interface LogcatTimeline {
  readonly text: string;
  readonly remarks: readonly string[];
}

/** Pretend: the memory of a phone whose dump is not there. */
const RAM_KB = 4 * 1024 * 1024;
/** Pretend: the size of an app of which nothing is known, where no other app is known either. */
const APP_KB = 100 * 1024;
/** Pretend: who stays in an app for longer has put the phone away. */
const LONGEST_USE_MS = 600_000;
const SHORTEST_MS = 1;

/**
 * The scenario of a log: each app that was in front, brought to the front when it was, and used until the next one was.
 * Kills of the log are not carried out: which app dies is for the policy to decide; they stand in it as comments.
 *
 * Errors: UsageError (no event of an app that came to the front).
 */
export function logcatToScenario(log: string, options: LogcatOptions = {}): LogcatTimeline {
  const events = androidEvents(log);
  const stays = staysOf(events);
  if (stays.length === 0)
    throw new UsageError(
      events.length === 0
        ? 'there is no event of Android in it: give the output of "adb logcat -b events -v threadtime -d"'
        : 'no app comes to the front in it (wm_set_resumed_activity, am_focused_activity): give a longer events log',
    );
  const dumped = dumpedSizes(options.meminfo ?? log);
  const apps = [...new Set(stays.map(({ process }) => process))];
  const sizes = sizesOf(apps, events, dumped);
  const remarks = remarksOf(apps, sizes, dumped, events);
  const lastMs = Math.max(...events.map(({ timeMs }) => timeMs));
  const names = appNames(apps);
  const lines = [
    `title A day of a phone: ${oneLine(options.file ?? 'a log of events')}`,
    ...remarks.map((remark) => `# ${remark}`),
    `machine ram=${ramKb(dumped)}K${dumped.swapKb === undefined ? '' : ` swap=${dumped.swapKb}K`} swapkind=zram`,
    ...othersOf(apps, dumped),
    ...apps.map(
      (app) => `app ${names.get(app)} heap=${Math.max(4, Math.round(sizes.known.get(app) ?? sizes.otherwise))}K`,
    ),
    ...timeline(stays, events, names, lastMs),
  ];
  return { text: `${lines.join('\n')}\n`, remarks };
}

/** One app in front, from then on. */
interface Stay {
  readonly process: string;
  readonly timeMs: number;
}

/** The app in front, each time that it is another one. */
function staysOf(events: readonly AndroidEvent[]): Stay[] {
  const stays: Stay[] = [];
  for (const { kind, process, timeMs } of events)
    if (kind === 'front' && stays.at(-1)?.process !== process) stays.push({ process, timeMs });
  return stays;
}

function ramKb({ ramKb: known }: DumpedSizes): number {
  return Math.max(64 * 1024, known ?? RAM_KB);
}

interface Sizes {
  readonly known: ReadonlyMap<string, number>;
  /** For those that nothing is known of: the median of those that something is. */
  readonly otherwise: number;
}

/** The largest size that the dump or an event states of each app. */
function sizesOf(apps: readonly string[], events: readonly AndroidEvent[], { processes }: DumpedSizes): Sizes {
  const known = new Map<string, number>();
  const note = (process: string, kB: number): void => {
    if (apps.includes(process) && kB > (known.get(process) ?? 0)) known.set(process, kB);
  };
  for (const [process, kB] of processes) note(process, kB);
  for (const event of events) if (event.kind === 'size') note(event.process, event.kB);
  const sorted = [...known.values()].sort((a, b) => a - b);
  return { known, otherwise: sorted[Math.floor(sorted.length / 2)] ?? APP_KB };
}

/** What else the dump lists, in one process that nobody kills. */
function othersOf(apps: readonly string[], { processes }: DumpedSizes): string[] {
  let kB = 0;
  for (const [process, size] of processes) if (!apps.includes(process)) kB += size;
  if (kB < 4) return [];
  return ['proc others adj=-1000', `others mmap heap size=${kB}K anon`, `others touch heap 0 ${kB}K write`];
}

function remarksOf(
  apps: readonly string[],
  { known, otherwise }: Sizes,
  { ramKb: ram, swapKb: swap, processes }: DumpedSizes,
  events: readonly AndroidEvent[],
): string[] {
  const unknown = apps.filter((app) => !known.has(app));
  const never = new Set(events.filter(({ kind }) => kind === 'start').map(({ process }) => process));
  for (const app of apps) never.delete(app);
  return [
    'All memory of an app counts as its own anonymous memory; how it uses it is not in a log.',
    ...(ram === undefined
      ? [`How much memory the phone has is not known (dumpsys meminfo): ${RAM_KB / 1024 / 1024} GB.`]
      : []),
    ...(swap === undefined ? ['How much swap it has is not known (dumpsys meminfo): half of its memory.'] : []),
    ...(unknown.length === 0
      ? []
      : [
          `The size of ${unknown.length} of ${apps.length} apps is not known: ${Math.round(otherwise / 1024)} MB each (${listed(unknown)}).`,
        ]),
    ...(processes.size === 0 ? ['What the system itself takes is not known (dumpsys meminfo): nothing.'] : []),
    ...(never.size === 0
      ? []
      : [`${never.size} processes that were started but never in front are left out (${listed([...never])}).`]),
  ];
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map(oneLine).join(' ');
  return names.length > 5 ? `${shown} …` : shown;
}

/** Text for a comment. */
function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e\xa0-\u2027\u202f-\ufffd]+/g, ' ').slice(0, 100);
}

/** A name for each app that the language takes: `com.example.mail:push` is com.example.mail.push. */
function appNames(apps: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const used = new Set<string>(['others']);
  for (const app of apps) {
    const plain = app.replace(/[^\w.-]+/g, '.').slice(0, 100);
    const base = /^[A-Za-z_]/.test(plain) && plain.includes('.') ? plain : `app.${plain}`;
    let name = base;
    for (let n = 2; used.has(name); n++) name = `${base}.${n}`;
    used.add(name);
    names.set(app, name);
  }
  return names;
}

function timeline(
  stays: readonly Stay[],
  events: readonly AndroidEvent[],
  names: ReadonlyMap<string, string>,
  lastMs: number,
): string[] {
  const lines: string[] = [];
  const kills = events.filter((event) => event.kind === 'kill');
  let told = 0;
  stays.forEach(({ process, timeMs }, i) => {
    const next = Math.max(SHORTEST_MS, (stays[i + 1]?.timeMs ?? lastMs) - timeMs);
    const name = names.get(process)!;
    lines.push(
      `${name} resume`,
      `${name} use ${Math.round(Math.min(next, LONGEST_USE_MS))}ms`,
      `tick ${Math.round(next)}ms`,
    );
    for (; told < kills.length && kills[told]!.timeMs < timeMs + next; told++) {
      const kill = kills[told]!;
      if (kill.kind === 'kill')
        lines.push(`# in the log, ${oneLine(kill.process)} was killed here (${oneLine(kill.by)})`);
    }
  });
  return [...lines, 'duration 1s'];
}
