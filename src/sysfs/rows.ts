/** How rows of /sys are written down: a file holds one value and its newline. Mirrors: sysfs_emit. */
import { type Entry, file, type SystemContext, symlink } from '../procfs/entry.ts';
import type { TextBuffer } from '../procfs/text.ts';

export type Row = Entry<SystemContext>;

/** A file that can be read only, also by root. */
export function value(name: string, show: (ctx: SystemContext) => string | number): Row {
  return file(name, 0o444, (out, ctx) => void out.text(`${show(ctx)}\n`), { strictMode: true });
}

/** The same for a value that never changes. */
export function constant(name: string, text: string | number): Row {
  return value(name, () => text);
}

/** A file of more than one line, read-only. */
export function lines(name: string, show: (out: TextBuffer, ctx: SystemContext) => void): Row {
  return file(name, 0o444, show, { strictMode: true });
}

export function link(name: string, target: string): Row {
  return symlink(name, () => target);
}
