/** System files that say what hardware and drivers there are. Pretend, all of them: a small virtual machine. */
import { descendants } from '../machine/cgroup.ts';
import { CGROUP1_CONTROLLERS, COMMAND_LINE } from '../machine/machine.ts';
import { directory, type Entry, file, fixed, type SystemContext } from './entry.ts';
import type { TextBuffer } from './text.ts';

const DEVICES = `Character devices:
  1 mem
  4 /dev/vc/0
  4 tty
  4 ttyS
  5 /dev/tty
  5 /dev/console
  5 /dev/ptmx
 10 misc
128 ptm
136 pts

Block devices:
253 zram
254 virtblk
259 blkext
`;

const CONTROLLERS = ['cpuset', 'cpu', 'cpuacct', 'blkio', 'memory', 'devices', 'freezer', 'pids'];

/** Mirrors: proc_cgroupstats_show. */
function showCgroups(out: TextBuffer, { machine }: SystemContext): void {
  const { cgroups, options } = machine;
  const groups = 1 + descendants(cgroups.root);
  const mounted: readonly string[] = options.cgroup === 'v1' ? CGROUP1_CONTROLLERS : [];
  out.text('#subsys_name\thierarchy\tnum_cgroups\tenabled\n');
  for (const name of CONTROLLERS) {
    const isMounted = mounted.includes(name);
    out.text(`${name}\t${isMounted ? 1 : 0}\t${isMounted || options.cgroup === 'v2' ? groups : 1}\t1\n`);
  }
}

const CRYPTO = `name         : ecb(aes)
driver       : ecb(aes-generic)
module       : kernel
priority     : 100
refcnt       : 1
selftest     : passed
internal     : no
type         : lskcipher
blocksize    : 16
min keysize  : 16
max keysize  : 32
ivsize       : 0
chunksize    : 16
statesize    : 0

`;

const IOPORTS = `0000-0cf7 : PCI Bus 0000:00
  0000-001f : dma1
  0020-0021 : pic1
  0040-0043 : timer0
  0050-0053 : timer1
  0060-0060 : keyboard
  0064-0064 : keyboard
  0070-0071 : rtc_cmos
  0080-008f : dma page reg
  00a0-00a1 : pic2
  00c0-00df : dma2
  00f0-00ff : fpu
  03f8-03ff : serial
0cf8-0cff : PCI conf1
0d00-ffff : PCI Bus 0000:00
`;

const TTY_DRIVERS = `/dev/tty             /dev/tty        5       0 system:/dev/tty
/dev/console         /dev/console    5       1 system:console
/dev/ptmx            /dev/ptmx       5       2 system
serial               /dev/ttyS       4      64 serial
pty_slave            /dev/pts      136 0-1048575 pty:slave
pty_master           /dev/ptm      128 0-1048575 pty:master
`;

type Row = Entry<SystemContext>;

/** Pretend: memory begins at zero and is one piece. Readers without privilege see zeros in a kernel; here all see the same. */
const iomem: Row = file('iomem', 0o444, (out, { machine }) => {
  const end = machine.mem.frames.total * 4096 - 1;
  out.text('00000000-').hex(end, 8).text(' : System RAM\n  01000000-01ffffff : Kernel code\n');
  out.text('  02000000-02ffffff : Kernel data\n');
});

export const fixedTexts: readonly Row[] = [
  directory('bus', [directory('pci', [fixed('devices', '')])]),
  file('cgroups', 0o444, showCgroups),
  fixed('cmdline', `${COMMAND_LINE}\n`),
  fixed('consoles', 'ttyS0                -W- (EC  p a)    4:64\n'),
  fixed('crypto', CRYPTO),
  fixed('devices', DEVICES),
  fixed('dma', ' 4: cascade\n'),
  directory('driver', []),
  fixed('execdomains', '0-0\tLinux           \t[kernel]\n'),
  directory('fs', [directory('ext4', [])]),
  iomem,
  fixed('ioports', IOPORTS),
  directory('irq', [fixed('default_smp_affinity', '1\n', 0o644)]),
  fixed('kallsyms', ''),
  fixed('key-users', '    0:     1 1/1 1/1000000 9/25000000\n'),
  fixed('keys', ''),
  fixed('locks', ''),
  fixed('misc', '229 fuse\n183 hw_random\n200 tun\n'),
  fixed('modules', ''),
  directory('sysvipc', [
    fixed(
      'msg',
      '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n',
    ),
    fixed('sem', '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n'),
    fixed(
      'shm',
      '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n',
    ),
  ]),
  fixed('timer_list', '', 0o400),
  directory('tty', [
    directory('driver', [
      fixed(
        'serial',
        'serinfo:1.0 driver revision:\n0: uart:16550A port:000003F8 irq:4 tx:0 rx:0 RTS|CTS|DTR|DSR|CD\n',
        0o400,
      ),
    ]),
    fixed('drivers', TTY_DRIVERS),
    directory('ldisc', []),
    fixed('ldiscs', 'n_tty       0\nn_null     27\n'),
  ]),
  fixed('vmallocinfo', '', 0o400),
];
