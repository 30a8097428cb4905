/**
 * A tiny process beside the server of a mount: it holds one end of a pipe, and when the other end closes without a word
 * (the server was killed, it crashed, memory ran out) it takes the mount away. Nothing of the server is inherited by
 * it, so that those who wait for the server get ENOTCONN at once.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { MountInfo } from './mountinfo.ts';

/**
 * First line: the device of the mount. Second: the server has ended in order. All mounts of the device go, those bound
 * elsewhere too; but none that something else lies on, for umount(8) would take that away.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM PIPE ALRM USR1 USR2
read -r device && read -r _ && exit 0
case $device in '' | done) exit 0 ;; esac
echo "reclaimfs: the server of $1 has ended unexpectedly: its mount has been taken away" >&2
top() { while read -r id _ _ _ point _; do [ "$point" = "$1" ] && last=$id; done </proc/self/mountinfo; echo "$last"; }
while read -r id _ this _ point _; do
  [ "$this" = "$device" ] && [ "$(top "$point")" = "$id" ] || continue
  path=$(printf "$(printf '%s.' "$point" | sed 's/%/%%/g')")
  path=\${path%.}
  umount -f -l -c -i "$path" || fusermount -uz "$path" || fusermount3 -uz "$path"
done </proc/self/mountinfo 2>/dev/null
`;

export class Guardian {
  readonly #child: ChildProcess;

  /** To be called before the device is opened: what the guardian inherits would keep the connection alive. */
  constructor(mountpoint: string) {
    const name = mountpoint.replace(/[^ -~]/g, '?');
    this.#child = spawn('sh', ['-c', SCRIPT, 'reclaimfs-guardian', name], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    this.#child.on('error', () => {}); // Without a shell there is no guardian: the next mount recovers.
    this.#child.stdin?.on('error', () => {});
    this.#child.unref();
    (this.#child.stdin as (Writable & { unref?(): void }) | null)?.unref?.();
  }

  watch({ device }: MountInfo): void {
    this.#child.stdin?.write(`${device}\n`);
  }

  /** The mount has gone in order. */
  dismiss(): void {
    this.#child.stdin?.end('done\n');
  }
}
