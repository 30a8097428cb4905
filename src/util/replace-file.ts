import { chmodSync, realpathSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { CliError } from './errors.ts';

/**
 * Writes a text into a file, which is either the old one or the new one, whole, whenever anybody looks: it is written
 * beside and renamed. What is no ordinary file (a pipe, /dev/stdout) is written to directly. Errors: CliError.
 */
export function replaceFile(path: string, text: string): void {
  const before = look(path);
  if (before !== undefined && !before.isFile()) {
    attempt(path, () => writeFileSync(path, text));
    return;
  }
  const target = before === undefined ? path : realpathSync(path);
  const beside = `${target}.${process.pid}.tmp`;
  attempt(path, () => {
    try {
      writeFileSync(beside, text, { flag: 'wx' });
      if (before !== undefined) chmodSync(beside, before.mode & 0o7777);
      renameSync(beside, target);
    } catch (error) {
      rmSync(beside, { force: true });
      throw error;
    }
  });
}

function look(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function attempt(path: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(`${path} cannot be written (${code ?? String(error)}); what was there is as it was`);
  }
}
