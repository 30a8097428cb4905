/** The server process of one mount: started by start-server.ts with an IPC channel, ends when the mount has gone. */
import { rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { mountFileSystem } from '../fuse/transport.ts';
import { CgroupMount } from './cgroup-mount.ts';
import { errorLine } from './messages.ts';
import type { ResetAnswer, ResetRequest } from './resets.ts';
import { describeError, type FromServer, type StartMessage } from './server-protocol.ts';

/** Set by the starter: the log that this process's streams go to, taken away again when nothing was written. */
const LOG_FILE = process.env['RECLAIMFS_LOG_FILE'];

process.once('message', (message: StartMessage) => {
  serve(message).catch((error: unknown) => {
    tell(describeError(error));
    process.exitCode = 1;
    letGo();
    removeEmptyLog();
  });
});

async function serve(start: StartMessage): Promise<void> {
  const notice = (line: string): void => (process.connected ? tell({ kind: 'notice', line }) : console.error(line));
  const groups = start.cgroupfs === undefined ? undefined : new CgroupMount(start.cgroupfs);
  await groups?.prepare(notice);
  const mount = await mountFileSystem({
    mountpoint: start.mountpoint,
    transport: start.transport,
    factory: new URL('./server.js', import.meta.url),
    factoryOptions: { ...start.server, cgroups: groups !== undefined },
    ...(start.allowOther === undefined ? {} : { allowOther: start.allowOther }),
    notice,
    guarded: true,
  });
  try {
    await groups?.bind(mount);
  } catch (error) {
    await mount.unmount();
    throw error;
  }
  const { mountpoint, transport, capabilities } = mount;
  tell({ kind: 'ready', mountpoint, transport, capabilities });
  mount.onMessage((answer) => tell(answer as ResetAnswer));
  process.on('message', (request: ResetRequest) => mount.send(request));
  if (start.attached)
    process.once('disconnect', () => void (groups?.end() ?? Promise.resolve()).then(() => mount.unmount()));
  else letGo();
  const reason = await mount.closed;
  await groups?.end();
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
