#!/usr/bin/python3
"""Who may do what in a /proc. probe.py PROC PID...: JSON, {file: ["READ WRITE" of each identity]} for the files of each
process (named user, root, hidden in this order) and of the system; identities in the order of IDENTITIES. READ: r, or the error of open, or (ERROR) of the read after an
open that succeeded; d: a directory was listed; l: a link was read. WRITE: w (opened for writing; nothing is written), or
the error of open. Nothing is changed. Runs as root."""
import ctypes, errno, json, os, sys

PROCESS = """status stat statm cmdline environ mem auxv maps smaps smaps_rollup numa_maps pagemap clear_refs reclaim oom_score
oom_score_adj oom_adj comm io limits wchan stack syscall personality coredump_filter timerslack_ns cgroup mountinfo mounts
sched schedstat sessionid fd/ fdinfo/ map_files/ task/ ns/ exe cwd root ns/mnt fd/0 task/PID/ task/PID/stat task/PID/maps
task/PID/environ task/PID/fd/""".split()
SYSTEM = """meminfo slabinfo kpagecount kpageflags pagetypeinfo vmstat pressure/memory swaps sys/vm/swappiness
sys/vm/drop_caches sys/kernel/hostname sys/kernel/osrelease sys/vm/mmap_rnd_bits reclaimfs/control reclaimfs/state
reclaimfs/events reclaimfs/check reclaimfs/clock reclaimfs/error reclaimfs/disk/ reclaimfs/vmpressure reclaimfs/settings
reclaimfs/lowmemorykiller/minfree""".split()
USER, OTHER = 1000, 3000
libc = ctypes.CDLL(None, use_errno=True)


def error(e):
    return errno.errorcode.get(e.errno, str(e.errno))


def read(path):
    if path.endswith('/'):
        try:
            os.listdir(path)
            return 'd'
        except OSError as e:
            return error(e)
    if os.path.basename(path) in ('exe', 'cwd', 'root') or '/ns/' in path or '/fd/' in path:
        try:
            os.readlink(path)
            return 'l'
        except OSError as e:
            return error(e)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as e:
        return error(e)
    try:
        os.pread(fd, 64, 0)
        return 'r'
    except OSError as e:
        return 'r' if e.errno in (errno.EAGAIN, errno.EIO) else f'({error(e)})'
    finally:
        os.close(fd)


def write(path):
    if path.endswith('/') or os.path.basename(path) in ('exe', 'cwd', 'root') or '/ns/' in path or '/fd/' in path:
        return '-'
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        return 'w'
    except OSError as e:
        return error(e)


def probe(proc, pids):
    cells = {}
    for what, pid in zip(('user', 'root', 'hidden'), pids):
        for name in PROCESS:
            path = f'{proc}/{pid}/{name}'.replace('PID', pid)
            cells[f'{what}/{name}'] = f'{read(path)} {write(path)}'
    for name in SYSTEM:
        cells[name] = f'{read(f"{proc}/{name}")} {write(f"{proc}/{name}")}'
    return cells


class Header(ctypes.Structure):
    _fields_ = [('version', ctypes.c_uint32), ('pid', ctypes.c_int)]


class Data(ctypes.Structure):
    _fields_ = [('effective', ctypes.c_uint32), ('permitted', ctypes.c_uint32), ('inheritable', ctypes.c_uint32)]


DAC_OVERRIDE, DAC_READ_SEARCH, SYS_PTRACE = 1, 2, 19


def drop(*caps):
    header, data = Header(0x20080522, 0), (Data * 2)()
    if libc.capget(ctypes.byref(header), data):
        raise OSError(ctypes.get_errno(), 'capget')
    for cap in caps if caps else range(64):
        for field in ('effective', 'permitted', 'inheritable'):
            word = data[cap // 32]
            setattr(word, field, getattr(word, field) & ~(1 << cap % 32))
    if libc.capset(ctypes.byref(header), data):
        raise OSError(ctypes.get_errno(), 'capset')


def become(uid, gid, groups=()):
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def namespace_root():
    become(OTHER, OTHER)
    libc.prctl(4, 1, 0, 0, 0)
    if libc.unshare(0x10000000):
        raise OSError(ctypes.get_errno(), 'unshare')
    for name, text in (('uid_map', f'0 {OTHER} 1'), ('setgroups', 'deny'), ('gid_map', f'0 {OTHER} 1')):
        with open(f'/proc/self/{name}', 'w') as f:
            f.write(text)


IDENTITIES = {
    'root': lambda: None,
    'rootNoDac': lambda: drop(DAC_OVERRIDE, DAC_READ_SEARCH, SYS_PTRACE),
    'rootNoCaps': lambda: drop(),
    'owner': lambda: become(USER, USER),
    'ownerOtherGid': lambda: become(USER, 5555),
    'other': lambda: become(OTHER, OTHER),
    'supplementary': lambda: become(OTHER, OTHER, (USER, 0)),
    'gidRoot': lambda: become(OTHER, 0),
    'namespaceRoot': namespace_root,
}


def as_identity(become_it, proc, pids):
    r, w = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            become_it()
            os.write(w, json.dumps(probe(proc, pids)).encode())
        except OSError as e:
            os.write(w, json.dumps({'failed': str(e)}).encode())
        os._exit(0)
    os.close(w)
    data = b''
    while chunk := os.read(r, 65536):
        data += chunk
    os.close(r)
    os.waitpid(child, 0)
    return json.loads(data)


proc, pids = sys.argv[1], sys.argv[2:]
columns = {name: as_identity(become_it, proc, pids) for name, become_it in IDENTITIES.items()}
failed = {name: cells['failed'] for name, cells in columns.items() if 'failed' in cells}
if failed:
    sys.exit(f'not possible here: {failed}')
print('{' + ',\n'.join(f'{json.dumps(f)}: {json.dumps([c[f] for c in columns.values()])}' for f in columns['root']) + '}')
