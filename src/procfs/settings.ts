/** How a tree is mounted. */
import { Access, type Credentials } from './access.ts';

export interface ProcFsOptions {
  /** 0 everybody sees everything; 1 the files of others are closed; 2 their directories do not exist. */
  readonly hidepid?: 0 | 1 | 2;
  /** Who mounted: sees everything under hidepid, and owns /proc/reclaimfs. */
  readonly uid?: number;
  readonly gid?: number;
  /** A genuine procfs is, or will be, mounted on `.host`: self and numbers that are not simulated lead there. */
  readonly hostProc?: boolean;
  /** From a thread id of a caller to the process id under which it knows itself; absent: they are the same. */
  readonly callerPid?: (tid: number) => number | undefined;
  /** Capabilities and groups of a thread; absent: root has all and others none. */
  readonly credentials?: (tid: number, uid: number) => Credentials | undefined;
  /** Requests say who asks; otherwise the mode bits have to keep others out. */
  readonly callerKnown?: boolean;
  /** The transport takes names out of the kernel's caches before anybody can learn that they have vanished. */
  readonly invalidates?: boolean;
}

export interface ProcFsSettings extends Required<ProcFsOptions> {
  readonly access: Access;
}

export function settingsFrom(options: ProcFsOptions): ProcFsSettings {
  return {
    hidepid: options.hidepid ?? 0,
    uid: options.uid ?? 0,
    gid: options.gid ?? 0,
    hostProc: options.hostProc ?? false,
    credentials: options.credentials ?? (() => undefined),
    access: new Access(
      { hidepid: options.hidepid ?? 0, uid: options.uid ?? 0 },
      options.credentials ?? (() => undefined),
    ),
    callerPid: options.callerPid ?? ((tid) => tid),
    callerKnown: options.callerKnown ?? false,
    invalidates: options.invalidates ?? false,
  };
}
