/** Random steps of every kind on a small machine under pressure; many of them make no sense and are refused. */

export const BASE = `machine ram=48M swap=16M cpus=2 uptime=100s seed=5
object LIB file 2M path=/lib/lib.so
object DB file 3M path=/data/db mode=0666
object SHM memfd 1M
proc init pid=1 ppid=0
init mmap heap size=1M anon private name=[heap]
proc kthreadd pid=2 ppid=0 kthread
proc kswapd0 pid=40 kthread
proc a pid=50 uid=1000 adj=100
a mmap heap size=12M anon private name=[heap]
a mmap text size=2M obj=LIB private prot=rx
a mmap db size=3M obj=DB shared
a mmap shm size=1M obj=SHM shared
a mmap stack size=2M growsdown init=132K name=[stack]
proc b pid=60 uid=1001
b mmap heap size=8M anon private
app mail heap=4M code=1M cache=512K libs=LIB ws=1M rate=900/s grow=2M/min
app maps heap=5M code=1M cache=1M libs=LIB ws=2M rate=700/s
`;

type Pick = (n: number) => number;

/** One to four steps, made from whole numbers that `pick` draws. */
export function randomSteps(pick: Pick): string {
  const lines: string[] = [];
  const count = pick(5) === 0 ? 2 + pick(3) : 1;
  for (let i = 0; i < count; i++) lines.push(randomStep(pick));
  return lines.join('\n');
}

function randomStep(pick: Pick): string {
  const of = <T>(...list: readonly T[]): T => list[pick(list.length)]!;
  const name = of('a', 'a', 'b', 'c', 'd', 'mail', '70');
  const map = of('heap', 'heap', 'text', 'db', 'shm', 'stack', 'm1', 'm2');
  const part = `${map} ${pick(600)}p ${1 + pick(500)}p`;
  return ROWS[pick(ROWS.length)]!({ pick, of, name, map, part });
}

interface At {
  readonly pick: Pick;
  of<T>(...list: readonly T[]): T;
  readonly name: string;
  readonly map: string;
  readonly part: string;
}

const ROWS: readonly ((at: At) => string)[] = [
  ({ name, part, of }) => `${name} touch ${part} ${of('read', 'write')}`,
  ({ name, part, of }) => `${name} touch ${part} write fill=${of('word', 'zero', 'full')}`,
  ({ name, pick }) => `${name} touch heap 0 ${1 + pick(3000)}p write`,
  ({ of, pick }) => `tick ${of(`${pick(900)}ms`, '3s', '40s')}`,
  ({ pick }) => `tick ${pick(300)}ms`,
  ({ name, of }) => `${name} reclaim ${of('anon', 'file', 'all', '"1"', '"0x100000000000 65536"')}`,
  ({ name, of }) => `${name} pageout ${of('anon', 'file', 'all')}`,
  ({ name, part }) => `${name} cold range ${part}`,
  ({ name, part, of }) => `${name} madvise ${part} ${of('dontneed', 'free', 'willneed', 'cold', 'pageout')}`,
  ({ name, part, of }) => `${name} mprotect ${part} ${of('rw', 'r', 'none')}`,
  ({ name, part }) => `${name} munmap ${part}`,
  ({ name, part, of }) => `${name} ${of('mlock', 'munlock')} ${part}`,
  ({ name, of, pick }) => `${name} mmap ${of('m1', 'm2')} size=${1 + pick(900)}p anon ${of('private', 'shared')}`,
  ({ name, of }) => `${name} mmap ${of('m1', 'm2')} obj=${of('LIB', 'DB', 'SHM')} size=1M ${of('private', 'shared')}`,
  ({ name, of }) => `${name} fork ${of('c', 'd')}`,
  ({ name, of }) => `${name} exit ${of('', 'zombie')}`,
  ({ name }) => `${name} reap`,
  ({ name }) => `${name} exec comm=fresh`,
  ({ name }) => `${name} thread comm=worker`,
  ({ name, pick }) => `${name} load user=${pick(80)} system=${pick(20)} switches=${pick(50)}`,
  ({ name, pick }) => `${name} adj ${pick(1000)}`,
  ({ name, of }) => `${name} kill ${of('STOP', 'CONT', 'TERM', 'KILL')}`,
  ({ name, pick }) => `${name} clearrefs ${1 + pick(5)}`,
  ({ name, map }) => `${name} verify ${map}`,
  ({ name, map, of, pick }) =>
    `${name} run ${of('sequential', 'random', 'zipf', 'stride', 'ws', 'stream')} ${map} rate=${1 + pick(3000)}/s write=${pick(100)}% hot=${pick(50)}% for=${1 + pick(20)}s`,
  ({ name, pick, of }) => `${name} grow ${of('heap', 'm1')} rate=${1 + pick(2000)}K/s for=${1 + pick(20)}s`,
  ({ name, pick }) => `${name} storm children=${1 + pick(9)} rate=${1 + pick(9)}/s life=700ms map=heap write=64K`,
  ({ name }) => `${name} stop`,
  ({ of }) => `${of('mail', 'maps')} ${of('launch', 'resume', 'background', 'use 5s')}`,
  ({ of }) => `user apps=all turns=6 use=1s..4s gap=300ms order=${of('cycle', 'shuffle', 'random', 'favourites')}`,
  ({ of }) => `policy ${of('lmk', 'volatile', 'reclaim', 'proportional')}`,
  ({ name, part, of }) => `${name} ${of('volatile', 'nonvolatile')} ${part}`,
  ({ of }) => `cgroup mkdir /${of('g', 'g/h', 'k')}`,
  ({ of }) => `cgroup rmdir /${of('g', 'g/h', 'k')}`,
  ({ of }) => `cgroup write ${of('/', '/g')}cgroup.subtree_control "+memory"`,
  ({ of, pick }) => `cgroup write /${of('g', 'k')}/cgroup.procs "${of(50, 60, 70 + pick(3))}"`,
  ({ of, pick }) => `cgroup write /${of('g', 'k')}/memory.${of('max', 'high', 'low')} "${1 + pick(12)}M"`,
  ({ of, pick }) => `cgroup write /${of('g', 'k')}/memory.reclaim "${1 + pick(3)}M"`,
  ({ of, pick }) => `cache ${of('LIB', 'DB')} ${of('load', 'drop', 'sync', `dirtywrite ${pick(500)}p 64K`)}`,
  ({ of, pick }) =>
    `sysctl vm.${of(`swappiness ${pick(200)}`, `dirty_ratio ${pick(60)}`, `watermark_scale_factor ${10 + pick(400)}`)}`,
  ({ of, pick }) =>
    of('sysctl lru_gen.enabled 0', 'sysctl lru_gen.enabled 7', `lrugen "+ 1 0 ${3 + pick(5)}"`, 'lrugen "- 1 0 3"'),
  ({ of }) => of('squeeze', 'swapoff', 'swapon', 'dropcaches 3', 'unlink SHM', 'object SHM memfd 1M'),
  ({ name, pick }) => `${name} poke 0x${(0x100000000000 + pick(900) * 4096).toString(16)} "bytes ${pick(99)}"`,
  ({ name, pick }) => `${name} brk brk ${pick(900)}p`,
  ({ name, part, pick }) => `${name} mremap ${part} ${1 + pick(600)}p`,
  ({ of }) => `proc ${of('c', 'd')} uid=1002`,
  ({ name }) => `${name} no-such-step`,
  ({ name }) => `${name} mmap heap size=0 anon`,
];
