/** syslog(2): the kernel's log, read from the file of the mount that has it. Mirrors: kernel/printk/printk.c:do_syslog. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { LOG_BYTES } from '../../../machine/kernel-log.ts';
import { syslogLines } from '../../../procfs/kmsg.ts';
import { fromBuffer, toBuffer } from '../../../util/bytes.ts';
import { EFAULT, EINVAL } from '../../../util/errno.ts';
import type { Context, Handler } from './context.ts';

/** Actions. Mirrors: include/linux/syslog.h. */
const CLOSE = 0;
const OPEN = 1;
const READ = 2;
const READ_ALL = 3;
const READ_CLEAR = 4;
const CLEAR = 5;
const CONSOLE_LEVEL = 8;
const SIZE_UNREAD = 9;
const SIZE_BUFFER = 10;
const RECORD_BYTES = 8192;
const MAX_CONSOLE_LEVEL = 8;

/** All that has not been cleared, in lines; the latest that fit into so many bytes. Mirrors: syslog_print_all. */
function latest({ model }: Context, most: number): Uint8Array {
  const fd = openSync(join(model.mountpoint, 'reclaimfs/kmsg'), constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(RECORD_BYTES);
  const records: string[] = [];
  try {
    for (;;) {
      const record = nextRecord(fd, buffer);
      if (record === undefined) break;
      if (record !== '') records.push(record);
    }
  } finally {
    closeSync(fd);
  }
  let bytes = 0;
  let first = records.length;
  while (first > 0 && bytes + records[first - 1]!.length <= most) bytes += records[--first]!.length;
  return toBuffer(records.slice(first).join(''));
}

/** Undefined: there is no more now. Empty: some had to make room. */
function nextRecord(fd: number, buffer: Buffer): string | undefined {
  try {
    const text = fromBuffer(buffer.subarray(0, readSync(fd, buffer, 0, RECORD_BYTES, null)));
    const match = /^(\d+),(\d+),(\d+),[^;]*;(.*)\n/.exec(text);
    if (match === null) return undefined;
    const [, priority, seq, timeUs, escaped = ''] = match;
    return syslogLines({
      priority: Number(priority),
      seq: Number(seq),
      timeUs: Number(timeUs),
      text: escaped.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPIPE' ? '' : undefined;
  }
}

export const syslog: Handler = (call, context) => {
  const action = call.int(0);
  const length = call.int(2);
  const may = (clear: boolean): number => context.model.ask({ ask: 'syslog', tid: call.tid, clear });
  // Reading everything and asking for sizes is anybody's right (kernel.dmesg_restrict is 0).
  if (action !== READ_ALL && action !== SIZE_BUFFER) {
    const status = may(action === CLEAR);
    if (status < 0) return status;
  }
  switch (action) {
    case CLOSE:
    case OPEN:
      return 0;
    case READ:
    case READ_ALL:
    case READ_CLEAR: {
      if (call.word(1) === 0n || length < 0) return -EINVAL;
      if (length === 0) return 0;
      const text = latest(context, length);
      if (text.length > 0 && !call.memory.write(call.tid, call.word(1), text)) return -EFAULT;
      if (action === READ_CLEAR) may(true);
      return text.length;
    }
    case SIZE_UNREAD:
      return latest(context, Number.POSITIVE_INFINITY).length;
    case SIZE_BUFFER:
      return LOG_BYTES;
    case CONSOLE_LEVEL:
      return length < 1 || length > MAX_CONSOLE_LEVEL ? -EINVAL : 0;
    // Nothing is shown on a console: it can be switched off and on.
    default:
      return action >= 0 && action < CONSOLE_LEVEL ? 0 : -EINVAL;
  }
};
