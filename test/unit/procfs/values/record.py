#!/usr/bin/env python3
"""What this kernel answers to odd numbers: record.py > linux-VERSION.json. As root; in namespaces of its own (unshare -uinm --propagation
private), on a process and a control group of its own: nothing of the machine is changed.

For each file and each text: the number of bytes taken or the name of the error, and what the file shows after it; before each
write the file holds its `start`."""
import errno, json, os, subprocess, sys, tempfile

if os.environ.get('RECORDING') is None:
    os.environ['RECORDING'] = '1'
    os.execvp('unshare', ['unshare', '-uinm', '--propagation', 'private', '/usr/bin/python3', os.path.abspath(__file__)])

TEXTS = ['', ' ', '\n', '\0', '0', '1', '1\n', ' 1', '1 ', '\t1\n', '\xa01', '1\xa0', '+1', '-1', '-0', '- 1', '--1', '0x1', '0X1F', '0x', '007', '08', '0b1', '1.5', '1e3', '1e21',
         'NaN', 'nan', 'Infinity', 'max', 'x', '1x', '1 2', '1,2', '1\0', '1\x002', '1\n2', '\xff', '\xd9\xa3', '2147483647', '2147483648',
         '-2147483648', '-2147483649', '4294967295', '4294967296', '9007199254740991', '9007199254740993', '9223372036854775807',
         '9223372036854775808', '18446744073709551615', '18446744073709551616', '00000000000000000001', '000000000000000000000000000001', '1K', '1k', '4K', '9' * 40]
LONG = {'9*4095': '9' * 4095, '9*70000': '9' * 70000, '0*5000 1': '0' * 5000 + '1', ' *5000 1': ' ' * 5000 + '1', 'h*64': 'h' * 64, 'h*65': 'h' * 65, 'h*100': 'h' * 100}

def put(path, text):
    try:
        fd = os.open(path, os.O_WRONLY)
        try: return os.write(fd, text.encode('latin1'))
        finally: os.close(fd)
    except OSError as error:
        return errno.errorcode[error.errno]

def get(path):
    try:
        with open(path, 'rb') as file: return file.read().decode('latin1')
    except OSError as error:
        return errno.errorcode[error.errno]

def record(files):
    found = {}
    for name, (path, start) in files.items():
        answers = {}
        for label, text in [(text, text) for text in TEXTS] + list(LONG.items()):
            if start is not None: assert isinstance(put(path, start), int), (path, start)
            taken = put(path, text)
            answers[label] = [taken, get(path) if start is not None else '']
        found[name] = {'start': start, 'answers': answers}
    return found

work = tempfile.mkdtemp()
child = subprocess.Popen(['sleep', '600'])
try:
    subprocess.run(['mount', '-t', 'cgroup2', 'none', work], check=True)
    group = f'{work}/record-values'
    os.mkdir(group)
    pid = f'/proc/{child.pid}'
    files = {f'pid/{name}': (f'{pid}/{name}', start) for name, start in
             [('oom_score_adj', '7'), ('oom_adj', '7'), ('coredump_filter', '7'), ('timerslack_ns', '7'), ('clear_refs', None)]}
    files['pid/comm'] = ('/proc/self/comm', 'start')  # Only a process itself may write it.
    files |= {f'cgroup/{name}': (f'{group}/{name}', start) for name, start in
              [('cgroup.max.depth', '7'), ('cgroup.max.descendants', '7'), ('cgroup.freeze', '0'), ('cgroup.pressure', '1'), ('cgroup.kill', None)]}
    files |= {f'sys/{name}': (f'/proc/sys/{name}', start) for name, start in
              [('kernel/hostname', 'start'), ('kernel/domainname', 'start'), ('kernel/msgmax', '7'), ('kernel/msgmnb', '7'), ('kernel/msgmni', '7'), ('kernel/shmall', '7'), ('kernel/shmmax', '7'),
               ('kernel/shmmni', '7'), ('kernel/shm_rmid_forced', '0'), ('kernel/sem', '7 8 9 10'), ('fs/mqueue/msg_default', '7'), ('fs/mqueue/msg_max', '7'),
               ('fs/mqueue/queues_max', '7'), ('net/core/somaxconn', '7'), ('net/ipv4/ip_forward', '0'), ('net/ipv4/tcp_syncookies', '1'),
               ('net/ipv4/tcp_max_syn_backlog', '7'), ('net/unix/max_dgram_qlen', '7')]}
    print(json.dumps({'kernel': os.uname().release, 'files': record(files)}, indent=1))
finally:
    child.kill()
    os.rmdir(group)
    subprocess.run(['umount', work])
    os.rmdir(work)
