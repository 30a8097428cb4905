/** What the keys of `reclaimfs top` do to a mount: writes to its files, as a shell would make them. */
import { existsSync } from 'node:fs';
import { open, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROFILE_NAMES, PROFILES } from '../../machine/profiles.ts';
import type { Source } from './source.ts';

/** Under this name `w` keeps the machine. */
export const KEPT = 'reclaimfs/snapshots/top';

/** Whom an action is about. */
export interface Target {
  readonly pid: number;
  readonly state: string;
  /** The range under the cursor. */
  readonly range: { readonly start: number; readonly end: number } | undefined;
}

/** A write: what to a file. Undefined: there is nothing to act on. */
type Write = { readonly file: string; readonly text: string } | undefined;
type Words = 'file' | 'anon' | 'all';
const NUMBER: Readonly<Record<Words, string>> = { file: '1', anon: '2', all: '3' };

/** Carries the key's action out; what came of it in one line. Undefined: no such key. */
export async function act(source: Source, key: string, target: Target | undefined): Promise<string | undefined> {
  try {
    if (key === 'w') return await keep(source);
    const write = await writeOf(source, key, target);
    if (write === 'no such key') return undefined;
    if (write === undefined) return 'nothing is selected';
    await put(source, write.file, write.text);
    return `${write.text} > ${write.file}: done`;
  } catch (error) {
    const { code, message, path } = error as NodeJS.ErrnoException;
    const what = path?.replace(`${source.root}/`, '') ?? 'it';
    return `${what} refused: ${code ?? message}`;
  }
}

async function writeOf(source: Source, key: string, target: Target | undefined): Promise<Write | 'no such key'> {
  const control = (step: string): Write =>
    target === undefined ? undefined : { file: 'reclaimfs/control', text: `${target.pid} ${step}` };
  const clock = (text: string): Write => ({ file: 'reclaimfs/clock', text });
  switch (key) {
    case 'a':
      return reclaim(source, target, 'anon');
    case 'f':
      return reclaim(source, target, 'file');
    case 'A':
      return reclaim(source, target, 'all');
    case 'r':
      return reclaimRange(source, target);
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
      return { file: KEPT, text: 'restore' };
    default:
      return 'no such key';
  }
}

/** In the words of the mount's dialect. */
async function reclaim(source: Source, target: Target | undefined, kind: Words): Promise<Write> {
  if (target === undefined) return undefined;
  return { file: `${target.pid}/reclaim`, text: (await grammar(source)).words ? kind : NUMBER[kind] };
}

async function reclaimRange(source: Source, target: Target | undefined): Promise<Write> {
  if (target?.range === undefined) return undefined;
  const { range, numberedRange, decimalOnly } = await grammar(source);
  if (!range && !numberedRange) throw new Error('its dialect knows no ranges');
  const { start, end } = target.range;
  const text = `${decimalOnly ? start : `0x${start.toString(16)}`} ${end - start}`;
  return { file: `${target.pid}/reclaim`, text: range ? text : `6 ${text}` };
}

async function grammar(source: Source): Promise<(typeof PROFILES)['2013']['grammar']> {
  const settings = await source.text('reclaimfs/settings').catch(() => '');
  const name = PROFILE_NAMES.find((one) => settings.startsWith(`profile ${one}\n`)) ?? '2013';
  return PROFILES[name].grammar;
}

async function speed(source: Source): Promise<number> {
  return Number(/ speed (\S+)/.exec(await source.text('reclaimfs/clock'))?.[1] ?? 1);
}

async function keep(source: Source): Promise<string> {
  const path = join(source.root, KEPT);
  if (existsSync(path)) await unlink(path);
  await (await open(path, 'w')).close();
  return `kept as ${KEPT}: done`;
}

/** One write(2). Why the control file refuses stands in reclaimfs/error. */
async function put(source: Source, file: string, text: string): Promise<void> {
  try {
    await writeFile(join(source.root, file), text);
  } catch (error) {
    const why = file === 'reclaimfs/control' ? (await source.text('reclaimfs/error').catch(() => '')).trim() : '';
    if (why === '') throw error;
    throw new Error(why);
  }
}
