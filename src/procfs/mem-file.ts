/** PID/mem: the memory itself, by address. Mirrors: fs/proc/base.c:mem_rw. */
import { EIO, ESRCH } from '../util/errno.ts';
import type { OpenFile } from '../vfs/types.ts';
import type { TaskContext } from './entry.ts';

/** Most bytes of one answer: a read may be short. */
const MAX_READ = 1 << 20;

/** `current` gives the process as it is now, undefined when it has gone. The file stays with the address space it was opened on. */
export function openMem(ctx: TaskContext, current: () => TaskContext | undefined): OpenFile | number {
  const opened = ctx.task.mm;
  const { host } = ctx;
  if (opened === null) return -ESRCH;
  return {
    read: (offset, size) =>
      host.run<Uint8Array | number>(() => {
        const now = current();
        if (now?.task.mm?.id !== opened.id) return new Uint8Array(0);
        const bytes = new Uint8Array(Math.min(size, MAX_READ));
        const read = host.peek(now.task, offset, bytes);
        if (read < 0) return read;
        return read === 0 && size > 0 ? -EIO : bytes.subarray(0, read);
      }),
    write(data, offset) {
      const own = host.busy ? Uint8Array.from(data) : data;
      return host.run(() => {
        const now = current();
        if (now?.task.mm?.id !== opened.id) return 0;
        const written = host.poke(now.task, offset, own);
        return written === 0 && own.length > 0 ? -EIO : written;
      });
    },
  };
}
