/** Steps of a process that go by system calls on files, past its mappings. */
import { readFile, writeFile } from '../../machine/file-io.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Task } from '../../machine/task.ts';
import { FILE_ADVICE, fadvise } from '../../mm/cache/fadvise.ts';
import type { Mapping } from '../../mm/cache/mapping.ts';
import { ESRCH } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import type { Job } from '../../util/job.ts';
import { withEvents, withEventsInPieces } from '../report.ts';
import type { ProcessStep } from '../step.ts';
import { objectOf } from './machine-steps.ts';
import { mmOf } from './region.ts';

type FileCall = (machine: Machine, task: Task, file: Mapping, offset: number, length: number) => Job<number>;

/** `ret`: the bytes done, fewer at the end of the file or when memory runs out on the way; or -1 and the error's name. */
function* result(call: Job<number>): Job<Record<string, unknown>> {
  try {
    return { ret: yield* call };
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { ret: -1, errno: error.code };
  }
}

function fileCall(word: 'read' | 'write', about: string, call: FileCall): ProcessStep {
  return {
    word,
    usage: `NAME ${word} OBJECT OFF LEN`,
    about,
    partial: true,
    parse(args) {
      const name = args.name('object').text;
      const offset = args.size('offset');
      const length = args.size('length');
      return ({ machine }, task) => {
        const file = objectOf(machine, name);
        if (task.isZombie) throw new KernelError(ESRCH, `${task.name} is dead`);
        return withEventsInPieces(machine, result(call(machine, task, file, offset, length)));
      };
    },
  };
}

const fadviseStep: ProcessStep = {
  word: 'fadvise',
  usage: `NAME fadvise OBJECT OFF LEN ${FILE_ADVICE.join('|')}`,
  about: 'posix_fadvise(2) on its open file; length 0: to the end',
  partial: true,
  parse(args) {
    const name = args.name('object').text;
    const offset = args.size('offset');
    const length = args.size('length');
    const advice = args.choice('advice', FILE_ADVICE);
    return ({ machine }, task) => {
      const mapping = objectOf(machine, name);
      const { mem } = machine;
      const file = mmOf(task).fileOf(mapping.id, mem.settings.readaheadPages);
      return withEvents(machine, () => {
        fadvise(mem, mapping, file, offset, length, advice);
        return { ret: 0 };
      });
    };
  },
};

export const fileSteps: readonly ProcessStep[] = [
  fileCall('read', 'read(2): what is not cached is read, and charged to its control group', readFile),
  fileCall('write', 'write(2): pages become dirty in the cache, the object longer where need be', writeFile),
  fadviseStep,
];
