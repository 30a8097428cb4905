/**
 * Serves the demo tree (or any other factory module) until it is unmounted: the server process of the tests and benchmarks.
 *
 *   node serve.js MNT [--transport auto|direct|fuse-native] [--options JSON] [--throw-after MS] [--exit-after MS]
 *
 * Prints `mounted TRANSPORT` when the mount answers, `closed REASON` at the end; SIGUSR2 prints memory and handles.
 */
import { parseArgs } from 'node:util';
import { mountFileSystem } from '../../../src/fuse/transport.ts';
import type { TransportName } from '../../../src/fuse/types.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    transport: { type: 'string', default: 'auto' },
    options: { type: 'string', default: '{}' },
    cover: { type: 'boolean', default: false },
    'throw-after': { type: 'string' },
    'exit-after': { type: 'string' },
  },
});

try {
  const mount = await mountFileSystem({
    mountpoint: positionals[0] ?? '',
    transport: values.transport as TransportName | 'auto',
    factory: new URL('./demo-fs.js', import.meta.url),
    factoryOptions: JSON.parse(values.options),
    cover: values.cover,
    notice: (line) => console.log(`notice ${line}`),
  });
  console.log(`mounted ${mount.transport}`);
  mount.onMessage((message) => {
    console.log(`message ${String(message)}`);
    mount.send('echo');
  });
  if (values['throw-after'])
    setTimeout(() => {
      throw new Error('thrown in the main thread');
    }, Number(values['throw-after']));
  if (values['exit-after']) setTimeout(() => process.exit(3), Number(values['exit-after']));
  process.on('SIGUSR2', () => console.log(`state ${JSON.stringify(processState())}`));
  const reason = await mount.closed;
  console.log(`closed ${JSON.stringify(reason)}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function processState(): object {
  return { rssBytes: process.memoryUsage.rss(), handles: process.getActiveResourcesInfo().length };
}
