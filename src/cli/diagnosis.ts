import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { directObstacle } from '../fuse/direct/mount-direct.ts';
import { isOnTop, isOurs, parseMountInfo } from '../fuse/mountinfo.ts';

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

/** What runs here now: each mount says whether its memory is in order. */
function mounts(): Finding[] {
  const trees = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter(
    (mount) => isOurs(mount) && mount.root === '/' && isOnTop(mount),
  );
  return trees.map(({ mountpoint }) => {
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
  const check = '/dev/fuse';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return ok(check, `may be opened (mode 0${(statSync('/dev/fuse').mode & 0o777).toString(8)})`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return fail(check, 'missing', 'as root: modprobe fuse (in a container: --device /dev/fuse)');
    return fail(check, `may not be opened (${code})`, 'as root: chmod 666 /dev/fuse');
  }
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
  const path = findCommand('fusermount') ?? findCommand('fusermount3');
  if (path === undefined) {
    if (process.geteuid?.() === 0) return ok(check, 'missing; root does not need it');
    return warn(check, 'missing', 'for mounts by ordinary users: apt-get install fuse (or fuse3), as root');
  }
  if ((statSync(path).mode & 0o4000) !== 0 || process.geteuid?.() === 0) return ok(check, path);
  return warn(check, `${path} is not set-uid root`, `as root: chmod u+s ${path}`);
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

function findCommand(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/bin', '/usr/bin', '/usr/local/bin'];
  return directories.map((directory) => join(directory || '.', name)).find(existsSync);
}
