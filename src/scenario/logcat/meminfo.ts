/** The parts of `dumpsys meminfo` that say how large processes, memory and swap are. */

export interface DumpedSizes {
  /** kB by process, of its resident memory where the dump has it (from Android 12), else of its share. */
  readonly processes: ReadonlyMap<string, number>;
  readonly ramKb: number | undefined;
  readonly swapKb: number | undefined;
}

const kB = (text: string): number => Number(text.replaceAll(',', ''));

/** Reads a dump, or a text that contains one. */
export function dumpedSizes(text: string): DumpedSizes {
  const processes = new Map<string, number>();
  for (const what of ['RSS', 'PSS']) {
    const at = new RegExp(String.raw`^\s*Total ${what} by process:\s*$`, 'm').exec(text);
    if (at === null) continue;
    for (const line of text.slice(at.index + at[0].length + 1).split('\n')) {
      const match = /^\s*([\d,]+)(?:K| kB): (\S+) \(pid \d+/.exec(line);
      if (match === null) break;
      processes.set(match[2]!, (processes.get(match[2]!) ?? 0) + kB(match[1]!));
    }
    if (processes.size > 0) break;
  }
  const ram = /^\s*Total RAM:\s*([\d,]+)(?:K| kB)/m.exec(text);
  const swap = /\(\s*([\d,]+)(?:K| kB) total swap\)/.exec(text);
  return { processes, ramKb: ram === null ? undefined : kB(ram[1]!), swapKb: swap === null ? undefined : kB(swap[1]!) };
}
