import type { Command } from 'commander';
import { REPLAY_KEYS, type Replay, type ReplayKey, replayRecording } from '../../scenario/record/replay.ts';
import type { MachineFlags } from '../../server/server-options.ts';
import { toBuffer, utf8Of } from '../../util/bytes.ts';
import type { CommandRow } from '../command.ts';
import { addMachineOptions, readScenario } from '../machine-options.ts';
import { print, printJson } from '../output.ts';

const HELP = `
Examples:
  reclaimfs replay editor.scn
  reclaimfs replay editor.scn --json | jq .medianDifference

For each interval and process: the original, and what the model had.
Resident and referenced memory in kB, faults within the interval.`;

export const replayCommand: CommandRow = {
  name: 'replay',
  register(program: Command): void {
    addMachineOptions(
      program.command('replay <file>').description('play a recording, and show the model beside the original'),
    )
      .option('--json', 'one JSON object: rows, and the median difference of each column')
      .addHelpText('after', HELP)
      .action(replay);
  },
};

async function replay(file: string, flags: MachineFlags & { readonly json?: boolean }): Promise<void> {
  const source = await readScenario(file);
  const result = replayRecording(toBuffer(source.text), utf8Of(source.file), {
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    ...(flags.swap === undefined ? {} : { swapKind: flags.swap }),
  });
  if (flags.json === true) printJson(result);
  else print(table(result));
}

const TITLES: Readonly<Record<ReplayKey, string>> = {
  rss: 'Rss',
  referenced: 'Referenced',
  minflt: 'minor',
  majflt: 'major',
};

function table({ rows, medianDifference }: Replay): string {
  const shown = (key: ReplayKey, value: number): string =>
    String(key === 'rss' || key === 'referenced' ? Math.round(value / 1024) : value).padStart(9);
  const head = [
    '   seconds',
    ...REPLAY_KEYS.map((key) => `${TITLES[key].padStart(9)}${'model'.padStart(9)}`),
    ' process',
  ].join(' ');
  const lines = rows.map(({ seconds, process, original, model }) =>
    [
      seconds.toFixed(2).padStart(10),
      ...REPLAY_KEYS.map((key) => `${shown(key, original[key])}${shown(key, model[key])}`),
      ` ${process}`,
    ].join(' '),
  );
  const medians = REPLAY_KEYS.map((key) => {
    const difference = medianDifference[key];
    return `${TITLES[key]} ${difference === null ? 'none' : `${(difference * 100).toFixed(1)} %`}`;
  });
  return [head, ...lines, `median difference: ${medians.join(', ')}`].join('\n');
}
