/** The steps that make the stand-ins for processes that were not captured. */

import { mmapSteps } from './process-steps.ts';
import { runTexts } from './runs.ts';
import type { PlannedVma } from './sharing.ts';
import type { StandIns } from './stand-ins.ts';

const NOBODY = 65534;
const CMDLINE = 'stands for processes that were not captured\\0';

/** Steps for the stand-ins, with pids from `firstPid` on. */
export function standInSteps(standIns: StandIns, names: readonly string[], firstPid: number): string[] {
  const steps: string[] = [];
  let pid = firstPid;
  const make = (): string => {
    const name = `elsewhere.${pid}`;
    steps.push(`proc ${name} pid=${pid++} uid=${NOBODY} comm=elsewhere cmdline="${CMDLINE}" exe="" cwd=/`);
    return name;
  };
  if (standIns.files.size > 0) fileSteps(standIns, make(), steps);
  const layers: Layer[] = [];
  for (const { position, planned, counts } of standIns.anonymous) {
    const most = Math.max(...counts.values());
    for (let count = 1; count <= most; count++) {
      const pages = [...counts.keys()].filter((i) => counts.get(i)! >= count);
      const layer = layerFor(planned, layers, count, make);
      const region = `m${++layer.nrRegions}`;
      steps.push(...mmapSteps(planned, layer.name, region));
      const index = pages.map((i) => planned.index[i]!);
      const owner = (i: number): string => names[planned.owner[i]!] ?? names[position]!;
      for (const other of new Set(pages.map(owner))) {
        const own = index.filter((_, n) => owner(pages[n]!) === other);
        for (const { offset, text } of runTexts(own, Array<string>(own.length).fill('+')))
          steps.push(`${layer.name} share ${region} ${other} ${offset}p ${text}`);
      }
    }
  }
  return steps;
}

/** One stand-in for anonymous pages; each address can be used once. */
interface Layer {
  readonly name: string;
  readonly used: [number, number][];
  nrRegions: number;
}

/** The `count`th stand-in in which the addresses of the mapping are free. */
function layerFor({ vma }: PlannedVma, layers: Layer[], count: number, make: () => string): Layer {
  let free = 0;
  for (const layer of layers) {
    if (layer.used.some(([start, end]) => start < vma.end && end > vma.start)) continue;
    if (++free < count) continue;
    layer.used.push([vma.start, vma.end]);
    return layer;
  }
  const layer: Layer = { name: make(), used: [[vma.start, vma.end]], nrRegions: 0 };
  layers.push(layer);
  return layer;
}

/** One process maps the files, as many times over as the most shared page needs. */
function fileSteps({ files }: StandIns, name: string, steps: string[]): void {
  for (const [object, counts] of files) {
    const indexes = [...counts.keys()].sort((a, b) => a - b);
    const most = Math.max(...counts.values());
    for (let layer = 1; layer <= most; layer++) {
      const region = `${object.name}.${layer}`;
      const pages = indexes.filter((index) => counts.get(index)! >= layer);
      steps.push(`${name} mmap ${region} size=${((pages.at(-1) ?? 0) + 1) * 4096} obj=${object.name} shared prot=r`);
      for (const { offset, text } of runTexts(pages, Array<string>(pages.length).fill('f')))
        steps.push(`${name} pages ${region} ${offset}p ${text}`);
    }
  }
}
