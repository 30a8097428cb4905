import type { Reply } from './reply.ts';

/**
 * Replies to reads and writes that wait until the kernel has forgotten every name that has vanished so far: who learns
 * from one of them that a process has ended must not find it by its path any more.
 *
 * Only reads and writes: the notice takes the lock of the directory, which a lookup that waits for its reply may hold.
 */
export class HeldReplies {
  /** Notices handed to the main thread so far; the counter it shares wraps around as this does. */
  #handed = 0;
  #replies: { readonly after: number; readonly bytes: Uint8Array }[] = [];

  get size(): number {
    return this.#replies.length;
  }

  handed(nrNotices: number): void {
    this.#handed = (this.#handed + nrNotices) | 0;
  }

  /** Whether a reply has to wait, with `pending` notices about to be handed over. */
  mustHold(pending: number, sent: number): boolean {
    return pending > 0 || this.#handed !== sent;
  }

  /** Keeps the first `length` bytes of a reply, and what may follow them. */
  hold(pending: number, reply: Reply, length: number, content?: Uint8Array): void {
    const bytes = new Uint8Array(length + (content?.length ?? 0));
    bytes.set(reply.bytes.subarray(0, length));
    if (content !== undefined) bytes.set(content, length);
    this.#replies.push({ after: (this.#handed + pending) | 0, bytes });
  }

  /** Sends those that need not wait any longer. */
  release(sent: number, send: (bytes: Uint8Array) => void): void {
    while (this.#replies.length > 0 && ((sent - this.#replies[0]!.after) | 0) >= 0) send(this.#replies.shift()!.bytes);
  }
}
