/** Phones: apps that come and go. */

/** The files that every app of a phone maps, and the processes that are always there. */
const SYSTEM = `object LIBC file 1800K path=/system/lib/libc.so
object RUNTIME file 5M path=/system/lib/libart.so
object FRAMEWORK file 12M path=/system/framework/framework.jar
proc init pid=1 ppid=0 comm=init cmdline="/init second_stage" exe=/init adj=-1000
init mmap heap size=1M anon private name=[heap]
init touch heap 0 1M write
proc kthreadd pid=2 ppid=0 kthread
proc kswapd0 pid=40 kthread
proc system_server pid=500 uid=1000 comm=system_server cmdline=system_server exe=/system/bin/app_process64 adj=-900
system_server mmap runtime size=5M obj=RUNTIME private prot=rx
system_server mmap framework size=12M obj=FRAMEWORK private prot=r
system_server mmap heap size=48M anon private name="[anon:dalvik-main space]"
system_server touch runtime 0 4M read
system_server touch framework 0 8M read
system_server touch heap 0 44M write
system_server run random heap rate=400/s write=20% hot=30%
system_server run zipf framework rate=100/s
proc surfaceflinger pid=510 uid=1000 comm=surfaceflinger cmdline=/system/bin/surfaceflinger adj=-1000
surfaceflinger mmap buffers size=16M anon private locked name="[anon:buffers]"
proc ui pid=600 uid=10010 comm=com.android.systemui cmdline=com.android.systemui exe=/system/bin/app_process64 adj=-800
ui mmap runtime size=5M obj=RUNTIME private prot=rx
ui mmap heap size=20M anon private name="[anon:dalvik-main space]"
ui touch runtime 0 3M read
ui touch heap 0 18M write
ui run random heap rate=200/s write=20% hot=30%
`;

const LIBS = 'libs=LIBC,RUNTIME,FRAMEWORK';

/**
 * After the experience that LG reported in 2016: a test opens 16 apps 16 times each, and counts how often an app has to be
 * started from nothing. The sizes are ours: the report has none.
 */
export const PHONE_16_APPS = `title Sixteen apps on a phone with 544 MB, opened 256 times
machine ram=544M swap=256M swapkind=zram cpus=4 hostname=phone seed=1
${SYSTEM}
app mail heap=20M code=7M cache=1M ws=5M ${LIBS} rate=1500/s
app browser heap=54M code=20M cache=6M ws=14M ${LIBS} rate=2500/s grow=6M/min
app maps heap=49M code=15M cache=7M ws=12M ${LIBS} rate=2500/s grow=6M/min
app camera heap=39M code=8M cache=3M ws=15M ${LIBS} rate=3000/s
app gallery heap=40M code=6M cache=8M ws=9M ${LIBS} rate=1500/s
app music heap=18M code=6M cache=2M ws=4M ${LIBS} rate=1000/s
app chat heap=25M code=10M cache=2M ws=6M ${LIBS} rate=1500/s
app social heap=44M code=16M cache=6M ws=10M ${LIBS} rate=2000/s grow=9M/min
app video heap=39M code=11M cache=5M ws=11M ${LIBS} rate=2000/s
app news heap=24M code=7M cache=4M ws=5M ${LIBS} rate=1000/s
app weather heap=16M code=4M cache=1M ws=3M ${LIBS} rate=800/s
app notes heap=13M code=3M cache=1M ws=3M ${LIBS} rate=800/s
app calendar heap=15M code=4M cache=1M ws=4M ${LIBS} rate=800/s
app game heap=60M code=18M cache=4M ws=24M ${LIBS} rate=4000/s
app shop heap=32M code=12M cache=4M ws=7M ${LIBS} rate=1500/s
app bank heap=25M code=9M cache=1M ws=6M ${LIBS} rate=1000/s
user apps=all turns=256 use=3s..8s gap=500ms order=shuffle
duration 34m
`;

/** The reader's story: a game is left for a call, and the high score is gone. */
export const GAME_AND_CALL = `title A game, a phone call, and the high score
machine ram=448M swap=256M swapkind=zram cpus=4 hostname=phone seed=1
${SYSTEM}
app game heap=128M code=32M cache=12M ws=40M ${LIBS} rate=4000/s write=40%
app phone heap=28M code=10M cache=4M ws=10M ${LIBS} rate=1000/s
app camera heap=96M code=16M cache=12M ws=40M ${LIBS} rate=3000/s grow=30M/min
app browser heap=72M code=36M cache=20M ws=24M ${LIBS} rate=2500/s grow=30M/min
user apps=game,phone,camera,browser turns=24 use=20s..40s gap=1s order=cycle
duration 16m
`;
