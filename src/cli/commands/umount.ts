import type { Command } from 'commander';
import { unmountPath } from '../../fuse/umount-path.ts';
import type { CommandRow } from '../command.ts';
import { notice } from '../output.ts';

const HELP = `
Example:
  reclaimfs umount /tmp/proc

Works for a mount whose server was killed, too. One that is in use is detached: its users may finish, and the server
ends with the last of them.`;

export const umountCommand: CommandRow = {
  name: 'umount',
  register(program: Command): void {
    program
      .command('umount <mountpoint>')
      .alias('unmount')
      .description('unmount, and end the server')
      .addHelpText('after', HELP)
      .action(async (mountpoint: string) => {
        const { lazy } = await unmountPath(mountpoint);
        if (lazy) notice(`${mountpoint} was in use: it has been detached`);
      });
  },
};
