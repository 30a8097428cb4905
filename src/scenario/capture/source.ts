/** Finding out what `capture --from` was given: a directory, an archive, a single file. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../../util/errors.ts';
import { unpacked } from '../../util/unpacked.ts';
import { CopiedTree, FilesTree, MOST_FILE_BYTES, type ProcTree } from './proc-tree.ts';

/** An archive, unpacked, is at most so large. */
const MOST_BYTES = 1024 ** 3;
/** Folders in which a copied /proc is looked for: as it is, in an sos report, in a copy of a whole file system. */
const PLACES = ['', 'proc'];
/** The files that tell of a machine or of a process. */
const MACHINE_FILES = [
  'meminfo',
  'stat',
  'version',
  'uptime',
  'swaps',
  'sys/kernel/hostname',
  'self/mountinfo',
  'vmstat',
];
const PROCESS_FILES =
  /^\d{1,10}\/(task\/\d{1,10}\/)?(smaps|smaps_rollup|maps|stat|statm|status|cmdline|comm|cgroup|oom_score_adj)$/;

/** Reads it. Throws CliError: one line that says what is wrong and what would be right. `pid`: whose a single file is. */
export async function openSource(path: string, pid: number | undefined): Promise<ProcTree> {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (error) {
    throw new CliError(
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}): give a directory, an archive or a file`,
    );
  }
  return isDirectory ? openDirectory(path) : openFile(path, pid);
}

function openDirectory(path: string): ProcTree {
  for (const place of PLACES) {
    const tree = new CopiedTree(join(path, place));
    if (tree.text('meminfo') !== undefined || tree.numbers('').some((pid) => hasMemory(tree, pid))) return tree;
  }
  throw new CliError(
    `${path} is no copy of /proc: there is neither meminfo nor PID/smaps, PID/maps or PID/status in it`,
  );
}

function hasMemory(tree: ProcTree, pid: number): boolean {
  return ['smaps', 'smaps_rollup', 'maps', 'status', 'stat'].some((name) => tree.text(`${pid}/${name}`) !== undefined);
}

async function openFile(path: string, pid: number | undefined): Promise<ProcTree> {
  if (statSync(path).size > MOST_BYTES)
    throw new CliError(`${path} is larger than 1 GiB: pack only what capture reads`);
  const bytes = unpacked(path, readFileSync(path), MOST_BYTES);
  // The magic of tar's header, or what an old tar leaves there.
  if (bytes.length >= 512 && /^(ustar|\0{5})/.test(bytes.toString('latin1', 257, 262))) return openArchive(path, bytes);
  return openText(path, bytes.toString('latin1'), pid);
}

/** The files of an archive that capture reads; nothing is written, names that lead elsewhere match nothing. */
async function openArchive(path: string, bytes: Buffer): Promise<ProcTree> {
  const { Parser } = await import('tar');
  const texts = new Map<string, string>();
  const links = new Map<string, string>();
  let failure: Error | undefined;
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      const name = placeOf(entry.path);
      if (name !== undefined && entry.type === 'SymbolicLink' && entry.linkpath !== undefined)
        links.set(name, Buffer.from(entry.linkpath).toString('latin1'));
      if (name === undefined || entry.type !== 'File' || entry.size > MOST_FILE_BYTES) {
        entry.resume();
        return;
      }
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => texts.set(name, Buffer.concat(chunks).toString('latin1')));
    },
  });
  await new Promise<void>((settle) => {
    parser.on('error', (error: Error) => {
      failure = error;
      settle();
    });
    parser.on('end', settle);
    parser.end(bytes);
  });
  if (failure !== undefined) throw new CliError(`${path} is a damaged archive (${failure.message})`);
  if (texts.size === 0) throw new CliError(`${path} has no files of a /proc in it: neither meminfo nor PID/smaps`);
  return new FilesTree(texts, links);
}

/** The path below /proc of an archived file, or undefined where capture does not read it. */
function placeOf(path: string): string | undefined {
  const plain = path.replace(/^(\.?\/)+/, '');
  for (
    let rest: string | undefined = plain;
    rest !== undefined;
    rest = rest.includes('/') ? rest.slice(rest.indexOf('/') + 1) : undefined
  ) {
    if (PROCESS_FILES.test(rest) || MACHINE_FILES.includes(rest) || /^\d{1,10}\/(exe|cwd)$/.test(rest)) {
      // A process's own files look like the machine's further down: PID/stat, not stat.
      const before =
        plain
          .slice(0, plain.length - rest.length)
          .replace(/\/$/, '')
          .split('/')
          .at(-1) ?? '';
      if (/^\d+$/.test(before) && MACHINE_FILES.includes(rest)) return undefined;
      return rest;
    }
  }
  return undefined;
}

/** A single file as people post it. */
function openText(path: string, text: string, pid: number | undefined): ProcTree {
  const kind = kindOf(text);
  if (kind === undefined)
    throw new CliError(
      `${path} is neither a copy of /proc, a tar archive, nor a smaps, smaps_rollup, maps, status or meminfo file`,
    );
  if (kind === 'meminfo') return new FilesTree(new Map([['meminfo', text]]));
  const files = new Map([[`${pid ?? 1}/${kind}`, text]]);
  return new FilesTree(files);
}

function kindOf(text: string): string | undefined {
  if (/^MemTotal:\s+\d+ kB/m.test(text)) return 'meminfo';
  const header = /^[0-9a-f]+-[0-9a-f]+ [r-][w-][x-][ps] [0-9a-f]+ \S+ \d+/m.test(text);
  if (header && /^[0-9a-f]+-[0-9a-f]+ ---p 00000000 00:00 0 +\[rollup\]/m.test(text)) return 'smaps_rollup';
  if (header) return /^Rss:\s+\d+ kB/m.test(text) ? 'smaps' : 'maps';
  if (/^Name:\t/m.test(text) && /^Vm(RSS|Size):/m.test(text)) return 'status';
  return undefined;
}
