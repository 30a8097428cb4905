import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { findMount, isOurs, parseMountInfo } from '../../fuse/mountinfo.ts';
import { canonicalPath } from '../../fuse/mountpoint.ts';
import { unmountPath } from '../../fuse/umount-path.ts';
import { unmount } from '../../fuse/unmount.ts';
import type { CommandRow } from '../command.ts';
import { notice } from '../output.ts';

const HELP = `
Example:
  reclaimfs umount /tmp/proc

Works for a mount whose server was killed, too. One that is in use is detached: whoever waits
there gets ENODEV, and the server ends.`;

export const umountCommand: CommandRow = {
  name: 'umount',
  register(program: Command): void {
    program
      .command('umount <mountpoint>')
      .alias('unmount')
      .description('unmount, and end the server')
      .addHelpText('after', HELP)
      .action(async (mountpoint: string) => {
        await unmountGroups(mountpoint);
        const { lazy } = await unmountPath(mountpoint);
        if (lazy) notice(`${mountpoint} was in use: it has been detached`);
      });
  },
};

/** Control groups of the tree that are mounted elsewhere (--cgroupfs) go with it. */
async function unmountGroups(mountpoint: string): Promise<void> {
  const tree = findMount(await canonicalPath(mountpoint));
  if (tree === undefined || !isOurs(tree) || tree.root !== '/') return;
  const mounts = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  for (const mount of mounts) if (mount.device === tree.device && mount.root !== '/') await unmount(mount, false);
}
