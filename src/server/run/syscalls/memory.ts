/** The memory of a caller: read and written by process_vm_readv(2) and process_vm_writev(2). */
import type { Libc } from '../../../util/libc.ts';

const PAGE = 4096;
const PATH_MAX = 4096;
const IOVEC = 16;

export class CallerMemory {
  readonly #libc: Libc;
  readonly #local = Buffer.alloc(IOVEC);
  readonly #remote = Buffer.alloc(IOVEC);
  readonly #localAt: bigint;
  readonly #remoteAt: bigint;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#localAt = libc.address(this.#local);
    this.#remoteAt = libc.address(this.#remote);
  }

  /** Bytes at an address; undefined where not all of them can be read. */
  read(pid: number, address: bigint, length: number): Buffer | undefined {
    const buffer = Buffer.alloc(length);
    return this.#move('process_vm_readv', pid, address, buffer) === length ? buffer : undefined;
  }

  /** Whether all of it could be written. */
  write(pid: number, address: bigint, data: Uint8Array): boolean {
    return this.#move('process_vm_writev', pid, address, data) === data.length;
  }

  /** A path, as a byte string; undefined: no memory there, or too long. Never reads beyond the page that its end is in. */
  path(pid: number, address: bigint): string | undefined {
    let text = '';
    let at = address;
    while (text.length < PATH_MAX) {
      const part = this.read(pid, at, PAGE - Number(at % BigInt(PAGE)));
      if (part === undefined) return undefined;
      const nul = part.indexOf(0);
      text += part.toString('latin1', 0, nul < 0 ? part.length : nul);
      if (nul >= 0) return text.length < PATH_MAX ? text : undefined;
      at += BigInt(part.length);
    }
    return undefined;
  }

  #move(call: 'process_vm_readv' | 'process_vm_writev', pid: number, address: bigint, buffer: Uint8Array): number {
    if (buffer.length === 0) return 0;
    fill(this.#local, this.#libc.address(buffer), buffer.length);
    fill(this.#remote, address, buffer.length);
    return this.#libc.call(call, pid, this.#localAt, 1, this.#remoteAt, 1, 0);
  }
}

function fill(iovec: Buffer, address: bigint, length: number): void {
  iovec.writeBigUInt64LE(address, 0);
  iovec.writeBigUInt64LE(BigInt(length), 8);
}
