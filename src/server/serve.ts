/** The server process of one mount: started by start-server.ts with an IPC channel, ends when the mount has gone. */
import { rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { mountFileSystem } from '../fuse/transport.ts';
import { type BranchKind, BranchMount } from './branch-mount.ts';
import { CGROUP_NAME, SYSFS_NAME } from './branch-names.ts';
import type { Front, StartFront } from './front.ts';
import { errorLine } from './messages.ts';
import type { ResetAnswer, ResetRequest } from './resets.ts';
import { describeError, type FromServer, type StartMessage, type WarningsMessage } from './server-protocol.ts';

/** Set by the starter: the log that this process's streams go to, taken away again when nothing was written. */
const LOG_FILE = process.env['RECLAIMFS_LOG_FILE'];

/** Waits for the first message. `startFront`: shows the mount to people, where that is asked for. */
export function serveMount(startFront: StartFront): void {
  process.once('message', (message: StartMessage) => {
    serve(message, startFront).catch((error: unknown) => {
      tell(describeError(error));
      process.exitCode = 1;
      letGo();
      removeEmptyLog();
    });
  });
}

async function serve(start: StartMessage, startFront: StartFront): Promise<void> {
  const notice = (line: string): void => (process.connected ? tell({ kind: 'notice', line }) : console.error(line));
  const branches = branchMounts(start);
  for (const branch of branches) await branch.prepare(notice);
  const mount = await mountFileSystem({
    mountpoint: start.mountpoint,
    transport: start.transport,
    factory: new URL('./server.js', import.meta.url),
    factoryOptions: {
      ...start.server,
      cgroups: start.cgroupfs !== undefined,
      sysfs: start.sysfs !== undefined,
    },
    ...(start.allowOther === undefined ? {} : { allowOther: start.allowOther }),
    notice,
    guarded: true,
  });
  let front: Front | undefined;
  try {
    for (const branch of branches) await branch.bind(mount);
    if (start.ui !== undefined) front = await startFront(mount.mountpoint, start.ui);
  } catch (error) {
    await endAll(branches);
    await mount.unmount();
    throw error;
  }
  const { mountpoint, transport, capabilities } = mount;
  mount.onMessage((message) => {
    const said = message as ResetAnswer | WarningsMessage;
    if (said.kind === 'warnings') said.lines.forEach(notice);
    else tell(said);
  });
  tell({ kind: 'ready', mountpoint, transport, capabilities, ui: front?.url });
  process.on('message', (request: ResetRequest) => mount.send(request));
  if (start.attached) {
    const end = (): void => void endAll(branches).then(() => mount.unmount());
    process.once('disconnect', end);
    // Whoever started us may have ended while we mounted.
    if (!process.connected) end();
  } else letGo();
  const reason = await mount.closed;
  await front?.close();
  await endAll(branches);
  if (start.removeMountpoint === true) removeDirectory(start.mountpoint);
  letGo();
  if (reason.kind === 'error') {
    console.error(errorLine(reason.error));
    process.exitCode = 1;
  }
  removeEmptyLog();
  // Threads of libfuse may still wait for requests that nobody makes any more.
  process.exit();
}

const GROUPS: BranchKind = { name: CGROUP_NAME, what: 'the control groups', option: '--cgroupfs' };
const SYS: BranchKind = { name: SYSFS_NAME, what: 'its /sys', option: '--sysfs' };

function branchMounts({ cgroupfs, sysfs }: StartMessage): BranchMount[] {
  return [
    ...(cgroupfs === undefined ? [] : [new BranchMount(GROUPS, cgroupfs)]),
    ...(sysfs === undefined ? [] : [new BranchMount(SYS, sysfs)]),
  ];
}

async function endAll(branches: readonly BranchMount[]): Promise<void> {
  for (const branch of branches) await branch.end();
}

function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody has put something there, or taken it away.
  }
}

function tell(message: FromServer): void {
  if (process.connected) process.send?.(message);
}

function letGo(): void {
  if (process.connected) process.disconnect();
}

function removeEmptyLog(): void {
  if (LOG_FILE === undefined) return;
  try {
    if (statSync(LOG_FILE).size > 0) return;
    rmSync(LOG_FILE);
    rmdirSync(dirname(LOG_FILE));
  } catch {
    // Others still use the directory, or somebody was faster.
  }
}
