/** Extended attributes over libfuse: paths and names come as text, values in buffers that its thread lends. */
import { bytesOf } from '../../util/bytes.ts';
import { ERANGE } from '../../util/errno.ts';
import type { FileSystem, Ino, Xattrs } from '../../vfs/types.ts';
import type { Binding, NativeThread, Operation } from './binding.ts';

type On = <Args extends unknown[]>(operation: Operation, handle: (thread: NativeThread, ...args: Args) => void) => void;

/** Registers them where the file system has some. `resolve`: an inode, or -errno; `attempt`: a result, or -errno for what was thrown. */
export function registerXattrs(
  fs: FileSystem,
  { signal }: Binding,
  on: On,
  resolve: (path: string) => Ino | number,
  attempt: (act: () => number) => number,
): void {
  const { xattrs } = fs;
  if (xattrs === undefined) return;
  const at = (path: string, act: (of: Xattrs, ino: Ino) => number): number =>
    attempt(() => {
      const ino = resolve(path);
      return ino < 0 ? ino : act(xattrs, ino);
    });
  on('setxattr', (thread, path: string, name: string, value: Uint8Array, _position: number, flags: number) => {
    const status = at(path, (of, ino) => of.set(ino, bytesOf(name), value, flags));
    signal.setxattr(thread, status, value.buffer);
  });
  on('getxattr', (thread, path: string, name: string, room: Uint8Array) => {
    const status = at(path, (of, ino) => {
      const value = of.get(ino, bytesOf(name));
      return typeof value === 'number' ? value : put(value, room);
    });
    signal.getxattr(thread, status, room.buffer);
  });
  on('listxattr', (thread, path: string, room: Uint8Array) => {
    const status = at(path, (of, ino) => {
      const names = of.list(ino, undefined);
      return put(Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1'), room);
    });
    signal.listxattr(thread, status, room.buffer);
  });
  on('removexattr', (thread, path: string, name: string) => {
    signal.removexattr(
      thread,
      at(path, (of, ino) => of.set(ino, bytesOf(name), undefined, 0)),
    );
  });
}

/** How many bytes there are; where room is offered they are put there. */
function put(bytes: Uint8Array, room: Uint8Array): number {
  if (room.length === 0) return bytes.length;
  if (bytes.length > room.length) return -ERANGE;
  room.set(bytes);
  return bytes.length;
}
