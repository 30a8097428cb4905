#!/usr/bin/env python3
"""Record oracle goldens: play a memory scenario with real processes on this kernel.

    record.py [--runs N] [--swap zram0|file0|both] [--out DIR] SCENARIO.scn...

For each scenario and each kind of swap writes DIR/NAME.zram0.json (memory-backed
swap) or DIR/NAME.file0.json (swap file).  A value that differs between the runs
becomes {"noisy":[min,max]}; single runs disturbed from outside are repeated, see record().

Needs root, Linux >= 6.5 (process_madvise, cachestat), gcc, zram, no other swap in
use.  One C process (worker.c) is one simulated process; recorder and workers are
pinned to one CPU and all LRU batches are drained after every step, so that no page
is held or missed because it waits in a batch.

How the steps are carried out
  pageout/cold  process_madvise(MADV_PAGEOUT/MADV_COLD) by root, one call per VMA
                of the scenario's own mappings, ascending; then wait until the
                swap writes have ended
  selfpageout   madvise(MADV_PAGEOUT) per VMA by the process itself
  touch         getrusage(RUSAGE_THREAD) around the accesses; an access that gets
                SIGSEGV or SIGBUS is skipped and counted ("signals")
  object file   ext4, written, fsynced, dropped; opened with the device's
                read-ahead set to 0 for that moment (so ra_pages of the file is 0)
  cache drop    posix_fadvise(DONTNEED); load: pread page by page; sync: fsync;
                dirtywrite: pwrite page by page with new content
  squeeze       the workers sit in a memory cgroup (v1) of their own, whose limit
                is lowered 32 pages at a time until the swap cache is empty
  clone         clone(CLONE_VM): a worker that shares the memory of the other
  brk           the program break is moved (prctl) to where a mapping would go
  truncate, punch, fallocate
                on the recorder's own descriptor of the object
  calls that bring pages in
                the faults of the system call itself are call_minflt, call_majflt
  snap          smaps, pagemap, kpagecount, kpageflags, mincore, cachestat
"""
import argparse, ctypes, fcntl, json, mmap, os, re, select, shutil, signal, socket
import struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = 4096
GIB = 1 << 30
AREA_LO, AREA_HI = 0x100000000000, 0x700000000000
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
libc.syscall.restype = ctypes.c_long
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]

NR = {'mmap': 9, 'mprotect': 10, 'munmap': 11, 'brk': 12, 'mremap': 25, 'msync': 26, 'madvise': 28, 'setuid': 105,
      'mlock': 149, 'munlock': 150, 'mlockall': 151, 'munlockall': 152, 'prctl': 157, 'close': 3, 'setgid': 106,
      'setgroups': 116, 'mlock2': 325}
NR_PROCESS_MADVISE, NR_CACHESTAT = 440, 451
ADVICE = {'normal': 0, 'random': 1, 'sequential': 2, 'willneed': 3, 'dontneed': 4, 'free': 8, 'remove': 9,
          'dontfork': 10, 'dofork': 11, 'wipeonfork': 18, 'keeponfork': 19, 'cold': 20, 'pageout': 21,
          'populate_read': 22, 'populate_write': 23, 'dontneed_locked': 24}
PR_SET_MM, PR_SET_MM_START_BRK, PR_SET_MM_BRK = 35, 6, 7
MREMAP_MAYMOVE, MREMAP_FIXED, MREMAP_DONTUNMAP = 1, 2, 4
MCL = {'current': 1, 'future': 2, 'onfault': 4}
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2
KB_FIELDS = ['Size', 'Rss', 'Pss', 'Pss_Dirty', 'Shared_Clean', 'Shared_Dirty', 'Private_Clean',
             'Private_Dirty', 'Referenced', 'Anonymous', 'LazyFree', 'Swap', 'SwapPss', 'Locked']
VMSTAT = ['pswpin', 'pswpout', 'swap_ra', 'swap_ra_hit', 'workingset_refault_anon', 'nr_vmscan_write',
          'nr_vmscan_immediate_reclaim', 'swpin_zero', 'swpout_zero', 'pglazyfreed']
ERRNO = {1: 'EPERM', 9: 'EBADF', 11: 'EAGAIN', 12: 'ENOMEM', 13: 'EACCES', 14: 'EFAULT',
         16: 'EBUSY', 17: 'EEXIST', 22: 'EINVAL', 27: 'EFBIG', 28: 'ENOSPC', 95: 'EOPNOTSUPP', 133: 'EHWPOISON'}
PROTS = {'rw': 3, 'r': 1, 'none': 0}


