/** mounts, mountinfo, mountstats, filesystems. Pretend: one disk and the usual kernel file systems. Mirrors: fs/proc_namespace.c. */
import { CGROUP1_CONTROLLERS, type Machine } from '../machine/machine.ts';
import { EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import type { SystemContext, TaskContext } from './entry.ts';
import { HIERARCHY } from './hierarchy-top.ts';
import type { TextBuffer } from './text.ts';

interface Mount {
  readonly id: number;
  readonly parent: number;
  readonly device: string;
  readonly source: string;
  readonly path: string;
  readonly type: string;
  readonly options: string;
}

const MOUNTS: readonly Mount[] = [
  { id: 22, parent: 1, device: '254:0', source: '/dev/vda', path: '/', type: 'ext4', options: '' },
  { id: 23, parent: 22, device: '0:21', source: 'proc', path: '/proc', type: 'proc', options: '' },
  { id: 24, parent: 22, device: '0:22', source: 'sysfs', path: '/sys', type: 'sysfs', options: '' },
  { id: 25, parent: 22, device: '0:6', source: 'devtmpfs', path: '/dev', type: 'devtmpfs', options: ',mode=755' },
  {
    id: 26,
    parent: 25,
    device: '0:23',
    source: 'devpts',
    path: '/dev/pts',
    type: 'devpts',
    options: ',gid=5,mode=620,ptmxmode=666',
  },
  { id: 27, parent: 25, device: '0:24', source: 'tmpfs', path: '/dev/shm', type: 'tmpfs', options: '' },
];
const V2: readonly Mount[] = [
  { id: 28, parent: 24, device: '0:25', source: 'cgroup2', path: '/sys/fs/cgroup', type: 'cgroup2', options: '' },
];
const V1: readonly Mount[] = [
  { id: 28, parent: 24, device: '0:25', source: 'tmpfs', path: '/sys/fs/cgroup', type: 'tmpfs', options: ',mode=755' },
  {
    id: 29,
    parent: 28,
    device: '0:26',
    source: 'cgroup',
    path: `/sys/fs/cgroup/${HIERARCHY}`,
    type: 'cgroup',
    options: `,${CGROUP1_CONTROLLERS.join(',')}`,
  },
];

function mountsOf({ options }: Machine): readonly Mount[] {
  return [...MOUNTS, ...(options.cgroup === 'v1' ? V1 : V2)];
}

export function showMounts(out: TextBuffer, { machine }: SystemContext): void {
  for (const { source, path, type, options } of mountsOf(machine))
    out.text(`${source} ${path} ${type} rw,relatime${options} 0 0\n`);
}

export function showMountinfo(out: TextBuffer, { machine }: SystemContext): void {
  for (const { id, parent, device, source, path, type, options } of mountsOf(machine))
    out.text(`${id} ${parent} ${device} / ${path} rw,relatime - ${type} ${source} rw${options}\n`);
}

export function showMountstats(out: TextBuffer, { machine }: SystemContext): void {
  for (const { source, path, type } of mountsOf(machine))
    out.text(`device ${source} mounted on ${path} with fstype ${type}\n`);
}

/** Who has exited has no namespaces any more. Errors: EINVAL. Mirrors: mounts_open_common. */
export function withNamespaces(
  show: (out: TextBuffer, ctx: SystemContext) => void,
): (out: TextBuffer, ctx: TaskContext) => void {
  return (out, ctx) => {
    if (ctx.task.isZombie) throw new KernelError(EINVAL, 'it has exited');
    show(out, ctx);
  };
}

const FILESYSTEMS = [
  ...['sysfs', 'tmpfs', 'proc', 'cgroup', 'cgroup2', 'devtmpfs', 'debugfs', 'tracefs', 'sockfs', 'pipefs', 'ramfs']
    .concat(['hugetlbfs', 'devpts', 'mqueue', 'fuse', 'overlay'])
    .map((name) => `nodev\t${name}\n`),
  '\text4\n',
  '\tfuseblk\n',
].join('');

export function showFilesystems(out: TextBuffer): void {
  out.text(FILESYSTEMS);
}
