/** Phones: apps that come and go. */

/** The files that every app of a phone maps, and the processes that are always there. */
const SYSTEM = `object LIBC file 1800K path=/system/lib/libc.so
object RUNTIME file 10M path=/system/lib/libart.so
object FRAMEWORK file 24M path=/system/framework/framework.jar
proc init pid=1 ppid=0 comm=init cmdline="/init second_stage" exe=/init adj=-1000
init mmap heap size=2M anon private name=[heap]
init touch heap 0 2M write
proc kthreadd pid=2 ppid=0 kthread
proc kswapd0 pid=40 kthread
proc system_server pid=500 uid=1000 comm=system_server cmdline=system_server exe=/system/bin/app_process64 adj=-900
system_server mmap runtime size=10M obj=RUNTIME private prot=rx
system_server mmap framework size=24M obj=FRAMEWORK private prot=r
system_server mmap heap size=96M anon private name="[anon:dalvik-main space]"
system_server touch runtime 0 8M read
system_server touch framework 0 16M read
system_server touch heap 0 88M write
system_server run random heap rate=400/s write=20% hot=30%
system_server run zipf framework rate=100/s
proc surfaceflinger pid=510 uid=1000 comm=surfaceflinger cmdline=/system/bin/surfaceflinger adj=-1000
surfaceflinger mmap buffers size=32M anon private locked name="[anon:buffers]"
proc ui pid=600 uid=10010 comm=com.android.systemui cmdline=com.android.systemui exe=/system/bin/app_process64 adj=-800
ui mmap runtime size=10M obj=RUNTIME private prot=rx
ui mmap heap size=40M anon private name="[anon:dalvik-main space]"
ui touch runtime 0 6M read
ui touch heap 0 36M write
ui run random heap rate=200/s write=20% hot=30%
`;

const LIBS = 'libs=LIBC,RUNTIME,FRAMEWORK';

/**
 * After the experience that LG reported in 2016: a test opens 16 apps 16 times each, and counts how often an app has to be
 * started from nothing. The sizes are ours: the report has none.
 */
export const PHONE_16_APPS = `title Sixteen apps on a phone with 1 GB, opened 256 times
machine ram=1G swap=512M swapkind=zram cpus=4 hostname=phone seed=1
${SYSTEM}
app mail heap=40M code=14M cache=2M ws=10M ${LIBS} rate=1500/s
app browser heap=108M code=40M cache=12M ws=28M ${LIBS} rate=2500/s grow=12M/min
app maps heap=98M code=30M cache=14M ws=24M ${LIBS} rate=2500/s grow=12M/min
app camera heap=78M code=16M cache=6M ws=30M ${LIBS} rate=3000/s
app gallery heap=80M code=12M cache=16M ws=18M ${LIBS} rate=1500/s
app music heap=36M code=12M cache=4M ws=8M ${LIBS} rate=1000/s
app chat heap=50M code=20M cache=4M ws=12M ${LIBS} rate=1500/s
app social heap=88M code=32M cache=12M ws=20M ${LIBS} rate=2000/s grow=18M/min
app video heap=78M code=22M cache=10M ws=22M ${LIBS} rate=2000/s
app news heap=48M code=14M cache=8M ws=10M ${LIBS} rate=1000/s
app weather heap=32M code=8M cache=2M ws=6M ${LIBS} rate=800/s
app notes heap=26M code=6M cache=2M ws=6M ${LIBS} rate=800/s
app calendar heap=30M code=8M cache=2M ws=8M ${LIBS} rate=800/s
app game heap=120M code=36M cache=8M ws=48M ${LIBS} rate=4000/s
app shop heap=64M code=24M cache=8M ws=14M ${LIBS} rate=1500/s
app bank heap=50M code=18M cache=2M ws=12M ${LIBS} rate=1000/s
user apps=all turns=256 use=3s..8s gap=500ms order=shuffle
duration 34m
`;

/** The reader's story: a game is left for a call, and the high score is gone. */
export const GAME_AND_CALL = `title A game, a phone call, and the high score
machine ram=512M swap=256M swapkind=zram cpus=4 hostname=phone seed=1
${SYSTEM}
app game heap=128M code=32M cache=12M ws=40M ${LIBS} rate=4000/s write=40%
app phone heap=28M code=10M cache=4M ws=10M ${LIBS} rate=1000/s
app camera heap=96M code=16M cache=12M ws=40M ${LIBS} rate=3000/s grow=30M/min
app browser heap=72M code=36M cache=20M ws=24M ${LIBS} rate=2500/s grow=30M/min
user apps=game,phone,camera,browser turns=24 use=20s..40s gap=1s order=cycle
duration 16m
`;
