/** Where the results of `compare` go. */
import { constants } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Comparison } from '../../scenario/compare/comparison.ts';
import { comparisonCsv } from '../../scenario/compare/csv.ts';
import { comparisonPage } from '../../scenario/compare/page/page.ts';
import { sensitivityTable, type VARIATIONS } from '../../scenario/compare/sensitivity.ts';
import { comparisonTable } from '../../scenario/compare/table.ts';
import { CliError } from '../command.ts';
import { notice, print } from '../output.ts';

export interface OutputFlags {
  readonly json?: boolean;
  readonly csv?: string;
  readonly html?: string;
}

/** Refuses files that cannot be written, before there is any work. Rejects with CliError. */
export async function checkWritable(option: string, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  try {
    await access(file, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const blocked =
      code !== 'ENOENT' ||
      !(await access(dirname(file), constants.W_OK).then(
        () => true,
        () => false,
      ));
    if (blocked) throw new CliError(`${option}: ${file} cannot be written (${code}): give another file`);
  }
}

export async function writeResults(
  comparison: Comparison,
  flags: OutputFlags,
  variations?: readonly (typeof VARIATIONS)[number][],
): Promise<void> {
  if (flags.csv !== undefined) await write(flags.csv, comparisonCsv(comparison));
  if (flags.html !== undefined) await write(flags.html, comparisonPage(comparison));
  if (flags.json === true) print(json(comparison));
  else print(comparisonTable(comparison));
  if (flags.json !== true && variations !== undefined) print(`\n${sensitivityTable(comparison, variations)}`);
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(file, text);
  notice(`${file} written`);
}

function json(comparison: Comparison): string {
  return JSON.stringify(comparison, (key, value) => (key === 'url' ? undefined : value), 1);
}
