import { type Command, InvalidArgumentError } from 'commander';
import { missRatio, missRatioText } from '../../scenario/heat/miss-ratio.ts';
import { parseSize } from '../../scenario/words.ts';
import { toBuffer, utf8Of } from '../../util/bytes.ts';
import type { CommandRow } from '../command.ts';
import { addMasimRate, readScenario } from '../machine-options.ts';
import { print, printJson } from '../output.ts';

const HELP = `
One pass over all accesses gives the faults for every size of memory, if pages
were given up least recently used first. --ram runs the scenario on machines
with so much memory, whose kernel knows less, and shows both.

Examples:
  reclaimfs wss story.scn
  reclaimfs wss zigzag --memory 8M,16M,32M
  reclaimfs wss story.scn --ram 64M,96M,128M --json | jq .measured`;

interface Flags {
  readonly memory?: readonly number[];
  readonly ram?: readonly number[];
  readonly masimRate?: number;
  readonly json?: boolean;
}

export const wssCommand: CommandRow = {
  name: 'wss',
  register(program: Command): void {
    addMasimRate(
      program.command('wss <scenario>').description('faults of a load as a function of memory: its miss-ratio curve'),
    )
      .option('--memory <sizes>', 'memory for pages: 8M,16M,32M (default: up to all that is accessed)', sizes)
      .option('--ram <sizes>', 'run it with so much memory, too, and compare', sizes)
      .option('--json', 'one JSON object')
      .addHelpText('after', HELP)
      .action(wss);
  },
};

/** In kB. */
function sizes(text: string): readonly number[] {
  return text.split(',').map((word) => {
    const bytes = parseSize(word);
    if (bytes === undefined || bytes < 4096) throw new InvalidArgumentError('Give sizes such as 8M,16M.');
    return Math.floor(bytes / 1024);
  });
}

async function wss(scenario: string, flags: Flags): Promise<void> {
  const source = await readScenario(scenario, flags.masimRate);
  const found = missRatio(toBuffer(source.text), utf8Of(source.file), { sizesKb: flags.memory, ramKb: flags.ram });
  if (flags.json === true) printJson(found);
  else print(missRatioText(found));
}
