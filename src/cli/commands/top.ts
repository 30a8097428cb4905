import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { canonicalPath, serverWithin } from '../../fuse/mountpoint.ts';
import { CliError, type CommandRow } from '../command.ts';
import { ourMounts } from '../mounts.ts';
import { print } from '../output.ts';
import { frame, textOf } from '../top/frame.ts';
import { plainView, report } from '../top/plain.ts';
import { Viewer } from '../top/viewer.ts';

const HELP = `
MNT: a mount of reclaimfs, or any /proc, to look at only; default: the only
mount that there is, else /proc. All that it shows stands in files there.

The bar is the address space of the selected process, holes left out: Swapped,
Zero page, Locked, Dirty, File, Present; small where less than half is there.
Which pages of a mapping are dirty no file says: all are drawn as most are.

Keys: arrows or k j (process), h l (cursor over its memory), q. On a mount:
a f A reclaim anon, file, all; r the range under the cursor; K kill; s stop or
continue; t tick 1 s; + - speed; p pause or run; w R keep and restore it
(as reclaimfs/snapshots/top).

Examples:
  reclaimfs top /tmp/proc
  reclaimfs top /tmp/proc --plain           in words, for screen readers
  reclaimfs top --once | head

Without a terminal it says everything once, in words. NO_COLOR is honoured.`;

const ANSWER_MS = 3000;
const ONCE_WIDTH = 80;
const LEAST_SECONDS = 0.1;
const MOST_SECONDS = 3600;

interface Flags {
  readonly plain?: boolean;
  readonly once?: boolean;
  /** In seconds. */
  readonly interval: number;
}

export const topCommand: CommandRow = {
  name: 'top',
  register(program: Command): void {
    program
      .command('top [mountpoint]')
      .description('a live view of a mount, or of any /proc: processes, their memory, pressure, events')
      .option('--plain', 'lines of text one after the other: no colours, no cursor')
      .option('--once', 'one frame with all processes, then exit')
      .addOption(new Option('--interval <seconds>', 'between two looks').default(1).argParser(seconds))
      .addHelpText('after', HELP)
      .action(top);
  },
};

function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(value >= LEAST_SECONDS && value <= MOST_SECONDS))
    throw new InvalidArgumentError(`Give seconds from ${LEAST_SECONDS} to ${MOST_SECONDS}.`);
  return value;
}

async function top(mountpoint: string | undefined, flags: Flags): Promise<void> {
  const root = await rootOf(mountpoint);
  const { stdin, stdout, env } = process;
  const hasTerminal = stdin.isTTY && stdout.isTTY;
  const unicode = /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
  const viewer = new Viewer(root, stdout.columns || ONCE_WIDTH);
  try {
    await viewer.refresh();
    const intervalMs = flags.interval * 1000;
    if (flags.once === true && flags.plain !== true) {
      print(textOf(frame(viewer.view(), { width: stdout.columns || ONCE_WIDTH, height: Infinity, unicode })));
    } else if (flags.once === true || !hasTerminal) {
      print(report(viewer.view()));
    } else if (flags.plain === true || env['TERM'] === 'dumb') {
      await plainView(viewer, intervalMs);
    } else {
      // ink draws nothing until the end where it believes to be run by a machine; here is a terminal.
      delete env['CI'];
      delete env['CONTINUOUS_INTEGRATION'];
      const { liveView } = await import('../top/live.ts');
      await liveView(viewer, { intervalMs, colors: (env['NO_COLOR'] ?? '') === '', unicode });
    }
  } catch (error) {
    throw goneOr(error, root);
  } finally {
    await viewer.close();
  }
}

/** Errors: CliError where there is no /proc, or its server does not answer. */
async function rootOf(mountpoint: string | undefined): Promise<string> {
  const mounts = ourMounts();
  if (mountpoint === undefined && mounts.length > 1)
    throw new CliError(`there are ${mounts.length} mounts, say which: ${mounts.join(', ')}`);
  const wanted = mountpoint ?? mounts[0] ?? '/proc';
  const root = await canonicalPath(wanted);
  const state = mounts.includes(root) ? await serverWithin(root, ANSWER_MS) : 'ok';
  if (state !== 'ok')
    throw new CliError(`${wanted}: its server does not answer (${state}): reclaimfs umount ${wanted}`);
  if (!existsSync(join(root, 'meminfo')))
    throw new CliError(`${wanted} is no /proc: there is no meminfo in it; reclaimfs status lists the mounts`);
  return root;
}

function goneOr(error: unknown, root: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENODEV' || code === 'ENOTCONN' || (code === 'ENOENT' && !existsSync(join(root, 'meminfo')))
    ? new CliError(`${root}: the mount has ended`)
    : error;
}
