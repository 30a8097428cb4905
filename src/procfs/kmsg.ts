/**
 * The kernel's log as files: records as /dev/kmsg gives them, lines as /proc/kmsg does. Mirrors: kernel/printk/printk.c:devkmsg_read,
 * fs/proc/kmsg.c.
 */
import { KERN_WARNING, type KernelRecord, LOG_USER, MAX_RECORD_BYTES } from '../machine/kernel-log.ts';
import { fromBuffer, toBuffer } from '../util/bytes.ts';
import { EAGAIN, EINVAL, EPIPE } from '../util/errno.ts';
import { type OpenFile, type Pending, POLLERR, POLLIN, POLLPRI, WAIT, type Wait, WaitQueue } from '../vfs/types.ts';
import type { ProcHost } from './host.ts';

const O_NONBLOCK = 0o4000;
const FIRST_PRINTED = 0x20;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;

/** What is not printed, a newline within a record among it, as `\x0a`. Mirrors: msg_add_ext_text. */
function escaped(text: string): string {
  let out = '';
  for (const char of text) {
    const code = char.charCodeAt(0);
    out +=
      code < FIRST_PRINTED || code >= DELETE || code === BACKSLASH ? `\\x${code.toString(16).padStart(2, '0')}` : char;
  }
  return out;
}

/** `6,12,5123456,-;text` Mirrors: info_print_ext_header. */
export function extendedLine({ priority, seq, timeUs, text }: KernelRecord): string {
  return `${priority},${seq},${Math.floor(timeUs)},-;${escaped(text)}\n`;
}

/** `<6>[    5.123456] text`, each line of it. Mirrors: record_print_text. */
export function syslogLines({ priority, timeUs, text }: KernelRecord): string {
  const seconds = String(Math.floor(timeUs / 1e6)).padStart(5);
  const micros = String(Math.floor(timeUs % 1e6)).padStart(6, '0');
  return text
    .split('\n')
    .map((line) => `<${priority}>[${seconds}.${micros}] ${line}\n`)
    .join('');
}

/** Readers of the log of one machine, whichever machine that is by now. */
export class KernelLogFiles {
  readonly #host: ProcHost;
  readonly #queue = new WaitQueue();
  /** Where the one reader of /proc/kmsg is, whoever it is. */
  #syslogSeq = 0;
  #ended = false;

  constructor(host: ProcHost) {
    this.#host = host;
  }

  wake(): void {
    this.#queue.wake();
  }

  /** Nothing more will be logged: readers come to the end of the file. */
  end(): void {
    this.#ended = true;
    this.#queue.wake();
  }

  /** A record a read, from the oldest on that has not been cleared. */
  openRecords(flags: number): OpenFile {
    const host = this.#host;
    let seq = host.machine.kernelLog.clearSeq;
    const next = (): KernelRecord | undefined => {
      const { kernelLog } = host.machine;
      // A machine that replaces another has a log of its own, which may be shorter.
      seq = Math.min(seq, kernelLog.nextSeq);
      return kernelLog.at(seq);
    };
    return {
      waitQueue: this.#queue,
      read: (_offset, size) => {
        host.advanceToNow();
        const record = next();
        if (record === undefined) return this.#wait(flags);
        // What had to make room is told once; the next read goes on with what there is.
        const lost = record.seq !== seq;
        seq = lost ? record.seq : record.seq + 1;
        if (lost) return -EPIPE;
        const bytes = toBuffer(extendedLine(record));
        return bytes.length > size ? -EINVAL : bytes;
      },
      write: (data) => writeRecord(host, data),
      poll: () => {
        host.advanceToNow();
        const record = next();
        if (record === undefined) return this.#ended ? POLLIN : 0;
        return record.seq === seq ? POLLIN : POLLIN | POLLERR | POLLPRI;
      },
    };
  }

  /** Lines, each given to one reader only. */
  openSyslog(flags: number): OpenFile {
    const host = this.#host;
    let rest: Uint8Array = new Uint8Array(0);
    const fill = (): void => {
      const { kernelLog } = host.machine;
      if (rest.length > 0) return;
      this.#syslogSeq = Math.min(this.#syslogSeq, kernelLog.nextSeq);
      rest = toBuffer(kernelLog.from(this.#syslogSeq).map(syslogLines).join(''));
    };
    return {
      waitQueue: this.#queue,
      read: (_offset, size) => {
        host.advanceToNow();
        fill();
        if (rest.length === 0) return this.#wait(flags);
        this.#syslogSeq = host.machine.kernelLog.nextSeq;
        const bytes = rest.subarray(0, size);
        rest = rest.subarray(bytes.length);
        return bytes;
      },
      write: () => -EINVAL,
      poll: () => {
        host.advanceToNow();
        fill();
        return rest.length > 0 || this.#ended ? POLLIN : 0;
      },
    };
  }

  #wait(flags: number): Uint8Array | number | Wait {
    if (this.#ended) return new Uint8Array(0);
    return (flags & O_NONBLOCK) === 0 ? WAIT : -EAGAIN;
  }
}

/** `<30>text`: what programs have to say. Its facility is theirs, never the kernel's. Mirrors: devkmsg_write. */
function writeRecord(host: ProcHost, data: Uint8Array): number | Pending<number> {
  const { length } = data;
  if (length > MAX_RECORD_BYTES) return -EINVAL;
  const written = fromBuffer(data);
  const prefix = /^<(\d+)>/.exec(written);
  const given = prefix === null ? KERN_WARNING : Number(prefix[1]) % 2 ** 32;
  const priority = given >= LOG_USER ? given : LOG_USER + given;
  const text = written.slice(prefix?.[0].length ?? 0).replace(/\n$/, '');
  return host.run(() => {
    const status = host.kmsg(priority, text);
    return status < 0 ? status : length;
  });
}
