/** --ui of mount and run: where the view in the browser is served, and its token. */
import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { FrontWish } from '../server/front.ts';
import { ownDirectory } from '../server/start-server.ts';
import { isLoopback, TOKEN } from '../ui/http/guard.ts';

export const UI_HELP = 'show it in the browser, on this machine only (default 127.0.0.1:7110)';
const DEFAULT = { host: '127.0.0.1', port: 7110 };
const TOKEN_BYTES = 16;

/** An address of this machine, as it was asked for. */
export type UiAddress = Omit<FrontWish, 'token'>;

/** `HOST:PORT`, `:PORT`, `PORT`, `[::1]:PORT`. */
export function uiAddress(text: string): UiAddress {
  const match = /^(?:(?:\[([0-9a-f:]+)\]|([\w.-]*)):)?(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? (match?.[2] || DEFAULT.host);
  const port = Number(match?.[3] ?? Number.NaN);
  if (!(port <= 65535))
    throw new InvalidArgumentError('Give HOST:PORT, such as 127.0.0.1:7110, or write --ui behind the other words.');
  if (!isLoopback(host))
    throw new InvalidArgumentError(
      'It is for this machine only: give 127.0.0.1, ::1 or localhost (from elsewhere: ssh -L).',
    );
  return { host, port, anyPort: false };
}

/** `true`: asked for without an address; then any free port will do when the usual one is taken. Errors: MountError. */
export function uiWish(asked: UiAddress | true | undefined): FrontWish | undefined {
  if (asked === undefined) return undefined;
  return { ...(asked === true ? { ...DEFAULT, anyPort: true } : asked), token: ownToken() };
}

/** One for each user of this machine, so that a page finds its mount again after that has been started anew. */
function ownToken(): string {
  const path = join(ownDirectory(), 'ui-token');
  try {
    writeFileSync(path, randomBytes(TOKEN_BYTES).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch {
    // There is one already.
  }
  const { uid, mode } = lstatSync(path);
  const token = readFileSync(path, 'latin1').trim();
  if (uid === process.getuid?.() && (mode & 0o170077) === 0o100000 && TOKEN.test(token)) return token;
  return randomBytes(TOKEN_BYTES).toString('hex');
}
