/** Reading the files of a real /proc, where everything may vanish or be forbidden at any time. Texts are byte strings. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { trimBytes } from '../../util/bytes.ts';

/** The text of a file; undefined where it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

export function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** The numeric names of a directory, ascending. */
export function readNumbers(path: string): number[] {
  try {
    return readdirSync(path)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return [];
  }
}

/** The `Key: value` lines of status, meminfo and their like. */
export function readFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), trimBytes(line.slice(colon + 1)));
  }
  return fields;
}

/** The leading number of a field such as `12 kB`; 0 where there is none. */
export function numberOf(fields: ReadonlyMap<string, string>, key: string): number {
  return Number.parseInt(fields.get(key) ?? '0', 10) || 0;
}

/** The fields of PID/stat behind the comm, numbered as in proc(5): `fields[3]` is the state. */
export function statFields(text: string): string[] {
  const behind = text.slice(text.lastIndexOf(')') + 2).trimEnd();
  return ['', '', '', ...behind.split(' ')];
}
