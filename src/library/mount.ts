import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TransportName } from '../fuse/types.ts';
import type { ProfileName } from '../machine/profiles.ts';
import type { SwapKind } from '../mm/swap/swap.ts';
import { builtInScenario } from '../scenario/built-in.ts';
import { scenarioBytes } from '../scenario/play.ts';
import { serverOptions } from '../server/server-options.ts';
import { startServer } from '../server/start-server.ts';
import { bytesOf } from '../util/bytes.ts';
import { MountedProc } from './mounted-proc.ts';

/** Which machine is mounted, and how. */
export interface MountSettings {
  /** An existing, empty directory; absent: a fresh one that is removed again. */
  readonly mountpoint?: string;
  /** A scenario: text, or bytes as they are; absent: the built-in `default`. */
  readonly scenario?: string | Uint8Array;
  /** The name that messages about the scenario use. */
  readonly file?: string;
  readonly profile?: ProfileName;
  readonly swap?: SwapKind;
  readonly transport?: TransportName | 'auto';
  /** `manual`: only /proc/reclaimfs/clock and the steps `tick` and `at` move it. Default `real`. */
  readonly clock?: 'real' | 'manual';
  /** Virtual seconds per second. */
  readonly speed?: number;
  readonly hidepid?: 0 | 1 | 2;
  /** 'real': operations take as long as the simulated devices would. Default 'none'. */
  readonly latency?: 'none' | 'real';
  /** Other users may look in; default: where that is allowed. */
  readonly allowOther?: boolean;
  readonly notice?: (line: string) => void;
  /** Gives up while it is being mounted; later it has no effect. */
  readonly signal?: AbortSignal;
}

/**
 * Mounts the /proc of a simulated machine; a child process serves it, so that this one may read it synchronously.
 * Resolves when the mount answers.
 *
 * Errors: MountError, ScenarioError, KernelError.
 */
export async function mount(settings: MountSettings = {}): Promise<MountedProc> {
  const own = settings.mountpoint === undefined ? await mkdtemp(join(tmpdir(), 'reclaimfs-')) : undefined;
  const removeOwn = async (): Promise<void> => {
    if (own !== undefined) await rmdir(own).catch(() => {});
  };
  try {
    const { allowOther, notice, profile, swap } = settings;
    settings.signal?.throwIfAborted();
    const server = await startServer({
      removeMountpoint: own !== undefined,
      signal: settings.signal,
      mountpoint: settings.mountpoint ?? own ?? '',
      transport: settings.transport,
      allowOther,
      notice,
      detached: false,
      server: serverOptions(
        {
          text: scenarioBytes(settings.scenario ?? builtInScenario('default') ?? ''),
          file: bytesOf(settings.file ?? 'scenario'),
        },
        {
          transport: settings.transport ?? 'auto',
          clock: settings.clock ?? 'real',
          speed: settings.speed ?? 1,
          hidepid: settings.hidepid ?? 0,
          latency: settings.latency ?? 'none',
          allowOther: allowOther ?? true,
          ...(profile === undefined ? {} : { profile }),
          ...(swap === undefined ? {} : { swap }),
        },
      ),
    });
    server.letGo();
    return new MountedProc(server);
  } catch (error) {
    await removeOwn();
    throw error;
  }
}
