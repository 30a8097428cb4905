/** What the keys of `reclaimfs top` do to a mount. */
import { keep, put, rangeWrite, reclaimWrite, refusal, restoreWrite, type Write } from '../../ui/proc/drive.ts';
import type { Source } from '../../ui/proc/source.ts';

/** Under this name `w` keeps the machine. */
const KEPT = 'top';

/** Whom an action is about. */
export interface Target {
  readonly pid: number;
  readonly state: string;
  /** The range under the cursor. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
}

/** Carries the key's action out; what came of it in one line. Undefined: no such key. */
export async function act(source: Source, key: string, target: Target | undefined): Promise<string | undefined> {
  try {
    if (key === 'w') {
      await keep(source, KEPT);
      return `kept as reclaimfs/snapshots/${KEPT}: done`;
    }
    const write = await writeOf(source, key, target);
    if (write === 'no such key') return undefined;
    if (write === undefined) return 'nothing is selected';
    await put(source, write);
    return `${write.text} > ${write.file}: done`;
  } catch (error) {
    return refusal(source, error);
  }
}

/** Undefined: there is nothing to act on. */
async function writeOf(
  source: Source,
  key: string,
  target: Target | undefined,
): Promise<Write | undefined | 'no such key'> {
  const control = (step: string): Write | undefined =>
    target === undefined ? undefined : { file: 'reclaimfs/control', text: `${target.pid} ${step}` };
  const clock = (text: string): Write => ({ file: 'reclaimfs/clock', text });
  switch (key) {
    case 'a':
      return target && reclaimWrite(source, target.pid, 'anon');
    case 'f':
      return target && reclaimWrite(source, target.pid, 'file');
    case 'A':
      return target && reclaimWrite(source, target.pid, 'all');
    case 'r':
      return target?.range && rangeWrite(source, target.pid, target.range.start, target.range.end);
    case 'K':
      return control('kill KILL');
    case 's':
      return control(/^[Tt]$/.test(target?.state ?? '') ? 'kill CONT' : 'kill STOP');
    case 't':
      return clock('+1s');
    case 'p':
      return clock((await source.text('reclaimfs/clock')).includes(' running ') ? 'pause' : 'run');
    case '+':
      return clock(`speed ${(await speed(source)) * 2}`);
    case '-':
      return clock(`speed ${(await speed(source)) / 2}`);
    case 'R':
      return restoreWrite(KEPT);
    default:
      return 'no such key';
  }
}

async function speed(source: Source): Promise<number> {
  return Number(/ speed (\S+)/.exec(await source.text('reclaimfs/clock'))?.[1] ?? 1);
}
