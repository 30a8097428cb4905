/** pressure/{cpu,io,memory}: how long tasks waited, and triggers on it. Mirrors: kernel/sched/psi.c. */

import { isIn } from '../machine/kernels.ts';
import { PSI_RESOURCES, type Psi, type PsiResource } from '../machine/psi.ts';
import type { PsiTrigger } from '../machine/psi-triggers.ts';
import { ENODEV, EOPNOTSUPP } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { type Caller, type OpenFile, POLLERR, POLLIN, POLLOUT, POLLPRI, WaitQueue } from '../vfs/types.ts';
import { directory, type Entry, file, type SystemContext } from './entry.ts';

const POLLRDNORM = 0x40;
const POLLWRNORM = 0x100;
const DEFAULT_POLLMASK = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
/** What psi_write copies from the caller; it puts a NUL over the last byte of that. */
const TRIGGER_BYTES = 32;

/** Whose pressure it is: that of a machine or of a control group, which may be replaced by an equal one, or go. */
export interface PressureSource {
  advanceToNow(): void;
  psi(): Psi | undefined;
}

/** The open files that have a trigger, so that it goes on in a machine that replaces theirs. */
export class PressureFiles {
  readonly #armed = new Set<PressureFile>();

  open(source: PressureSource, resource: PsiResource, caller: Caller | undefined): OpenFile {
    return new PressureFile(source, resource, caller === undefined || caller.uid === 0, this.#armed);
  }

  /** To be called now and then while somebody waits: events of a trigger come only from the machine it is in. */
  followMachine(): void {
    for (const armed of this.#armed) armed.followMachine();
  }
}

/** An open pressure file; one write to it makes a trigger that poll(2) then tells about. */
export class PressureFile implements OpenFile {
  readonly waitQueue = new WaitQueue();
  readonly #source: PressureSource;
  readonly #resource: PsiResource;
  readonly #privileged: boolean;
  readonly #armed: Set<PressureFile> | undefined;
  #psi: Psi | undefined;
  #trigger: PsiTrigger | undefined;
  #text = '';
  #shown: Uint8Array = new Uint8Array(0);

  constructor(source: PressureSource, resource: PsiResource, privileged = true, armed?: Set<PressureFile>) {
    this.#source = source;
    this.#resource = resource;
    this.#privileged = privileged;
    this.#armed = armed;
  }

  /** The text of one instant, taken anew when it is read from the start. */
  read(offset: number, size: number): Uint8Array | number {
    if (offset === 0) {
      this.#source.advanceToNow();
      const psi = this.#source.psi();
      if (psi === undefined) return -ENODEV;
      if (psi.isOff) return -EOPNOTSUPP;
      this.#shown = Buffer.from(psi.text(this.#resource));
    }
    return this.#shown.subarray(offset, offset + size);
  }

  /** Mirrors: psi_write. The last byte does not count: programs write the NUL too, shells a newline. */
  write(data: Uint8Array): number {
    this.#source.advanceToNow();
    this.followMachine();
    if (this.#source.psi()?.isOff) return -EOPNOTSUPP;
    const text = Buffer.from(data.subarray(0, Math.min(data.length, TRIGGER_BYTES) - 1)).toString('latin1');
    try {
      if (!this.#register(text, this.#trigger !== undefined)) return -ENODEV;
    } catch (error) {
      if (error instanceof KernelError) return -error.errno;
      throw error;
    }
    this.#text = text;
    this.#armed?.add(this);
    return data.length;
  }

  /** Mirrors: psi_trigger_poll. An event is told once. */
  poll(): number {
    this.#source.advanceToNow();
    this.followMachine();
    if (this.#trigger === undefined || this.#psi === undefined) return DEFAULT_POLLMASK | POLLERR | POLLPRI;
    return this.#psi.triggers.poll(this.#trigger) ? DEFAULT_POLLMASK | POLLPRI : DEFAULT_POLLMASK;
  }

  release(): void {
    this.#armed?.delete(this);
    if (this.#trigger !== undefined) this.#psi?.triggers.unregister(this.#trigger);
    this.#trigger = undefined;
  }

  /** Registers the trigger with what has taken the place of what it was registered with. */
  followMachine(): void {
    const psi = this.#source.psi();
    if (this.#trigger === undefined || this.#psi === psi) return;
    if (psi?.triggers.isWatching(this.#trigger) === true) {
      this.#psi = psi;
      return;
    }
    if (!this.#register(this.#text, false)) this.#trigger = undefined;
  }

  /** False when there is nothing to register it with. Throws EINVAL, EBUSY. */
  #register(text: string, has: boolean): boolean {
    const psi = this.#source.psi();
    if (psi === undefined) return false;
    const trigger = psi.triggers.register(this.#resource, text, this.#privileged, has);
    trigger.onEvent = () => this.waitQueue.wake();
    this.#psi = psi;
    this.#trigger = trigger;
    return true;
  }
}

function resource(name: PsiResource): Entry<SystemContext> {
  return file(name, 0o666, (out, { machine }) => void out.text(machine.psi.text(name)), { pressure: name });
}

/** Not there without CONFIG_PSI. */
export const pressureEntry: Entry<SystemContext> = {
  ...directory('pressure', PSI_RESOURCES.map(resource)),
  isThere: ({ options }) => options.psi !== 'none' && isIn(options.kernel, { since: '5.10' }),
};
