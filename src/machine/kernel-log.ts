/** The kernel's ring buffer: what dmesg shows. Mirrors: kernel/printk/printk.c. */

/** Levels of messages. Mirrors: include/linux/kern_levels.h. */
export const KERN_EMERG = 0;
export const KERN_ALERT = 1;
export const KERN_ERR = 3;
export const KERN_WARNING = 4;
export const KERN_NOTICE = 5;
export const KERN_INFO = 6;
/** LOG_USER, of those that programs write, as it stands in a priority. */
export const LOG_USER = 1 << 3;

/** One message, which may have several lines. */
export interface KernelRecord {
  readonly seq: number;
  /** Virtual time since boot, microseconds. */
  readonly timeUs: number;
  /** facility × 8 + level, as in `<6>`. */
  readonly priority: number;
  readonly text: string;
}

/** Bytes of text that are kept. Mirrors: CONFIG_LOG_BUF_SHIFT=17. */
export const LOG_BYTES = 1 << 17;
/** What a record takes beside its text. */
const RECORD_BYTES = 16;
/** Mirrors: PRINTKRB_RECORD_MAX. */
export const MAX_RECORD_BYTES = 1024;

export class KernelLog {
  private records: KernelRecord[] = [];
  private bytes = 0;
  /** The number of the next record. */
  nextSeq = 0;
  /** Where those who read from the start begin: behind what has been cleared (SYSLOG_ACTION_CLEAR). */
  clearSeq = 0;
  /** Called after each record. */
  onRecord: (() => void) | undefined;

  add(timeUs: number, priority: number, text: string): void {
    const kept = text.slice(0, MAX_RECORD_BYTES);
    this.records.push({ seq: this.nextSeq++, timeUs, priority, text: kept });
    this.bytes += kept.length + RECORD_BYTES;
    if (this.bytes > 2 * LOG_BYTES) this.#drop();
    this.onRecord?.();
  }

  /** Drops the oldest, seldom: what is kept is at least LOG_BYTES. */
  #drop(): void {
    let first = 0;
    while (this.bytes > LOG_BYTES) this.bytes -= this.records[first++]!.text.length + RECORD_BYTES;
    this.records = this.records.slice(first);
  }

  /** The number of the oldest that is still there. */
  get firstSeq(): number {
    return this.nextSeq - this.records.length;
  }

  /** The records from a number on. */
  from(seq: number): readonly KernelRecord[] {
    return this.records.slice(Math.max(0, seq - this.firstSeq));
  }

  /** The record of a number, or the oldest after it; undefined: there is none yet. */
  at(seq: number): KernelRecord | undefined {
    return this.records[Math.max(0, seq - this.firstSeq)];
  }
}
