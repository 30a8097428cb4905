/** Steps that keep the machine as it is, and come back to it. */
import { EINVAL } from '../../util/errno.ts';
import { KernelError } from '../../util/errors.ts';
import { reportAtEnd } from '../report.ts';
import type { Branches, MachineStep, StepContext } from '../step.ts';

function branchesOf({ branches }: StepContext): Branches {
  if (branches === undefined) throw new KernelError(EINVAL, 'snapshots are not kept here');
  return branches;
}

export const branchSteps: readonly MachineStep[] = [
  {
    word: 'snapshot',
    usage: 'snapshot NAME [drop]',
    about: 'keeps the whole machine as it is under this name, or forgets it: /proc/reclaimfs/snapshots/NAME',
    parse(args) {
      const name = args.next('name').text;
      const drop = args.flag('drop');
      return (ctx) => {
        if (!drop) return reportAtEnd(branchesOf(ctx).keep(name), {});
        branchesOf(ctx).drop(name);
        return {};
      };
    },
  },
  {
    word: 'restore',
    usage: 'restore NAME',
    about: 'makes the machine what it was, its time included, when it was kept under this name',
    parse(args) {
      const name = args.next('name').text;
      return (ctx) => reportAtEnd(branchesOf(ctx).restore(name), {});
    },
  },
  {
    word: 'snapshots',
    usage: 'snapshots',
    about: 'lists what is kept: name, seconds since boot, bytes',
    parse: () => (ctx) => {
      const { snapshots } = branchesOf(ctx);
      return Object.fromEntries([...snapshots].map(([name, { nowUs }]) => [name, `${nowUs / 1e6}s`]));
    },
  },
];
