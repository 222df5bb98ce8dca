// SPDX-License-Identifier: GPL-2.0
/* Implementation of util.h; see there. */
#include "util.h"

#include <inttypes.h>
#include <setjmp.h>
#include <sys/resource.h>
#include <linux/userfaultfd.h>

static __thread sigjmp_buf fault_jump;
static __thread volatile int fault_armed;
static __thread struct outcome fault_last;

static void on_fault(int sig, siginfo_t *si, void *context)
{
	if (!fault_armed)
		_exit(128 + sig);
	fault_last = (struct outcome){ .sig = sig, .code = si->si_code,
				       .addr = (uintptr_t)si->si_addr };
	siglongjmp(fault_jump, 1);
}

void catch_faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
}

struct outcome last_outcome(void)
{
	return fault_last;
}

#define TRY_FAULT(statement) ({ \
	int ret_ = 0; \
	memset(&fault_last, 0, sizeof(fault_last)); \
	if (sigsetjmp(fault_jump, 1)) { \
		ret_ = OC(fault_last.sig, fault_last.code); \
	} else { \
		fault_armed = 1; \
		statement; \
	} \
	fault_armed = 0; \
	ret_; \
})

int peek(const volatile void *p)
{
	volatile int value = 0;
	int ret = TRY_FAULT(value = *(const volatile unsigned char *)p);

	return ret ?: value;
}

size_t huge_page(void)
{
	return PG / 8 * PG;	/* a page full of entries of 8 bytes */
}

int poison(void *p, size_t length)
{
	int error = 0;
	int ret = TRY_FAULT(error = madvise(p, length, MADV_HWPOISON) ?
				    -errno : 0);

	return ret ?: error;
}

int poke(volatile void *p, int value)
{
	return TRY_FAULT(*(volatile unsigned char *)p = value);
}

int peek_word(const volatile void *p, uint64_t *value)
{
	return TRY_FAULT(*value = *(const volatile uint64_t *)p);
}

int poke_word(volatile void *p, uint64_t value)
{
	return TRY_FAULT(*(volatile uint64_t *)p = value);
}

int call(const volatile void *p)
{
	volatile int value = 0;
	int (*fn)(void) = (int (*)(void))(uintptr_t)p;
	int ret = TRY_FAULT(value = fn());

	return ret ?: value;
}

int space_open(void)
{
	int fd = open("/dev/lmap", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int window_create(int space, size_t length, unsigned int rights)
{
	struct lmap_window_create c = { .size = sizeof(c), .length = length,
					.rights = rights };

	return ioctl(space, LMAP_WINDOW_CREATE, &c) ? -errno : c.out_fd;
}

void *window_mmap(int window, size_t length, int prot)
{
	return mmap(NULL, length, prot, MAP_SHARED, window, 0);
}

static int do_map(int space, struct lmap_map *m, struct lmap_map *out)
{
	int ret = ioctl(space, LMAP_MAP, m) ? -errno : 0;

	if (out)
		*out = *m;
	return ret;
}

int map_range(int space, const void *addr, size_t length, unsigned int rights,
	      int window, uint64_t offset, unsigned int flags,
	      struct lmap_map *out)
{
	struct lmap_map m = {
		.size = sizeof(m), .flags = LMAP_RANGE | flags,
		.snd = (uintptr_t)addr, .rcv = offset, .length = length,
		.rights = rights, .window = window,
	};

	return do_map(space, &m, out);
}

int map_depth(int space, const void *addr, size_t length, unsigned int rights,
	      int window, uint64_t offset, unsigned int depth)
{
	struct lmap_map m = {
		.size = sizeof(m), .flags = LMAP_RANGE | LMAP_LIMIT_DEPTH,
		.snd = (uintptr_t)addr, .rcv = offset, .length = length,
		.rights = rights, .window = window, .depth = depth,
	};

	return do_map(space, &m, NULL);
}

int map_fpage(int space, uint64_t snd, int window, uint64_t rcv,
	      uint64_t send_base, struct lmap_map *out)
{
	struct lmap_map m = {
		.size = sizeof(m), .snd = snd, .rcv = rcv,
		.send_base = send_base, .window = window,
	};

	return do_map(space, &m, out);
}

static int do_unmap(int space, struct lmap_unmap *u, struct lmap_unmap *out)
{
	int ret = ioctl(space, LMAP_UNMAP, u) ? -errno : 0;

	if (out)
		*out = *u;
	return ret;
}

int unmap_range(int space, const void *addr, size_t length,
		unsigned int rights, unsigned int flags,
		struct lmap_unmap *out)
{
	struct lmap_unmap u = {
		.size = sizeof(u), .flags = LMAP_RANGE | flags,
		.fpage = (uintptr_t)addr, .length = length, .rights = rights,
	};

	return do_unmap(space, &u, out);
}

int unmap_only(int space, const void *addr, size_t length, unsigned int rights,
	       int window, struct lmap_unmap *out)
{
	struct lmap_unmap u = {
		.size = sizeof(u), .flags = LMAP_RANGE | LMAP_ONLY,
		.fpage = (uintptr_t)addr, .length = length, .rights = rights,
		.only_window = window,
	};

	return do_unmap(space, &u, out);
}

int unmap_fpage(int space, uint64_t fp, unsigned int flags)
{
	struct lmap_unmap u = { .size = sizeof(u), .flags = flags,
				.fpage = fp };

	return do_unmap(space, &u, NULL);
}

int space_sync(int space)
{
	struct lmap_sync s = { .size = sizeof(s) };

	return ioctl(space, LMAP_SYNC, &s) ? -errno : 0;
}

struct lmap_info info(int space)
{
	struct lmap_info i = { .size = sizeof(i) };

	if (ioctl(space, LMAP_INFO, &i))
		memset(&i, 0xff, sizeof(i));
	return i;
}

uint64_t fpage(const void *base, unsigned int order, unsigned int rights)
{
	return (uintptr_t)base | order << LMAP_FPAGE_ORDER_SHIFT | rights;
}

void tiles_gone(int space)
{
	while (info(space).out_tiles)
		sched_yield();
}

long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt + u.ru_majflt;
}

uint64_t pagemap(const volatile void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, 8, (uintptr_t)p / PG * 8) != 8)
		entry = 0;
	close(fd);
	return entry;
}

