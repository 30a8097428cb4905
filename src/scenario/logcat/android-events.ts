/** What happened to apps, from the events log (frameworks/base: am/EventLogTags.logtags, wm/EventLogTags.logtags) and lmkd's lines. */
import { type LogLine, listOf, logLines } from './log-lines.ts';

export type AndroidEvent = { readonly timeMs: number; readonly line: number } & (
  | { readonly kind: 'start' | 'died'; readonly process: string }
  | { readonly kind: 'kill'; readonly process: string; readonly by: string }
  | { readonly kind: 'front'; readonly process: string }
  | { readonly kind: 'size'; readonly process: string; readonly kB: number }
);

/** Tags that say which activity comes to the front, with the place of its component in the list. */
const FRONT: Readonly<Record<string, number>> = {
  am_focused_activity: 1,
  am_set_resumed_activity: 1,
  wm_set_resumed_activity: 1,
  am_resume_activity: 3,
  wm_resume_activity: 3,
};

/** All events of a text that is, or contains, a log. Sizes come with the events that state them. */
export function androidEvents(text: string): AndroidEvent[] {
  const events: AndroidEvent[] = [];
  const names = new Map<string, string>();
  for (const line of logLines(text)) events.push(...eventsOf(line, names));
  return events;
}

/** `names`: of processes by pid, as far as the log has told. */
function eventsOf({ timeMs, line, tag, message }: LogLine, names: Map<string, string>): AndroidEvent[] {
  const at = { timeMs, line };
  if (tag === 'lowmemorykiller' || tag === 'lmkd') return killsOfLmkd(at, message);
  const values = listOf(message);
  if (values === undefined) return [];
  const size = (process: string | undefined, kB: number): AndroidEvent[] =>
    process !== undefined && kB > 0 ? [{ ...at, kind: 'size', process, kB }] : [];
  const component = values[FRONT[tag] ?? -1];
  if (component !== undefined) {
    const process = component.split('/')[0]!;
    return component.includes('/') ? [{ ...at, kind: 'front', process }] : [];
  }
  switch (tag) {
    case 'am_proc_start': {
      const [, pid, , process] = values;
      if (pid === undefined || process === undefined) return [];
      names.set(pid, process);
      return [{ ...at, kind: 'start', process }];
    }
    case 'am_proc_died': {
      const process = values[2];
      return process === undefined ? [] : [{ ...at, kind: 'died', process }];
    }
    case 'am_kill': {
      const [, , process, , ...rest] = values;
      if (process === undefined) return [];
      // The reason may have commas; newer versions put the resident size behind it.
      const rss = rest.length > 1 && /^\d{4,}$/.test(rest.at(-1)!) ? Number(rest.pop()) : 0;
      return [{ ...at, kind: 'kill', process, by: `am_kill: ${rest.join(',')}` }, ...size(process, inKb(rss))];
    }
    case 'killinfo': {
      const [pid = '', , , , taskKb] = values;
      const process = names.get(pid);
      if (process === undefined) return [];
      return [{ ...at, kind: 'kill', process, by: 'lmkd' }, ...size(process, Number(taskKb))];
    }
    case 'am_pss': {
      const [, , process, , , , rss] = values;
      return size(process, inKb(Number(rss)));
    }
    case 'am_compact': {
      const [, process, , total, , , swap] = values;
      return size(process, Number(total) + (Number(swap) || 0));
    }
  }
  return [];
}

/** Some versions write bytes, others kB: no process has 16 GB, and none that is worth a line less than 16 MB. */
function inKb(size: number): number {
  return size >= 2 ** 24 ? size / 1024 : size;
}

/** `Kill 'com.example.mail' (4567), uid 10042, oom_score_adj 900 to free 123456kB rss, 789kB swap; reason: …`, and older wordings. */
function killsOfLmkd(at: { timeMs: number; line: number }, message: string): AndroidEvent[] {
  const match = /^Kill(?:ing)? '([^']+)' \((\d+)\)(?:.*?to free (\d+)kB(?: rss, (\d+)kB swap)?)?/.exec(message);
  if (match === null) return [];
  const process = match[1]!;
  const kB = Number(match[3] ?? 0) + Number(match[4] ?? 0);
  const kill: AndroidEvent = { ...at, kind: 'kill', process, by: 'lmkd' };
  return kB > 0 ? [kill, { ...at, kind: 'size', process, kB }] : [kill];
}
