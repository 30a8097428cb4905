/**
 * Who may do what: nine identities, every class of files, three processes, hidepid 0 to 2, on both transports, against what
 * the genuine /proc of Linux 6.18 answers (uid-matrix/linux-6.18.json, recorded with uid-matrix/record.sh).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run, skipMounts } from './support/mounts.ts';
import { Program } from './support/reclaim-mount.ts';

const IDENTITIES = [
  'root',
  'rootNoDac',
  'rootNoCaps',
  'owner',
  'ownerOtherGid',
  'other',
  'supplementary',
  'gidRoot',
  'namespaceRoot',
] as const;
type Identity = (typeof IDENTITIES)[number];

/** A cell for each identity: READ WRITE. */
type Matrix = Readonly<Record<string, readonly string[]>>;
type Recording = Readonly<Record<'hidepid0' | 'hidepid1' | 'hidepid2', Matrix>>;

const recording = JSON.parse(
  readFileSync(join(import.meta.dirname, 'uid-matrix/linux-6.18.json'), 'utf8'),
) as Recording;

/** The kernel has no reclaim file: it is as clear_refs, which is written by the same people. */
const AS_CLEAR_REFS = /^(user|root|hidden)\/reclaim$/;

/** What no kernel has, by who mounted (root here): root, root without capabilities, all others. */
const OWN: Readonly<Record<string, readonly [root: string, plainRoot: string, others: string]>> = {
  'reclaimfs/control': ['(EINVAL) w', '(EINVAL) w', 'EACCES EACCES'],
  'reclaimfs/state': ['r w', 'r EACCES', 'EACCES EACCES'],
  'reclaimfs/events': ['r w', 'r EACCES', 'EACCES EACCES'],
  'reclaimfs/check': ['r w', 'r EACCES', 'EACCES EACCES'],
  'reclaimfs/clock': ['r w', 'r w', 'EACCES EACCES'],
  'reclaimfs/error': ['r w', 'r EACCES', 'EACCES EACCES'],
  'reclaimfs/disk/': ['d -', 'd -', 'EACCES -'],
  'reclaimfs/vmpressure': ['r w', 'r w', 'r w'],
  'reclaimfs/settings': ['r w', 'r EACCES', 'EACCES EACCES'],
  'reclaimfs/lowmemorykiller/minfree': ['r w', 'r w', 'r EACCES'],
};

const SCENARIO = `machine ram=64M
object LIB file 64K path=/lib/a.so
proc init pid=1 ppid=0
proc u pid=50 uid=1000
u mmap h size=64K anon
u mmap l size=64K obj=LIB private prot=r
proc r pid=51
r mmap h size=64K anon
r mmap l size=64K obj=LIB private prot=r
proc hid pid=52 uid=1000
hid mmap h size=64K anon
hid mmap l size=64K obj=LIB private prot=r
hid dumpable 0
`;

function expected(matrix: Matrix, file: string): readonly string[] {
  const own = OWN[file];
  if (own !== undefined) return IDENTITIES.map((who) => own[who === 'root' ? 0 : who.startsWith('root') ? 1 : 2]);
  return matrix[AS_CLEAR_REFS.test(file) ? file.replace('reclaim', 'clear_refs') : file] ?? [];
}

const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

async function probe(transport: 'direct' | 'fuse-native', hidepid: number): Promise<Matrix> {
  const mount = await program.mount(SCENARIO, transport, '--hidepid', String(hidepid));
  const { stdout, stderr, status } = await run(
    'python3',
    [join(import.meta.dirname, 'uid-matrix/probe.py'), mount.mnt, '50', '51', '52'],
    30_000,
  );
  await mount.stop();
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Matrix;
}

describe.skipIf(skipMounts || process.geteuid?.() !== 0).each([0, 1, 2] as const)('hidepid %i', (hidepid) => {
  const kernel = recording[`hidepid${hidepid}`];

  test('the direct transport answers everybody as the kernel does', async () => {
    const ours = await probe('direct', hidepid);
    expect(Object.keys(ours).length).toBeGreaterThan(140);
    for (const [file, cells] of Object.entries(ours)) expect(cells, file).toEqual(expected(kernel, file));
  });

  test('fuse-native, which does not know who asks, lets nobody do more than that, but for what is written down', async () => {
    const ours = await probe('fuse-native', hidepid);
    const lessFor = new Set<string>();
    for (const [file, cells] of Object.entries(ours)) {
      const wanted = expected(kernel, file);
      IDENTITIES.forEach((who, i) => {
        const [got, allowed] = [cells[i]!.split(' '), wanted[i]!.split(' ')];
        got.forEach((answer, j) => {
          const [granted, due] = [/^[rwdl]$/.test(answer), /^[rwdl]$/.test(allowed[j]!)];
          if (granted && !due) expect(exceeds(file, who), `${file}: ${who} gets ${answer}`).toBe(true);
          if (due && !granted) lessFor.add(who);
        });
      });
    }
    // Root itself and the owner lose nothing but timerslack_ns.
    expect(lessFor.has('root')).toBe(false);
  });
});

/** What fuse-native cannot refuse (native-notes/containers-and-permissions.md). */
function exceeds(file: string, who: Identity): boolean {
  if (who === 'rootNoDac' || who === 'rootNoCaps') return true; // Capabilities are not in mode bits,
  if (who === 'ownerOtherGid') return true; // nor is the group that the owner of a process has to have,
  return /\/(exe|cwd|root)$/.test(file); // and links have none.
}
