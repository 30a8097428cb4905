import { type Capture, type CaptureOptions, capturing } from '../scenario/capture/capture.ts';
import { type PlayOptions, type PlayResult, playing } from '../scenario/play.ts';
import { inPieces } from '../util/job.ts';

/** For `play` and `capture`. */
export interface Abortable {
  /** Ends it between two pieces of work; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * `playScenario` in pieces: timers, signals and other work of this program go on meanwhile, and `signal` ends it. Rejects
 * with ScenarioError, or the signal's reason.
 */
export async function play(
  scenario: string | Uint8Array,
  name: string,
  { signal, ...options }: PlayOptions & Abortable = {},
): Promise<PlayResult> {
  return inPieces(playing(scenario, name, options), signal);
}

/** `captureMachine` in pieces, a process each. Rejects with what `captureMachine` throws, or the signal's reason. */
export async function capture({ signal, ...options }: CaptureOptions & Abortable = {}): Promise<Capture> {
  return inPieces(capturing(options), signal);
}
