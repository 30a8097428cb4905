/** The files of the page, as the build has put them beside this one. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};
const DIRECTORY = fileURLToPath(new URL('../page/', import.meta.url));

export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
}

/** By name; `index.html` under the empty name, too. Throws ENOENT where the page was not built. */
export function readAssets(directory = DIRECTORY): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const name of readdirSync(directory)) {
    const type = TYPES[extname(name)];
    if (type !== undefined) assets.set(name, { type, bytes: readFileSync(join(directory, name)) });
  }
  const index = assets.get('index.html');
  if (index !== undefined) assets.set('', index);
  return assets;
}
