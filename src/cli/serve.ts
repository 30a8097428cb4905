/** The process that serves one mount, under the name by which it is known to scripts: see server/serve.ts. */
import { serveMount } from '../server/serve.ts';
import { keepDebuggerShut } from '../util/no-debugger.ts';

keepDebuggerShut();
serveMount(async (mountpoint, wish) => (await import('../ui/front.ts')).startFront(mountpoint, wish));
