/** The process that serves one mount, under the name by which it is known to scripts: see server/serve.ts. */
import '../server/serve.ts';
