/** The process that serves the tree of `run`, under the name by which it is known to scripts: see server/run/run-server.ts. */
import '../../server/run/run-server.ts';
