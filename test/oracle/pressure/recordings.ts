/** Recordings and scenarios, from this folder or others, brought together by name. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Golden, isCompared, judge, playsFresh } from './judge.ts';
import { type KernelMemory, type PlayedScenario, playPressure } from './play.ts';

const PAGE = 4096;

/** A scenario and the recordings that it is held to: NAME, NAME.fresh, NAME.v2, or NAME.gen: with generations. */
export interface Compared {
  readonly name: string;
  readonly text: string;
  readonly goldens: ReadonlyMap<string, Golden>;
}

/** What came of one: by recording, every point in which the two differ. */
export interface Verdict {
  readonly played: PlayedScenario;
  readonly faults: ReadonlyMap<string, string[]>;
}

/** Scenarios from a folder, by name. */
export function readScenarios(folder: string): Map<string, string> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.scn'));
  return new Map(files.sort().map((file) => [file.slice(0, -4), readFileSync(join(folder, file), 'utf8')]));
}

/** Recordings from a folder, by name; only those that are compared. */
export function readGoldens(folder: string): Map<string, Golden> {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -5));
  return new Map(
    names
      .filter((name) => isCompared(name, new Set(names)))
      .sort()
      .map((name) => [name, JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Golden]),
  );
}

/** The scenario that a recording is of. */
export function scenarioOf(recording: string): string {
  return recording.replace(/\.(fresh|v2|gen)$/, '');
}

export function bringTogether(
  scenarios: ReadonlyMap<string, string>,
  goldens: ReadonlyMap<string, Golden>,
): Compared[] {
  return [...scenarios].map(([name, text]) => ({
    name,
    text,
    goldens: new Map([...goldens].filter(([recording]) => scenarioOf(recording) === name)),
  }));
}

export function compare({ name, text, goldens }: Compared): Verdict {
  const generations = new Map([...goldens].filter(([recording]) => recording.endsWith('.gen')));
  if (generations.size > 0 && generations.size < goldens.size) {
    const lists = new Map([...goldens].filter(([recording]) => !generations.has(recording)));
    const { played, faults } = compare({ name, text, goldens: lists });
    return { played, faults: new Map([...faults, ...compare({ name, text, goldens: generations }).faults]) };
  }
  const recordings = [...goldens.keys()];
  const fresh =
    recordings.length === 0 ? playsFresh(name) : recordings.every((recording) => recording.endsWith('.fresh'));
  const lru = generations.size > 0 ? 'generations' : 'lists';
  const played = playPressure(text, `${name}.scn`, { fresh, lru, kernel: kernelMemoryOf([...goldens.values()][0]) });
  return {
    played,
    faults: new Map([...goldens].map(([recording, golden]) => [recording, judge(recording, golden, played)])),
  };
}

function kernelMemoryOf(golden: Golden | undefined): KernelMemory | undefined {
  if (golden?.extra === undefined) return undefined;
  const atSnaps = golden.snaps.map(({ counters }) => (counters['memcg.kmem']?.[0] ?? 0) / PAGE);
  return { extra: golden.extra / PAGE, atSnaps };
}
