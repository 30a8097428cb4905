/** What a real /proc tells about its machine. */
import { numberOf, readFields, readText } from './proc-files.ts';

export interface RealHost {
  readonly ramBytes: number;
  readonly swapBytes: number;
  readonly swapKind: 'zram' | 'disk';
  readonly cpus: number;
  readonly uptimeSeconds: number;
  readonly hostname: string;
  /** Mount points of tmpfs by device, to tell shared memory from files. */
  readonly tmpfsDevices: ReadonlySet<string>;
}

export function readHost(root: string): RealHost {
  const meminfo = readFields(readText(`${root}/meminfo`) ?? '');
  const swaps = (readText(`${root}/swaps`) ?? '').split('\n').slice(1).filter(Boolean);
  const stat = readText(`${root}/stat`) ?? '';
  return {
    ramBytes: numberOf(meminfo, 'MemTotal') * 1024,
    swapBytes: numberOf(meminfo, 'SwapTotal') * 1024,
    swapKind: swaps.length === 0 || swaps.some((line) => line.startsWith('/dev/zram')) ? 'zram' : 'disk',
    cpus: Math.max(1, stat.match(/^cpu\d+ /gm)?.length ?? 1),
    uptimeSeconds: Number((readText(`${root}/uptime`) ?? '0').split(' ')[0]),
    hostname: (readText(`${root}/sys/kernel/hostname`) ?? 'captured').replace(/\n.*$/s, ''),
    tmpfsDevices: tmpfsDevices(readText(`${root}/self/mountinfo`) ?? ''),
  };
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
