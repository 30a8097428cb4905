/** What a real /proc tells about its machine. */
import { quoteValue } from '../words.ts';
import { numberOf, readFields } from './proc-files.ts';
import type { ProcTree } from './proc-tree.ts';

export interface RealHost {
  readonly ramBytes: number;
  readonly swapBytes: number;
  readonly swapKind: 'zram' | 'disk';
  readonly cpus: number;
  readonly uptimeSeconds: number;
  readonly hostname: string;
  /** The lines of meminfo; none where there is no such file. */
  readonly meminfo: ReadonlyMap<string, string>;
  /** Paths of this capture are paths of this machine. */
  readonly isLive: boolean;
  /** Mount points of tmpfs by device, to tell shared memory from files. */
  readonly tmpfsDevices: ReadonlySet<string>;
}

export function readHost(tree: ProcTree): RealHost {
  const meminfo = readFields(tree.text('meminfo') ?? '');
  const swaps = (tree.text('swaps') ?? '').split('\n').slice(1).filter(Boolean);
  const stat = tree.text('stat') ?? '';
  return {
    ramBytes: numberOf(meminfo, 'MemTotal') * 1024,
    meminfo,
    isLive: tree.isLive,
    swapBytes: numberOf(meminfo, 'SwapTotal') * 1024,
    swapKind: swaps.length === 0 || swaps.some((line) => /^\/dev\/(block\/)?zram\d/.test(line)) ? 'zram' : 'disk',
    cpus: Math.max(1, stat.match(/^cpu\d+ /gm)?.length ?? 1),
    uptimeSeconds: Number((tree.text('uptime') ?? '0').split(' ')[0]),
    hostname: (tree.text('sys/kernel/hostname') ?? 'captured').replace(/\n.*$/s, ''),
    tmpfsDevices: tmpfsDevices(tree.text('self/mountinfo') ?? ''),
  };
}

/** The line that makes such a machine. Sizes in bytes. */
export function machineStep(host: RealHost, ramBytes: number, swapBytes: number): string {
  return `machine ram=${ramBytes} swap=${swapBytes} swapkind=${host.swapKind} cpus=${host.cpus} uptime=${host.uptimeSeconds.toFixed(2)}s hostname=${quoteValue(host.hostname)}`;
}

/** Devices as smaps writes them: hexadecimal. */
function tmpfsDevices(mountinfo: string): Set<string> {
  const devices = new Set<string>();
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const type = fields[fields.indexOf('-') + 1];
    if (type !== 'tmpfs' && type !== 'devtmpfs') continue;
    const [major = 0, minor = 0] = (fields[2] ?? '').split(':').map(Number);
    devices.add(`${hex(major)}:${hex(minor)}`);
  }
  return devices;
}

function hex(number: number): string {
  return number.toString(16).padStart(2, '0');
}
