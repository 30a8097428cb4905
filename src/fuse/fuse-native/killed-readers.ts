import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 1000;
/** Looking takes at most this share of the time. */
const SHARE = 1 / 20;
const SIGKILL_BIT = 0x100n;
/** Where the kernel waits for a FUSE server; `0` where we may not know. */
const WAITS = /^(request_wait_answer|0|)$/;

/**
 * Calls `release` again and again while somebody who waits for a FUSE server has been killed; libfuse does not tell that. Such
 * a process sleeps uninterruptibly until its request is answered. To be ended by the signal.
 */
export async function watchForKilled(release: () => void, signal: AbortSignal): Promise<void> {
  for (let tookMs = 0; !signal.aborted; ) {
    await sleep(Math.max(LOOK_MS, tookMs / SHARE), undefined, { ref: false, signal }).catch(() => {});
    if (signal.aborted) return;
    const begin = performance.now();
    if (await somebodyIsKilled()) release();
    tookMs = performance.now() - begin;
  }
}

async function somebodyIsKilled(): Promise<boolean> {
  for (const pid of await names('/proc')) if (await isKilled(`/proc/${pid}`)) return true;
  return false;
}

async function isKilled(process: string): Promise<boolean> {
  const state = await stateOf(process);
  if (state === 'D') return isKilledThread(process);
  if (state !== 'Z') return false;
  // The thread that gave the process its number has gone; another one waits.
  for (const tid of await names(`${process}/task`)) {
    const thread = `${process}/task/${tid}`;
    if ((await stateOf(thread)) === 'D' && (await isKilledThread(thread))) return true;
  }
  return false;
}

async function isKilledThread(thread: string): Promise<boolean> {
  const pending = [...(await text(`${thread}/status`)).matchAll(/^S(?:ig|hd)Pnd:\s*([0-9a-f]+)$/gm)];
  if (!pending.some(([, mask]) => (BigInt(`0x${mask}`) & SIGKILL_BIT) !== 0n)) return false;
  return WAITS.test(await text(`${thread}/wchan`));
}

async function stateOf(thread: string): Promise<string | undefined> {
  return /\) (\w) [^)]*$/.exec(await text(`${thread}/stat`))?.[1];
}

async function names(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).filter((name) => /^[0-9]+$/.test(name));
}

function text(path: string): Promise<string> {
  return readFile(path, 'latin1').catch(() => '');
}
