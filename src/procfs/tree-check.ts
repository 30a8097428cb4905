/**
 * Reads a whole tree and says what is wrong with its texts: a number that is none (NaN, undefined, Infinity, an exponent),
 * a counter below zero, columns that have shifted, a size that is not the length. For tests, fuzzing, and whoever serves a
 * tree of their own; knows nothing of the machine behind it.
 */
import { fromBuffer, textOf } from '../util/bytes.ts';
import { EAGAIN, ENOENT, ESRCH } from '../util/errno.ts';
import {
  type Attr,
  type FileSystem,
  type Ino,
  newAttr,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  WAIT,
  withoutDelay,
} from '../vfs/types.ts';
import { sysctlRows } from './sysctl-rows.ts';

const ROOT = { uid: 0, gid: 0, pid: 0 };
const O_NONBLOCK = 0o4000;
const READ_BYTES = 1 << 17;
const MAX_BYTES = 1 << 26;

/** Binary, endless, or a text that somebody else has written and that may say anything. */
const NOT_OURS =
  /\/(mem|pagemap|auxv|cmdline|environ|comm|kpage\w+|disk\/.*|state|error|events|vmpressure|kmsg)$|^\/reclaimfs\/snapshots?(\/|$)/;
/** Settings that hold whatever text has been written. */
const WRITTEN_TEXTS = new Set(sysctlRows.filter(({ text }) => text).map(({ path }) => `/sys/${path}`));
/** What a number never looks like. */
const NO_NUMBER = /\b(NaN|undefined|null|Infinity|-?\d+(\.\d+)?e[+-]\d+)\b|\[object /;
/** Numbers that the kernel shows with a sign, by file: field, name or line. */
const SIGNED: readonly (readonly [path: RegExp, allowed: RegExp])[] = [
  [/\/stat$/, /^\d+ \(.*\) \w( -?\d+){5}( \d+){10}( -?\d+){2}/s],
  [/\/(oom_adj|oom_score_adj|nice|autogroup)$/, /^-?\d+\n$/],
  [/\/sched$/, /numa_preferred_nid +: +-1|prio +: +-?\d+/g],
  // What the low-memory killer calls free is what is beyond the reserve (`%ldkB above reserved`).
  [/\/(events\?now|processes)$/, /"(adj|minAdj|nice|freeKb)": -\d+/g],
  [/\/arch_status$/, /AVX512_elapsed_ms:\t-1/],
  [/\/net\/snmp$/, /^Tcp: .*$/gm],
  [/\/sys\//, /-\d+/g],
  [/\/lowmemorykiller\/adj$/, /.*/s],
  [/\/(smaps|smaps_rollup|maps)$/, /^[0-9a-f]+-[0-9a-f]+ .*$/gm],
  [
    /\/(mounts|mountinfo|mountstats|cpuinfo|version|interrupts|cgroup|filesystems|locks|timer_list|schedstat|zoneinfo|buddyinfo|pagetypeinfo|status)$/,
    /[A-Za-z][\w.]*-\d+|\b\d+-\d+\b/g,
  ],
];
/** Files in lines of so many columns, whatever the numbers in them. */
const STAT_FIELDS = 52;
const STATM_FIELDS = 7;

/** Every flaw, in words, with the path of its file. `from`: a directory to begin at; `path`: what it is called. */
export function checkTree(fs: FileSystem, from: Ino = fs.root, path = ''): string[] {
  const flaws: string[] = [];
  for (const { name, ino, type } of entriesOf(fs, from, path, flaws)) {
    const below = `${path}/${name}`;
    if (type === S_IFDIR) flaws.push(...checkTree(fs, ino, below));
    else if (type === S_IFLNK) checkLink(fs, ino, below, flaws);
    else if (type === S_IFREG) checkFile(fs, ino, below, flaws);
  }
  return flaws;
}

function entriesOf(fs: FileSystem, ino: Ino, path: string, flaws: string[]) {
  const entries = fs.readdir(ino, ROOT);
  if (typeof entries !== 'number') return entries;
  if (entries !== -ESRCH) flaws.push(`${path}: readdir answers ${entries}`);
  return [];
}

function checkLink(fs: FileSystem, ino: Ino, path: string, flaws: string[]): void {
  const target = fs.readlink(ino, ROOT);
  if (target === '' || (typeof target === 'number' && target !== -ENOENT && target !== -ESRCH))
    flaws.push(`${path}: readlink answers ${target || 'nothing'}`);
  else if (typeof target === 'string') report(path, NO_NUMBER.exec(/^\/(?!.*\()/.test(target) ? '' : target), flaws);
}

function checkFile(fs: FileSystem, ino: Ino, path: string, flaws: string[]): void {
  const attr = newAttr();
  const status = fs.getattr(ino, attr);
  if (status < 0) {
    flaws.push(`${path}: getattr answers ${status}`);
    return;
  }
  checkAttr(attr, path, flaws);
  const bytes = readAll(fs, ino, path);
  if (bytes === undefined || NOT_OURS.test(path) || WRITTEN_TEXTS.has(path)) return;
  if (bytes.length !== attr.size && attr.size !== 0) flaws.push(`${path}: ${bytes.length} bytes, size ${attr.size}`);
  flaws.push(...checkText(path, fromBuffer(bytes)));
}

function checkAttr(attr: Attr, path: string, flaws: string[]): void {
  for (const [name, value] of Object.entries(attr))
    if (!Number.isSafeInteger(value) || value < 0) flaws.push(`${path}: ${name} is ${value}`);
  if (attr.uid > 0xffffffff || attr.gid > 0xffffffff) flaws.push(`${path}: owner ${attr.uid}:${attr.gid}`);
}

/** Undefined: not to be read, or it waits. */
function readAll(fs: FileSystem, ino: Ino, path: string): Buffer | undefined {
  if (/\/(mem|pagemap|kpage\w+)$|\/disk\//.test(path)) return undefined;
  const file = fs.open(ino, O_NONBLOCK, ROOT);
  if (typeof file === 'number') return undefined;
  const parts: Buffer[] = [];
  for (let offset = 0; offset < MAX_BYTES; ) {
    const part = withoutDelay(file.read(offset, READ_BYTES, ROOT));
    if (part === WAIT || part === -EAGAIN || (typeof part === 'number' && part < 0)) break;
    if (typeof part === 'number' || part.length === 0) break;
    parts.push(Buffer.from(part));
    offset += part.length;
  }
  file.release?.();
  return Buffer.concat(parts);
}

/** What is wrong with the text of one file (a byte string). */
export function checkText(path: string, text: string): string[] {
  const flaws: string[] = [];
  // Names that users give may hold anything, also what looks like a broken number.
  const own = withoutNames(path, text);
  report(path, NO_NUMBER.exec(own), flaws);
  let unsigned = own;
  for (const [file, allowed] of SIGNED) if (file.test(path)) unsigned = unsigned.replace(allowed, '');
  report(path, /(?<![\w.:/-])-\d+/.exec(unsigned), flaws, 'below zero: ');
  if (/^\/\d+(\/task\/\d+)?\/stat$/.test(path))
    columns(path, text.replace(/^(\d+) \(.*\) /s, '$1 comm '), STAT_FIELDS, flaws);
  if (/\/statm$/.test(path)) columns(path, text, STATM_FIELDS, flaws);
  return flaws;
}

function withoutNames(path: string, text: string): string {
  if (/\/stat$/.test(path)) return text.replace(/^(\d+) \(.*\) /s, '$1 (comm) ');
  if (/\/status$/.test(path)) return text.replace(/^Name:.*\n/, '');
  if (/\/sched$/.test(path)) return text.replace(/^.* \((\d+), #threads/s, 'comm ($1, #threads');
  if (/\/(maps|smaps)$/.test(path)) return text.replace(/^([0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+) .*$/gm, '$1');
  if (/\/(events\?now|processes)$/.test(path))
    return text.replace(/:("(\\.|[^"\\])*"|null)/g, ':""').replace(/:-/g, ': -');
  if (/\/numa_maps$/.test(path)) return text.replace(/ file=\S*/g, '');
  if (/\/(cgroup|hostname|domainname|settings|check|memory\.stat)$|\/sys\/kernel\//.test(path))
    return text.replace(/[^\s:]*\/[^\s]*|hostname .*/g, '');
  return text;
}

function columns(path: string, text: string, wanted: number, flaws: string[]): void {
  const found = text.trimEnd().split(' ').length;
  if (text !== '' && found !== wanted) flaws.push(`${path}: ${found} fields, not ${wanted}`);
}

function report(path: string, match: RegExpExecArray | null, flaws: string[], what = ''): void {
  if (match === null) return;
  const { index, input } = match;
  flaws.push(`${path}: ${what}"${textOf(input.slice(Math.max(0, index - 30), index + 30))}"`);
}
