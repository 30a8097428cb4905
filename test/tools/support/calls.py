"""System calls on the simulated process 1234, whose one mapping of 40 MiB is swapped out. Prints a JSON object."""
import ctypes
import errno
import json
import os
import select
import struct

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X64 = os.uname().machine == "x86_64"
SEND_SIGNAL, MADVISE, MRELEASE, GETFD = 424, 440, 448, 438
READV, WRITEV, KCMP = (310, 311, 312) if X64 else (270, 271, 272)
WILLNEED, DONTNEED, COLD, PAGEOUT, COLLAPSE = 3, 4, 20, 21, 25
PID = 1234
MB = 1 << 20


def call(number, *args):
    """The result, or the name of the error."""
    words = [ctypes.c_void_p(arg) if isinstance(arg, int) else arg for arg in args]
    result = libc.syscall(ctypes.c_long(number), *words)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]


def vector(*ranges):
    data = b"".join(struct.pack("QQ", address, length) for address, length in ranges)
    return ctypes.create_string_buffer(data, len(data)), len(ranges)


def kb(name):
    for line in open(f"/proc/{PID}/status"):
        if line.startswith(name + ":"):
            return int(line.split()[1])


def mem(data, length):
    return (ctypes.addressof(data), length)


start = int(open(f"/proc/{PID}/maps").read().split("-")[0], 16)
out = {}

fd = os.pidfd_open(PID)
poll = select.poll()
poll.register(fd, select.POLLIN)
out["inheritable"] = os.get_inheritable(fd)
out["before"] = len(poll.poll(0))

local = ctypes.create_string_buffer(b"hello world", 11)
out["writev"] = call(WRITEV, PID, *vector(mem(local, 11)), *vector((start + 100, 11)), 0)
parts = ctypes.create_string_buffer(11)
pieces = vector((ctypes.addressof(parts), 4), (ctypes.addressof(parts) + 4, 7))
out["readv"] = [call(READV, PID, *pieces, *vector((start + 100, 11)), 0), parts.raw.decode()]
out["readv_part"] = call(READV, PID, *vector(mem(parts, 11)), *vector((start + 100, 5), (4096, 6)), 0)
out["readv_hole"] = call(READV, PID, *vector(mem(parts, 11)), *vector((4096, 11)), 0)
out["readv_flags"] = call(READV, PID, *vector(mem(parts, 11)), *vector((start, 11)), 1)
open(f"/proc/{PID}/mem", "rb", buffering=0).close()


def advise(advice, *ranges, flags=0):
    return call(MADVISE, fd, *vector(*ranges), advice, flags)


with open(f"/proc/{PID}/mem", "rb", buffering=0) as memory:
    memory.seek(start)
    memory.read(MB)
out["rss"] = kb("VmRSS")
out["cold"] = advise(COLD, (start, MB))
out["pageout"] = advise(PAGEOUT, (start, MB // 2), (start + MB // 2, MB // 2))
out["rss_after"] = kb("VmRSS")
out["willneed"] = advise(WILLNEED, (start, MB))
out["partial"] = advise(COLD, (start, 8192), (start + 1, 4096), (start, 4096))
out["unaligned"] = advise(COLD, (start + 1, 4096))
out["hole"] = advise(COLD, (4096, 4096))
out["dontneed"] = advise(DONTNEED, (start, 4096))
out["collapse"] = advise(COLLAPSE, (start, 4096))
out["flags"] = advise(COLD, (start, 4096), flags=1)
out["none"] = call(MADVISE, fd, None, 0, COLD, 0)
out["too_many"] = call(MADVISE, fd, ctypes.create_string_buffer(16), 1025, COLD, 0)
out["fault"] = call(MADVISE, fd, 8, 1, COLD, 0)

out["kcmp"] = call(KCMP, PID, os.getpid(), 0, 0, 0)
out["mrelease"] = call(MRELEASE, fd, 0)
out["getfd"] = call(GETFD, fd, 0, 0)
out["ids"] = [os.getsid(PID), os.getpgid(PID)]
out["priority"] = os.getpriority(os.PRIO_PROCESS, PID)
os.setpriority(os.PRIO_PROCESS, PID, 7)
out["nice"] = [os.getpriority(os.PRIO_PROCESS, PID), int(open(f"/proc/{PID}/stat").read().split()[18])]
out["cpus"] = len(os.sched_getaffinity(0))
os.sched_setaffinity(0, {3, 90})
out["mine"] = sorted(os.sched_getaffinity(0))
out["child"] = os.popen("nproc").read().strip()
try:
    os.sched_setaffinity(0, {4000})
except OSError as error:
    out["beyond"] = errno.errorcode[error.errno]

out["bad_signal"] = call(SEND_SIGNAL, fd, 65, None, 0)
directory = os.open(f"/proc/{PID}", os.O_RDONLY | os.O_DIRECTORY)
out["by_directory"] = call(SEND_SIGNAL, directory, 0, None, 0)
own = os.open(f"/proc/{os.getpid()}", os.O_RDONLY | os.O_DIRECTORY)
out["own_directory"] = call(SEND_SIGNAL, own, 0, None, 0)
held = [kb("VmSwap"), out["by_directory"]]
out["term"] = call(SEND_SIGNAL, fd, 15, None, 0)
out["after"] = len(poll.poll(20_000))
out["gone"] = [call(SEND_SIGNAL, fd, 0, None, 0), advise(COLD, (start, 4096)), os.path.exists(f"/proc/{PID}")]

print(json.dumps(out))
