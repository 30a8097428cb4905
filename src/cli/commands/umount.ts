import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { findMount, isOurs, parseMountInfo } from '../../fuse/mountinfo.ts';
import { canonicalPath } from '../../fuse/mountpoint.ts';
import { unmountPath } from '../../fuse/umount-path.ts';
import { unmount } from '../../fuse/unmount.ts';
import { CliError, type CommandRow, EXIT_FAILED, EXIT_USAGE, errorLine } from '../command.ts';
import { mountsToUnmount } from '../mounts.ts';
import { notice, printJson } from '../output.ts';

const HELP = `
Examples:
  reclaimfs umount /tmp/proc
  reclaimfs umount --all

Works for a mount whose server was killed, too. One that is in use is detached:
whoever waits there gets the end of the file or ENODEV, and the server ends.`;

interface Flags {
  readonly all?: boolean;
  readonly json?: boolean;
}

/** Published as schemas/umount.schema.json. */
export interface UmountResult {
  readonly unmounted: readonly { readonly mountpoint: string; readonly detached: boolean }[];
  /** Mounts that are still there, and why. */
  readonly failed: readonly { readonly mountpoint: string; readonly reason: string }[];
}

export const umountCommand: CommandRow = {
  name: 'umount',
  register(program: Command): void {
    program
      .command('umount [mountpoint]')
      .alias('unmount')
      .description('unmount, and end the server')
      .option('--all', 'every mount of reclaimfs that you may unmount')
      .option('--json', 'say what was unmounted as one JSON object')
      .addHelpText('after', HELP)
      .action(umount);
  },
};

async function umount(mountpoint: string | undefined, flags: Flags): Promise<void> {
  if ((mountpoint === undefined) !== (flags.all === true))
    throw new CliError('umount: give a mount point, or --all', EXIT_USAGE);
  const unmounted: { mountpoint: string; detached: boolean }[] = [];
  const failed: { mountpoint: string; reason: string }[] = [];
  for (const path of mountpoint === undefined ? mountsToUnmount() : [mountpoint]) {
    try {
      await unmountGroups(path);
      const { lazy } = await unmountPath(path);
      unmounted.push({ mountpoint: path, detached: lazy });
      if (lazy) notice(`${path} was in use: it has been detached`);
    } catch (error) {
      if (flags.all !== true) throw error;
      notice(errorLine(error));
      failed.push({ mountpoint: path, reason: errorLine(error) });
    }
  }
  const result: UmountResult = { unmounted, failed };
  if (flags.json === true) printJson(result);
  if (failed.length > 0) process.exitCode = EXIT_FAILED;
}

/** Control groups of the tree that are mounted elsewhere (--cgroupfs) go with it. */
async function unmountGroups(mountpoint: string): Promise<void> {
  const tree = findMount(await canonicalPath(mountpoint));
  if (tree === undefined || !isOurs(tree) || tree.root !== '/') return;
  const mounts = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  for (const mount of mounts) if (mount.device === tree.device && mount.root !== '/') await unmount(mount, false);
}
