/*
 * worker.c - one simulated process of an oracle scenario.
 *
 * The recorder (record.py) starts one worker per `proc` step; `fork` makes a
 * worker fork itself.  A worker obeys text commands over a SEQPACKET socket.
 * Everything it needs itself is prefaulted and locked, so that the faults
 * counted around the accesses of a `touch` are exactly those of the accesses.
 *
 * build: gcc -O2 -static -o worker worker.c
 *
 *   s NR A1..A6            system call                       -> ret errno minflt majflt
 *   f                      (with a descriptor) keep it       -> fd
 *   t ADDR N STRIDE w|r full|word|zero SEED
 *                          N accesses, content SEED+i        -> minflt majflt failed [u32 index...]
 *   v                      + records {addr,base,word,flags}  -> bad failed
 *   k SOCKET               fork, child connects to SOCKET    -> pid
 *   c SOCKET               the same with CLONE_VM: both share all memory, so only one of them may be at work
 *   x                      exit
 *
 * worker --fill FILE FIRST N SEED writes pages FIRST..FIRST+N-1 of FILE, page
 * i with content SEED+i, one page per write.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define PAGE 4096ul
#define AREA_LO 0x100000000000ul
#define AREA_HI 0x700000000000ul

static char in[1 << 18], out[1 << 18];
static sigjmp_buf env;
/* stacks of those who share our memory, and how many of them have come up */
static char stacks[8][1 << 18] __attribute__((aligned(64)));
static volatile int nr_clones, nr_up;

struct rec { uint64_t addr, base, word, flags; };

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* content of a page: seed 0 = zeros, otherwise incompressible */
static uint64_t word_of(uint64_t seed, unsigned i)
{
	return seed ? mix(seed * 512 + i) : 0;
}

static void on_fault(int sig) { (void)sig; siglongjmp(env, 1); }

/* fault in and lock what belongs to the worker itself (also breaks COW after fork) */
static void lock_self(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, out + n, sizeof(out) - 1 - n)) > 0)
		n += r;
	out[n] = 0;
	close(fd);
	for (char *p = out; *p;) {
		unsigned long a, b;
		char *e = strchr(p, '\n');
		if (e)
			*e = 0;
		if (sscanf(p, "%lx-%lx", &a, &b) == 2 && (a < AREA_LO || a >= AREA_HI) &&
		    !strstr(p, "[v"))
			mlock((void *)a, b - a);
		p = e ? e + 1 : p + strlen(p);
	}
}

static void grow_stack(void)
{
	volatile char s[256 * 1024];
	for (size_t i = 0; i < sizeof(s); i += PAGE)
		s[i] = 0;
}

static int join(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t l = strlen(name);

	memcpy(un.sun_path + 1, name, l);
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (void *)&un, sizeof(sa_family_t) + 1 + l))
		_exit(2);
	prctl(PR_SET_PDEATHSIG, 0);
	lock_self();
	if (send(sock, "hello", 5, 0) != 5)
		_exit(2);
	return sock;
}

static size_t touch(void)
{
	unsigned long addr, n, stride, seed;
	char mode[8], fill[8];
	struct rusage a, b;
	static unsigned failed[1 << 15];
	unsigned nf = 0;

	sscanf(in, "t %lx %lu %lu %7s %7s %lu", &addr, &n, &stride, mode, fill, &seed);
	int write = mode[0] == 'w', kind = fill[0];
	for (unsigned i = 0; i < sizeof(failed) / PAGE; i++)
		((volatile char *)failed)[i * PAGE] = 0;
	getrusage(RUSAGE_THREAD, &a);
	getrusage(RUSAGE_THREAD, &a);
	for (volatile unsigned long i = 0; i < n; i++) {
		volatile uint64_t *p = (void *)((addr + i * stride) & ~(PAGE - 1));
		if (sigsetjmp(env, 0)) {
			if (nf < sizeof(failed) / 4)
				failed[nf] = i;
			nf++;
			continue;
		}
		if (!write)
			(void)*p;
		else if (kind == 'w')
			*p = (seed + i) | 1ull << 63;
		else
			for (unsigned k = 0; k < 512; k++)
				p[k] = kind == 'z' ? 0 : word_of(seed + i, k);
	}
	getrusage(RUSAGE_THREAD, &b);
	size_t l = sprintf(out, "%ld %ld %u ", b.ru_minflt - a.ru_minflt, b.ru_majflt - a.ru_majflt, nf);
	memcpy(out + l, failed, nf * 4);
	return l + nf * 4;
}

