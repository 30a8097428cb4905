/**
 * Paths of the simulated file system. Files are objects; of directories it is known only what lies in them. What a process
 * runs (exe), is in (cwd) or is confined to (root) is shown by the name that it has now, as d_path does: renamed with its
 * file or a directory above, and with ` (deleted)` behind it when its last name has gone.
 */
import type { Mapping } from '../mm/cache/mapping.ts';
import { EBUSY, EINVAL, EISDIR, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY } from '../util/errno.ts';
import { KernelError, UnknownNameError } from '../util/errors.ts';
import type { Job } from '../util/job.ts';
import type { Machine } from './machine.ts';

const NAME_MAX = 255;
/** Without the NUL of PATH_MAX. */
const PATH_BYTES = 4095;
const DELETED = ' (deleted)';
const LINKS = ['exe', 'cwd', 'root'] as const;

/** The name of an object as the kernel shows it. Mirrors: fs/d_path.c:d_path. */
export function dPath(mapping: Mapping): string {
  const { path } = mapping;
  return mapping.links > 0 || path.endsWith(DELETED) ? path : path + DELETED;
}

/**
 * Whether a file may be made at (or, `from`, be moved to) a path. Names without any `/` are the kernel's own (`[vdso]`,
 * `anon_inode:x`). Throws EINVAL (neither absolute nor such a name, `.` or `..` in it, NUL), ENAMETOOLONG, ENOTDIR (below
 * a file), EISDIR (there is something below it).
 */
export function checkPath(machine: Machine, path: string, from?: string): void {
  const names = path.replace(/^\//, '').split('/');
  const plain = path.startsWith('/') || names.length === 1;
  if (!plain || path.includes('\0') || names.some((name) => name === '' || name === '.' || name === '..'))
    throw new KernelError(EINVAL, `"${path}" is no absolute path without . and ..`, path);
  if (path.length > PATH_BYTES || names.some((name) => name.length > NAME_MAX))
    throw new KernelError(
      ENAMETOOLONG,
      `${path.slice(0, 40)}... is too long: names have at most 255 bytes, paths 4095`,
    );
  for (const above of directoriesOf(path))
    if (above !== from && machine.files.has(above)) throw new KernelError(ENOTDIR, `${above} is a file`);
  if (machine.directories.has(path)) throw new KernelError(EISDIR, `${path} is a directory`);
}

/** The directories that a path leads through. */
export function directoriesOf(path: string): string[] {
  const directories: string[] = [];
  for (let slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1))
    directories.push(path.slice(0, slash));
  return directories;
}

/** Precondition: checkPath has found nothing wrong with its path. */
export function addFile({ files, directories }: Machine, file: Mapping): void {
  files.set(file.path, file);
  for (const above of directoriesOf(file.path)) directories.set(above, (directories.get(above) ?? 0) + 1);
}

/** Takes the name of an object away, where it has one on the disk. */
export function removeFile(machine: Machine, file: Mapping): void {
  if (machine.files.get(file.path) !== file) return;
  takeOut(machine, file);
  noteDeleted(machine, file.path);
}

function takeOut({ files, directories }: Machine, file: Mapping): void {
  files.delete(file.path);
  for (const above of directoriesOf(file.path)) {
    const below = directories.get(above)! - 1;
    if (below > 0) directories.set(above, below);
    else directories.delete(above);
  }
}

function nothingAt({ files, objects }: Machine, path: string): UnknownNameError {
  const known = path.startsWith('/') ? files.keys() : objects.keys();
  return new UnknownNameError(
    `there is nothing at ${path}`,
    path,
    known,
    'give the name of an object or its path',
    ENOENT,
  );
}

/** Takes away the name of a file, or of a directory that some process is in. Throws ENOENT, ENOTEMPTY. */
export function* unlinkPath(machine: Machine, path: string): Job<void> {
  const name = nameOf(machine, path);
  if (name !== undefined) {
    yield* machine.unlinkObject(name);
    return;
  }
  if (machine.directories.has(path)) throw new KernelError(ENOTEMPTY, `there are files in ${path}`);
  if (!noteDeleted(machine, path)) throw nothingAt(machine, path);
  machine.generation++;
}

/** Moves a file or a directory; a file that is there is replaced. Throws ENOENT, EBUSY (the root), EINVAL (into itself, to no path), and what checkPath finds. */
export function* renamePath(machine: Machine, from: string, to: string): Job<void> {
  const file = machine.files.get(from);
  const moved = file === undefined ? [...machine.files.values()].filter(({ path }) => isWithin(path, from)) : [file];
  if (moved.length === 0 && !isUsed(machine, from)) throw nothingAt(machine, from);
  if (from === to) return;
  if (from === '/') throw new KernelError(EBUSY, 'the root cannot be moved', from);
  if (isWithin(to, from)) throw new KernelError(EINVAL, `${to} lies within ${from}`);
  if (from.startsWith('/') && !to.startsWith('/')) throw new KernelError(EINVAL, `"${to}" is no absolute path`, to);
  checkPath(machine, to, from);
  const replaced = nameOf(machine, to);
  if (replaced !== undefined && file === undefined) throw new KernelError(ENOTDIR, `${to} is a file`);
  if (replaced !== undefined) yield* machine.unlinkObject(replaced);
  for (const mapping of moved) {
    takeOut(machine, mapping);
    mapping.path = to + mapping.path.slice(from.length);
    addFile(machine, mapping);
  }
  for (const task of machine.tasks.values())
    for (const link of LINKS)
      if (task[link] === from || isWithin(task[link], from)) task[link] = to + task[link].slice(from.length);
  machine.generation++;
}

function isWithin(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}

/** What scenarios call the file of this path. */
function nameOf(machine: Machine, path: string): string | undefined {
  const mapping = machine.files.get(path);
  if (mapping === undefined) return undefined;
  for (const [name, object] of machine.objects) if (object === mapping) return name;
  return undefined;
}

/** Whether some process runs, is in or is confined to a path or what lies below it. */
function isUsed(machine: Machine, path: string): boolean {
  for (const task of machine.tasks.values())
    for (const link of LINKS) if (task[link] === path || isWithin(task[link], path)) return true;
  return false;
}

/** The last name of a file or directory has gone; false: no process has noticed. */
function noteDeleted(machine: Machine, path: string): boolean {
  let noticed = false;
  for (const task of machine.tasks.values())
    for (const link of LINKS) {
      if (task[link] !== path) continue;
      task[link] += DELETED;
      noticed = true;
    }
  return noticed;
}
