/**
 * The words that the two threads of the direct transport share. The kernel thread never runs its event loop, so the main
 * thread learns from these (and from messages, which travel that way without the other's event loop), and tells through them.
 */

/** What the kernel thread is to do: wait for word, serve, or leave. */
const COMMAND = 0;
export const COMMAND_WAIT = 0;
export const COMMAND_SERVE = 1;
export const COMMAND_LEAVE = 2;
/** Requests parked and polls armed. */
const WAITING = 1;
/** 1 while the main thread keeps the heartbeat going, so that it is told only once. */
const BEATING = 2;
/** Ring of node ids of regular files that the kernel has asked for lately: low and high words. */
const NODES = 3;
const NR_NODES = 8;
const NODE_CURSOR = NODES + NR_NODES * 2;
const NR_WORDS = NODE_CURSOR + 1;

export class SharedState {
  readonly words: Int32Array<SharedArrayBuffer>;

  constructor(words = new Int32Array(new SharedArrayBuffer(NR_WORDS * 4))) {
    this.words = words;
  }

  command(command: number): void {
    Atomics.store(this.words, COMMAND, command);
    Atomics.notify(this.words, COMMAND);
  }

  /** Blocks this thread until the main thread has said what to do. */
  awaitCommand(): number {
    Atomics.wait(this.words, COMMAND, COMMAND_WAIT);
    return Atomics.load(this.words, COMMAND);
  }

  get mustLeave(): boolean {
    return Atomics.load(this.words, COMMAND) === COMMAND_LEAVE;
  }

  get waiting(): number {
    return Atomics.load(this.words, WAITING);
  }

  /** Publishes how many wait; true when the main thread has to be told, because no heartbeat is going. */
  setWaiting(count: number): boolean {
    Atomics.store(this.words, WAITING, count);
    return count > 0 && Atomics.exchange(this.words, BEATING, 1) === 0;
  }

  /** Ends the heartbeat; false when somebody came to wait at this very moment, so that it has to go on. */
  stopBeating(): boolean {
    Atomics.store(this.words, BEATING, 0);
    return this.waiting === 0 || Atomics.exchange(this.words, BEATING, 1) === 1;
  }

  /** Remembers a regular file that the kernel knows. */
  noteNode(nodeid: number): void {
    const cursor = this.words[NODE_CURSOR]!;
    const at = NODES + cursor * 2;
    this.words[at] = nodeid;
    this.words[at + 1] = nodeid / 2 ** 32;
    this.words[NODE_CURSOR] = (cursor + 1) % NR_NODES;
  }

  /** Regular files that the kernel may still know, the latest first. */
  recentNodes(): number[] {
    const nodes: number[] = [];
    for (let i = 1; i <= NR_NODES; i++) {
      const at = NODES + ((this.words[NODE_CURSOR]! + NR_NODES - i) % NR_NODES) * 2;
      const nodeid = (this.words[at]! >>> 0) + (this.words[at + 1]! >>> 0) * 2 ** 32;
      if (nodeid !== 0 && !nodes.includes(nodeid)) nodes.push(nodeid);
    }
    return nodes;
  }
}
