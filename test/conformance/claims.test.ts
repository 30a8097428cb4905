/** The four claims that were made for the interface in 2013, each on a real mount, with nothing but a shell. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, run, skipMounts } from './support/mounts.ts';
import { Program, type ReclaimMount } from './support/reclaim-mount.ts';

/** Helpers of the scripts below; `$P` is the mount. */
const PRELUDE = `set -u
step() { printf '%s\\n' "$@" > "$P/reclaimfs/control" || cat "$P/reclaimfs/error" >&2; }
pass() { echo "+$1" > "$P/reclaimfs/clock"; }
kb() { awk -v key="$2:" '$1 == key { print $2; exit }' "$P/$1"; }
alive() { if [ -d "$P/$1" ]; then echo "$2 lives"; else echo "$2 is gone"; fi; }
# What a process finds in its memory: PID PAGE NUMBER-OF-PAGES
memory() { dd if="$P/$1/mem" bs=4096 skip=$(($2)) count="$3" 2> /dev/null | cksum; }
`;

const program = new Program();
beforeAll(() => program.build());
afterAll(() => program.dispose());

function shell(mount: ReclaimMount, script: string): Promise<Outcome> {
  return run('sh', ['-c', `P='${mount.mnt}'\n${PRELUDE}${script}`], 50_000);
}

async function onMount<T>(scenario: string, action: (mount: ReclaimMount) => Promise<T>): Promise<T> {
  const mount = await program.mount(scenario, 'direct');
  const result = await action(mount);
  expect(mount.read('reclaimfs/check')).toBe('ok\n');
  await mount.stop();
  return result;
}

/** A service that stays, pictures in the page cache, a game that grows, and a low-memory killer. */
const GAME = `machine ram=256M swap=128M swapkind=zram cpus=2
object PICTURES file 64M path=/data/pictures
proc mediaserver pid=100 uid=1013 adj=-800
mediaserver mmap heap size=96M anon private name=[heap]
mediaserver touch heap 0 90M write
cache PICTURES load
lmk adj=0,900 minfree=4096,8192
proc game pid=200 uid=10042 comm=com.game adj=0
game mmap heap size=200M anon private name=[heap]
`;
/** The game is played: 8 MB more each second, up to 168. */
const PLAY = `n=0
while [ $n -lt 168 ] && [ -d "$P/200" ]; do
  step "game touch heap \${n}M 8M write"
  n=$((n + 8))
  pass 1s
  sleep 0.05
done
`;

describe.skipIf(skipMounts)('what was claimed for per-process reclaim', () => {
  test('background memory reclaimed under pressure keeps the app in front alive, where the low-memory killer kills it', async () => {
    const killed = await onMount(GAME, (mount) =>
      shell(
        mount,
        `${PLAY}\nalive 200 game\nalive 100 mediaserver\ntimeout 1 cat "$P/reclaimfs/events" | grep -c lmk-kill`,
      ),
    );
    expect(killed.stdout).toBe('game is gone\nmediaserver lives\n1\n');

    const kept = await onMount(GAME, (mount) =>
      shell(
        mount,
        `(read -r level < "$P/reclaimfs/vmpressure" && echo all > "$P/100/reclaim") &
sleep 0.3
${PLAY}
wait
alive 200 game
alive 100 mediaserver
[ "$(kb 100/status VmSwap)" = 92160 ] && echo "its memory is in swap"
[ "$(kb 200/status VmRSS)" -ge 150000 ] && echo "the game has its memory"
timeout 1 cat "$P/reclaimfs/events" | grep -c lmk-kill`,
      ),
    );
    expect(kept.stdout).toBe('game lives\nmediaserver lives\nits memory is in swap\nthe game has its memory\n0\n');
  });

  test('modified pages survive: the process finds what it left', async () => {
    const scenario = `machine ram=128M swap=64M swapkind=zram
proc notes pid=100 uid=10061
notes mmap heap size=8M at=0x10000000 anon private
notes touch heap 0 8M write
object DB file 1M path=/data/notes.db
notes mmap db size=1M at=0x20000000 obj=DB shared
notes touch db 0 1M write
`;
    const { stdout } = await onMount(scenario, (mount) =>
      shell(
        mount,
        `heap=$(memory 100 0x10000 2048) db=$(memory 100 0x20000 256)
echo all > "$P/100/reclaim"
pass 5s
echo "resident $(kb 100/status VmRSS) kB, swapped $(kb 100/status VmSwap) kB, dirty $(kb meminfo Dirty) kB"
[ "$(memory 100 0x10000 2048)" = "$heap" ] && echo "the heap is as it was"
[ "$(memory 100 0x20000 256)" = "$db" ] && echo "the file is as it was"
echo "resident $(kb 100/status VmRSS) kB"`,
      ),
    );
    expect(stdout).toBe(
      'resident 0 kB, swapped 8192 kB, dirty 0 kB\nthe heap is as it was\nthe file is as it was\nresident 9216 kB\n',
    );
  });

  test('volatile data does not survive pressure, beside data that does', async () => {
    const scenario = `machine ram=128M swap=96M swapkind=zram
proc browser pid=100 uid=10061 adj=900
browser mmap images size=16M at=0x10000000 anon private
browser mmap heap size=16M at=0x20000000 anon private
browser touch images 0 16M write
browser touch heap 0 16M write
proc camera pid=200 uid=10062
camera mmap heap size=128M anon private
`;
    const { stdout } = await onMount(scenario, (mount) =>
      shell(
        mount,
        `heap=$(memory 100 0x20000 4096) images=$(memory 100 0x10000 4096)
step "browser volatile images 0 16M"
step "camera touch heap 0 100M write"
step "browser nonvolatile images 0 16M"
[ "$(memory 100 0x20000 4096)" = "$heap" ] && echo "the heap is as it was"
[ "$(memory 100 0x10000 4096)" = "$images" ] || echo "the images are gone"
[ "$(memory 100 0x10000 4096)" = "$(head -c 16777216 /dev/zero | cksum)" ] && echo "there are zeros in their place"
timeout 1 cat "$P/reclaimfs/events" | grep -c '"nonvolatile".*"purged":true'`,
      ),
    );
    expect(stdout).toBe('the heap is as it was\nthe images are gone\nthere are zeros in their place\n1\n');
  });

  test('shared pages leave only when all who share them have given them up', async () => {
    const scenario = `machine ram=128M swap=64M swapkind=zram
object LIB file 4M path=/system/lib/lib.so
proc a pid=100
a mmap lib size=4M obj=LIB private prot=r
a touch lib 0 4M read
proc b pid=200
b mmap lib size=4M obj=LIB private prot=r
b touch lib 0 4M read
proc c pid=300
c mmap lib size=4M obj=LIB private prot=r
c touch lib 0 4M read
`;
    const { stdout } = await onMount(scenario, (mount) =>
      shell(
        mount,
        `show() { echo "a $(kb 100/status RssFile) b $(kb 200/status RssFile) c $(kb 300/status RssFile) cached $(kb meminfo Cached)"; }
show
for pid in 100 200 300; do
  echo file > "$P/$pid/reclaim"
  show
done`,
      ),
    );
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'a 4096 b 4096 c 4096 cached 4096',
      'a 0 b 4096 c 4096 cached 4096',
      'a 0 b 0 c 4096 cached 4096',
      'a 0 b 0 c 0 cached 0',
    ]);
  });
});
