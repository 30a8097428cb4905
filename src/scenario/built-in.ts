/** Scenarios that come with the program, by name. */
import { DESKTOP_TABS, MEMORY_LEAK, VM_RECLAIM } from './built-in/desktop.ts';
import { STAIRS, ZIGZAG } from './built-in/patterns.ts';
import { GAME_AND_CALL, PHONE_16_APPS } from './built-in/phone.ts';

/** A small phone-like machine: what `mount` and `run` show when no scenario is given. */
const DEFAULT = `title A small machine: a launcher in front, three applications behind it
machine ram=1G swap=256M swapkind=zram uptime=1h cpus=4 hostname=reclaimfs
object LIBC file 1800K path=/system/lib64/libc.so
object RUNTIME file 12M path=/system/lib64/libart.so
object FRAMEWORK file 30M path=/system/framework/framework.jar
object GAME file 40M path=/data/app/game/base.apk uid=1000
object NOTES file 256K path=/data/data/notes/notes.db uid=10061 mode=0660
object SHARED memfd 4M path="/dev/ashmem/shared (deleted)"
object INIT file 1200K path=/system/bin/init
object SERVER file 64K path=/system/bin/app_process64

proc init pid=1 ppid=0 comm=init cmdline="/system/bin/init second_stage" exe=/system/bin/init start=1s adj=-1000
init mmap text size=1200K obj=INIT private prot=rx
init mmap heap size=1M anon private name=[heap]
init touch text 0 900K read
init touch heap 0 600K write
proc kthreadd pid=2 ppid=0 kthread start=0s
proc kswapd0 pid=40 kthread start=0s
proc zygote pid=300 comm=zygote64 cmdline="zygote64" exe=/system/bin/app_process64 start=5s adj=-1000
zygote mmap text size=64K obj=SERVER private prot=rx
zygote mmap libc size=1800K obj=LIBC private prot=rx
zygote mmap runtime size=12M obj=RUNTIME private prot=rx
zygote mmap framework size=30M obj=FRAMEWORK private prot=r
zygote mmap heap size=32M anon private name="[anon:dalvik-zygote space]"
zygote mmap stack size=8M growsdown init=132K name=[stack]
zygote touch text 0 64K read
zygote touch libc 0 1200K read
zygote touch runtime 0 8M read
zygote touch framework 0 16M read
zygote touch heap 0 24M write

zygote fork system_server pid=1000
system_server setuid 1000
system_server exec comm=system_server cmdline="system_server" exe=/system/bin/app_process64
system_server adj -900
system_server mmap libc size=1800K obj=LIBC private prot=rx
system_server mmap framework size=30M obj=FRAMEWORK private prot=r
system_server mmap heap size=96M anon private name="[anon:dalvik-main space]"
system_server touch libc 0 1200K read
system_server touch framework 0 24M read
system_server touch heap 0 80M write

proc launcher pid=1201 ppid=300 uid=10012 comm=com.launcher cmdline=com.launcher exe=/system/bin/app_process64 adj=0 start=20s
launcher mmap libc size=1800K obj=LIBC private prot=rx
launcher mmap framework size=30M obj=FRAMEWORK private prot=r
launcher mmap heap size=48M anon private name="[anon:dalvik-main space]"
launcher mmap shared size=4M obj=SHARED shared
launcher touch libc 0 1M read
launcher touch framework 0 12M read
launcher touch heap 0 40M write
launcher touch shared 0 4M write

proc game pid=1234 ppid=300 uid=10042 comm=com.game cmdline="com.game --level 3" exe=/system/bin/app_process64 adj=900 start=10m
game mmap libc size=1800K obj=LIBC private prot=rx
game mmap framework size=30M obj=FRAMEWORK private prot=r
game mmap apk size=40M obj=GAME private prot=r
game mmap heap size=200M anon private name=[heap]
game mmap stack size=8M growsdown init=132K name=[stack]
game touch libc 0 1M read
game touch framework 0 12M read
game touch apk 0 36M read
game touch heap 0 180M write
game touch stack 8064K 128K write

proc notes pid=1305 ppid=300 uid=10061 comm=com.notes cmdline=com.notes exe=/system/bin/app_process64 adj=700 start=12m
notes mmap libc size=1800K obj=LIBC private prot=rx
notes mmap framework size=30M obj=FRAMEWORK private prot=r
notes mmap db size=256K obj=NOTES shared
notes mmap heap size=24M anon private name=[heap]
notes mmap shared size=4M obj=SHARED shared
notes touch libc 0 1M read
notes touch framework 0 8M read
notes touch db 0 256K write
notes touch heap 0 20M write
notes touch shared 0 2M read

proc worker pid=1400 ppid=300 uid=10042 comm=worker cmdline="worker main" exe=/system/bin/app_process64 adj=900 start=15m
worker mmap libc size=1800K obj=LIBC private prot=rx
worker mmap data size=32M anon private name=[heap]
worker touch libc 0 1M read
worker touch data 0 32M write
worker fork worker2 pid=1401
worker2 touch data 0 8M write
duration 60s
`;

const SCENARIOS: ReadonlyMap<string, string> = new Map([
  ['default', DEFAULT],
  ['phone-16-apps', PHONE_16_APPS],
  ['game-and-call', GAME_AND_CALL],
  ['desktop-tabs', DESKTOP_TABS],
  ['vm-reclaim', VM_RECLAIM],
  ['memory-leak', MEMORY_LEAK],
  ['stairs', STAIRS],
  ['zigzag', ZIGZAG],
]);

/** The names of the scenarios that come with reclaimfs. */
export const BUILT_IN_NAMES: readonly string[] = [...SCENARIOS.keys()];

/** The text of a built-in scenario. */
export function builtInScenario(name: string): string | undefined {
  return SCENARIOS.get(name);
}
