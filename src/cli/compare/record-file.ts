/** Files of runs: written to as runs are done, gone on with after a crash, put together. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import type { RunFigures } from '../../scenario/compare/recorder.ts';
import {
  type Header,
  headerLine,
  inOrder,
  mismatch,
  type Recorded,
  readRecords,
  runLine,
} from '../../scenario/compare/records.ts';
import { unpacked } from '../../util/unpacked.ts';
import { CliError } from '../command.ts';
import { notice } from '../output.ts';

/** Runs so far, and where more go. */
export class RecordFile {
  readonly header: Header;
  readonly runs: RunFigures[];
  readonly #fd: number | undefined;

  constructor(header: Header, runs: readonly RunFigures[], fd: number | undefined) {
    this.header = header;
    this.runs = [...runs];
    this.#fd = fd;
  }

  /** A whole line at once: a crash leaves at most the last one in parts. */
  add(run: RunFigures): void {
    this.runs.push(run);
    if (this.#fd !== undefined) writeSync(this.#fd, runLine(this.header, run));
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** Opens a file for runs of an experiment; what it holds of it already counts. Rejects with CliError: it holds something else. */
export async function openRecords(file: string | undefined, header: Header): Promise<RecordFile> {
  if (file === undefined) return new RecordFile(header, [], undefined);
  const fd = openSync(file, 'a+');
  try {
    const text = readFileSync(file, 'utf8');
    if (text === '') {
      writeSync(fd, headerLine(header));
      return new RecordFile(header, [], fd);
    }
    const recorded = readRecords(text, file);
    const problem = mismatch(header, recorded.header);
    if (problem !== undefined) throw new CliError(`--jsonl: ${file} holds other runs (${problem}): give another file`);
    ftruncateSync(fd, recorded.soundBytes);
    return new RecordFile(recorded.header, recorded.runs, fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Puts files together; `into`: writes them as one. Rejects with CliError: they do not belong together, or runs are missing. */
export async function mergeRecords(
  files: readonly string[],
  into: string | undefined,
): Promise<{ header: Header; runs: RunFigures[] }> {
  const parts: Recorded[] = [];
  for (const file of files) parts.push(readRecords(await read(file), file));
  const header = parts.map((part) => part.header).reduce((a, b) => (b.origin.date < a.origin.date ? b : a));
  parts.forEach((part, i) => {
    const problem = mismatch(header, part.header);
    if (problem !== undefined) throw new CliError(`${files[i]} does not belong to the others (${problem})`);
  });
  const runs = inOrder(
    header.experiment,
    parts.flatMap((part) => part.runs),
  );
  if (into !== undefined) {
    await writeFile(into, headerLine(header) + runs.map((run) => runLine(header, run)).join(''));
    notice(`${into} written`);
  }
  return { header, runs };
}

async function read(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new CliError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return unpacked(file, bytes).toString('utf8');
}
