/** Playing a scenario with a check of the whole machine after every step. */
import { readFileSync } from 'node:fs';
import type { Machine } from '../../src/machine/machine.ts';
import type { ProfileName } from '../../src/machine/profiles.ts';
import type { SwapKind } from '../../src/mm/swap/swap.ts';
import { type ParsedStep, parseSteps } from '../../src/scenario/parse.ts';
import type { PlayResult } from '../../src/scenario/play.ts';
import { Session, type StepRecord } from '../../src/scenario/session.ts';

export const VARIANTS = [
  ['zram0', 'zram'],
  ['file0', 'disk'],
] as const satisfies readonly (readonly [string, SwapKind])[];

/** The files of a folder beside this one, as text. */
export function readText(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

/** A fresh session and the steps still to be taken: all but a `machine` line, which is carried out. */
export function begin(
  text: string,
  file: string,
  profile: ProfileName,
  swapKind: SwapKind,
): { session: Session; steps: ParsedStep[] } {
  const session = new Session({ profile, swapKind });
  const machineLine = /^machine .*$/m.exec(text)?.[0] ?? '';
  session.load(machineLine, file);
  return { session, steps: parseSteps(text.replace(/^machine .*$/m, ''), file) };
}

export function carryOut(step: ParsedStep, machine: Machine): StepRecord {
  return { line: step.line, step: step.text, word: step.word, result: step.run({ machine }) };
}

/** Plays to the end; throws at the first step after which something is broken. */
export function playChecked(text: string, file: string, profile: ProfileName, swapKind: SwapKind): PlayResult {
  const { session, steps } = begin(text, file, profile, swapKind);
  const records = steps.map((step) => {
    const record = carryOut(step, session.machine);
    const problems = session.machine.check();
    if (problems.length > 0) throw new Error(`${file}:${step.line}: after "${step.text}": ${problems.join('; ')}`);
    return record;
  });
  return { file, text, session, records };
}
