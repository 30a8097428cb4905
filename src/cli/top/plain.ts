/** `reclaimfs top --plain`: sentences one after the other, for screen readers and pipes. The cursor is never moved. */
import { createInterface } from 'node:readline';
import type { ProcessRow } from '../../ui/proc/source.ts';
import { KINDS, type Mapping } from '../../ui/proc/space.ts';
import { hex } from './frame.ts';
import type { View, Viewer } from './viewer.ts';

/** Everything that a frame shows, in words. */
export function report(view: View): string {
  const { root, isMount, reading, selected, space, cells, cursor } = view;
  const { meminfo, vmstat, pressure, swaps, processes, nrWithout } = reading;
  const number = (from: ReadonlyMap<string, number>, key: string): string => `${from.get(key) ?? 'unknown'}`;
  const cell = cells[cursor];
  return [
    isMount
      ? `Machine ${root}, clock ${reading.clock ?? 'may not be read'}.`
      : `This machine, ${root}, to look at only.`,
    `Memory: MemTotal ${number(meminfo, 'MemTotal')} kB, MemAvailable ${number(meminfo, 'MemAvailable')} kB, MemFree ${number(meminfo, 'MemFree')} kB.`,
    ...swaps.map(({ name, usedKb, sizeKb }) => `Swap ${name}: ${usedKb} of ${sizeKb} kB used.`),
    pressure === undefined
      ? 'Pressure: no PSI here.'
      : `Pressure of memory, 10 s: some ${pressure.some.toFixed(2)} %, full ${pressure.full.toFixed(2)} %.`,
    `Since boot: pgmajfault ${number(vmstat, 'pgmajfault')}, workingset_refault_anon ${number(vmstat, 'workingset_refault_anon')}, workingset_refault_file ${number(vmstat, 'workingset_refault_file')}.`,
    `Processes: ${processes.length}${nrWithout > 0 ? `, and ${nrWithout} without memory` : ''}.`,
    ...processes.map(processText),
    ...(selected === undefined
      ? []
      : [
          space === undefined
            ? `Selected: ${selected.pid} ${selected.name}; its smaps may not be read.`
            : `Selected: ${selected.pid} ${selected.name}: ${KINDS.map((kind) => `${kind} ${space.sums[kind] ?? 'unknown'} kB`).join(', ')}.`,
        ]),
    ...(space?.mappings ?? []).map(
      (mapping) => `Mapping ${hex(mapping.start)}-${hex(mapping.end)}: ${mappingText(mapping)}.`,
    ),
    ...(cell === undefined ? [] : [`Range under the cursor: ${hex(cell.start)}-${hex(cell.end)}.`]),
    ...view.events.map((event) => `Event ${event}`),
  ].join('\n');
}

function processText(row: ProcessRow): string {
  return `Process ${row.pid} ${row.name}: state ${row.state}, resident ${row.rssKb} kB (anon ${row.anonKb}, file ${row.fileKb}, shmem ${row.shmemKb}), swap ${row.swapKb} kB, ${row.nrMajorFaults} major faults.`;
}

function mappingText({ name, perms, start, end, sums }: Mapping): string {
  const numbers = KINDS.flatMap((kind) => ((sums[kind] ?? 0) > 0 ? [`${kind} ${sums[kind]}`] : []));
  return [`${name === '' ? 'anonymous' : name} ${perms} ${(end - start) / 1024} kB`, ...numbers].join(', ');
}

const HELP = `Type keys and Enter; Enter alone tells everything again.
j, k: next, previous process. h, l: cursor over its memory. q: quit.`;
const DRIVING = `a, f, A: reclaim anon, file, all. r: the range under the cursor. K: kill.
s: stop or continue. t: tick 1 s. +, -: speed. p: pause or run. w, R: keep,
restore the machine.`;

/** Tells everything once, then events as they happen, and does what is typed, until `q` or the end of the input. */
export async function plainView(viewer: Viewer, intervalMs: number): Promise<void> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  say(report(viewer.view()));
  say(viewer.isMount ? `${HELP}\n${DRIVING}` : HELP);
  const input = createInterface({ input: process.stdin });
  let failed: unknown;
  const end = (error: unknown): void => {
    failed = error;
    input.close();
  };
  let timer: NodeJS.Timeout;
  const tellNews = (): void => {
    timer = setTimeout(async () => {
      try {
        for (const event of await viewer.refresh()) say(`Event ${event}`);
        tellNews();
      } catch (error) {
        end(error);
      }
    }, intervalMs);
  };
  tellNews();
  try {
    for await (const line of input) {
      if (line.trim() === 'q') break;
      for (const event of await viewer.refresh()) say(`Event ${event}`);
      if (line.trim() === '') say(report(viewer.view()));
      for (const key of line.trim()) say(await answer(viewer, key));
    }
  } finally {
    clearTimeout(timer!);
    input.close();
  }
  if (failed !== undefined) throw failed;
}

/** Letters that move: arrows need no letters, but a line does. */
export const MOVES: Readonly<Record<string, string>> = { k: 'up', j: 'down', h: 'left', l: 'right' };

async function answer(viewer: Viewer, key: string): Promise<string> {
  if (!(await viewer.press(MOVES[key] ?? key))) return `${key}: no such key`;
  const { selected, cells, cursor, message } = viewer.view();
  if (MOVES[key] === undefined) return message;
  if (key === 'j' || key === 'k') return selected === undefined ? 'no process' : processText(selected);
  const cell = cells[cursor];
  return cell === undefined ? 'no memory' : `${hex(cell.start)}-${hex(cell.end)}, ${cell.kind ?? 'nothing there'}`;
}
