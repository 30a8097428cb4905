/** pressure/{cpu,io,memory}: how long tasks waited, and triggers on it. Mirrors: kernel/sched/psi.c. */

import { PSI_RESOURCES, type PsiResource } from '../machine/psi.ts';
import type { PsiTrigger } from '../machine/psi-triggers.ts';
import { EINVAL } from '../util/errno.ts';
import { KernelError } from '../util/errors.ts';
import { type Caller, type OpenFile, POLLERR, POLLIN, POLLOUT, POLLPRI, WaitQueue } from '../vfs/types.ts';
import { directory, type Entry, file, type SystemContext } from './entry.ts';
import type { ProcHost } from './host.ts';
import { type Content, RenderedFile } from './open-files.ts';

const POLLRDNORM = 0x40;
const POLLWRNORM = 0x100;
const DEFAULT_POLLMASK = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
/** What psi_write copies from the caller; it puts a NUL over the last byte of that. */
const TRIGGER_BYTES = 32;

/** The open files that have a trigger, so that it goes on in a machine that replaces theirs. */
export class PressureFiles {
  readonly #armed = new Set<PressureFile>();

  open(host: ProcHost, resource: PsiResource, content: Content, caller: Caller | undefined): OpenFile {
    return new PressureFile(host, resource, content, caller === undefined || caller.uid === 0, this.#armed);
  }

  /** To be called now and then while somebody waits: events of a trigger come only from the machine it is in. */
  followMachine(): void {
    for (const armed of this.#armed) armed.followMachine();
  }
}

class PressureFile implements OpenFile {
  readonly waitQueue = new WaitQueue();
  readonly #host: ProcHost;
  readonly #resource: PsiResource;
  readonly #rendered: RenderedFile;
  readonly #privileged: boolean;
  readonly #armed: Set<PressureFile>;
  #machine: ProcHost['machine'] | undefined;
  #trigger: PsiTrigger | undefined;
  #text = '';

  constructor(host: ProcHost, resource: PsiResource, content: Content, privileged: boolean, armed: Set<PressureFile>) {
    this.#host = host;
    this.#resource = resource;
    this.#privileged = privileged;
    this.#armed = armed;
    this.#rendered = new RenderedFile({ ...content, write: () => -EINVAL });
  }

  read(offset: number, size: number): Uint8Array | number {
    return this.#rendered.read(offset, size);
  }

  /** Mirrors: psi_write. The last byte does not count: programs write the NUL too, shells a newline. */
  write(data: Uint8Array): number {
    this.#host.advanceToNow();
    this.followMachine();
    const text = Buffer.from(data.subarray(0, Math.min(data.length, TRIGGER_BYTES) - 1)).toString('latin1');
    try {
      this.#register(text, this.#trigger !== undefined);
    } catch (error) {
      if (error instanceof KernelError) return -error.errno;
      throw error;
    }
    this.#text = text;
    this.#armed.add(this);
    return data.length;
  }

  /** Mirrors: psi_trigger_poll. An event is told once. */
  poll(): number {
    this.#host.advanceToNow();
    this.followMachine();
    if (this.#trigger === undefined) return DEFAULT_POLLMASK | POLLERR | POLLPRI;
    return this.#host.machine.psi.triggers.poll(this.#trigger) ? DEFAULT_POLLMASK | POLLPRI : DEFAULT_POLLMASK;
  }

  release(): void {
    this.#armed.delete(this);
    if (this.#trigger !== undefined && this.#machine === this.#host.machine)
      this.#machine.psi.triggers.unregister(this.#trigger);
    this.#trigger = undefined;
  }

  followMachine(): void {
    if (this.#trigger !== undefined && this.#machine !== this.#host.machine) this.#register(this.#text, false);
  }

  #register(text: string, has: boolean): void {
    const { machine } = this.#host;
    const trigger = machine.psi.triggers.register(this.#resource, text, this.#privileged, has);
    trigger.onEvent = () => this.waitQueue.wake();
    this.#machine = machine;
    this.#trigger = trigger;
  }
}

function resource(name: PsiResource): Entry<SystemContext> {
  return file(name, 0o666, (out, { machine }) => void out.text(machine.psi.text(name)), { pressure: name });
}

export const pressureEntry = directory('pressure', PSI_RESOURCES.map(resource));
