import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FileSystem } from '../vfs/types.ts';
import { type FileSystemFactory, MountError, type TransportHooks } from './types.ts';

/** The URL of a factory module given as URL, file: string or absolute path. */
export function factoryUrl(factory: string | URL): string {
  if (factory instanceof URL) return factory.href;
  return isAbsolute(factory) ? pathToFileURL(factory).href : factory;
}

/** Imports the module and has it make the file system, in this thread. */
export async function loadFileSystem(url: string, options: unknown, hooks: TransportHooks): Promise<FileSystem> {
  const module: { createFileSystem?: FileSystemFactory } = await import(url);
  if (typeof module.createFileSystem !== 'function')
    throw new MountError(`${url} exports no function createFileSystem`);
  return module.createFileSystem(options, hooks);
}
