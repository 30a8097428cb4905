/** What the views do to a mount: writes to its files, as a shell would make them. */
import { existsSync } from 'node:fs';
import { open, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROFILE_NAMES, PROFILES } from '../../machine/profiles.ts';
import type { ReclaimKind } from '../protocol.ts';
import type { Source } from './source.ts';

/** What is written to which file. */
export interface Write {
  readonly file: string;
  readonly text: string;
}

const NUMBER: Readonly<Record<ReclaimKind, string>> = { file: '1', anon: '2', all: '3' };

/** A request to PID/reclaim in the words of the mount's dialect. */
export async function reclaimWrite(source: Source, pid: number, kind: ReclaimKind): Promise<Write> {
  return { file: `${pid}/reclaim`, text: (await grammar(source)).words ? kind : NUMBER[kind] };
}

/** The same for the addresses [start, end). Rejects where the dialect knows no ranges. */
export async function rangeWrite(source: Source, pid: number, start: number, end: number): Promise<Write> {
  const { range, numberedRange, decimalOnly } = await grammar(source);
  if (!range && !numberedRange) throw new Error('its dialect knows no ranges');
  const text = `${decimalOnly ? start : `0x${start.toString(16)}`} ${end - start}`;
  return { file: `${pid}/reclaim`, text: range ? text : `6 ${text}` };
}

async function grammar(source: Source): Promise<(typeof PROFILES)['2013']['grammar']> {
  const settings = await source.text('reclaimfs/settings').catch(() => '');
  const name = PROFILE_NAMES.find((one) => settings.startsWith(`profile ${one}\n`)) ?? '2013';
  return PROFILES[name].grammar;
}

/** Keeps the machine as it is under a name, in place of what had it. */
export async function keep(source: Source, name: string): Promise<void> {
  await forget(source, name);
  await (await open(keptPath(source, name), 'wx')).close();
}

export async function forget(source: Source, name: string): Promise<void> {
  const path = keptPath(source, name);
  if (existsSync(path)) await unlink(path);
}

export function restoreWrite(name: string): Write {
  return { file: `reclaimfs/snapshots/${name}`, text: 'restore' };
}

function keptPath({ root }: Source, name: string): string {
  return join(root, 'reclaimfs/snapshots', name);
}

/** One write(2). Rejects with what reclaimfs/error says where the control file refuses. */
export async function put(source: Source, { file, text }: Write): Promise<void> {
  try {
    await writeFile(join(source.root, file), text);
  } catch (error) {
    const why = file === 'reclaimfs/control' ? (await source.text('reclaimfs/error').catch(() => '')).trim() : '';
    if (why === '') throw error;
    throw new Error(why);
  }
}

/** Why a write was refused, in one line. */
export function refusal({ root }: Source, error: unknown): string {
  const { code, message, path } = error as NodeJS.ErrnoException;
  const what = path?.replace(`${root}/`, '') ?? 'it';
  return `${what} refused: ${code ?? message}`;
}
