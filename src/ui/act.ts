/** Carries out what a button of the page asks for: a write to a file of the mount. */
import { forget, keep, put, rangeWrite, reclaimWrite, refusal, restoreWrite, type Write } from './proc/drive.ts';
import type { Source } from './proc/source.ts';
import type { Action, ActionAnswer } from './protocol.ts';

/** As the session has it; nothing else may become part of a path. */
const NAME = /^[A-Za-z0-9_][\w.-]{0,63}$/;
const KINDS = ['anon', 'file', 'all'];
const MOST_BYTES = 1 << 20;

/** Whether something that was posted is an action. */
export function isAction(posted: unknown): posted is Action {
  if (typeof posted !== 'object' || posted === null) return false;
  const { act, pid, kind, start, end, text, name } = posted as Record<string, unknown>;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  switch (act) {
    case 'reclaim':
      return isCount(pid) && KINDS.includes(String(kind));
    case 'range':
      return isCount(pid) && isCount(start) && isCount(end) && start < end;
    case 'steps':
    case 'clock':
      return typeof text === 'string' && text.length > 0 && text.length <= MOST_BYTES;
    case 'keep':
    case 'restore':
    case 'forget':
      return typeof name === 'string' && NAME.test(name);
    default:
      return false;
  }
}

export async function carryOut(source: Source, action: Action): Promise<ActionAnswer> {
  try {
    if (action.act === 'keep') {
      await keep(source, action.name);
      return { done: `kept as ${action.name}` };
    }
    if (action.act === 'forget') {
      await forget(source, action.name);
      return { done: `${action.name} forgotten` };
    }
    const write = await writeOf(source, action);
    await put(source, write);
    const [first = '', ...more] = write.text.split('\n');
    return { done: `${first}${more.length > 0 ? ' …' : ''} > ${write.file}: done` };
  } catch (error) {
    const text = refusal(source, error);
    const [, line, column] = /line (\d+), column (\d+)/.exec(text) ?? [];
    return {
      refused: text,
      ...(line === undefined ? {} : { line: Number(line), column: Number(column) }),
    };
  }
}

function writeOf(source: Source, action: Exclude<Action, { act: 'keep' | 'forget' }>): Write | Promise<Write> {
  switch (action.act) {
    case 'reclaim':
      return reclaimWrite(source, action.pid, action.kind);
    case 'range':
      return rangeWrite(source, action.pid, action.start, action.end);
    case 'steps':
      return { file: 'reclaimfs/control', text: action.text };
    case 'clock':
      return { file: 'reclaimfs/clock', text: action.text };
    default:
      return restoreWrite(action.name);
  }
}
