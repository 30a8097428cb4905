/** /proc itself, one row a file. Mirrors: fs/proc/root.c and the init functions that add to it. */
import { S_IFDIR, S_IFREG } from '../vfs/types.ts';
import { reclaimfsDirectory } from './control.ts';
import { directory, type Entry, file, type SystemContext, symlink } from './entry.ts';
import type { EventStreams } from './event-streams.ts';
import { fixedTexts } from './fixed-texts.ts';
import { selfTarget, threadSelfTarget } from './host-links.ts';
import type { KernelLogFiles } from './kmsg.ts';
import { kpageEntries } from './kpage.ts';
import type { LastError } from './last-error.ts';
import { showMeminfo } from './meminfo.ts';
import { showFilesystems, showMountinfo, showMounts } from './mounts.ts';
import { netEntry } from './net.ts';
import { pressureEntry } from './pressure.ts';
import type { ProcFsSettings } from './settings.ts';
import { showSlabinfo } from './slabinfo.ts';
import { showInterrupts, showLoadavg, showSoftirqs, showStat, showUptime } from './stat.ts';
import { sysEntry } from './sysctl.ts';
import { sysrqTrigger } from './sysrq.ts';
import { showCpuinfo, showDiskstats, showPartitions, showSwaps, showVersion } from './system-info.ts';
import { showVmstat } from './vmstat.ts';
import { showBuddyinfo, showPagetypeinfo, showZoneinfo } from './zones.ts';

type Row = Entry<SystemContext>;

/** Where a genuine procfs is at hand, what belongs to the caller leads there. */
function hostRows({ hostProc }: ProcFsSettings): readonly Row[] {
  if (!hostProc) return [file('mounts', 0o444, showMounts), file('mountinfo', 0o444, showMountinfo)];
  return [
    { name: '.host', mode: S_IFDIR | 0o555, children: [], hidden: true },
    symlink('mounts', () => 'self/mounts'),
    file('mountinfo', 0o444, showMountinfo, { hidden: true }),
    symlink('self', selfTarget),
    symlink('thread-self', threadSelfTarget),
  ];
}

export function rootEntry(
  settings: ProcFsSettings,
  streams: EventStreams,
  kernelLog: KernelLogFiles,
  lastError: LastError,
): Row {
  const rows: readonly Row[] = [
    ...hostRows(settings),
    ...fixedTexts,
    ...kpageEntries,
    file('buddyinfo', 0o444, showBuddyinfo),
    file('cpuinfo', 0o444, showCpuinfo),
    file('diskstats', 0o444, showDiskstats),
    file('filesystems', 0o444, showFilesystems),
    file('interrupts', 0o444, showInterrupts),
    { name: 'kmsg', mode: S_IFREG | 0o400, open: (_ctx, flags) => kernelLog.openSyslog(flags) },
    file('loadavg', 0o444, showLoadavg),
    file('meminfo', 0o444, showMeminfo),
    netEntry,
    file('pagetypeinfo', 0o400, showPagetypeinfo),
    file('partitions', 0o444, showPartitions),
    pressureEntry,
    reclaimfsDirectory(streams, kernelLog, lastError),
    file('slabinfo', 0o400, showSlabinfo),
    file('softirqs', 0o444, showSoftirqs),
    file('stat', 0o444, showStat),
    file('swaps', 0o444, showSwaps),
    sysEntry,
    sysrqTrigger,
    file('uptime', 0o444, showUptime),
    file('version', 0o444, showVersion),
    file('vmstat', 0o444, showVmstat),
    file('zoneinfo', 0o444, showZoneinfo),
  ];
  return directory(
    '',
    [...rows].sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
}
