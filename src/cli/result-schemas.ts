/** The JSON schemas of what --json prints; `npm run generate` writes them to schemas/. */
import { CAPABILITIES } from '../fuse/types.ts';
import { EVENT_TYPES } from '../machine/event-types.ts';
import { PROFILE_NAMES } from '../machine/profiles.ts';

/** A schema in the words of JSON Schema 2020-12. */
export type Schema = Readonly<Record<string, unknown>>;

const TEXT = { type: 'string' };
const NUMBER = { type: 'number' };
const COUNT = { type: 'integer', minimum: 0 };
const PID = { type: 'integer', minimum: 1 };
const YES_NO = { type: 'boolean' };
const TRANSPORT = { enum: ['direct', 'fuse-native'] };

function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

function list(items: Schema): Schema {
  return { type: 'array', items };
}

/** An object with exactly these members; those whose name ends in a question mark may be absent. */
function object(members: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(members).map(([name, schema]) => [name.replace(/\?$/, ''), schema] as const);
  const required = Object.keys(members).filter((name) => !name.endsWith('?'));
  return { type: 'object', properties: Object.fromEntries(entries), required, additionalProperties: false };
}

function described(title: string, description: string, schema: Schema): Schema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title, description, ...schema };
}

const EVENT: Schema = {
  type: 'object',
  properties: { type: { enum: Object.keys(EVENT_TYPES) }, time: NUMBER },
  required: ['type', 'time'],
};

const MEASURED = object({ rss: COUNT, swap: COUNT, referenced: COUNT, minflt: COUNT, majflt: COUNT });

const OPEN: Schema = { type: 'object' };

const MISSES = object({ kb: COUNT, faults: COUNT, perThousand: NUMBER });

