import { type Command, Option } from 'commander';
import { AccessMap } from '../../scenario/heat/access-map.ts';
import { heatText } from '../../scenario/heat/heat-text.ts';
import { playScenario, toGolden, toText } from '../../scenario/play.ts';
import type { MachineFlags } from '../../server/server-options.ts';
import { toBuffer, utf8Of } from '../../util/bytes.ts';
import type { CommandRow } from '../command.ts';
import { addMachineOptions, addMasimRate, readScenario } from '../machine-options.ts';
import { notice, print } from '../output.ts';
import { traceTo } from '../trace-option.ts';

const HELP = `
Examples:
  reclaimfs play story.scn
  reclaimfs play story.scn --swap disk --json | jq '.steps[-1]'
  reclaimfs play zigzag --heatmap masim

The options override what the scenario says. --json prints the format of the
recorded results of real kernels (schemas/play.schema.json).`;

export const playCommand: CommandRow = {
  name: 'play',
  register(program: Command): void {
    addMasimRate(
      addMachineOptions(
        program.command('play <file>').description('run a scenario without a mount and print what it saw'),
      ),
    )
      .option('--json', 'one JSON object with the steps in order')
      .addOption(
        new Option('--heatmap <process>', 'print which of its memory was accessed and there when').conflicts('json'),
      )
      .option('--perfetto <file>', 'write a trace for ui.perfetto.dev: counters, events, kills')
      .addHelpText('after', HELP)
      .action(play);
  },
};

interface PlayFlags extends MachineFlags {
  readonly json?: boolean;
  readonly perfetto?: string;
  readonly heatmap?: string;
}

async function play(file: string, flags: PlayFlags): Promise<void> {
  const source = await readScenario(file, flags.masimRate);
  const trace = flags.perfetto === undefined ? undefined : traceTo(flags.perfetto);
  const heat = flags.heatmap === undefined ? undefined : new AccessMap(flags.heatmap);
  const result = playScenario(toBuffer(source.text), utf8Of(source.file), {
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    ...(flags.swap === undefined ? {} : { swapKind: flags.swap }),
    heat,
    ...(trace === undefined ? {} : { trace: (bytes) => trace.add(bytes) }),
  });
  trace?.end();
  for (const warning of result.session.warnings) notice(warning);
  if (flags.json === true) print(JSON.stringify(toGolden(result), undefined, 1));
  else print(heat === undefined ? toText(result) : `${toText(result)}\n${heatText(heat, flags.heatmap ?? '')}`);
}