def size(s):
    m = re.fullmatch(r'(0x[0-9a-fA-F]+|\d+)([KMGp]?)', s)
    return int(m[1], 0) * {'': 1, 'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'p': PAGE}[m[2]]


def up(n):
    return (n + PAGE - 1) & -PAGE


def read(path):
    with open(path) as f:
        return f.read()


def put(path, s):
    with open(path, 'w') as f:
        f.write(str(s))


def runs(items):
    out = []
    for i in items:
        if out and out[-1][0] == i:
            out[-1][1] += 1
        else:
            out.append([i, 1])
    return out


def vmstat():
    put('/proc/sys/vm/stat_refresh', 1)
    v = {}
    for line in open('/proc/vmstat'):
        k, n = line.split()
        v[k] = int(n)
    return v


def delta(a, b):
    return {k: b[k] - a[k] for k in VMSTAT if k in b and b[k] != a[k]}


def meminfo(key):
    return int(re.search(rf'^{key}:\s+(\d+)', read('/proc/meminfo'), re.M)[1])


class KPages:
    """/proc/kpageflags and /proc/kpagecount"""
    def __init__(self):
        self.f = os.open('/proc/kpageflags', os.O_RDONLY)
        self.c = os.open('/proc/kpagecount', os.O_RDONLY)

    def flags(self, pfn):
        return struct.unpack('Q', os.pread(self.f, 8, pfn * 8))[0]

    def count(self, pfn):
        return struct.unpack('Q', os.pread(self.c, 8, pfn * 8))[0]


KP = KPages()


class Proc:
    """one simulated process: its worker, its mappings and what it wrote"""
    def __init__(self, rec, name, parent=None, shares=False):
        self.rec, self.name, self.faults = rec, name, (0, 0)
        if parent:
            parent.send(f"{'c' if shares else 'k'} {rec.sockname}")
            self.sock, _ = rec.listener.accept()
            self.sock.recv(100)
            self.pid = int(parent.recv())
            self.maps = {k: m if shares else m.copy() for k, m in parent.maps.items()}
        else:
            p = subprocess.Popen([rec.worker, rec.sockname], close_fds=True, preexec_fn=rec.enter_cgroup)
            rec.popen.append(p)
            self.pid = p.pid
            self.sock, _ = rec.listener.accept()
            self.sock.recv(100)
            self.maps = {}
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.pidfd = os.pidfd_open(self.pid)

    def send(self, text, data=b''):
        self.sock.send(text.encode() + data)

    def recv(self):
        return self.sock.recv(1 << 19).decode('latin1')

    def call(self, nr, *args):
        self.send(f's {NR[nr]} ' + ' '.join(str(a) for a in args))
        ret, err, *faults = (int(x) for x in self.recv().split())
        self.faults = tuple(faults)                     # minor and major, within the call
        return ret, err

    def give(self, fd):
        socket.send_fds(self.sock, [b'f'], [fd])
        return int(self.recv())

    def exit(self):
        try:
            self.send('x')
        except OSError:
            pass
        if not select.select([self.pidfd], [], [], 10)[0]:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            select.select([self.pidfd], [], [], 10)
        os.close(self.pidfd)
        self.sock.close()

    def vmas(self):
        """the scenario's own VMAs: (start, end, perms, has_file), ascending"""
        out = []
        for line in open(f'/proc/{self.pid}/maps'):
            f = line.split(None, 5)
            a, b = (int(x, 16) for x in f[0].split('-'))
            if AREA_LO <= a < AREA_HI:
                out.append((a, b, f[1], f[4] != '0'))
        return out

    def pagemap(self, addr, n):
        with open(f'/proc/{self.pid}/pagemap', 'rb', 0) as f:
            f.seek(addr // PAGE * 8)
            d = b''
            while len(d) < n * 8:
                r = f.read(n * 8 - len(d))
                if not r:
                    break
                d += r
        return struct.unpack(f'{n}Q', d)


class Map:
    """a named mapping as one process sees it"""
    def __init__(self, addr, length, obj, off, shared, cover):
        self.addr, self.length, self.obj, self.off, self.shared = addr, length, obj, off, shared
        self.cover = cover          # pages of the area that were ever mapped and are still
        self.own = {}               # private: page -> (base, word) written by this process

    def copy(self):
        m = Map(self.addr, self.length, self.obj, self.off, self.shared, set(self.cover))
        m.own = dict(self.own)
        return m


class Obj:
    """a file, a memfd or the memory behind MAP_SHARED|MAP_ANONYMOUS"""
    def __init__(self, kind, fd, npages, seed=0, path=None):
        self.kind, self.fd, self.npages, self.seed, self.path = kind, fd, npages, seed, path
        self.reader = fd            # the same, opened for reading only (files)
        self.pages = {}             # page -> (base, word) if ever written
        self.gone = set()           # cut off or punched out: what was there to begin with is no more

    def content(self, page):
        c = self.pages.get(page)
        if c is None and page not in self.gone and self.kind == 'file' and page < self.npages:
            c = (self.seed + page, None)
        return c


class Recorder:
    def __init__(self, text, kind, workdir, worker):
        self.lines, self.kind, self.dir, self.worker = text.split('\n'), kind, workdir, worker
        self.meta = {'title': '', 'validity': 'both', 'validity_note': ''}
        self.notes, self.both, self.expect = [], None, {}
        self.procs, self.objs, self.steps, self.popen = {}, {}, [], []
        self.next_addr, self.serial = AREA_LO, 1
        self.swap_bytes, self.swap_on = 64 << 20, False
        self.sockname = f'oracle-record-{os.getpid()}-{time.monotonic_ns()}'
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind('\0' + self.sockname)
        self.listener.listen(8)
        self.listener.settimeout(20)
        self.cg = f'/sys/fs/cgroup/memory/oracle-record-{os.getpid()}'
        os.makedirs(self.cg, exist_ok=True)
        os.makedirs(self.cg + '-drain', exist_ok=True)

    def drain(self):
        """lru_add_drain_all(): what force_empty does first, here on an empty cgroup"""
        put(self.cg + '-drain/memory.force_empty', 1)

    def enter_cgroup(self):
        put(self.cg + '/cgroup.procs', os.getpid())

    # ---- swap ---------------------------------------------------------
    def swap_setup(self):
        if self.swap_bytes == 0:
            return
        if self.kind == 'zram0':
            n = read('/sys/class/zram-control/hot_add').strip()
            self.zram = n
            put(f'/sys/block/zram{n}/disksize', self.swap_bytes + PAGE)
            self.swap_dev = f'/dev/zram{n}'
        else:
            self.swap_dev = self.dir + '/swapfile'
            fd = os.open(self.swap_dev, os.O_RDWR | os.O_CREAT, 0o600)
            os.posix_fallocate(fd, 0, self.swap_bytes + PAGE)
            os.fsync(fd)
            os.close(fd)
        head = bytearray(PAGE)
        struct.pack_into('III', head, 1024, 1, self.swap_bytes // PAGE, 0)
        head[4086:] = b'SWAPSPACE2'
        fd = os.open(self.swap_dev, os.O_RDWR)
        os.pwrite(fd, head, 0)
        os.fsync(fd)
        os.close(fd)
        self.swapon()

    def swapon(self):
        r = libc.swapon(self.swap_dev.encode(), 0x8000 | 32000)
        e = ctypes.get_errno()
        self.swap_on = r == 0
        return r, e

    def swapoff(self):
        r = libc.swapoff(self.swap_dev.encode())
        e = ctypes.get_errno()
        if r == 0:
            self.swap_on = False
        return r, e

    def swap_used(self):
        for line in read('/proc/swaps').split('\n')[1:]:
            f = line.split()
            if f and f[0] == getattr(self, 'swap_dev', None):
                return int(f[3]) // 4
        return 0

    def cleanup(self):
        for p in list(self.procs.values()):
            p.exit()
        for p in self.popen:
            p.wait()
        if self.swap_on:
            self.swapoff()
        if hasattr(self, 'zram'):
            put(f'/sys/block/zram{self.zram}/reset', 1)
            put('/sys/class/zram-control/hot_remove', self.zram)
        for o in self.objs.values():
            os.close(o.fd)
            if o.reader != o.fd:
                os.close(o.reader)
        self.listener.close()
        for _ in range(100):
            try:
                if os.path.exists(self.cg + '-drain'):
                    os.rmdir(self.cg + '-drain')
                os.rmdir(self.cg)
                break
            except OSError:
                time.sleep(.02)

    # ---- helpers ------------------------------------------------------
    def m(self, p, name):
        return p.maps[name]

    def seeds(self, n):
        s = self.serial << 24
        self.serial += 1
        assert n < 1 << 24
        return s + 1

    def pfns(self, procs):
        out = set()
        for p in procs:
            for a, b, _, _ in p.vmas():
                out.update(e & ((1 << 55) - 1) for e in p.pagemap(a, (b - a) // PAGE) if e >> 63)
        return out - {0}

    def settle(self, pfns):
        """wait until none of the frames is under writeback or locked"""
        for _ in range(400):
            if not any(KP.flags(f) & (1 << 8 | 1 << 0) for f in pfns):
                return
            time.sleep(.005)

    def advise(self, p, what, args, who):
        ranges = []
        vmas = p.vmas()
        if args[0] == 'range':
            mp = self.m(p, args[1])
            lo, hi = mp.addr + size(args[2]), mp.addr + size(args[2]) + size(args[3])
            lo, hi = lo & -PAGE, up(hi)
            for a, b, _, _ in vmas:
                if a < hi and b > lo:
                    ranges.append((max(a, lo), min(b, hi)))
        else:
            for a, b, _, has_file in vmas:
                if args[0] == 'all' or has_file == (args[0] == 'file'):
                    ranges.append((a, b))
        pfns = self.pfns([p])
        before = vmstat()
        walked = advised = refused = 0
        err = None
        for a, b in ranges:
            walked += 1
            if who == 'self':
                r, e = p.call('madvise', a, b - a, ADVICE[what])
                r = b - a if r == 0 else r
            else:
                io = struct.pack('QQ', a, b - a)
                r = libc.syscall(NR_PROCESS_MADVISE, p.pidfd, io, ctypes.c_size_t(1), ADVICE[what], 0)
                e = ctypes.get_errno()
            if r < 0:
                refused += 1
                err = ERRNO.get(e, e)
            else:
                advised += r
        self.settle(pfns)
        res = {'vmas_walked': walked, 'bytes_advised': advised, 'vmas_refused': refused}
        if err:
            res['errno'] = err
        res['vmstat'] = delta(before, vmstat())
        return res

    # ---- steps --------------------------------------------------------
    def play(self):
        body = []
        for i, line in enumerate(self.lines, 1):
            line = re.sub(r'(^|\s)#.*', '', line).strip()
            if not line:
                continue
            w = line.split()
            rest = line[len(w[0]):].strip()
            if w[0] == 'title':
                self.meta['title'] = rest
            elif w[0] == 'note':
                self.notes.append(rest)
            elif w[0] == 'validity':
                self.meta['validity'], _, note = rest.partition(' ')
                self.meta['validity_note'] = note.strip()
            elif w[0] == 'bothsnaps':
                self.both = rest.split()
            elif w[0] == 'expect2013':
                for e in rest.split(';'):
                    f = e.replace('expect2013', '').split()
                    v = {k + '_kB': int(x) for k, x in (y.split('=') for y in f[3:])}
                    self.expect.setdefault(f[0], {}).setdefault(f[1], {})[f[2]] = v
            elif w[0] == 'swap':
                self.swap_bytes = size(w[1])
            else:
                body.append((i, line, w))
        self.swap_setup()
        self.base = vmstat()
        self.base_cached = meminfo('SwapCached')
        self.last = self.base
        for i, line, w in body:
            if w[0] == 'object':
                self.do_object(w)
            elif w[0] == 'snap':
                self.steps.append(self.snap(w[1]))
            else:
                self.steps.append({'line': i, 'step': line, **(self.step(w) or {})})
                self.drain()

    def step(self, w):
        if w[0] == 'proc':
            self.procs[w[1]] = Proc(self, w[1])
            return
        if w[0] in ('squeeze', 'swapoff', 'swapon', 'cache', 'truncate', 'punch', 'fallocate'):
            before = vmstat()
            res = getattr(self, 'do_' + w[0])(w[1:])
            return {**res, 'vmstat': delta(before, vmstat())}
        p, op, a = self.procs[w[0]], w[1], w[2:]
        if op == 'exit':
            p.exit()
            del self.procs[w[0]]
        elif op in ('fork', 'clone'):
            self.procs[a[0]] = Proc(self, a[0], p, op == 'clone')
        elif op == 'cpu':
            pass
        elif op == 'setuid':
            p.call('setgroups', 0, 0)
            p.call('setgid', a[0])
            return self.result(*p.call('setuid', a[0]))
        elif op == 'mmap':
            return self.do_mmap(p, a)
        elif op in ('pageout', 'cold'):
            return self.advise(p, op, a, 'root')
        elif op == 'selfpageout':
            return self.advise(p, 'pageout', a, 'self')
        elif op in ('touch', 'verify', 'mremap', 'brk', 'mlockall', 'munlockall', 'process_madvise'):
            return getattr(self, 'do_' + op)(p, a)
        else:
            return self.do_range(p, op, a)

    @staticmethod
    def result(r, e):
        return {'ret': r} if r != -1 else {'ret': r, 'errno': ERRNO.get(e, e)}

    def do_object(self, w):
        name, kind, sz = w[1], w[2], size(w[3])
        mode = 0o644
        for o in w[4:]:
            mode = int(o.split('=')[1], 8)
        n = up(sz) // PAGE
        if kind == 'memfd':
            fd = os.memfd_create(name)
            os.ftruncate(fd, sz)
            self.objs[name] = Obj(kind, fd, n)
            return
        path, seed = f'{self.dir}/{name}', self.seeds(n)
        subprocess.check_call([self.worker, '--fill', path, '0', str(n), str(seed)])
        os.chmod(path, mode)
        st = os.stat(path)
        ra = f'/sys/class/bdi/{os.major(st.st_dev)}:{os.minor(st.st_dev)}/read_ahead_kb'
        old = read(ra)
        put(ra, 0)
        try:
            fd, reader = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY)
        finally:
            put(ra, old)
        if sz % PAGE:
            os.ftruncate(fd, sz)
        os.fsync(fd)
        o = Obj(kind, fd, n, seed, path)
        o.reader = reader
        self.objs[name] = o
        for _ in range(100):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            if self.cachestat(o)[0] == 0:
                break
            time.sleep(.01)

    def cachestat(self, o):
        buf = (ctypes.c_uint64 * 5)()
        rng = struct.pack('QQ', 0, 0)
        r = libc.syscall(NR_CACHESTAT, o.fd, rng, buf, 0)
        assert r == 0, ctypes.get_errno()
        return list(buf)

    def do_mmap(self, p, a):
        name, opt = a[0], dict(x.split('=', 1) for x in a[1:] if '=' in x)
        flag = {x for x in a[1:] if '=' not in x}
        addr = self.next_addr
        prot = PROTS[opt.get('prot', 'rw')]
        fl = 0x100000                                   # MAP_FIXED_NOREPLACE
        if 'locked' in flag:
            fl |= 0x2000
        if 'populate' in flag:
            fl |= 0x8000
        if 'noreserve' in flag:
            fl |= 0x4000
        shared, obj, off, cover, ret = 'shared' in flag, None, 0, set(), (0, 0)
        fl |= 1 if shared else 2
        if 'count' in opt:
            n, each, gap = int(opt['count']), size(opt['each']), size(opt['gap'])
            length = n * (each + gap)
            for k in range(n):
                at = addr + k * (each + gap)
                ret = p.call('mmap', at, each, prot, fl | 0x20, (1 << 64) - 1, 0)
                cover.update(range((at - addr) // PAGE, (at - addr + each) // PAGE))
        elif 'growsdown' in flag:
            length, init = size(opt['size']), size(opt['init'])
            ret = p.call('mmap', addr + length - init, init, prot, fl | 0x20 | 0x100, (1 << 64) - 1, 0)
            cover.update(range(length // PAGE))
        else:
            length = size(opt['size'])
            cover.update(range(up(length) // PAGE))
            if 'obj' in opt:
                obj, off = self.objs[opt['obj']], size(opt.get('off', '0'))
                # a file that is mapped for reading was opened for reading, unless the step says otherwise
                fd = p.give(obj.reader if prot == 1 and opt.get('open') != 'rw' else obj.fd)
                ret = p.call('mmap', addr, length, prot, fl, fd, off)
                faults = p.faults
                p.call('close', fd)
                p.faults = faults
            else:
                ret = p.call('mmap', addr, length, prot, fl | 0x20, (1 << 64) - 1, 0)
                if shared:
                    obj = Obj('shmem', -1, up(length) // PAGE)
        self.next_addr = ((addr + up(length) + GIB - 1) // GIB + 1) * GIB
        if ret[0] == -1:
            return {**self.result(*ret), 'addr': hex(addr)}
        p.maps[name] = Map(addr, up(length), obj, off // PAGE, shared, cover)
        faults = dict(zip(('call_minflt', 'call_majflt'), p.faults)) if 'populate' in flag else {}
        return {'ret': 0, **faults, 'addr': hex(addr)}

    @staticmethod
    def call_faults(p):
        return {k: n for k, n in zip(('call_minflt', 'call_majflt'), p.faults) if n}

    def do_mremap(self, p, a):
        mp = self.m(p, a[0])
        off, length, new = size(a[1]), size(a[2]), size(a[3])
        to = next((x[3:] for x in a if x.startswith('to=')), None)
        addr, flags = self.next_addr, 0
        if to:
            flags = MREMAP_MAYMOVE | MREMAP_FIXED | (MREMAP_DONTUNMAP if 'dontunmap' in a else 0)
        before = vmstat()
        r = p.call('mremap', mp.addr + off, length, new, flags, addr if to else 0)
        faults = self.call_faults(p)
        if r[0] == -1:
            return {**self.result(*r), **faults, 'vmstat': delta(before, vmstat())}
        lo, n, m = off // PAGE, up(length) // PAGE, up(new) // PAGE
        if to:
            part = Map(addr, up(new), mp.obj, mp.off + lo, mp.shared, set())
            part.cover = {g - lo for g in mp.cover if lo <= g < lo + min(n, m)} | set(range(n, m))
            part.own = {g - lo: c for g, c in mp.own.items() if lo <= g < lo + min(n, m)}
            p.maps[to] = part
            self.next_addr = ((addr + up(new) + GIB - 1) // GIB + 1) * GIB
        gone = range(lo, lo + n) if to else range(lo + m, lo + n)
        for g in gone:
            mp.own.pop(g, None)
        if 'dontunmap' not in a:
            mp.cover.difference_update(gone)
        if not to:
            mp.cover.update(range(lo + n, lo + m))
            mp.length = (lo + m) * PAGE if lo + n >= mp.length // PAGE else max(mp.length, (lo + m) * PAGE)
        res = {'ret': 0, **faults, 'vmstat': delta(before, vmstat())}
        if to:
            res['addr'] = hex(addr)
        return res

    def do_brk(self, p, a):
        name, length = a[0], size(a[1])
        before = vmstat()
        if name not in p.maps:
            addr = self.next_addr
            for what in (PR_SET_MM_BRK, PR_SET_MM_START_BRK):
                assert p.call('prctl', PR_SET_MM, what, addr, 0, 0)[0] == 0
            p.maps[name] = Map(addr, 0, None, 0, False, set())
            self.next_addr = ((addr + up(length) + GIB - 1) // GIB + 1) * GIB
        mp = p.maps[name]
        r, _ = p.call('brk', mp.addr + length)          # the break as it is now, whatever was asked for
        if r != mp.addr + length:
            return {'ret': -1, 'errno': 'ENOMEM', 'vmstat': delta(before, vmstat())}
        mp.length = up(length)
        mp.cover = set(range(up(length) // PAGE))
        mp.own = {g: c for g, c in mp.own.items() if g in mp.cover}
        return {'ret': 0, 'vmstat': delta(before, vmstat())}

    def do_mlockall(self, p, a):
        before = vmstat()
        r = p.call('mlockall', sum(MCL[x] for x in a))
        return {**self.result(*r), 'vmstat': delta(before, vmstat())}

    def do_munlockall(self, p, a):
        before = vmstat()
        r = p.call('munlockall')
        # what belongs to the worker itself stays locked
        for m in self.worker_ranges(p):
            p.call('mlock', *m)
        return {**self.result(*r), 'vmstat': delta(before, vmstat())}

    @staticmethod
    def worker_ranges(p):
        for line in open(f'/proc/{p.pid}/maps'):
            lo, hi = (int(x, 16) for x in line.split()[0].split('-'))
            if not AREA_LO <= lo < AREA_HI and '[v' not in line:
                yield lo, hi - lo

    def do_process_madvise(self, p, a):
        pfns = self.pfns([p])
        before = vmstat()
        io = struct.pack('QQ', size(a[0]), size(a[1]))
        r = libc.syscall(NR_PROCESS_MADVISE, p.pidfd, io, ctypes.c_size_t(1), ADVICE[a[2]], 0)
        e = ctypes.get_errno()
        self.settle(pfns)
        return {**self.result(min(r, 0), e), 'vmstat': delta(before, vmstat())}

    def do_truncate(self, w):
        o = self.objs[w[0]]
        r = libc.ftruncate(o.fd, ctypes.c_long(size(w[1])))
        e = ctypes.get_errno()
        if r == 0:
            self.forget(o, up(size(w[1])) // PAGE, 1 << 40, copies=True)
            o.npages = up(size(w[1])) // PAGE
        return self.result(r, e)

    def do_punch(self, w):
        o, off, length = self.objs[w[0]], size(w[1]), size(w[2])
        r = libc.fallocate(o.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, length)
        e = ctypes.get_errno()
        if r == 0:
            self.forget(o, up(off) // PAGE, (off + length) // PAGE)
        return self.result(r, e)

    def do_fallocate(self, w):
        o, off, length = self.objs[w[0]], size(w[1]), size(w[2])
        r = libc.fallocate(o.fd, 0, off, length)
        e = ctypes.get_errno()
        if r == 0:
            o.npages = max(o.npages, up(off + length) // PAGE)
        return self.result(r, e)

    def forget(self, o, lo, hi, copies=False):
        """nothing is expected of pages lo to hi of an object any more, nor, copies, of private copies of them"""
        o.gone.update(range(lo, min(hi, o.npages)))
        for g in [g for g in o.pages if lo <= g < hi]:
            del o.pages[g]
        if not copies:
            return
        for p in self.procs.values():
            for mp in p.maps.values():
                if mp.obj is o:
                    mp.own = {g: c for g, c in mp.own.items() if not lo <= g + mp.off < hi}

    def content(self, mp, page):
        if page in mp.own:
            return mp.own[page]
        return mp.obj.content(page + mp.off) if mp.obj else None

    def do_touch(self, p, a):
        mp = self.m(p, a[0])
        off, length, mode = size(a[1]), size(a[2]), a[3]
        opt = dict(x.split('=') for x in a[4:])
        stride, fill = size(opt.get('stride', '1p')), opt.get('fill', 'full')
        n = (length + stride - 1) // stride
        seed = self.seeds(n)
        pfns = self.pfns([p])
        before = vmstat()
        p.send(f't {mp.addr + off:x} {n} {stride} {mode} {fill} {seed}')
        minflt, majflt, nf, failed = p.recv().split(' ', 3)
        after = vmstat()
        failed = set(struct.unpack(f'{nf}I', failed.encode('latin1'))) if int(nf) else set()
        if mode == 'write':
            for i in range(n):
                if i in failed:
                    continue
                page = (off + i * stride) // PAGE
                if fill == 'full':
                    c = (seed + i, None)
                elif fill == 'zero':
                    c = (0, None)
                else:
                    base = self.content(mp, page)
                    c = (base[0] if base else 0, (seed + i) | 1 << 63)
                if mp.shared:
                    mp.obj.pages[page + mp.off] = c
                else:
                    mp.own[page] = c
        res = {'pages': n, 'minflt': int(minflt), 'majflt': int(majflt)}
        if failed:
            res['signals'] = len(failed)
        res['vmstat'] = delta(before, after)
        return res

    def do_verify(self, p, a):
        mp = self.m(p, a[0])
        lo, hi = 0, mp.length // PAGE
        if len(a) > 1:
            lo = size(a[1]) // PAGE
            hi = lo + up(size(a[2])) // PAGE
        todo = []
        for page in range(lo, hi):
            if page in mp.cover:
                c = self.content(mp, page)
                if c:
                    todo.append(struct.pack('QQQQ', mp.addr + page * PAGE, c[0], c[1] or 0, c[1] is not None))
        before = vmstat()
        bad = failed = 0
        for i in range(0, len(todo), 2000):
            p.send('v       ', b''.join(todo[i:i + 2000]))
            b, f = p.recv().split()
            bad, failed = bad + int(b), failed + int(f)
        res = {'pages': len(todo), 'bad': bad}
        if failed:
            res['signals'] = failed
        res['vmstat'] = delta(before, vmstat())
        return res

    def do_range(self, p, op, a):
        mp = self.m(p, a[0])
        off, length = size(a[1]), size(a[2])
        pfns = self.pfns([p])
        before = vmstat()
        if op == 'madvise':
            r = p.call(op, mp.addr + off, length, ADVICE[a[3]])
        elif op == 'mprotect':
            r = p.call(op, mp.addr + off, length, PROTS[a[3]])
        elif op == 'msync':
            r = p.call(op, mp.addr + off, length, 4)
        elif op == 'mlock' and 'onfault' in a[3:]:
            r = p.call('mlock2', mp.addr + off, length, 1)
        elif op in ('munmap', 'mlock', 'munlock'):
            r = p.call(op, mp.addr + off, length)
        else:
            raise SystemExit(f'unknown step {op}')
        faults = self.call_faults(p) if op == 'mlock' or a[-1].startswith('populate') else {}
        if op == 'madvise' and a[3] == 'willneed':
            time.sleep(.1)                              # reads are asynchronous
            pfns |= self.pfns([p])
        self.settle(pfns)
        pages = range(off // PAGE, (off + up(length)) // PAGE)
        if r[0] == 0:
            if op == 'munmap':
                for g in pages:
                    mp.own.pop(g, None)
                mp.cover.difference_update(pages)
            elif op == 'madvise' and a[3] in ('dontneed', 'dontneed_locked', 'free') and not mp.shared:
                for g in pages:
                    mp.own.pop(g, None)
            elif op == 'madvise' and a[3] == 'remove':
                self.forget(mp.obj, pages[0] + mp.off, pages[-1] + 1 + mp.off)
        return {**self.result(*r), **faults, 'vmstat': delta(before, vmstat())}

    def do_cache(self, w):
        o = self.objs[w[0]]
        op = w[1]
        if op in ('load', 'loadpart'):
            lo, n = (0, o.npages) if op == 'load' else (size(w[2]) // PAGE, up(size(w[3])) // PAGE)
            for i in range(lo, lo + n):
                os.pread(o.fd, PAGE, i * PAGE)
        elif op == 'drop':
            os.posix_fadvise(o.fd, 0, 0, os.POSIX_FADV_DONTNEED)
        elif op == 'sync':
            os.fsync(o.fd)
        elif op == 'dirtywrite':
            lo, n = size(w[2]) // PAGE, up(size(w[3])) // PAGE
            seed = self.seeds(lo + n)
            subprocess.check_call([self.worker, '--fill', o.path, str(lo), str(n), str(seed)])
            for i in range(lo, lo + n):
                o.pages[i] = (seed + i, None)
        for _ in range(100):                            # a started write ends by itself
            if self.cachestat(o)[2] == 0:
                break
            time.sleep(.01)
        return {'ret': 0}

    def do_swapoff(self, w):
        if not hasattr(self, 'swap_dev'):
            return self.result(-1, 22)
        return self.result(*self.swapoff())

    def do_swapon(self, w):
        if not hasattr(self, 'swap_dev'):
            return self.result(-1, 22)
        return self.result(*self.swapon())

    def do_squeeze(self, w):
        limit = self.cg + '/memory.limit_in_bytes'
        end = time.monotonic() + 5
        while meminfo('SwapCached') > self.base_cached and time.monotonic() < end:
            self.drain()
            use = int(read(self.cg + '/memory.usage_in_bytes'))
            try:
                put(limit, max(use - 32 * PAGE, PAGE))
            except OSError:
                pass
            put(limit, -1)
            put('/proc/sys/vm/stat_refresh', 1)
        time.sleep(.05)
        return {'ret': 0}

    # ---- snap ---------------------------------------------------------
    def snap(self, label):
        procs = {}
        for name, p in self.procs.items():
            smaps = self.smaps(p)
            own = {k: sum(v['kB'][k] for v in smaps) for k in KB_FIELDS}
            st = read(f'/proc/{p.pid}/status')
            maps = {}
            for mname, mp in p.maps.items():
                vs = [v for v in smaps if mp.addr <= v['start'] < mp.addr + mp.length]
                d = {'vma_count': len(vs)}
                if len(vs) > 64:
                    d['sum_kB'] = {k: sum(v['kB'][k] for v in vs) for k in KB_FIELDS}
                else:
                    d['vmas'] = [{'first_page': (v['start'] - mp.addr) // PAGE,
                                  'page_count': (v['end'] - v['start']) // PAGE,
                                  'perms': v['perms'], 'VmFlags': v['VmFlags'], 'kB': v['kB']} for v in vs]
                    pages, frames = self.states(p, mp)
                    d['pages'] = runs(pages)
                    if any(x not in ('-', 'swap', 'zero') for x in pages):
                        d['frames'] = runs(frames)
                maps[mname] = d
            procs[name] = {'own_kB': own, 'status_kB': {'VmSwap': int(re.search(r'VmSwap:\s+(\d+)', st)[1])},
                           'maps': maps}
        objs = {}
        for name, o in self.objs.items():
            cs = self.cachestat(o)
            objs[name] = {'pages_cached': cs[0], 'pages_dirty': cs[1], 'mincore': runs(self.mincore(o))}
        now = vmstat()
        d = {'snap': label, 'procs': procs, 'objects': objs,
             'system': {'swap_used_pages': self.swap_used(),
                        'SwapCached_kB_delta': meminfo('SwapCached') - self.base_cached,
                        'nr_swapcached_delta': now['nr_swapcached'] - self.base['nr_swapcached'],
                        'vmstat_since_previous_snap': delta(self.last, now)}}
        self.last = now
        return d

    def smaps(self, p):
        out, cur = [], None
        for line in open(f'/proc/{p.pid}/smaps'):
            m = re.match(r'([0-9a-f]+)-([0-9a-f]+) (\S+)', line)
            if m:
                a, b = int(m[1], 16), int(m[2], 16)
                cur = {'start': a, 'end': b, 'perms': m[3], 'VmFlags': '', 'kB': {}}
                if AREA_LO <= a < AREA_HI:
                    out.append(cur)
            else:
                k, v = line.rstrip('\n').split(':', 1)
                if k == 'VmFlags':
                    cur['VmFlags'] = v.lstrip()
                elif k in KB_FIELDS:
                    cur['kB'][k] = int(v.split()[0])
        for v in out:
            v['kB'] = {k: v['kB'][k] for k in KB_FIELDS}
        return out

    def states(self, p, mp):
        pages, frames = [], []
        for e in p.pagemap(mp.addr, mp.length // PAGE):
            fr = '-'
            if e >> 63:
                pfn = e & ((1 << 55) - 1)
                fl = KP.flags(pfn)
                if fl >> 24 & 1:
                    st = 'zero'
                else:
                    st = f"{'anon' if fl >> 12 & 1 else 'file'}/{KP.count(pfn)}"
                    fr = ''.join(c for c, bit in (('C', 13), ('D', 4), ('M', 33), ('U', 18), ('A', 6), ('R', 2))
                                 if fl >> bit & 1)
            else:
                st = 'swap' if e >> 62 & 1 else '-'
            pages.append(st)
            frames.append(fr)
        return pages, frames

    def mincore(self, o):
        n = o.npages
        a = libc.mmap(None, n * PAGE, 0, 1, o.fd, 0)
        vec = ctypes.create_string_buffer(n)
        libc.mincore(a, n * PAGE, vec)
        libc.munmap(a, n * PAGE)
        return ['in' if b & 1 else '-' for b in vec.raw]


# ---- merging runs, writing --------------------------------------------
def merge(vals, noisy):
    if all(v == vals[0] for v in vals):
        return vals[0]
    if all(isinstance(v, dict) for v in vals) and all(v.keys() == vals[0].keys() for v in vals):
        return {k: merge([v[k] for v in vals], noisy) for k in vals[0]}
    if all(isinstance(v, dict) and all(isinstance(x, int) for x in v.values()) for v in vals):
        keys = [k for k in VMSTAT if any(k in v for v in vals)]
        if len(keys) == len(set().union(*vals)):
            return {k: merge([v.get(k, 0) for v in vals], noisy) for k in keys}
    if all(isinstance(v, list) for v in vals) and all(len(v) == len(vals[0]) for v in vals) \
            and not (vals[0] and isinstance(vals[0][0], list)):
        return [merge([v[i] for v in vals], noisy) for i in range(len(vals[0]))]
    noisy.append(1)
    if all(isinstance(v, int) for v in vals):
        return {'noisy': [min(vals), max(vals)]}
    distinct = [v for i, v in enumerate(vals) if v not in vals[:i]]
    return {'noisy': distinct}


def dump(o, ind=0):
    c = json.dumps(o, separators=(',', ':'), ensure_ascii=False)
    if not isinstance(o, (dict, list)) or len(c) < 150 or not o:
        return c
    pad = ' ' * (ind + 1)
    if isinstance(o, dict):
        body = [f'{pad}{json.dumps(k)}: {dump(v, ind + 1)}' for k, v in o.items()]
        return '{\n' + ',\n'.join(body) + '\n' + ' ' * ind + '}'
    return '[\n' + ',\n'.join(pad + dump(v, ind + 1) for v in o) + '\n' + ' ' * ind + ']'


def one_run(text, kind, worker, keep):
    d = tempfile.mkdtemp(prefix='oracle-record-', dir=keep)
    os.chmod(d, 0o755)
    r = Recorder(text, kind, d, worker)
    try:
        r.play()
    finally:
        r.cleanup()
        shutil.rmtree(d)
    return r


def record(path, kind, nruns, worker, workdir):
    text = read(path)
    rs = [one_run(text, kind, worker, workdir) for _ in range(nruns)]
    # A run that differs may have been disturbed from outside (swap and its counters are
    # system-wide, and a proactive reclaimer such as DAMON takes a few pages now and then).
    # More runs, then: if NRUNS agree and no other result occurs twice, the odd ones are
    # dropped; a result that comes back is noise of the thing itself and is recorded.
    def alike():
        groups = []
        for x in rs:
            for g in groups:
                if g[0].steps == x.steps:
                    g.append(x)
                    break
            else:
                groups.append([x])
        return sorted(groups, key=len, reverse=True)
    while len(rs) > 1 and len(rs) < nruns + 9 and len(alike()) > 1 and len(alike()[0]) < nruns:
        rs.append(one_run(text, kind, worker, workdir))
    groups = alike()
    if len(groups[0]) >= nruns and all(len(g) == 1 for g in groups[1:]):
        rs = groups[0][:nruns]
    r, noisy = rs[0], []
    steps = merge([x.steps for x in rs], noisy)
    g = {'scenario': os.path.basename(path), 'title': r.meta['title'], 'validity': r.meta['validity'],
         'validity_note': r.meta['validity_note']}
    if r.notes:
        g['notes'] = r.notes
    if r.expect:
        g['derived_2013'] = r.expect
    g['snaps_valid_for_both'] = 'all' if r.meta['validity'] == 'both' else (r.both or [])
    g.update({'runs': nruns, 'noisy_fields': len(noisy), 'swap_kind': 'zram' if kind == 'zram0' else 'file',
              'swap_pages': r.swap_bytes // PAGE, 'page_cluster': 0, 'readahead_kB': 0, 'steps': steps})
    return g


def main():
    ap = argparse.ArgumentParser(description='record oracle goldens on this kernel')
    ap.add_argument('scenario', nargs='+')
    ap.add_argument('--runs', type=int, default=3)
    ap.add_argument('--swap', choices=['zram0', 'file0', 'both'], default='both')
    ap.add_argument('--out', default='.')
    ap.add_argument('--work', default='/var/tmp', help='directory on a disk file system')
    ap.add_argument('--cpu', type=int, default=max(os.sched_getaffinity(0)))
    a = ap.parse_args()
    lock = open('/tmp/oracle-record.lock', 'w')
    fcntl.flock(lock, fcntl.LOCK_EX)
    worker = os.path.join(HERE, 'worker')
    src = worker + '.c'
    if not os.path.exists(worker) or os.path.getmtime(worker) < os.path.getmtime(src):
        subprocess.check_call(['gcc', '-O2', '-static', '-o', worker, src])
    os.sched_setaffinity(0, {a.cpu})
    cluster = read('/proc/sys/vm/page-cluster')
    put('/proc/sys/vm/page-cluster', 0)
    fails = 0
    try:
        for s in a.scenario:
            for kind in ['zram0', 'file0'] if a.swap == 'both' else [a.swap]:
                name = os.path.basename(s).removesuffix('.scn')
                try:
                    g = record(s, kind, a.runs, worker, a.work)
                except Exception as e:
                    import traceback
                    traceback.print_exc()
                    print(f'{name}.{kind}: FAILED {e!r}')
                    fails += 1
                    continue
                put(f'{a.out}/{name}.{kind}.json', dump(g) + '\n')
                bad = sum(x.get('bad', 0) for x in g['steps'] if isinstance(x.get('bad', 0), int))
                print(f"{name}.{kind}: {len(g['steps'])} steps, noisy {g['noisy_fields']}, bad {bad}", flush=True)
    finally:
        put('/proc/sys/vm/page-cluster', cluster)
    return fails != 0


if __name__ == '__main__':
    sys.exit(main())
