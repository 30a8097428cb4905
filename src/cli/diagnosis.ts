import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { directObstacle } from '../fuse/direct/mount-direct.ts';
import { DEVICE, deviceObstacle, fusermountObstacle, fusermountPath } from '../fuse/obstacles.ts';

import { syscallObstacle } from '../util/libc.ts';
import { ourMounts } from './mounts.ts';

/** What one look at the system has found. `fail`: something that is needed does not work; `warn`: something is missing that can be done without. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do about it; empty when nothing needs to be done. */
  readonly advice: string;
}

const COMMAND_MS = 5000;
const MIN_NODE = [20, 19] as const;
const LIBRARY_DIRECTORIES = ['/lib', '/usr/lib', '/lib64', '/usr/lib64', '/usr/local/lib'];

/** Looks at everything that mounting depends on; changes nothing. */
export function diagnose(): Finding[] {
  return [
    nodeVersion(),
    kernel(),
    fuseDevice(),
    privileges(),
    direct(),
    libfuse(),
    fusermount(),
    allowOther(),
    mountCommand(),
    namespaces('mount namespace (run)', []),
    namespaces('pid namespace (run)', ['--pid', '--fork']),
    userNamespaces(),
    procfs(),
    systemCalls(),
    ...mounts(),
  ];
}

function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found, advice: '' };
}

function warn(check: string, found: string, advice: string): Finding {
  return { check, state: 'warn', found, advice };
}

function fail(check: string, found: string, advice: string): Finding {
  return { check, state: 'fail', found, advice };
}

/** What is lost without them. */
function systemCalls(): Finding {
  const check = 'system calls (run)';
  const obstacle = syscallObstacle();
  if (obstacle === undefined) return ok(check, 'answered from the machine');
  const lost = 'sysinfo, uname, statfs and the number of CPUs are the host’s, kill needs placeholders';
  return warn(check, `${obstacle}: ${lost}`, 'install the optional dependency koffi (npm install koffi)');
}

/** What runs here now: each mount says whether its memory is in order. */
function mounts(): Finding[] {
  return ourMounts().map((mountpoint) => {
    const check = `mount ${mountpoint}`;
    const { status, stdout } = run('head', ['-c', '2000', join(mountpoint, 'reclaimfs/check')]);
    if (status !== 0) return warn(check, 'its check cannot be read', `look at it as the user who mounted it`);
    const [first = ''] = stdout.split('\n');
    if (first === 'ok') return ok(check, 'in order');
    return fail(check, first, `keep ${mountpoint}/reclaimfs/state and report it; mount again`);
  });
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [minMajor, minMinor] = MIN_NODE;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return ok('node', process.version);
  return fail('node', process.version, `install Node ${minMajor}.${minMinor} or later`);
}

function kernel(): Finding {
  return ok('kernel', readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
}

function fuseDevice(): Finding {
  const obstacle = deviceObstacle();
  if (obstacle !== undefined) return fail(DEVICE, obstacle.found, obstacle.advice);
  return ok(DEVICE, `may be opened (mode 0${(statSync(DEVICE).mode & 0o777).toString(8)})`);
}

function privileges(): Finding {
  const uid = process.geteuid?.() ?? 0;
  const capabilities = /^CapEff:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return ok('privileges', `uid ${uid}, effective capabilities ${capabilities}`);
}

function direct(): Finding {
  const obstacle = directObstacle();
  if (obstacle === undefined) return ok('transport direct', 'possible');
  return warn('transport direct', obstacle, 'use sudo, "unshare -Urm", or --transport fuse-native');
}

function libfuse(): Finding {
  const check = 'libfuse 2 (fuse-native)';
  const system = LIBRARY_DIRECTORIES.flatMap((directory) => [directory, join(directory, `${archName()}-linux-gnu`)])
    .map((directory) => join(directory, 'libfuse.so.2'))
    .find(existsSync);
  const bundled = bundledLibfuse();
  if (system !== undefined) return ok(check, system);
  if (bundled !== undefined) return ok(check, `none in the system: the bundled one is used (${bundled})`);
  return fail(check, 'missing', 'apt-get install libfuse2');
}

function archName(): string {
  return process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch;
}

function bundledLibfuse(): string | undefined {
  try {
    const require = createRequire(import.meta.url);
    const root = dirname(
      createRequire(require.resolve('fuse-native')).resolve('fuse-shared-library-linux/package.json'),
    );
    const library = join(root, 'libfuse');
    return existsSync(library) ? readdirRecursive(library).find((path) => path.endsWith('libfuse.so')) : undefined;
  } catch {
    return undefined;
  }
}

function readdirRecursive(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name));
}

function fusermount(): Finding {
  const check = 'fusermount';
  const obstacle = fusermountObstacle();
  if (obstacle !== undefined) return warn(check, obstacle.found, obstacle.advice);
  return ok(check, fusermountPath() ?? 'missing; root does not need it');
}

function allowOther(): Finding {
  const check = 'allow_other';
  if (process.geteuid?.() === 0) return ok(check, 'possible for root');
  const text = existsSync('/etc/fuse.conf') ? readFileSync('/etc/fuse.conf', 'utf8') : '';
  if (/^\s*user_allow_other\s*$/m.test(text)) return ok(check, 'user_allow_other is set in /etc/fuse.conf');
  return warn(
    check,
    'not for ordinary users: only you can look into your mounts',
    'as root: echo user_allow_other >> /etc/fuse.conf, or mount with --no-allow-other',
  );
}

function mountCommand(): Finding {
  const version = run('mount', ['--version']);
  if (version.status !== 0) return fail('mount(8)', 'missing', 'apt-get install mount');
  return ok('mount(8)', version.stdout.trim().split(' (')[0] ?? '');
}

function namespaces(check: string, more: readonly string[]): Finding {
  if (process.geteuid?.() !== 0) {
    const result = run('unshare', ['--user', '--map-root-user', '--mount', ...more, 'true']);
    return result.status === 0
      ? ok(check, 'possible inside a user namespace')
      : warn(check, complaint(result), 'use sudo');
  }
  const result = run('unshare', ['--mount', ...more, 'true']);
  if (result.status === 0) return ok(check, 'possible');
  return warn(check, complaint(result), 'in a container: add CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN)');
}

function userNamespaces(): Finding {
  const result = run('unshare', ['--user', '--map-root-user', 'true']);
  if (result.status === 0) return ok('user namespaces (run by ordinary users)', 'possible');
  return warn(
    'user namespaces (run by ordinary users)',
    complaint(result),
    'as root: sysctl kernel.unprivileged_userns_clone=1 (where it exists) and user.max_user_namespaces',
  );
}

function procfs(): Finding {
  const check = 'capture of other processes';
  if (process.geteuid?.() === 0) return ok(check, 'everything can be read');
  return warn(check, 'only processes of this user can be read in full', 'use sudo reclaimfs capture for all of them');
}

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[]): Result {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: COMMAND_MS });
  return { status, stdout: stdout ?? '', stderr: error?.message ?? stderr };
}

function complaint(result: Result): string {
  return `not possible: ${result.stderr.trim().split('\n')[0]}`;
}
