/** Every type of event, with its members: what /proc/reclaimfs/events may say. */

/** A member's type; a question mark: it may be absent; `|null`: it may be null. */
type MemberType = 'number' | 'string' | 'boolean' | 'number?' | 'string?' | 'string|null';

interface EventKind {
  readonly about: string;
  readonly members: Readonly<Record<string, MemberType>>;
}

const PROCESS = { pid: 'number', comm: 'string' } as const;
const OPENED = {
  pid: 'number',
  app: 'string',
  finished: 'boolean',
  ms: 'number',
  stall_ms: 'number',
  pages: 'number',
  minflt: 'number',
  majflt: 'number',
} as const;

/** Every type of event: what it says, and the types of its members. */
export const EVENT_TYPES = {
  background: { about: 'the app in front went to the background', members: { pid: 'number', app: 'string' } },
  control: { about: 'steps were written to /proc/reclaimfs/control', members: { steps: 'number' } },
  exit: { about: 'a process ended; code as wait(2) gives it', members: { ...PROCESS, code: 'number' } },
  failure: {
    about: 'the model broke off: time stands still from here on, what there is can be read',
    members: { reason: 'string' },
  },
  launch: {
    about: 'an app started; ms: until it could be used; lost: unsaved state of a killed one was lost',
    members: { ...OPENED, lost: 'boolean' },
  },
  'lmk-kill': {
    about: 'the low-memory killer ended a process',
    members: {
      ...PROCESS,
      uid: 'number',
      adj: 'number',
      rssKb: 'number',
      swapKb: 'number',
      minAdj: 'number',
      minfreeKb: 'number',
      freeKb: 'number',
      fileKb: 'number',
    },
  },
  'launch-failed': {
    about: 'the user has opened an app that could not be started (no memory)',
    members: { app: 'string', reason: 'string' },
  },
  'lmkd-kill': {
    about: 'the low-memory killer in user space ended a process',
    members: {
      ...PROCESS,
      uid: 'number',
      adj: 'number',
      rssKb: 'number',
      swapKb: 'number',
      minAdj: 'number',
      reason: 'string',
      thrashing: 'number',
    },
  },
  nonvolatile: {
    about: 'a volatile mark was taken back; purged: pages had been thrown away',
    members: { ...PROCESS, kind: 'string', pages: 'number', purged: 'boolean' },
  },
  oom: {
    about: 'memory ran out and nothing could be done',
    members: { reason: 'string', pid: 'number?', comm: 'string?', by: 'string?' },
  },
  'oom-kill': {
    about: 'the OOM killer ended a process',
    members: {
      ...PROCESS,
      uid: 'number',
      adj: 'number',
      score: 'number',
      anonRssKb: 'number',
      fileRssKb: 'number',
      shmemRssKb: 'number',
      swapKb: 'number',
      by: 'string',
      byPid: 'number',
      constraint: 'string',
      group: 'string|null',
    },
  },
  panic: { about: 'out of memory with vm.panic_on_oom', members: { reason: 'string', by: 'string' } },
  'policy-kill': {
    about: 'a policy of the user ended a process',
    members: { ...PROCESS, adj: 'number', rssKb: 'number' },
  },
  reclaim: { about: 'a request was written to /proc/PID/reclaim', members: { ...PROCESS, request: 'string' } },
  resume: {
    about: 'an app came to the front; ms: until it could be used; regenerated: pages that it had to make again',
    members: { ...OPENED, regenerated: 'number' },
  },
  signal: { about: 'a signal ended a process', members: { ...PROCESS, signal: 'number' } },
  user: { about: 'the user has opened as many apps as were asked for', members: { turns: 'number' } },
  vmpressure: { about: 'how hard reclaim is working', members: { level: 'string', percent: 'number' } },
  volatile: {
    about: 'pages were marked as volatile',
    members: { ...PROCESS, kind: 'string', pages: 'number' },
  },
  'volatile-purge': {
    about: 'volatile pages were thrown away',
    members: { pid: 'number?', comm: 'string?', kind: 'string', pages: 'number' },
  },
} as const satisfies Readonly<Record<string, EventKind>>;

/** What a reader that was too slow is told instead of the events that it has missed; it has no time. */
export interface LostEvents {
  readonly type: 'lost';
  readonly count: number;
}

/** The name of a type of event. */
export type EventType = keyof typeof EVENT_TYPES;

/** Every event has these; by_uid and by_pid: who wrote to the file that caused it, where somebody did. */
export const COMMON_MEMBERS = { type: 'string', time: 'number', by_uid: 'number?', by_pid: 'number?' } as const;

interface TypeOf {
  number: number;
  string: string;
  boolean: boolean;
  'number?': number | undefined;
  'string?': string | undefined;
  'string|null': string | null;
}

type Members<T extends Readonly<Record<string, MemberType>>> = { readonly [K in keyof T]: TypeOf[T[K]] };

/** One event, told apart by `type`. `time` is virtual, in seconds since boot. */
export type ReclaimEvent = {
  [T in EventType]: {
    readonly type: T;
    readonly time: number;
    readonly by_uid?: number;
    readonly by_pid?: number;
  } & Members<(typeof EVENT_TYPES)[T]['members']>;
}[EventType];
