#!/usr/bin/env python3
"""Measure what zram makes of pages of four kinds, with this kernel's own zram (lzo-rle, lzo, lz4) and libzstd (level 3).

    python3 measure.py REPOSITORY [PAGES]          root; adds a zram device of its own and removes it again

  text    the repository's sources and documents, one after the other
  heap    anonymous memory of three processes that it starts: node (type checking the repository), python, bash
  bitmap  the pictures of docs/pictures, decoded to RGBA rows
  random  /dev/urandom

Writes the rows of src/mm/pages/page-kinds.ts: for each kind and algorithm the sizes at the middles of sixteen equal parts of all
pages in the order of their size; 0 is a page that one word fills, 4096 one that is stored as it is.
"""
import ctypes, ctypes.util, glob, mmap, os, random, struct, subprocess, sys, time, zlib

PAGE, PARTS = 4096, 16


def pages_of(data):
    return [data[i:i + PAGE] for i in range(0, len(data) - PAGE + 1, PAGE)]


def text(repo):
    names = sorted(glob.glob(f'{repo}/src/**/*.ts', recursive=True) + glob.glob(f'{repo}/**/*.md', recursive=True))
    return pages_of(b''.join(open(n, 'rb').read() for n in names if '/node_modules/' not in n))


def memory_of(pid):
    out = []
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem, open(f'/proc/{pid}/pagemap', 'rb', 0) as pm:
        for line in maps:
            f = line.split(None, 5)
            if f[1][:2] != 'rw' or f[4] != '0' or '[v' in line:
                continue
            lo, hi = (int(x, 16) for x in f[0].split('-'))
            pm.seek(lo // PAGE * 8)
            flags = pm.read((hi - lo) // PAGE * 8)
            for i in range(len(flags) // 8):
                e = struct.unpack_from('Q', flags, i * 8)[0]
                if e >> 63 and not e >> 61 & 1:
                    try:
                        mem.seek(lo + i * PAGE)
                        out.append(mem.read(PAGE))
                    except OSError:
                        pass
    return out


def heap(repo):
    node = subprocess.Popen(['node', 'node_modules/typescript/bin/tsc', '--noEmit'], cwd=repo, stdout=subprocess.DEVNULL)
    python = subprocess.Popen([sys.executable, '-c', 'import json,glob,time\nd=[json.load(open(f)) for f in glob.glob("test/oracle/goldens/*.json")]\ntime.sleep(60)'], cwd=repo)
    shell = subprocess.Popen(['bash', '-c', 'for f in src/mm/*/*.ts; do a["${#a[@]}"]=$(<$f); done; sleep 60 & wait'], cwd=repo)
    time.sleep(8)
    out = []
    for p, most in ((node, 3000), (python, 1500), (shell, 500)):
        pages = memory_of(p.pid)
        out += random.sample(pages, min(most, len(pages)))
        p.kill()
        p.wait()
    return out


def unpng(name):
    d = open(name, 'rb').read()
    at, idat = 8, b''
    while at < len(d):
        n, kind = struct.unpack('>I4s', d[at:at + 8])
        body = d[at + 8:at + 8 + n]
        if kind == b'IHDR':
            w, h, depth, colour = struct.unpack('>IIBB', body[:10])
        elif kind == b'IDAT':
            idat += body
        at += 12 + n
    bpp = {2: 3, 6: 4}[colour]
    raw, out, prev = zlib.decompress(idat), bytearray(), bytearray(w * bpp)
    for y in range(h):
        f = raw[y * (w * bpp + 1)]
        row = bytearray(raw[y * (w * bpp + 1) + 1:(y + 1) * (w * bpp + 1)])
        for i in range(len(row)):
            a = row[i - bpp] if i >= bpp else 0
            b, c = prev[i], prev[i - bpp] if i >= bpp else 0
            if f == 1:
                row[i] = row[i] + a & 255
            elif f == 2:
                row[i] = row[i] + b & 255
            elif f == 3:
                row[i] = row[i] + (a + b) // 2 & 255
            elif f == 4:
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                row[i] = row[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c) & 255
        prev = row
        for x in range(w):
            out += row[x * bpp:x * bpp + 3] + (row[x * bpp + 3:x * bpp + 4] or b'\xff')
    return bytes(out)


def bitmap(repo):
    return [p for n in sorted(glob.glob(f'{repo}/docs/pictures/*.png')) for p in pages_of(unpng(n))]


def put(path, s):
    with open(path, 'w') as f:
        f.write(str(s))


def by_kernel(algorithm, pages):
    n = open('/sys/class/zram-control/hot_add').read().strip()
    sys_dir = f'/sys/block/zram{n}'
    try:
        put(f'{sys_dir}/comp_algorithm', algorithm)
        put(f'{sys_dir}/disksize', PAGE * 16)
        fd = os.open(f'/dev/zram{n}', os.O_RDWR | os.O_DIRECT)
        buf = mmap.mmap(-1, PAGE)
        sizes = []
        for p in pages:
            buf[:] = p
            os.pwrite(fd, buf, 0)
            sizes.append(int(open(f'{sys_dir}/mm_stat').read().split()[1]))
        os.close(fd)
        return sizes
    finally:
        put(f'{sys_dir}/reset', 1)
        put('/sys/class/zram-control/hot_remove', n)


def by_zstd(pages, huge):
    z = ctypes.CDLL(ctypes.util.find_library('zstd') or 'libzstd.so.1')
    z.ZSTD_compress.restype = ctypes.c_size_t
    z.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    dst = ctypes.create_string_buffer(2 * PAGE)
    sizes = []
    for p in pages:
        same = p == p[:8] * (PAGE // 8)
        n = z.ZSTD_compress(dst, len(dst), p, PAGE, 3)
        sizes.append(0 if same else PAGE if n >= huge else n)
    return sizes


def main():
    repo, most = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    random.seed(1)
    kinds = {'text': text(repo), 'heap': heap(repo), 'bitmap': bitmap(repo), 'random': pages_of(os.urandom(64 * PAGE))}
    huge = 0
    for name, pages in kinds.items():
        pages = [p for p in random.sample(pages, min(most, len(pages))) if any(p)]
        rows = {a: by_kernel(a, pages) for a in ('lzo-rle', 'lzo', 'lz4')}
        huge = max([huge] + [s for r in rows.values() for s in r if s < PAGE])
        rows['zstd'] = by_zstd(pages, 3632)
        print(f'// {name}: {len(pages)} pages')
        for algorithm, sizes in rows.items():
            order = sorted(sizes)
            parts = [order[int((i + .5) * len(order) / PARTS)] for i in range(PARTS)]
            mean = sum(sizes) / len(sizes)
            print(f"//   {algorithm}: {PAGE / mean:.2f} : 1, filled by one word {sizes.count(0) / len(sizes):.3f}, stored as they are {sizes.count(PAGE) / len(sizes):.3f}")
            print(f"  '{algorithm}': {parts},")
    print('largest compressed size seen:', huge)


main()
