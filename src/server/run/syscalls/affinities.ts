/**
 * Which of the machine's CPUs threads of the command have chosen: the kernel cannot keep it, as it may have fewer. Threads
 * and processes inherit from who made them.
 */
import { existsSync, readFileSync } from 'node:fs';

const MAX_KEPT = 1024;
const CAP_SYS_NICE = 23n;

export class Affinities {
  readonly #masks = new Map<number, Buffer>();

  isThere(tid: number): boolean {
    return existsSync(`/proc/${tid}`);
  }

  /** Undefined: all CPUs. */
  of(tid: number): Buffer | undefined {
    if (this.#masks.size === 0) return undefined;
    for (let at = tid; at > 1; ) {
      const mask = this.#masks.get(at);
      if (mask !== undefined) return mask;
      const status = statusOf(at);
      const tgid = field(status, 'Tgid');
      at = tgid !== at ? tgid : field(status, 'PPid');
    }
    return undefined;
  }

  set(tid: number, mask: Buffer): void {
    this.#masks.set(tid, mask);
    if (this.#masks.size <= MAX_KEPT) return;
    for (const known of this.#masks.keys()) if (!this.isThere(known)) this.#masks.delete(known);
  }

  /** Mirrors: check_same_owner, CAP_SYS_NICE. */
  maySet(caller: number, tid: number): boolean {
    const [mine, theirs] = [statusOf(caller), statusOf(tid)];
    const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(mine)?.[1] ?? '0'}`);
    if ((capabilities >> CAP_SYS_NICE) & 1n) return true;
    const [uid, euid] = /^Uid:\s*(\d+)\s+(\d+)/m.exec(theirs)?.slice(1) ?? [];
    const own = /^Uid:\s*\d+\s+(\d+)/m.exec(mine)?.[1];
    return own !== undefined && (own === uid || own === euid);
  }
}

function statusOf(tid: number): string {
  try {
    return readFileSync(`/proc/${tid}/status`, 'latin1');
  } catch {
    return '';
  }
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}
