/** Desktops and servers. */

const TABS = [1, 2, 3, 4, 5, 6];

/** One browser process, its tabs in ranges of their own; those out of sight are given away by range. */
export const DESKTOP_TABS = `title Six tabs of one browser: ranges of a process are reclaimed as their tabs go out of sight
machine ram=768M swap=384M swapkind=zram cpus=4 hostname=desktop seed=1
object BROWSER file 96M path=/opt/browser/browser
proc browser pid=2000 uid=1000 comm=browser cmdline="/opt/browser/browser --restore" exe=/opt/browser/browser adj=0
browser mmap text size=96M obj=BROWSER private prot=rx
browser touch text 0 60M read
${TABS.map(
  (n) => `browser mmap tab${n} size=96M at=0x7f${n}000000000 anon private name="[anon:tab ${n}]"
browser touch tab${n} 0 80M write`,
).join('\n')}
browser run zipf text rate=500/s
snap "six tabs are open"
${TABS.slice(0, 5)
  .map(
    (n) => `# tab ${n} goes out of sight: its range is written to the reclaim file
browser reclaim 0x7f${n}000000000 96M
tick 2s`,
  )
  .join('\n')}
snap "five of them are out of sight"
# back to tab 2, where the reader left off
browser touch tab2 0 20M read
browser verify tab2 0 80M
browser run random tab2 rate=2000/s write=20% hot=25%
tick 20s
snap "the second tab is back"
duration 60s
`;

/** A virtual machine is idle: its memory, shared with the device processes, is given back. */
export const VM_RECLAIM = `title The memory of an idle virtual machine is reclaimed
machine ram=1G swap=512M swapkind=zram profile=chromeos cpus=4 hostname=chromebook seed=1
object GUEST memfd 384M path="/memfd:crosvm_guest (deleted)"
proc crosvm pid=3000 uid=299 comm=crosvm cmdline="crosvm run --mem 384" exe=/usr/bin/crosvm adj=100
crosvm mmap guest size=384M obj=GUEST shared
crosvm mmap heap size=24M anon private name=[heap]
crosvm touch guest 0 360M write
crosvm touch heap 0 20M write
proc block pid=3001 uid=299 comm=pcivirtio-block cmdline="crosvm device block" exe=/usr/bin/crosvm adj=100
block mmap guest size=384M obj=GUEST shared
block touch guest 0 32M read
crosvm run random guest rate=500/s write=20% hot=5% for=10s
tick 10s
snap "the guest has run"
crosvm reclaim shmem
snap "the machine's process has been reclaimed: pages that the block device maps, too, are still there"
block reclaim shmem
snap "so has the block device: they have left"
crosvm run random guest rate=500/s write=20% hot=5%
tick 10s
crosvm verify guest 0 360M
duration 30s
`;

/** One process leaks; the others feel it. */
export const MEMORY_LEAK = `title A process that leaks, beside two that work
machine ram=512M swap=128M swapkind=zram cpus=2 hostname=server seed=1
object DATA file 96M path=/srv/data.db
proc database pid=100 uid=999 comm=database cmdline="database --data /srv/data.db" adj=-500
database mmap heap size=96M anon private name=[heap]
database mmap data size=96M obj=DATA shared
database touch heap 0 80M write
database run zipf heap rate=2000/s write=30%
database run zipf data rate=1000/s write=5%
proc web pid=200 uid=33 comm=web cmdline="web --workers 4" adj=0
web mmap heap size=64M anon private name=[heap]
web touch heap 0 48M write
web run random heap rate=2000/s write=20% hot=20%
web storm children=30 rate=1/s life=5s map=heap write=1M
proc leaky pid=300 uid=1000 comm=leaky cmdline="leaky --daemon" adj=300
leaky mmap heap size=620M anon private name=[heap]
leaky grow heap rate=8M/s
duration 2m
`;
