import { logger } from '../../util/log.ts';
import { factoryUrl, loadFileSystem } from '../factory.ts';
import { Guardian } from '../guardian.ts';
import { statWithin } from '../mountpoint.ts';
import { mayAllowOther } from '../obstacles.ts';
import { MountError, type MountHandle, type MountOptions } from '../types.ts';
import { loadBinding } from './binding.ts';
import { NATIVE_CAPABILITIES, NativeMount } from './native-mount.ts';

const log = logger('fuse:native');
const ANSWER_MS = 10_000;

/**
 * Mounts on a prepared mount point through fuse-native and libfuse 2; the file system lives in this thread, which must be
 * the main thread of its process. Errors: MountError, or what createFileSystem threw.
 */
export async function mountFuseNative(mountpoint: string, options: MountOptions): Promise<MountHandle> {
  const binding = loadBinding();
  let mount: NativeMount | undefined;
  const messages: { handler: ((message: unknown) => void) | undefined; early: unknown[] } = {
    handler: undefined,
    early: [],
  };
  const fs = await loadFileSystem(factoryUrl(options.factory), options.factoryOptions, {
    transport: 'fuse-native',
    capabilities: NATIVE_CAPABILITIES,
    send: (message) => (mount ? mount.receive(message) : messages.early.push(message)),
    onMessage: (handler) => {
      messages.handler = handler;
    },
    stop: () => void mount?.unmount(),
  });
  const guardian = options.guarded === true ? new Guardian(mountpoint) : undefined;
  mount = new NativeMount(fs, binding, mountpoint, options, (message) => messages.handler?.(message), guardian);
  for (const message of messages.early) mount.receive(message);
  try {
    await mount.mount(options.allowOther ?? mayAllowOther(), options.cover ?? false);
    const state = await statWithin(mountpoint, ANSWER_MS);
    if (state !== 'ok') throw new MountError(`${mountpoint} was mounted, but does not answer: ${state}`);
  } catch (error) {
    await mount.unmount();
    throw error;
  }
  log('serving %s', mountpoint);
  return mount;
}
