import type { Command } from 'commander';
import { type Capture, captureMachine } from '../../scenario/capture/capture.ts';
import { openSource } from '../../scenario/capture/source.ts';
import { textOf } from '../../util/bytes.ts';
import { replaceFile } from '../../util/replace-file.ts';
import { CliError, type CommandRow, EXIT_USAGE } from '../command.ts';
import { collectPid, size } from '../option-values.ts';
import { notice, print, printJson } from '../output.ts';

const HELP = `
Examples:
  reclaimfs capture -o here.scn             every process (root: all its memory)
  reclaimfs capture --pid 1234 --pid 1300   two of them
  reclaimfs capture | gzip > here.scn.gz
  reclaimfs capture --from copy-of-proc/ -o phone.scn
  reclaimfs capture --from smemcap.tar.gz -o phone.scn     tar, gzip or zstd
  reclaimfs capture --from smaps.txt --pid 77
                       a smaps, smaps_rollup, maps, status or meminfo

What may not be read is left out and counted on stderr. Environments and the
content of memory are never read.`;

interface Flags {
  readonly from?: string;
  readonly pid?: readonly number[];
  readonly output?: string;
  readonly swapSize?: number;
  readonly json?: boolean;
}

export const captureCommand: CommandRow = {
  name: 'capture',
  register(program: Command): void {
    program
      .command('capture')
      .description('write the running machine, or some of its processes, as a scenario')
      .option('--from <path>', 'a copied /proc: directory, tar archive, or one file of it (default: the live one)')
      .option('--pid <n>', 'only this process (repeat for more)', collectPid)
      .option('-o, --output <file>', 'where to write (default: stdout)')
      .option(
        '--swap-size <size>',
        'swap of the simulated machine (default: as here, or a quarter of the memory)',
        size,
      )
      .option('--json', 'with -o: say what was captured as one JSON object')
      .addHelpText('after', HELP)
      .action(capture);
  },
};

async function capture(flags: Flags): Promise<void> {
  const toStdout = flags.output === undefined || flags.output === '-';
  if (flags.json === true && toStdout)
    throw new CliError('--json: where does the scenario go? Give -o FILE, too', EXIT_USAGE);
  const tree = flags.from === undefined ? undefined : await openSource(flags.from, flags.pid?.[0]);
  const result = captureMachine({
    tree,
    pids: flags.pid === undefined ? undefined : [...new Set(flags.pid)],
    swapBytes: flags.swapSize,
  });
  if (result.processes.length === 0 && (flags.pid !== undefined || result.gone.length > 0))
    throw new CliError(`no such process: ${result.gone.join(', ')}`);
  if (flags.output === undefined || flags.output === '-') print(result.text);
  else replaceFile(flags.output, result.text);
  if (flags.json === true) printJson(resultOf(result, flags.output ?? ''));
  for (const line of remarks(result)) notice(line);
}

/** Published as schemas/capture.schema.json. */
export type CaptureResult = Omit<Capture, 'text' | 'processes'> & {
  readonly output: string;
  readonly processes: readonly {
    readonly pid: number;
    readonly comm: string;
    readonly isKernelThread: boolean;
    /** Sums over its smaps; null where it could not be read. */
    readonly totals: Capture['processes'][number]['totals'] | null;
  }[];
};

function resultOf({ text: _, processes, ...more }: Capture, output: string): CaptureResult {
  return {
    output,
    processes: processes.map(({ pid, comm, isKernelThread, totals }) => ({
      pid,
      comm: textOf(comm),
      isKernelThread,
      totals: totals ?? null,
    })),
    ...more,
  };
}

function remarks({ madeUp, processes, unreadable, gone, swapInvented, nrStandIns }: Capture): string[] {
  const nrKernel = processes.filter(({ isKernelThread }) => isKernelThread).length;
  const lines = [`captured ${processes.length} processes, ${nrKernel} of them kernel threads`, ...madeUp];
  const advice = process.geteuid?.() === 0 ? '' : ': use sudo for all of it';
  if (unreadable.length > 0)
    lines.push(`left out the memory of ${unreadable.length} processes that may not be read${advice}`);
  if (gone.length > 0) lines.push(`left out ${gone.length} processes that have ended`);
  if (nrStandIns > 0) lines.push(`added ${nrStandIns} stand-ins for processes that share memory but were not captured`);
  if (swapInvented) lines.push('there is no swap here: the scenario has a quarter of the memory (see --swap-size)');
  return lines;
}