bool in_movable(const volatile void *p)
{
	uint64_t frame = pagemap(p) & PAGE_FRAME, spanned = 0, start;
	FILE *f = fopen("/proc/zoneinfo", "re");
	bool found = false, movable = false;
	char line[256], zone[32];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %*d, zone %31s", zone) == 1)
			movable = !strcmp(zone, "Movable");
		if (sscanf(line, " spanned %" SCNu64, &spanned) == 1)
			continue;
		if (sscanf(line, " start_pfn: %" SCNu64, &start) == 1)
			found |= movable && frame - start < spanned;
	}
	if (f)
		fclose(f);
	return found;
}

void fill(void *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		memset((char *)p + i * PG, i + 1, PG);
}

void *memory(size_t pages)
{
	void *p = mmap(NULL, pages * PG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	fill(p, pages);
	return p;
}

void *memory_aligned(size_t pages, size_t align)
{
	char *p = mmap(NULL, pages * PG + align, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start;

	if (p == MAP_FAILED)
		abort();
	start = (char *)(((uintptr_t)p + align - 1) & ~(align - 1));
	if (start > p)
		munmap(p, start - p);
	munmap(start + pages * PG, p + align - start);
	fill(start, pages);
	return start;
}

int send_fd(int sock, int fd)
{
	char byte = 'F', space[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = space,
			      .msg_controllen = sizeof(space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

int recv_fd(int sock)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = space,
			      .msg_controllen = sizeof(space) };
	struct cmsghdr *c;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (!c)
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

/* The borrower. */

enum verb { PEEK, POKE, MAP, UNMAP, RUN };

struct order {
	enum verb verb;
	uint64_t offset;
	uint64_t length;
	uint64_t to;
	unsigned int rights;
	unsigned int flags;
	int value;
	int (*fn)(struct peer *self, long arg);
	long arg;
};

struct answer {
	int ret;
	struct outcome outcome;
};

int peer_space = -1;
static struct outcome peer_last;

static int obey(struct peer *self, const struct order *o)
{
	char *p = (char *)(uintptr_t)self->base + o->offset;
	int window, ret;

	switch (o->verb) {
	case PEEK:
		return peek(p);
	case POKE:
		return poke(p, o->value);
	case MAP:
		window = recv_fd(self->sock);
		if (window < 0)
			return window;
		ret = map_range(peer_space, p, o->length, o->rights, window,
				o->to, 0, NULL);
		close(window);
		return ret;
	case UNMAP:
		return unmap_range(peer_space, p, o->length, o->rights,
				   o->flags, NULL);
	case RUN:
		return o->fn(self, o->arg);
	}
	return -ENOSYS;
}

static void peer_main(struct peer self, size_t pages, int prot)
{
	struct answer a = {};
	struct order o;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	catch_faults();
	peer_space = space_open();
	self.window = window_create(peer_space, pages * PG, ALL);
	self.base = (uintptr_t)window_mmap(self.window, pages * PG, prot);
	self.pid = getpid();
	if (send_fd(self.sock, self.window) ||
	    write(self.sock, &self.base, sizeof(self.base)) < 0)
		_exit(1);
	while (read(self.sock, &o, sizeof(o)) == sizeof(o)) {
		a.ret = obey(&self, &o);
		a.outcome = last_outcome();
		if (write(self.sock, &a, sizeof(a)) != sizeof(a))
			break;
	}
	_exit(0);
}

struct peer peer_start(size_t pages, int prot)
{
	struct peer p = { .window = -1 };
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		abort();
	p.pid = fork();
	if (!p.pid) {
		p.sock = socks[1];
		close(socks[0]);
		peer_main(p, pages, prot);
	}
	close(socks[1]);
	p.sock = socks[0];
	p.window = recv_fd(p.sock);
	if (read(p.sock, &p.base, sizeof(p.base)) != sizeof(p.base))
		p.window = -1;
	return p;
}

static int ask(struct peer *p, const struct order *o, int fd)
{
	struct answer a;

	if (write(p->sock, o, sizeof(*o)) != sizeof(*o) ||
	    (fd >= 0 && send_fd(p->sock, fd)) ||
	    read(p->sock, &a, sizeof(a)) != sizeof(a))
		return -EPIPE;
	peer_last = a.outcome;
	return a.ret;
}

int peer_peek(struct peer *p, size_t offset)
{
	return ask(p, &(struct order){ .verb = PEEK, .offset = offset }, -1);
}

int peer_poke(struct peer *p, size_t offset, int value)
{
	return ask(p, &(struct order){ .verb = POKE, .offset = offset,
				       .value = value }, -1);
}

struct outcome peer_outcome(struct peer *p)
{
	return peer_last;
}

int peer_map(struct peer *p, size_t offset, size_t length, unsigned int rights,
	     int window, uint64_t to)
{
	return ask(p, &(struct order){ .verb = MAP, .offset = offset,
				       .length = length, .rights = rights,
				       .to = to }, window);
}

int peer_unmap(struct peer *p, size_t offset, size_t length,
	       unsigned int rights, unsigned int flags)
{
	return ask(p, &(struct order){ .verb = UNMAP, .offset = offset,
				       .length = length, .rights = rights,
				       .flags = flags }, -1);
}

int peer_run(struct peer *p, int (*fn)(struct peer *self, long arg), long arg)
{
	return ask(p, &(struct order){ .verb = RUN, .fn = fn, .arg = arg },
		   -1);
}

void peer_stop(struct peer *p)
{
	/* Later borrowers have inherited the socket: closing is not enough. */
	shutdown(p->sock, SHUT_RDWR);
	close(p->sock);
	close(p->window);
	waitpid(p->pid, NULL, 0);
}

int slow(void)
{
	const char *s = getenv("LMAP_SLOW");

	return s && atoi(s) > 0 ? atoi(s) : 1;
}

unsigned int seed(void)
{
	const char *s = getenv("LMAP_SEED");
	unsigned int value = getpid();

	if (s)
		value = strtoul(s, NULL, 0);
	else if (syscall(SYS_getrandom, &value, sizeof(value), 0) < 0)
		value = getpid();
	printf("# LMAP_SEED=%u\n", value);
	fflush(stdout);
	return value;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

int op_range(int space, unsigned long cmd, struct lmap_map *m)
{
	m->size = sizeof(*m);
	m->flags |= LMAP_RANGE;
	return ioctl(space, cmd, m) ? -errno : 0;
}

long op(int space, unsigned long cmd, const void *addr, size_t length,
	unsigned int rights, int window, uint64_t offset, unsigned int flags)
{
	struct lmap_map m = {
		.flags = flags, .snd = (uintptr_t)addr, .rcv = offset,
		.length = length, .rights = rights, .window = window,
	};

	return op_range(space, cmd, &m);
}

int map_budget(int space, const void *addr, size_t length, unsigned int rights,
	       int window, uint64_t offset, unsigned int budget)
{
	struct lmap_map m = {
		.flags = LMAP_LIMIT_BUDGET, .snd = (uintptr_t)addr,
		.rcv = offset, .length = length, .rights = rights,
		.window = window, .budget = budget,
	};

	return op_range(space, LMAP_MAP, &m);
}

int status(int space, const void *addr, size_t length, unsigned int flags,
	   unsigned char *pages)
{
	struct lmap_status s = {
		.size = sizeof(s), .flags = flags, .addr = (uintptr_t)addr,
		.length = length, .pages = (uintptr_t)pages,
	};

	return ioctl(space, LMAP_STATUS, &s) ? -errno : (int)s.out_refbits;
}

int reserve(int space, unsigned int nodes, unsigned int *out)
{
	struct lmap_reserve r = { .size = sizeof(r), .nodes = nodes };
	int ret = ioctl(space, LMAP_RESERVE, &r) ? -errno : 0;

	if (out)
		*out = r.out_nodes;
	return ret;
}

/* What follows an order on the borrower's socket. */
struct remote {
	unsigned long cmd;
	struct lmap_map map;
	uint64_t offset;
	uint64_t length;
	unsigned int flags;
	bool each;
};

static int remote_op(struct peer *self, long arg)
{
	int window = recv_fd(self->sock), ret;
	struct remote r;

	if (window < 0)
		return window;
	if (read(self->sock, &r, sizeof(r)) != sizeof(r))
		return -EPIPE;
	r.map.snd += self->base;
	r.map.window = window;
	ret = op_range(peer_space, r.cmd, &r.map);
	close(window);
	return ret;
}

int peer_op(struct peer *p, unsigned long cmd, size_t offset, size_t length,
	    unsigned int rights, int window, uint64_t to, unsigned int flags)
{
	struct remote r = { .cmd = cmd, .map = {
		.flags = flags, .snd = offset, .rcv = to, .length = length,
		.rights = rights,
	} };
	struct order o = { .verb = RUN, .fn = remote_op };
	struct answer a;

	if (write(p->sock, &o, sizeof(o)) != sizeof(o) ||
	    send_fd(p->sock, window) ||
	    write(p->sock, &r, sizeof(r)) != sizeof(r) ||
	    read(p->sock, &a, sizeof(a)) != sizeof(a))
		return -EPIPE;
	return a.ret;
}

/* The bytes of all pages come before the answer. */
static int remote_status(struct peer *self, long arg)
{
	unsigned char *pages = NULL;
	struct remote r;
	int ret;

	if (read(self->sock, &r, sizeof(r)) != sizeof(r))
		return -EPIPE;
	if (r.each)
		pages = calloc(1, r.length / PG);
	ret = status(peer_space, (char *)(uintptr_t)self->base + r.offset,
		     r.length, r.flags, pages);
	if (pages && write(self->sock, pages, r.length / PG) < 0)
		ret = -EPIPE;
	free(pages);
	return ret;
}

int peer_status(struct peer *p, size_t offset, size_t length,
		unsigned int flags, unsigned char *pages)
{
	struct remote r = { .offset = offset, .length = length, .flags = flags,
			    .each = pages };
	struct order o = { .verb = RUN, .fn = remote_status };
	ssize_t bytes = length / PG;
	struct answer a;

	if (write(p->sock, &o, sizeof(o)) != sizeof(o) ||
	    write(p->sock, &r, sizeof(r)) != sizeof(r) ||
	    (pages && recv(p->sock, pages, bytes, MSG_WAITALL) != bytes) ||
	    read(p->sock, &a, sizeof(a)) != sizeof(a))
		return -EPIPE;
	return a.ret;
}

void *shared_memory(size_t length)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static int *need_result;	/* where as_user() looks */

void need(bool is_so, const char *what, int line)
{
	if (is_so)
		return;
	fprintf(stderr, "# line %d: not so: %s\n", line, what);
	if (need_result)
		*need_result = line;
	_exit(!need_result);
}

int as_user(uid_t uid, int (*fn)(void *arg), void *arg)
{
	int *result = shared_memory(PG), st, ret;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(uid) || setuid(uid))
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		need_result = result;
		*result = fn(arg);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		return -ECHILD;
	ret = WIFSIGNALED(st) ? -WTERMSIG(st) : WEXITSTATUS(st) ? -ECHILD :
	      *result;
	munmap(result, PG);
	return ret;
}

void memlock_limit(unsigned long bytes)
{
	struct rlimit limit = { bytes, bytes };

	setrlimit(RLIMIT_MEMLOCK, &limit);
}

long read_value(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	long value = -1;

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) > 0)
		value = atol(text);
	close(fd);
	return value;
}

bool write_value(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return write_file(path, text);
}

bool race_delays(unsigned int one_in)
{
	return write_value(MODULE_PARAM("race_one_in"), one_in);
}

int stalling_memory(char **mem, size_t pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	*mem = mmap(NULL, pages * PG, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)*mem;
	reg.range.len = pages * PG;
	if (fd >= 0 && (ioctl(fd, UFFDIO_API, &api) ||
			ioctl(fd, UFFDIO_REGISTER, &reg)))
		return -1;
	return fd;
}

uint64_t wait_for_fault(int fd)
{
	struct uffd_msg msg;

	if (read(fd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		return 0;
	return msg.arg.pagefault.address & ~(PG - 1);
}

long pins(void)
{
	long acquired = 0, released = 0, value;
	char name[64];
	FILE *f;

	/* Each processor keeps its share for a while. */
	write_file("/proc/sys/vm/stat_refresh", "1");
	f = fopen("/proc/vmstat", "r");
	while (f && fscanf(f, "%63s %ld", name, &value) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			acquired = value;
		else if (!strcmp(name, "nr_foll_pin_released"))
			released = value;
	}
	if (f)
		fclose(f);
	return acquired - released;
}

void pins_gone(long before)
{
	while (pins() > before)
		sched_yield();
}

unsigned int next_random(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 8;
}
