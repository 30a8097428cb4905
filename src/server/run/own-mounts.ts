/**
 * The list of mounts that a program under `run` is shown: one /proc, one /sys, one hierarchy of control groups, as on the
 * simulated machine; of everything else what there is. Mirrors: fs/proc_namespace.c.
 */

import { CGROUP1_CONTROLLERS, type CgroupVersion } from '../../machine/machine.ts';
import { HIERARCHY } from '../../procfs/hierarchy-top.ts';

const GROUPS = '/sys/fs/cgroup';
/** Added to the number of the mount above: no mount has such a number. */
const HIERARCHY_ID = 1_000_000;

interface Mount {
  readonly id: string;
  readonly parent: string;
  /** `major:minor` */
  readonly device: string;
  readonly root: string;
  readonly point: string;
  readonly options: string;
  /** Optional fields, each with a blank in front. */
  readonly optional: string;
  readonly type: string;
  readonly source: string;
  readonly superOptions: string;
}

/** What stands in the place of the tree's own mounts. */
const SIMULATED: ReadonlyMap<string, { readonly type: string; readonly options: string }> = new Map([
  ['/proc', { type: 'proc', options: 'rw,nosuid,nodev,noexec,relatime' }],
  ['/sys', { type: 'sysfs', options: 'rw,nosuid,nodev,noexec,relatime' }],
  ['/sys/fs/cgroup', { type: 'cgroup2', options: 'rw,nosuid,nodev,noexec,relatime' }],
]);

/** In the place of the one above where the machine has version 1: the hierarchy lies in a directory of a tmpfs. */
const TMPFS = { type: 'tmpfs', options: 'rw,nosuid,nodev,noexec' } as const;

export class OwnMounts {
  readonly #mounts: readonly Mount[];

  /** `mountinfo`: the text of a genuine /proc/PID/mountinfo; `version`: of the machine's control groups. */
  constructor(mountinfo: string, version: CgroupVersion = 'v2') {
    const shown = new Map<string, Mount>();
    /** What counts in the place of a mount that is covered by another one on the same point. */
    const covered = new Map<string, string>();
    for (const line of mountinfo.split('\n')) {
      const mount = parse(line);
      if (mount === undefined || /^\/(proc|sys)\/(?!fs\/cgroup$)|^\/dev\/kmsg$/.test(mount.point)) continue;
      const own = version === 'v1' && mount.point === GROUPS ? TMPFS : SIMULATED.get(mount.point);
      if (own === undefined) {
        shown.set(mount.id, mount);
        continue;
      }
      const before = [...shown.values()].find(({ point }) => point === mount.point);
      if (before !== undefined) covered.set(before.id, mount.id);
      const parent = before?.parent ?? mount.parent;
      const top = { ...mount, ...own, parent, root: '/', optional: '', source: own.type, superOptions: 'rw' };
      if (before !== undefined) shown.delete(before.id);
      shown.set(mount.id, top);
    }
    const visible = (id: string): string => {
      const above = covered.get(id);
      return above === undefined ? id : visible(above);
    };
    const mounts = [...shown.values()].map((mount) => ({ ...mount, parent: visible(mount.parent) }));
    this.#mounts = version === 'v1' ? mounts.flatMap(withHierarchy) : mounts;
  }

  mountinfo(): string {
    return this.#lines(
      (mount) =>
        `${mount.id} ${mount.parent} ${mount.device} ${mount.root} ${mount.point} ${mount.options}${mount.optional} - ${mount.type} ${mount.source} ${mount.superOptions}`,
    );
  }

  mounts(): string {
    return this.#lines(({ source, point, type, options, superOptions }) => {
      const all = new Set([...options.split(','), ...superOptions.split(',')]);
      if (all.has('ro')) all.delete('rw');
      const [mode, ...rest] = [...all].sort((a, b) => Number(isMode(b)) - Number(isMode(a)));
      return `${source} ${point} ${type} ${[mode, ...rest].join(',')} 0 0`;
    });
  }

  mountstats(): string {
    return this.#lines(({ source, point, type }) => `device ${source} mounted on ${point} with fstype ${type}`);
  }

  #lines(show: (mount: Mount) => string): string {
    return this.#mounts.map((mount) => `${show(mount)}\n`).join('');
  }
}

/** Behind the directory of the hierarchies stands theirs. */
function withHierarchy(mount: Mount): Mount[] {
  if (mount.point !== GROUPS) return [mount];
  const id = String(Number(mount.id) + HIERARCHY_ID);
  const own = {
    type: 'cgroup',
    options: 'rw,nosuid,nodev,noexec,relatime',
    superOptions: `rw,${CGROUP1_CONTROLLERS.join(',')}`,
  };
  return [mount, { ...mount, ...own, id, parent: mount.id, point: `${GROUPS}/${HIERARCHY}`, source: 'cgroup' }];
}

function isMode(option: string): boolean {
  return option === 'rw' || option === 'ro';
}

function parse(line: string): Mount | undefined {
  const match =
    /^(?<id>\d+) (?<parent>\d+) (?<device>\d+:\d+) (?<root>\S+) (?<point>\S+) (?<options>\S+)(?<optional>(?: \S+)*?) - (?<type>\S+) (?<source>\S*) (?<superOptions>\S*)$/.exec(
      line,
    );
  return match === null ? undefined : (match.groups as unknown as Mount);
}
