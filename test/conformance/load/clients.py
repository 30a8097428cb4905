#!/usr/bin/env python3
"""Clients of a mount, in short: clients.py MNT CLIENTS SECONDS. Each reads, walks, reclaims, makes and ends processes in
bursts; then many readers wait and are woken or killed, many files are open, and one reader never reads. Prints JSON."""
import errno, json, os, random, select, subprocess, sys, threading, time

mnt, clients, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
OF_PROCESS = 'stat statm status smaps_rollup smaps maps cmdline io oom_score cgroup task pagemap limits numa_maps sched'.split()
OF_MACHINE = 'meminfo vmstat stat loadavg uptime pressure/memory zoneinfo buddyinfo swaps reclaimfs/settings reclaimfs/clock reclaimfs/processes mounts'.split()
# A process may end between two looks at it, and an unknown word is meant to be refused.
EXPECTED = {errno.ENOENT, errno.ESRCH, errno.EINVAL, errno.EISDIR}


def write(path, text):
    fd = os.open(f'{mnt}/{path}', os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def client(number):
    rnd, errors, ops, serial = random.Random(number), {}, 0, 0
    end = time.time() + seconds
    while time.time() < end:
        pids = [name for name in os.listdir(mnt) if name.isdigit()]
        for _ in range(20 + rnd.randrange(80)):
            ops += 1
            kind, pid = rnd.randrange(100), rnd.choice(pids)
            try:
                if kind < 55: open(f'{mnt}/{pid}/{rnd.choice(OF_PROCESS)}', 'rb').read(1 << 17)
                elif kind < 75: open(f'{mnt}/{rnd.choice(OF_MACHINE)}', 'rb').read()
                elif kind < 85: os.stat(f'{mnt}/{pid}')
                elif kind < 92: write(f'{pid}/reclaim', rnd.choice(['anon', 'file', 'all', 'bogus']))
                else:
                    serial += 1
                    name = f'c{number}_{serial}'
                    write('reclaimfs/control', f'proc {name}\n{name} mmap heap size=256K anon\n{name} touch heap 0 256K write\n{name} fork {name}f')
                    write('reclaimfs/control', f'{name}f exit\n{name} exit')
            except OSError as e:
                if e.errno not in EXPECTED: errors[errno.errorcode[e.errno]] = errors.get(errno.errorcode[e.errno], 0) + 1
        time.sleep(rnd.random() * 0.05)
    return {'ops': ops, 'errors': errors}


def load():
    pipes = []
    for number in range(clients):
        r, w = os.pipe()
        if os.fork() == 0:
            os.write(w, json.dumps(client(number)).encode())
            os._exit(0)
        os.close(w)
        pipes.append(r)
    seen = [json.loads(os.read(r, 1 << 16)) for r in pipes]
    for _ in pipes: os.wait()
    errors = {}
    for one in seen:
        for code, count in one['errors'].items(): errors[code] = errors.get(code, 0) + count
    return {'ops': sum(one['ops'] for one in seen), 'errors': errors}


def woken(readers):
    """Threads that wait for pressure, and how many of them a shortage wakes."""
    got = []

    def read():
        fd = os.open(f'{mnt}/reclaimfs/vmpressure', os.O_RDONLY)
        got.append(os.read(fd, 64))
        os.close(fd)

    threads = [threading.Thread(target=read, daemon=True) for _ in range(readers)]
    for thread in threads: thread.start()
    time.sleep(1)
    write('reclaimfs/control', 'proc eater pid=7777\neater mmap h size=1G anon noreserve\n')
    try: write('reclaimfs/control', 'eater touch h 0 1G write\n')
    except OSError: pass
    for thread in threads: thread.join(20)
    return len(got)


def killed(readers):
    """How long it takes to be rid of readers that wait for events."""
    waiting = [subprocess.Popen(['cat', f'{mnt}/reclaimfs/events'], stdout=subprocess.DEVNULL) for _ in range(readers)]
    time.sleep(1)
    for one in waiting: one.kill()
    for one in waiting: one.wait()
    return readers


def open_files(count):
    fds = [os.open(f'{mnt}/meminfo', os.O_RDONLY) for _ in range(count)]
    read = sum(len(os.read(fd, 100)) == 100 for fd in fds)
    poll = select.poll()
    for fd in fds: poll.register(fd, select.POLLIN)
    poll.poll(0)
    for fd in fds: os.close(fd)
    return read


def slow_reader():
    """What somebody who has not read while thousands of processes came and went gets: whole lines, and how many he has missed."""
    fd = os.open(f'{mnt}/reclaimfs/events', os.O_RDONLY | os.O_NONBLOCK)
    try: os.read(fd, 10)
    except BlockingIOError: pass
    for i in range(120):
        write('reclaimfs/control', ''.join(f'proc s{i}_{k}\ns{i}_{k} exit\n' for k in range(200)))
    text = b''
    try:
        while part := os.read(fd, 1 << 17): text += part
    except BlockingIOError: pass
    os.close(fd)
    lines = text.decode('latin1').split('\n')
    lost = sum(json.loads(line)['count'] for line in lines if line.startswith('{"type":"lost"'))
    ends = sum('"type":"exit"' in line and json.loads(line)['comm'].startswith('s') for line in lines[1:-1])
    return {'lost': lost, 'ends': ends}


print(json.dumps({'load': load(), 'woken': woken(100), 'killed': killed(30), 'open': open_files(500), 'slow': slow_reader()}))
