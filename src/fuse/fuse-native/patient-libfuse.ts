/**
 * A libfuse 2 whose threads stay. libfuse ends a thread whenever more than ten are idle, and starts another for the next
 * burst; for each that has ended, fuse-native leaks a handle that libuv walks at every request from then on (its
 * thread_locals_key has no destructor, fuse-native.c). No option sets the ten, so it is set in a copy of the library.
 * Mirrors: lib/fuse_loop_mt.c:fuse_do_work, `if (mt->numavail > 10)`, twice.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Idle threads that stay; the operand of the comparison is one signed byte. */
const MAX_IDLE_THREADS = 0x7f;
const COMPARISON = [0x83, 0xf8, 0x0a]; // cmp $10, %eax
/** What stands around the two comparisons with numavail, 0x2c(%rbx), in the build that fuse-native brings along. */
const PLACES = [
  { before: [0x83, 0xc0, 0x01], after: [0x89, 0x43, 0x2c, 0x7f] },
  { before: [0x8b, 0x43, 0x2c], after: [0x7e] },
];

/** The library with its limit raised; undefined when it is not the build that we know. */
export function raiseIdleThreads(library: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(library);
  for (const { before, after } of PLACES) {
    const pattern = Buffer.from([...before, ...COMPARISON, ...after]);
    const at = bytes.indexOf(pattern);
    if (at < 0 || bytes.indexOf(pattern, at + 1) >= 0) return undefined;
    bytes[at + before.length + COMPARISON.length - 1] = MAX_IDLE_THREADS;
  }
  return bytes;
}

/** Has `load` load such a copy of the library at `path`, and removes the copy; false when there is none to be had. */
export function loadPatient(path: string, load: (path: string) => boolean): boolean {
  let directory: string | undefined;
  try {
    const patched = raiseIdleThreads(readFileSync(path));
    if (patched === undefined) return false;
    directory = mkdtempSync(join(tmpdir(), 'reclaimfs-lib-'));
    const copy = join(directory, 'libfuse.so.2');
    writeFileSync(copy, patched, { mode: 0o500 });
    return load(copy);
  } catch {
    return false;
  } finally {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }
}
