/**
 * The factory module of our own mounts: a machine, and its /proc. Imported where the transport wants the file system to
 * live (the kernel thread, or the main thread for fuse-native).
 */
import { readFileSync, readlinkSync } from 'node:fs';
import type { TransportHooks } from '../fuse/types.ts';
import type { ProfileName } from '../machine/profiles.ts';
import type { SwapKind } from '../mm/swap/swap.ts';
import type { Credentials } from '../procfs/access.ts';
import { GroupNumbers } from '../procfs/group-numbers.ts';
import { createProcFs } from '../procfs/proc-fs.ts';
import { Session } from '../scenario/session.ts';
import { PerfettoTrace } from '../scenario/trace/perfetto.ts';
import { TraceFile } from '../scenario/trace/trace-file.ts';
import type { FileSystem } from '../vfs/types.ts';
import { addCgroupTree } from './cgroup-tree.ts';
import { Clock } from './clock.ts';
import { ownProc } from './genuine-proc.ts';
import { hideDeadNumbers, linkHost } from './host-link.ts';
import { delayAnswers } from './latency.ts';
import { Mailbox } from './mailbox.ts';
import { reportProcesses } from './process-reports.ts';
import { takeResets } from './resets.ts';
import { Family } from './run/family.ts';
import { OwnGroups } from './run/own-groups.ts';
import { addOwnProcesses } from './run/own-processes.ts';
import { tellSurroundings } from './run/surroundings.ts';
import { addDesk, Desk, type FindCaller } from './run/syscalls/desk.ts';
import type { RunClock } from './run/virtual/run-clock.ts';
import type { WarningsMessage } from './server-protocol.ts';
import { SessionHost } from './session-host.ts';
import { giveTo, squashIds } from './squash-ids.ts';
import { addSysfsTree } from './sysfs-tree.ts';

/** What the server is told; structured-cloneable. */
export interface ServerOptions {
  /** The scenario's text, and the name for messages. */
  readonly text: string;
  readonly file: string;
  readonly profile?: ProfileName | undefined;
  readonly swapKind?: SwapKind | undefined;
  readonly clock: 'real' | 'manual';
  readonly speed: number;
  readonly hidepid: 0 | 1 | 2;
  /** Operations take as long as the simulated devices would; with a manual clock they cannot. */
  readonly latency?: 'none' | 'real' | undefined;
  /** Ids that this user namespace maps, as first-last pairs; absent: all of them. */
  readonly mappedIds?: readonly (readonly [number, number])[] | undefined;
  /** All files belong to this user, who counts as root of the simulated machine. */
  readonly filesOf?: number | undefined;
  /** A genuine procfs will be mounted on `.host` (run); otherwise `.host` is a link to /proc. */
  readonly hostMounted?: boolean | undefined;
  /** Show the command's own processes (run): in a pid namespace of its own, or in the host's. */
  readonly ownProcesses?: 'pidns' | 'descendants' | undefined;
  /** The command's root lacks capabilities that `run` has withheld: on the simulated machine it has them. */
  readonly rootWithheld?: boolean | undefined;
  /** Serve the control groups below `.cgroup`, to be bound elsewhere. */
  readonly cgroups?: boolean | undefined;
  /** Serve the machine's /sys below `.sysfs`, to be bound elsewhere. */
  readonly sysfs?: boolean | undefined;
  /** A trace for ui.perfetto.dev goes into this file. */
  readonly perfetto?: string | undefined;
  /** Answer the notifier of `run` through a hidden file of this name. */
  readonly deskName?: string | undefined;
  /** Report processes that come and go, for the placeholders of `run`. */
  readonly reportProcesses?: boolean | undefined;
}

export function createFileSystem(options: unknown, hooks: TransportHooks): FileSystem {
  const { text, file, profile, swapKind, clock, speed, ...more } = options as ServerOptions;
  const trace = more.perfetto === undefined ? undefined : traceInto(more.perfetto);
  const session = new Session({
    profile,
    swapKind,
    wallNowMs: clock === 'real' ? Date.now() : undefined,
    watch: (machine) => trace?.watch(machine),
  });
  session.setUp(text, file);
  if (session.warnings.length > 0) hooks.send({ kind: 'warnings', lines: session.warnings } satisfies WarningsMessage);
  const virtual = new Clock(session.machine.nowUs, speed, clock === 'real');
  return treeOf(new SessionHost(session, virtual, { inSlices: true }), options as ServerOptions, hooks);
}

