import type { Command } from 'commander';
import { describeTransport } from '../../fuse/types.ts';
import { type MountFlags, serverOptions } from '../../server/server-options.ts';
import { startServer } from '../../server/start-server.ts';
import type { CommandRow } from '../command.ts';
import { addMountOptions, readScenario } from '../machine-options.ts';
import { notice, print } from '../output.ts';

const HELP = `
Examples:
  mkdir -p /tmp/proc && reclaimfs mount /tmp/proc
  reclaimfs mount /tmp/proc --scenario here.scn --profile linux-6.18
  reclaimfs mount /tmp/proc --cgroupfs /tmp/cgroup && cat /tmp/cgroup/memory.stat
  reclaimfs mount /tmp/proc --clock manual && echo +5s > /tmp/proc/reclaimfs/clock

Returns when the mount answers; the server goes on in the background until "reclaimfs umount" (or umount).`;

interface Flags extends MountFlags {
  readonly scenario: string;
  readonly foreground?: boolean;
  readonly cgroupfs?: string;
}

export const mountCommand: CommandRow = {
  name: 'mount',
  register(program: Command): void {
    addMountOptions(program.command('mount <mountpoint>').description('mount the /proc of a simulated machine'))
      .option('--foreground', 'stay, and unmount on SIGINT or SIGTERM')
      .option('--cgroupfs <directory>', 'mount its control groups, too (cgroup v2; needs root)')
      .option('--no-allow-other', 'for the mounting user only')
      .addHelpText('after', HELP)
      .action(mount);
  },
};

async function mount(mountpoint: string, flags: Flags): Promise<void> {
  const source = await readScenario(flags.scenario, flags.masimRate);
  const server = await startServer({
    mountpoint,
    transport: flags.transport,
    cgroupfs: flags.cgroupfs,
    ...(flags.allowOther ? {} : { allowOther: false }),
    server: serverOptions(source, flags),
    detached: flags.foreground !== true,
    notice,
  });
  print(`mounted ${server.mountpoint}: ${describeTransport(server.transport, server.capabilities)}`);
  if (flags.foreground !== true) return;
  // Signals of the terminal reach the server by themselves; others are handed on. The channel's end stops it in any case.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => server.child.kill('SIGTERM'));
  await server.exited;
}
