/** One call that somebody waits for: struct seccomp_notif, and the ways to answer it. Mirrors: include/uapi/linux/seccomp.h. */
import type { Libc } from '../../../util/libc.ts';
import type { CallerMemory } from './memory.ts';

const REQUEST_BYTES = 80;
const RESPONSE_BYTES = 24;
const ADDFD_BYTES = 24;
const IOCTL_RECEIVE = 0xc0502100;
const IOCTL_SEND = 0xc0182101;
const IOCTL_ID_VALID = 0x40082102;
const IOCTL_ADDFD = 0x40182103;
const FLAG_CONTINUE = 1;
const ADDFD_FLAG_SEND = 2;
const O_CLOEXEC = 0o2000000;
/** Offsets in struct seccomp_notif. */
const AT = { id: 0, pid: 8, nr: 16, args: 32 } as const;

/** The answer that lets the kernel carry out the call itself. */
export const CONTINUE = Symbol('continue');
/** The answer has been given already. */
export const ANSWERED = Symbol('answered');
/** Else: what the call returns, or -errno. */
export type Answer = number | typeof CONTINUE | typeof ANSWERED;

/** The listener of a filter. */
export class Listener {
  readonly #libc: Libc;
  readonly fd: number;
  readonly memory: CallerMemory;
  readonly #request = Buffer.alloc(REQUEST_BYTES);
  readonly #response = Buffer.alloc(RESPONSE_BYTES);
  readonly #addfd = Buffer.alloc(ADDFD_BYTES);

  constructor(libc: Libc, fd: number, memory: CallerMemory) {
    this.#libc = libc;
    this.fd = fd;
    this.memory = memory;
  }

  /** Undefined when whoever asked has gone meanwhile. */
  receive(): Notification | undefined {
    this.#request.fill(0);
    const status = this.#ioctl(IOCTL_RECEIVE, this.#request);
    return status < 0 ? undefined : new Notification(this, Buffer.from(this.#request));
  }

  /** Whether the call is still waited for: what has been read of its caller's memory is its caller's only then. */
  isValid(id: bigint): boolean {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(id);
    return this.#ioctl(IOCTL_ID_VALID, buffer) === 0;
  }

  send(id: bigint, answer: number | typeof CONTINUE): void {
    const response = this.#response.fill(0);
    response.writeBigUInt64LE(id, 0);
    if (answer === CONTINUE) response.writeUInt32LE(FLAG_CONTINUE, 20);
    else if (answer < 0) response.writeInt32LE(answer, 16);
    else response.writeBigInt64LE(BigInt(answer), 8);
    this.#ioctl(IOCTL_SEND, response);
  }

  /** Puts a descriptor of ours into the caller, closed on exec: that number is what the call returns. Needs Linux 5.14. */
  sendDescriptor(id: bigint, fd: number): number {
    const addfd = this.#addfd.fill(0);
    addfd.writeBigUInt64LE(id, 0);
    addfd.writeUInt32LE(ADDFD_FLAG_SEND, 8);
    addfd.writeUInt32LE(fd, 12);
    addfd.writeUInt32LE(O_CLOEXEC, 20);
    return this.#ioctl(IOCTL_ADDFD, addfd);
  }

  #ioctl(operation: number, buffer: Uint8Array): number {
    return this.#libc.call('ioctl', this.fd, operation, this.#libc.address(buffer));
  }
}

export class Notification {
  readonly listener: Listener;
  readonly id: bigint;
  /** The thread that makes the call, in our pid namespace. */
  readonly tid: number;
  readonly nr: number;
  readonly #data: Buffer;

  constructor(listener: Listener, data: Buffer) {
    this.listener = listener;
    this.#data = data;
    this.id = data.readBigUInt64LE(AT.id);
    this.tid = data.readUInt32LE(AT.pid);
    this.nr = data.readInt32LE(AT.nr);
  }

  get memory(): CallerMemory {
    return this.listener.memory;
  }

  get isValid(): boolean {
    return this.listener.isValid(this.id);
  }

  /** An argument of type int. */
  int(index: number): number {
    return this.#data.readInt32LE(AT.args + index * 8);
  }

  /** An argument of type unsigned long, or an address. */
  word(index: number): bigint {
    return this.#data.readBigUInt64LE(AT.args + index * 8);
  }
}
