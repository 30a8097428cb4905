"""cachestat(2), posix_fadvise(2) and mincore(2) on files of the simulated disk, by their bare system calls. Prints JSON."""
import ctypes, errno, json, mmap, os, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
PATH, OTHER = sys.argv[1:3]
PAGE = 4096
result = {}


def cachestat(fd, offset=0, length=0, flags=0):
    area = ctypes.create_string_buffer(struct.pack('<QQ', offset, length), 16)
    out = ctypes.create_string_buffer(40)
    if libc.syscall(451, fd, area, out, flags) < 0:
        return errno.errorcode[ctypes.get_errno()]
    return list(struct.unpack('<5Q', out.raw))


def incore(fd, offset, length):
    with mmap.mmap(fd, length, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE, offset=offset) as area:
        vector = ctypes.create_string_buffer(length // PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(area))
        if libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(length), vector) < 0:
            return errno.errorcode[ctypes.get_errno()]
        return ''.join('#' if byte & 1 else '-' for byte in vector.raw)


fd = os.open(PATH, os.O_RDONLY)
size = os.fstat(fd).st_size
result['before'] = cachestat(fd)
result['incore'] = incore(fd, 0, size)
result['from'] = incore(fd, 2 * PAGE, 4 * PAGE)
result['range'] = cachestat(fd, PAGE, 2 * PAGE)
result['flags'] = cachestat(fd, flags=1)
result['bad'] = cachestat(-1)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
os.posix_fadvise(fd, PAGE, PAGE, os.POSIX_FADV_DONTNEED)
result['dropped'] = incore(fd, 0, size)
os.posix_fadvise(fd, 5 * PAGE, 2 * PAGE, os.POSIX_FADV_WILLNEED)
result['loaded'] = incore(fd, 0, size)
os.posix_fadvise(fd, 1 << 60, 1 << 60, os.POSIX_FADV_DONTNEED)
os.posix_fadvise(fd, 0, (1 << 62), os.POSIX_FADV_DONTNEED)
result['after'] = cachestat(fd)
try:
    os.posix_fadvise(fd, 0, -1, os.POSIX_FADV_DONTNEED)
except OSError as error:
    result['negative'] = errno.errorcode[error.errno]
# Files of this computer are the kernel's.
other = os.open(OTHER, os.O_RDONLY)
os.pread(other, 1, 0)
result['other'] = cachestat(other)[0] > 0
result['other_incore'] = incore(other, 0, PAGE)
print(json.dumps(result))
