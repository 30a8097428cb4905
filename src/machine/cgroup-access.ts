/** Which files a control group has, and writing to them. */
import { E2BIG, EINVAL, ENOENT } from '../util/errno.ts';
import { KernelError, UnknownNameError } from '../util/errors.ts';
import { isJob, type Job } from '../util/job.ts';
import type { Cgroup } from './cgroup.ts';
import { CGROUP_FILES, type CgroupFile } from './cgroup-files.ts';
import { CGROUP1_FILES } from './cgroup1-files.ts';
import { isIn } from './kernels.ts';
import type { Machine } from './machine.ts';

/** Without CONFIG_PSI there are no pressure files; switched off they are there before 5.13, and say so. Mirrors: cgroup_psi_enabled. */
function hasPressure({ options: { kernel, psi } }: Machine): boolean {
  return psi === 'on' || (psi === 'off' && isIn(kernel, { until: '6.1' }));
}

/** The files of a machine's version, by name in each directory. */
export function cgroupFiles({ options }: Machine): readonly CgroupFile[] {
  return TABLES[options.cgroup];
}

const TABLES = { v2: CGROUP_FILES, v1: CGROUP1_FILES } as const;
const BY_NAME = {
  v2: new Map(CGROUP_FILES.map((file) => [file.name, file])),
  v1: new Map(CGROUP1_FILES.map((file) => [file.name, file])),
} as const;

/** The file of this name in a group, if it has one there. */
export function cgroupFile(machine: Machine, group: Cgroup, name: string): CgroupFile | undefined {
  const file = BY_NAME[machine.options.cgroup].get(name);
  if (file === undefined || !isIn(machine.options.kernel, file)) return undefined;
  if ((file.memory && !group.hasMemory) || (file.pids && !group.hasPids)) return undefined;
  if (file.pressure && !(group.showsPressure && hasPressure(machine))) return undefined;
  if (file.name === 'cgroup.pressure' && !hasPressure(machine)) return undefined;
  if (file.where !== 'both' && (file.where === 'root') !== (group.parent === null)) return undefined;
  return file;
}

/** Mirrors: kernfs_fop_write_iter: atomic_write_len, a page without its NUL. */
export const MAX_WRITTEN = 4095;

function noSuchFile(machine: Machine, group: Cgroup, name: string): UnknownNameError {
  const here = cgroupFiles(machine)
    .map((file) => file.name)
    .filter((file) => cgroupFile(machine, group, file) !== undefined);
  const { memory, pids } = BY_NAME[machine.options.cgroup].get(name) ?? {};
  const controller = memory ? 'memory' : pids ? 'pids' : undefined;
  const known = controller === undefined ? here : [];
  const advice =
    controller === undefined || group.parent === null
      ? `one of ${here.filter((file) => cgroupFile(machine, group, file)?.write !== undefined).join(' ')}`
      : undefined;
  const why =
    controller === undefined || group.parent === null
      ? ''
      : `: its parent does not hand ${controller} down (cgroup write ${group.parent.path === '/' ? '' : group.parent.path}/cgroup.subtree_control +${controller})`;
  return new UnknownNameError(`${group.path || '/'} has no file ${name}${why}`, name, known, advice, ENOENT);
}

/** One write to a file. Throws E2BIG, ENOENT (no such file), EINVAL (not for writing), and what the file says. */
export function* writeCgroupFile(machine: Machine, group: Cgroup, name: string, text: string): Job<void> {
  const file = cgroupFile(machine, group, name);
  if (file === undefined) throw noSuchFile(machine, group, name);
  if (text.length > MAX_WRITTEN) throw new KernelError(E2BIG, 'at most a page can be written');
  if (file.write === undefined) throw new KernelError(EINVAL, `${name} is not for writing`);
  machine.generation++;
  const begun = file.write(machine, group, text);
  if (begun !== undefined && isJob(begun)) yield* begun;
}
