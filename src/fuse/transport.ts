import { helperObstacle } from './direct/helper.ts';
import { directObstacle, mountDirect } from './direct/mount-direct.ts';
import { hasBinding } from './fuse-native/binding.ts';
import { mountFuseNative } from './fuse-native/mount-fuse-native.ts';
import { prepareMountpoint } from './mountpoint.ts';
import { MountError, type MountHandle, type MountOptions, type TransportName } from './types.ts';

/**
 * Mounts a synthetic file system and serves it until it is unmounted, by us or by somebody else; resolves when the mount
 * answers. With `direct` the factory module is imported in a worker thread, with `fuse-native` in this one, which then
 * must not use the mount synchronously.
 *
 * Errors: MountError, one line that says what to do; or what createFileSystem threw.
 */
export async function mountFileSystem(options: MountOptions): Promise<MountHandle> {
  const notice = options.notice ?? (() => {});
  const transport = chooseTransport(options.transport ?? 'auto');
  const mountpoint = await prepareMountpoint(options.mountpoint, options.cover ?? false, notice);
  return transport === 'direct' ? mountDirect(mountpoint, options) : mountFuseNative(mountpoint, options);
}

/** The transport that a choice comes down to in this process. Errors: MountError when `direct` is asked for in vain. */
export function chooseTransport(choice: TransportName | 'auto'): TransportName {
  if (choice === 'fuse-native') return choice;
  const obstacle = directObstacle();
  if (obstacle === undefined) return 'direct';
  // For ordinary users fusermount mounts, whichever transport it is: fuse-native where it is there, as ever.
  const unhelped = process.geteuid?.() === 0 ? obstacle : helperObstacle();
  if (unhelped === undefined && (choice === 'direct' || !hasBinding())) return 'direct';
  if (choice === 'direct')
    throw new MountError(`transport direct is not possible here: ${unhelped}; use --transport fuse-native`);
  return 'fuse-native';
}