static size_t verify(size_t len)
{
	struct rec *r = (void *)(in + 8);
	volatile size_t n = (len - 8) / sizeof(*r), i;
	volatile unsigned bad = 0, failed = 0;

	for (i = 0; i < n; i++) {
		volatile uint64_t *p = (void *)r[i].addr;
		if (sigsetjmp(env, 0)) {
			failed++;
			continue;
		}
		for (unsigned k = 0; k < 512; k++) {
			uint64_t w = k == 0 && (r[i].flags & 1) ? r[i].word : word_of(r[i].base, k);
			if (p[k] != w) {
				bad++;
				break;
			}
		}
	}
	return sprintf(out, "%u %u", bad, failed);
}

static int fill_file(char **v)
{
	static uint64_t page[512];
	int fd = open(v[0], O_RDWR | O_CREAT, 0600);
	unsigned long first = strtoul(v[1], 0, 0), n = strtoul(v[2], 0, 0), seed = strtoul(v[3], 0, 0);

	for (unsigned long i = first; i < first + n; i++) {
		for (unsigned k = 0; k < 512; k++)
			page[k] = word_of(seed + i, k);
		if (pwrite(fd, page, PAGE, i * PAGE) != (ssize_t)PAGE)
			return 1;
	}
	return fd < 0;
}

static void obey(int sock);

/* files are not shared: the socket of the other one is ours to close, as fork has it */
static int on_clone(void *name)
{
	int sock = join(name);

	nr_up++;
	obey(sock);
	return 0;
}

static void obey(int sock)
{
	for (;;) {
		union { char buf[CMSG_SPACE(sizeof(int))]; struct cmsghdr h; } c;
		struct iovec io = { in, sizeof(in) - 1 };
		struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
		ssize_t len = recvmsg(sock, &m, 0);
		size_t l = 0;

		if (len <= 0 || in[0] == 'x')
			_exit(0);
		in[len] = 0;
		switch (in[0]) {
		case 's': {
			long a[7] = { 0 };
			char *p = in + 1;
			for (int i = 0; i < 7; i++)
				a[i] = strtoul(p, &p, 0);
			errno = 0;
			struct rusage u, v;
			getrusage(RUSAGE_THREAD, &u);
			getrusage(RUSAGE_THREAD, &u);
			long r = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
			int e = r == -1 ? errno : 0;
			getrusage(RUSAGE_THREAD, &v);
			l = sprintf(out, "%ld %d %ld %ld", r, e, v.ru_minflt - u.ru_minflt, v.ru_majflt - u.ru_majflt);
			break;
		}
		case 'f': {
			struct cmsghdr *h = CMSG_FIRSTHDR(&m);
			l = sprintf(out, "%d", h ? *(int *)CMSG_DATA(h) : -1);
			break;
		}
		case 't':
			l = touch();
			break;
		case 'v':
			l = verify(len);
			break;
		case 'k': {
			static char name[100];
			sscanf(in, "k %99s", name);
			pid_t pid = fork();
			if (pid == 0) {
				close(sock);
				sock = join(name);
				continue;
			}
			lock_self();
			l = sprintf(out, "%d", pid);
			break;
		}
		case 'c': {
			static char name[100];
			sscanf(in, "c %99s", name);
			char *top = stacks[nr_clones++] + sizeof(stacks[0]);
			pid_t pid = clone(on_clone, top, CLONE_VM | SIGCHLD, name);
			while (pid > 0 && nr_up < nr_clones)
				usleep(100);
			l = sprintf(out, "%d", pid);
			break;
		}
		}
		if (send(sock, out, l, 0) != (ssize_t)l)
			_exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "--fill"))
		return fill_file(argv + 2);
	if (argc != 2)
		return 1;
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	sigaction(SIGSEGV, &sa, 0);
	sigaction(SIGBUS, &sa, 0);
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
	grow_stack();
	obey(join(argv[1]));
	return 0;
}