/** The tree of a machine, as these options have it. `runClock`: who lets time pass there, if it is not the clock. */
export function treeOf(
  host: SessionHost,
  options: ServerOptions,
  hooks: TransportHooks,
  { mailbox = new Mailbox(hooks), runClock }: { readonly mailbox?: Mailbox; readonly runClock?: RunClock } = {},
): FileSystem {
  const { clock, speed, hidepid, mappedIds, ...more } = options;
  const owner = more.filesOf === undefined ? mounter() : { uid: more.filesOf, gid: mounter().gid };
  let fs = createProcFs(host, {
    hidepid,
    ...owner,
    hostProc: true,
    callerPid: more.ownProcesses === undefined ? processHere : processOf,
    credentials: credentialsFor(more),
    callerKnown: hooks.capabilities.includes('callerIdentity'),
    invalidates: hooks.capabilities.includes('invalidation'),
  });
  if (more.ownProcesses !== undefined) tellSurroundings(host, hooks, mailbox);
  const numbers = new GroupNumbers();
  let guests: OwnGroups | undefined;
  if (more.ownProcesses !== undefined) {
    const family = new Family(host, more.ownProcesses === 'pidns');
    guests = new OwnGroups(host, family, numbers);
    fs = addOwnProcesses(fs, host, family, guests);
  }
  if (more.cgroups === true) fs = addCgroupTree(fs, host, owner, numbers, guests);
  if (more.sysfs === true) fs = addSysfsTree(fs, host);
  if (more.latency === 'real' && clock === 'real') fs = delayAnswers(fs, host, speed);
  if (more.deskName !== undefined)
    fs = addDesk(fs, host, new Desk(host, realCallers(credentialsFor(more)), runClock), more.deskName);
  fs = hideDeadNumbers(fs, host);
  if (more.hostMounted !== true) fs = linkHost(fs);
  if (more.filesOf !== undefined) fs = giveTo(fs, owner);
  if (mappedIds !== undefined) fs = squashIds(fs, mappedIds);
  if (more.reportProcesses === true) fs = reportProcesses(fs, host, hooks, mailbox);
  else takeResets(host, hooks, mailbox);
  return fs;
}

/** What cannot be written any more (the disk is full) ends the trace, not the mount. */
function traceInto(path: string): PerfettoTrace {
  const file = new TraceFile(path, true);
  let broken = false;
  return new PerfettoTrace((bytes) => {
    if (broken) return;
    try {
      file.add(bytes);
    } catch (error) {
      broken = true;
      console.error(`reclaimfs: --perfetto: the trace ends here: ${(error as Error).message}`);
    }
  });
}

function mounter(): { uid: number; gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

function credentialsFor({ rootWithheld, filesOf }: Partial<ServerOptions>): typeof credentialsOf {
  const look = rootWithheld === true ? rootRestored(credentialsOf) : credentialsOf;
  if (filesOf === undefined) return look;
  return (tid, uid) => {
    const found = look(tid, uid);
    return uid === filesOf ? { groups: [], ...found, capabilities: ALL_CAPABILITIES } : found;
  };
}

/** Threads of real processes, with their ids. */
function realCallers(look: typeof credentialsOf): FindCaller {
  const idsOf = (status: string, name: string): number[] =>
    new RegExp(`^${name}:\\s*(\\d+)\\s+(\\d+)`, 'm').exec(status)?.slice(1).map(Number) ?? [];
  return (tid) => {
    try {
      const status = readFileSync(`${ownProc()}/${tid}/status`, 'latin1');
      const [uid, euid] = idsOf(status, 'Uid');
      const [gid, egid] = idsOf(status, 'Gid');
      if (uid === undefined || euid === undefined || gid === undefined || egid === undefined) return undefined;
      const more = look(tid, euid);
      return more === undefined ? undefined : { ...more, uid, euid, gid, egid };
    } catch {
      return undefined;
    }
  };
}

const CAP_DAC_OVERRIDE = 1n << 1n;
const ALL_CAPABILITIES = (1n << 64n) - 1n;

/** Root that still may override permissions is root of the simulated machine; without that it has given its rights up itself. */
function rootRestored(look: typeof credentialsOf): typeof credentialsOf {
  return (tid, uid) => {
    const found = look(tid, uid);
    if (found === undefined || (found.capabilities & CAP_DAC_OVERRIDE) === 0n) return found;
    return { ...found, capabilities: ALL_CAPABILITIES };
  };
}

/** Our own user namespace: what somebody may do in another one counts for nothing here. */
const USER_NAMESPACE = userNamespaceOf('self');

/** Capabilities and supplementary groups of a thread; undefined when it has gone. */
function credentialsOf(tid: number, _uid: number): Credentials | undefined {
  try {
    const status = readFileSync(`${ownProc()}/${tid}/status`, 'latin1');
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
    const groups = /^Groups:[ \t]*(.*)$/m.exec(status)?.[1] ?? '';
    return {
      capabilities: userNamespaceOf(String(tid)) === USER_NAMESPACE ? BigInt(`0x${effective}`) : 0n,
      groups: groups.split(' ').filter(Boolean).map(Number),
    };
  } catch {
    return undefined;
  }
}

/** A name for it; undefined where we may not know. */
function userNamespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`${ownProc()}/${pid}/ns/user`);
  } catch {
    return undefined;
  }
}

/** The same; undefined for those in another pid namespace, who know themselves by another number. */
function processHere(tid: number): number | undefined {
  try {
    const numbers = /^NStgid:\s*(\d+)(\s+\d+)?/m.exec(readFileSync(`${ownProc()}/${tid}/status`, 'latin1'));
    return numbers === null ? processOf(tid) : numbers[2] === undefined ? Number(numbers[1]) : undefined;
  } catch {
    return undefined;
  }
}

/** The process that a thread belongs to; our own /proc is the genuine one. */
function processOf(tid: number): number | undefined {
  try {
    const tgid = /^Tgid:\s*(\d+)$/m.exec(readFileSync(`${ownProc()}/${tid}/status`, 'latin1'))?.[1];
    return tgid === undefined ? undefined : Number(tgid);
  } catch {
    return undefined;
  }
}
