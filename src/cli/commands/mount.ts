import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Capability, describeTransport, type TransportName } from '../../fuse/types.ts';
import { type MountFlags, serverOptions } from '../../server/server-options.ts';
import { type StartedServer, startServer } from '../../server/start-server.ts';
import type { CommandRow } from '../command.ts';
import { addMountOptions, readScenario } from '../machine-options.ts';
import { notice, print, printJson } from '../output.ts';
import { UI_HELP, type UiAddress, uiAddress, uiWish } from '../ui-option.ts';

const HELP = `
Examples:
  mkdir -p /tmp/proc && reclaimfs mount /tmp/proc
  reclaimfs mount /tmp/proc --scenario here.scn --profile linux-6.18
  reclaimfs mount /tmp/proc --uid me        for an ordinary user: your files
  reclaimfs mount /tmp/proc --cgroupfs /tmp/cgroup
  reclaimfs mount /tmp/proc --clock manual  echo +5s >/tmp/proc/reclaimfs/clock
  reclaimfs mount /tmp/proc --ui            prints the address of a page that
                                            shows and drives it

Returns when the mount answers; the server goes on in the background until
"reclaimfs umount" (or umount).`;

interface Flags extends MountFlags {
  readonly scenario: string;
  readonly foreground?: boolean;
  readonly cgroupfs?: string;
  readonly json?: boolean;
  readonly sysfs?: string;
  readonly ui?: UiAddress | true;
}

export const mountCommand: CommandRow = {
  name: 'mount',
  register(program: Command): void {
    addMountOptions(program.command('mount <mountpoint>').description('mount the /proc of a simulated machine'))
      .option('--foreground', 'stay, and unmount on SIGINT or SIGTERM')
      .option('--cgroupfs <directory>', 'mount its control groups, too (cgroup v2; needs root)')
      .option('--sysfs <directory>', 'mount its /sys, too (needs root)')
      .option('--ui [host:port]', UI_HELP, uiAddress)
      .option('--no-allow-other', 'for the mounting user only')
      .option('--json', 'say what was mounted as one JSON object')
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
    sysfs: flags.sysfs,
    ...(flags.allowOther ? {} : { allowOther: false }),
    server: serverOptions(source, flags),
    ui: uiWish(flags.ui),
    detached: flags.foreground !== true,
    notice,
  });
  if (flags.json === true) printJson(resultOf(server, flags.cgroupfs));
  else {
    print(`mounted ${server.mountpoint}: ${describeTransport(server.transport, server.capabilities)}`);
    if (server.ui !== undefined) print(`to look at it: ${server.ui}`);
  }
  if (process.geteuid?.() !== 0 && flags.uid === undefined)
    notice('its files belong to the simulated users: to write to them use --uid me, or "reclaimfs run"');
  if (flags.foreground !== true) return;
  // Signals of the terminal reach the server by themselves; others are handed on. The channel's end stops it in any case.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => server.child.kill('SIGTERM'));
  await server.exited;
}

/** Published as schemas/mount.schema.json. */
export interface MountResult {
  readonly mountpoint: string;
  readonly transport: TransportName;
  readonly capabilities: readonly Capability[];
  readonly serverPid: number;
  readonly cgroupfs: string | null;
  /** Where it is seen in the browser. */
  readonly ui: string | null;
}

function resultOf({ mountpoint, transport, capabilities, pid, ui }: StartedServer, cgroupfs?: string): MountResult {
  return {
    mountpoint,
    transport,
    capabilities,
    serverPid: pid,
    cgroupfs: cgroupfs === undefined ? null : resolve(cgroupfs),
    ui: ui ?? null,
  };
}
