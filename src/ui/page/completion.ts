/** What may come next in a line of the step language. */
import type { StepHelp } from '../protocol.ts';

export interface Completions {
  /** Where the word begins that is being written. */
  readonly from: number;
  readonly words: readonly string[];
  /** The step that the line is, once that is clear. */
  readonly help: StepHelp | undefined;
}

const MOST = 8;

/** `names`: of processes, which lines may begin with. */
export function complete(
  text: string,
  caret: number,
  steps: readonly StepHelp[],
  names: readonly string[],
): Completions {
  const lineStart = text.lastIndexOf('\n', caret - 1) + 1;
  const before = text.slice(lineStart, caret);
  const typed = /\S*$/.exec(before)![0];
  const words = before
    .slice(0, before.length - typed.length)
    .split(/\s+/)
    .filter(Boolean);
  const [first, second] = words;
  const ofMachine = steps.find(({ subject, word }) => subject === 'machine' && word === first);
  const ofSubject =
    first === undefined || ofMachine !== undefined ? [] : steps.filter(({ subject }) => subject !== 'machine');
  const help = ofMachine ?? ofSubject.find(({ word }) => word === second);
  const candidates =
    first === undefined
      ? [...names, ...steps.filter(({ subject }) => subject === 'machine').map(({ word }) => word)]
      : help !== undefined
        ? help.keys.map((key) => `${key}=`).filter((key) => !before.includes(` ${key}`))
        : words.length === 1
          ? ofSubject.map(({ word }) => word)
          : [];
  const found = [...new Set(candidates)].filter((word) => word.startsWith(typed) && word !== typed);
  return { from: caret - typed.length, words: found.slice(0, MOST), help };
}
