/** /proc/sysrq-trigger. Mirrors: drivers/tty/sysrq.c:write_sysrq_trigger. */
import { isSysrqKey } from '../machine/sysrq.ts';
import { S_IFREG } from '../vfs/types.ts';
import type { Entry, SystemContext } from './entry.ts';

/** The first key counts; with an underscore in front, all of them do. Keys without a model are taken as the kernel takes those it does not know. */
export const sysrqTrigger: Entry<SystemContext> = {
  name: 'sysrq-trigger',
  mode: S_IFREG | 0o200,
  write: function* ({ host }, data) {
    const { length } = data;
    const keys = Buffer.from(data).toString('latin1');
    for (const key of keys.startsWith('_') ? keys.slice(1) : keys.slice(0, 1)) {
      if (!isSysrqKey(key)) continue;
      const status = yield* host.sysrq(key);
      if (status < 0) return status;
    }
    return length;
  },
};
