/** What recordings of real processes say of the original (scenario/record); `replay` sets the model's values beside it. */
import { addVmaSumsInPieces, PageSums } from '../../mm/pages/page-stats.ts';
import type { ProcessStep } from '../step.ts';

const MAX_BYTES = 2 ** 47;
const MAX_FAULTS = 2 ** 50;

export const recordSteps: readonly ProcessStep[] = [
  {
    word: 'recorded',
    usage: 'NAME recorded rss=SIZE swap=SIZE referenced=SIZE minflt=N majflt=N',
    about: 'what the original of a recorded process had at this moment; changes nothing',
    parse(args) {
      const size = (key: string): number => {
        const word = args.key(key);
        if (word === undefined) throw args.fail(`${key}= is missing`);
        return args.size(key, word, 0, MAX_BYTES);
      };
      const count = (key: string): number => {
        const value = args.integerKey(key, 0, MAX_FAULTS);
        if (value === undefined) throw args.fail(`${key}= is missing`);
        return value;
      };
      const original = {
        rss: size('rss'),
        swap: size('swap'),
        referenced: size('referenced'),
        minflt: count('minflt'),
        majflt: count('majflt'),
      };
      return function* ({ machine }, task) {
        const sums = new PageSums();
        if (task.mm !== null) for (const vma of task.mm.vmas) yield* addVmaSumsInPieces(machine.mem, vma, sums);
        const { rss, swap, referenced } = sums;
        return {
          process: task.name,
          seconds: machine.nowUs / 1e6,
          original,
          model: { rss, swap, referenced, minflt: task.minflt, majflt: task.majflt },
        };
      };
    },
  },
];
