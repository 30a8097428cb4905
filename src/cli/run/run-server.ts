/** The process that serves the tree of `run`, under the name by which it is known to scripts: see server/run/run-server.ts. */
import { serveRun } from '../../server/run/run-server.ts';
import { keepDebuggerShut } from '../../util/no-debugger.ts';

keepDebuggerShut();
serveRun(async (mountpoint, wish) => (await import('../../ui/front.ts')).startFront(mountpoint, wish));
