/** Letters per page as the runs of the step language: `12a3-f`. */

/** Longest text of runs in one line, about. */
const MAX_TEXT = 4000;

/** A line's worth of runs, from page `offset` of the mapping on. */
export interface RunText {
  readonly offset: number;
  readonly text: string;
}

/** Runs of the pages in `index` (ascending) with the letters beside; between them `-`. */
export function runTexts(index: readonly number[], letters: readonly string[]): RunText[] {
  const lines: RunText[] = [];
  let offset = index[0] ?? 0;
  let next = offset;
  let text = '';
  for (let i = 0; i < index.length; ) {
    const start = index[i]!;
    const letter = letters[i]!;
    let count = 1;
    while (index[i + count] === start + count && letters[i + count] === letter) count++;
    if (text.length > MAX_TEXT) {
      lines.push({ offset, text });
      offset = next = start;
      text = '';
    }
    if (start > next) text += `${counted(start - next)}-`;
    text += `${counted(count)}${letter}`;
    next = start + count;
    i += count;
  }
  if (text !== '') lines.push({ offset, text });
  return lines;
}

function counted(count: number): string {
  return count === 1 ? '' : String(count);
}
