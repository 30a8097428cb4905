/** `--latency real`: what has faulted pages in or sent them to swap takes as long as the simulated devices would. */
import type { Machine } from '../machine/machine.ts';
import type { ProcHost } from '../procfs/host.ts';
import { type FileSystem, Later, type OpenFile, Pending, WAIT, type Wait } from '../vfs/types.ts';

/** Shorter delays are put together: timers are no finer. */
const LEAST_MS = 1;

/**
 * Delays the answers of reads and writes by the time of their device operations, at the speed of the virtual clock.
 * Nothing else waits: other requests are served meanwhile. `speed`: virtual seconds in a real one.
 */
export function delayAnswers(fs: FileSystem, host: ProcHost, speed: number): FileSystem {
  let owedMs = 0;
  /** What has been found to be somebody's, in all. */
  let chargedUs = 0;
  /** Work between requests is its writer's, but for what those have caused who were served meanwhile. */
  const delayWhenDone = (pending: Pending<unknown>, machine: Machine, beforeUs: number): void => {
    const chargedBeforeUs = chargedUs;
    pending.waitQueue.add(() => {
      if (host.machine !== machine) return;
      const us = Math.max(0, deviceUs(machine) - beforeUs - (chargedUs - chargedBeforeUs));
      chargedUs += us;
      pending.delayMs = us / 1000 / speed;
    });
  };
  const timed = <T extends Uint8Array | number, P extends T>(
    operation: () => T | Wait | Later | Pending<P>,
  ): T | Wait | Later | Pending<P> => {
    host.advanceToNow();
    const { machine } = host;
    const before = deviceUs(machine);
    const result = operation();
    if (result instanceof Pending) delayWhenDone(result, machine, before);
    if (result === WAIT || result instanceof Later || result instanceof Pending || host.machine !== machine)
      return result;
    const us = Math.max(0, deviceUs(machine) - before);
    chargedUs += us;
    owedMs += us / 1000 / speed;
    if (owedMs < LEAST_MS) return result;
    const ms = owedMs;
    owedMs = 0;
    return new Later(typeof result === 'number' ? result : Uint8Array.from(result), ms);
  };
  const wrapped = new WeakSet<OpenFile>();
  const open = fs.open.bind(fs);
  fs.open = (ino, flags, caller) => {
    const file = open(ino, flags, caller);
    if (typeof file === 'number' || wrapped.has(file)) return file;
    wrapped.add(file);
    const read = file.read.bind(file);
    const write = file.write.bind(file);
    file.read = (offset, size, reader) => timed(() => read(offset, size, reader));
    file.write = (data, offset, writer) => timed(() => write(data, offset, writer));
    return file;
  };
  return fs;
}

/** Time that callers have waited for devices so far, as the storage settings say; nobody waits for a disk to write. */
function deviceUs({ mem, storage }: Machine): number {
  const { pswpin, pswpout } = mem.events;
  const { readUs, zramReadUs, zramWriteUs } = storage.settings;
  const zram = mem.swap?.synchronous ?? true;
  return (mem.readTurns + (zram ? 0 : pswpin)) * readUs + (zram ? pswpin * zramReadUs + pswpout * zramWriteUs : 0);
}