/** For each command with --json its schema, under the name of its file. */
export const RESULT_SCHEMAS: Readonly<Record<string, Schema>> = {
  mount: described(
    'reclaimfs mount --json',
    'What has been mounted.',
    object({
      mountpoint: TEXT,
      transport: TRANSPORT,
      capabilities: list({ enum: Object.keys(CAPABILITIES) }),
      serverPid: PID,
      cgroupfs: orNull(TEXT),
      ui: orNull(TEXT),
    }),
  ),
  umount: described(
    'reclaimfs umount --json',
    'What has been unmounted; detached: it was in use, its users have been cut off.',
    object({
      unmounted: list(object({ mountpoint: TEXT, detached: YES_NO })),
      failed: list(object({ mountpoint: TEXT, reason: TEXT })),
    }),
  ),
  status: described(
    'reclaimfs status --json',
    'The mounts that there are. Members are null where the mount cannot be asked (state) or belongs to somebody else.',
    list(
      object({
        mountpoint: TEXT,
        state: TEXT,
        clock: orNull(TEXT),
        profile: orNull({ enum: PROFILE_NAMES }),
        nrThreads: orNull(COUNT),
        memTotalKb: orNull(COUNT),
        memAvailableKb: orNull(COUNT),
        swapTotalKb: orNull(COUNT),
        swapFreeKb: orNull(COUNT),
      }),
    ),
  ),
  run: described(
    'reclaimfs run --json, --summary FILE',
    'How a command has ended, and what has happened on its machine. time: virtual seconds since boot.',
    object({
      command: list(TEXT),
      exitStatus: COUNT,
      commandStatus: COUNT,
      failedOn: orNull(EVENT),
      events: { type: 'object', propertyNames: { enum: Object.keys(EVENT_TYPES) }, additionalProperties: COUNT },
      time: NUMBER,
      transport: TRANSPORT,
    }),
  ),
  play: described(
    'reclaimfs play --json',
    'What a scenario has seen, in the format of the recorded results of real kernels: a step has line and step, a look at the machine (snap) its name.',
    object({
      scenario: TEXT,
      title: TEXT,
      'validity?': TEXT,
      'validity_note?': TEXT,
      'snaps_valid_for_both?': { anyOf: [TEXT, list(TEXT)] },
      profile: { enum: PROFILE_NAMES },
      swap_kind: { enum: ['zram', 'file'] },
      swap_pages: COUNT,
      page_cluster: COUNT,
      readahead_kB: COUNT,
      steps: list({
        type: 'object',
        anyOf: [
          { properties: { line: PID, step: TEXT }, required: ['line', 'step'] },
          { properties: { snap: TEXT }, required: ['snap'] },
        ],
      }),
    }),
  ),
  capture: described(
    'reclaimfs capture -o FILE --json',
    'What has been captured; totals in kB, null where a process could not be read.',
    object({
      output: TEXT,
      processes: list(
        object({
          pid: PID,
          comm: TEXT,
          isKernelThread: YES_NO,
          totals: orNull(object({ rss: NUMBER, pss: NUMBER, anonymous: NUMBER, swap: NUMBER })),
        }),
      ),
      unreadable: list(PID),
      gone: list(PID),
      swapInvented: YES_NO,
      madeUp: list(TEXT),
      nrStandIns: COUNT,
    }),
  ),
  record: described(
    'reclaimfs record --json',
    'What has been recorded; nrLate: looks that took longer than the interval; limitBytes: of the control group, null without one.',
    object({ output: TEXT, nrIntervals: COUNT, nrProcesses: COUNT, limitBytes: orNull(COUNT), nrLate: COUNT }),
  ),
  replay: described(
    'reclaimfs replay --json',
    'A recording beside the model: memory in bytes at the end of each interval, faults within it, medians of |model - original| / original.',
    object({
      rows: list(object({ process: TEXT, seconds: NUMBER, original: MEASURED, model: MEASURED })),
      medianDifference: object({
        rss: orNull(NUMBER),
        referenced: orNull(NUMBER),
        minflt: orNull(NUMBER),
        majflt: orNull(NUMBER),
      }),
    }),
  ),
  compare: described(
    'reclaimfs compare --json',
    'A comparison: what was compared, each metric with a cell a row (policy and settings), every run.',
    object({
      origin: OPEN,
      experiment: object({
        scenario: object({ file: TEXT, title: TEXT, text: TEXT }),
        rows: list({
          type: 'object',
          properties: { name: TEXT, settings: { type: 'object', additionalProperties: TEXT } },
          required: ['name', 'settings'],
        }),
        seeds: list(COUNT),
        metrics: list(OPEN),
        durationUs: COUNT,
        warmUs: COUNT,
      }),
      baseline: TEXT,
      metrics: list(
        object({
          metric: OPEN,
          cells: list({
            type: 'object',
            properties: { mean: orNull(NUMBER), values: list(orNull(NUMBER)), best: YES_NO },
            required: ['mean', 'values', 'best'],
          }),
        }),
      ),
      runs: list({
        type: 'object',
        properties: { row: COUNT, seed: COUNT },
        required: ['row', 'seed'],
      }),
    }),
  ),
  wss: described(
    'reclaimfs wss --json',
    'The miss-ratio curve of a load: faults of an LRU with so much memory, first accesses left out; measured: runs of the machine, and the curve at the memory that they had.',
    object({
      accesses: COUNT,
      footprintKb: COUNT,
      curve: list(MISSES),
      measured: list(object({ ramKb: COUNT, usedKb: COUNT, faults: COUNT, perThousand: NUMBER, lru: MISSES })),
    }),
  ),
  'scenario-list': described(
    'reclaimfs scenario list --json',
    'The scenarios that come with the program.',
    list(object({ name: TEXT, title: TEXT })),
  ),
  'scenario-check': described(
    'reclaimfs scenario check --json',
    'Whether a scenario is right. Lines and columns count from 1.',
    object({
      file: TEXT,
      ok: YES_NO,
      problems: list(object({ line: PID, column: PID, reason: TEXT, hint: TEXT, message: TEXT })),
      warnings: list(TEXT),
    }),
  ),
  doctor: described(
    'reclaimfs doctor --json',
    'What works here (ok), what can be done without (warn), what does not work (fail), and what to do.',
    list(object({ check: TEXT, state: { enum: ['ok', 'warn', 'fail'] }, found: TEXT, advice: TEXT })),
  ),
};
