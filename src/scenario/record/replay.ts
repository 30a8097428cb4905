/** Playing a recording in the model, and holding it against the original, interval by interval. */
import { median } from 'd3-array';
import { CliError } from '../../util/errors.ts';
import { type PlayOptions, playScenario } from '../play.ts';
import type { Measured } from './sample.ts';

/** A process at the end of an interval: the original, and the model. Bytes; faults within the interval. */
export interface ReplayRow {
  readonly process: string;
  /** Seconds since the recording began. */
  readonly seconds: number;
  readonly original: Measured;
  readonly model: Measured;
}

export type ReplayKey = 'rss' | 'referenced' | 'minflt' | 'majflt';
export const REPLAY_KEYS: readonly ReplayKey[] = ['rss', 'referenced', 'minflt', 'majflt'];

/** A recording that has been played. */
export interface Replay {
  readonly rows: readonly ReplayRow[];
  /**
   * The median over intervals, all processes together, of how far the model is from the original, as a part of the
   * original. Intervals in which the original had none are left out; null: it never had any.
   */
  readonly medianDifference: Readonly<Record<ReplayKey, number | null>>;
}

interface Recorded {
  readonly process: string;
  readonly seconds: number;
  readonly original: Measured;
  readonly model: Measured;
}

/** Throws ScenarioError, and CliError for a scenario that is no recording. */
export function replayRecording(scenario: string | Uint8Array, name: string, options: PlayOptions = {}): Replay {
  const { records, session } = playScenario(scenario, name, options);
  const began = session.machine.options.uptimeSeconds;
  const before = new Map<string, Recorded>();
  const rows: ReplayRow[] = [];
  for (const { word, result } of records) {
    if (word !== 'recorded') continue;
    const now = result as unknown as Recorded;
    const last = before.get(now.process);
    before.set(now.process, now);
    rows.push({
      process: now.process,
      seconds: now.seconds - began,
      original: within(now.original, last?.original),
      model: within(now.model, last?.model),
    });
  }
  if (rows.length === 0)
    throw new CliError(`${name} is no recording: it has no "recorded" steps (see reclaimfs record)`);
  return { rows, medianDifference: medians(rows) };
}

/** Faults since the look before. A process that is new has had its faults in this interval. */
function within(now: Measured, before: Measured | undefined): Measured {
  return { ...now, minflt: now.minflt - (before?.minflt ?? 0), majflt: now.majflt - (before?.majflt ?? 0) };
}

function medians(rows: readonly ReplayRow[]): Record<ReplayKey, number | null> {
  const of = (key: ReplayKey): number | null => {
    const byTime = new Map<number, { original: number; model: number }>();
    for (const { seconds, original, model } of rows) {
      const sums = byTime.get(seconds) ?? { original: 0, model: 0 };
      byTime.set(seconds, { original: sums.original + original[key], model: sums.model + model[key] });
    }
    const differences = [...byTime.values()]
      .filter(({ original }) => original > 0)
      .map(({ original, model }) => Math.abs(model - original) / original);
    return median(differences) ?? null;
  };
  return { rss: of('rss'), referenced: of('referenced'), minflt: of('minflt'), majflt: of('majflt') };
}
