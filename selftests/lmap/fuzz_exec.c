// SPDX-License-Identifier: GPL-2.0
/* Implementation of fuzz_exec.h; see there. */
#include "fuzz_exec.h"

#include <pthread.h>
#include <semaphore.h>

#define AREA_PAGES	16UL
#define WINDOWS		2	/* of each process */
#define NOBODY		65534
#define BASE		0x10000000UL
#define AREA_SPACE	(2 * AREA_PAGES * PG)
#define AREA(n)		((char *)(BASE + (n) * AREA_SPACE))

/* The memory of a process. What it can't write nobody shall change. */
enum area { PRIVATE, SHARED, READ_ONLY, VIEW, AREAS = VIEW + WINDOWS };

enum fuzz_verb {
	MAP, GRANT, COPY, UNMAP, STATUS, RESERVE, SYNC, INFO, CREATE, RAW,
	READ, WRITE, PREAD, PWRITE, MUNMAP, MMAP, MPROTECT, MADVISE, FORK,
	CLOSE, PAGER, VERBS
};

/* Shared by the two processes and their parent. */
struct run {
	sem_t turn[FUZZ_CALLS + 1];
	pthread_barrier_t both;
	int bad_line;
	char bad[160];
};

struct proc {
	struct run *run;
	int who;
	int sock;
	int space;
	int kept;			/* the same, never closed */
	int other_space;
	int pager;
	int windows[2 * WINDOWS];	/* own and the other's */
};

void (*fuzz_started)(int who);
bool fuzz_tell;

#define CHECK(p, condition, call) check(p, condition, #condition, call, __LINE__)

static void check(struct proc *p, bool is_so, const char *what, int call,
		  int line)
{
	if (is_so || __atomic_exchange_n(&p->run->bad_line, line,
					 __ATOMIC_ACQ_REL))
		return;
	snprintf(p->run->bad, sizeof(p->run->bad),
		 "call %d of process %d, line %d: not so: %s", call, p->who,
		 line, what);
}

/* Decoding of the bytes. */

static uint64_t extreme(unsigned char b)
{
	const uint64_t extremes[] = {
		0, 1, PG - 1, PG + 1, 1ULL << 47, (1ULL << 47) - PG, 1ULL << 63,
		~0ULL, -PG, (1ULL << 63) - PG, LMAP_WHOLE, LMAP_NIL,
		0xffffffff, 1ULL << 32, 62 << LMAP_FPAGE_ORDER_SHIFT | 15,
		63 << LMAP_FPAGE_ORDER_SHIFT | 15,
	};

	return extremes[b % 16];
}

static uint64_t place(unsigned char b)
{
	if (b >> 5 >= AREAS)
		return extreme(b);
	return (uintptr_t)AREA(b >> 5) + (b & 31) * PG;
}

static uint64_t length(unsigned char b)
{
	return b >= 0xf0 ? extreme(b) : (b & 31) * PG;
}

static unsigned int order(unsigned char b)
{
	if (b >= 0xf0)
		return LMAP_ORDER_WHOLE;
	return b >= 0xe0 ? 30 + (b & 15) * 3 : PO + (b & 7);
}

static uint64_t word(uint64_t base, unsigned char size, unsigned char rights)
{
	unsigned int o = order(size);

	if (o == LMAP_ORDER_WHOLE)
		base = 0;
	else if (o < 64 && !(size & 8))
		base &= ~((1ULL << o) - 1);
	return (base & LMAP_FPAGE_BASE_MASK) | o << LMAP_FPAGE_ORDER_SHIFT |
	       (rights & 15);
}

static unsigned int flags_of(const unsigned char *b)
{
	unsigned int flags = b[1] | (b[2] & 7) << 8;

	return b[2] >= 0xf8 ? flags | 1U << 20 : flags;
}

static unsigned int rights_of(unsigned char b)
{
	return b >= 0xf8 ? b & 0x1f : b & 0xf;
}

static int fd_of(struct proc *p, unsigned char b)
{
	switch (b & 7) {
	case 4:
		return p->space;
	case 5:
		return p->sock;
	case 6:
		return -1;
	case 7:
		return p->other_space;
	default:
		return p->windows[b & 3];
	}
}

static void map_args(struct proc *p, const unsigned char *b, struct lmap_map *m)
{
	m->flags = flags_of(b);
	if (m->flags & LMAP_RANGE) {
		m->snd = place(b[3]);
		m->length = length(b[4]);
		m->rcv = b[5] >= 0xf0 ? extreme(b[5]) :
			 (b[5] & 31) * PG;
		m->rights = rights_of(b[7]);
		m->send_base = b[11] == 0x1f;
	} else {
		m->snd = word(place(b[3]), b[4], b[7]);
		m->rcv = word((b[5] & 31) * PG, b[6], 0);
		m->send_base = (b[11] & 31) * PG;
	}
	m->window = fd_of(p, b[8]);
	m->depth = m->flags & LMAP_LIMIT_DEPTH ? b[9] & 7 : b[9] == 0xff;
	m->budget = m->flags & LMAP_LIMIT_BUDGET ? b[10] & 7 : b[10] == 0xff;
}

static void unmap_args(struct proc *p, const unsigned char *b,
		       struct lmap_unmap *u)
{
	u->flags = flags_of(b);
	if (u->flags & LMAP_RANGE) {
		u->fpage = place(b[3]);
		u->length = length(b[4]);
		u->rights = rights_of(b[7]);
	} else {
		u->fpage = word(place(b[3]), b[4], b[7]);
	}
	u->only_window = u->flags & LMAP_ONLY ? fd_of(p, b[8]) : b[8] == 0xff;
}

/* The structure's size: as it is, or too short, or longer, tail clean or not. */
static void size_args(unsigned char b, unsigned char *arg, size_t size)
{
	uint32_t told = size;

	switch (b >> 5) {
	case 4:
		told = size - 4;
		break;
	case 5:
		told = size + 16;
		break;
	case 6:
		told = size + 16;
		arg[size + (b & 15)] = 1;
		break;
	case 7:
		told = extreme(b);
		break;
	}
	memcpy(arg, &told, sizeof(told));
}

/* What the header says, and only that. */
static bool documented(int error)
{
	static const int errors[] = {
		E2BIG, EINVAL, EOPNOTSUPP, EOVERFLOW, EFAULT, EBADF, EBADFD,
		EPERM, EACCES, ENXIO, EEXIST, ENOSPC, ELOOP, EMLINK, ESTALE,
		EDQUOT, ENOMEM, EINTR, EBUSY
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i] == error)
			return true;
	return false;
}

/* Calls. */

union arg {
	struct lmap_info info;
	struct lmap_window_create create;
	struct lmap_map map;
	struct lmap_unmap unmap;
	struct lmap_status status;
	struct lmap_reserve reserve;
	struct lmap_sync sync;
	struct lmap_pager_create pager;
	struct lmap_refuse refuse;
	unsigned char bytes[PG_MAX + 64];
};

static unsigned char page_bits[64];	/* for LMAP_STATUS */

static void map_results(struct proc *p, const struct lmap_map *asked,
			const struct lmap_map *m, int call)
{
	unsigned int rights = m->flags & LMAP_RANGE ? m->rights : m->snd & 15;

	if (rights & (LMAP_W | LMAP_X))
		rights |= LMAP_R;
	CHECK(p, m->flags == asked->flags && m->window == asked->window, call);
	CHECK(p, m->out_mappings > 0 && m->out_bytes > 0, call);
	CHECK(p, !(m->out_bytes % PG), call);
	CHECK(p, m->out_bytes <= AREA_PAGES * PG, call);
	CHECK(p, m->out_rights & LMAP_R && !(m->out_rights & ~rights), call);
	CHECK(p, !(m->flags & LMAP_RANGE) == !!m->out_fpage, call);
}

static int do_ioctl(struct proc *p, enum fuzz_verb what, const unsigned char *b,
		    int call)
{
	static const struct {
		unsigned long cmd;
		size_t size;
	} cmds[] = {
		[MAP] = { LMAP_MAP, sizeof(struct lmap_map) },
		[GRANT] = { LMAP_GRANT, sizeof(struct lmap_map) },
		[COPY] = { LMAP_COPY, sizeof(struct lmap_map) },
		[UNMAP] = { LMAP_UNMAP, sizeof(struct lmap_unmap) },
		[STATUS] = { LMAP_STATUS, sizeof(struct lmap_status) },
		[RESERVE] = { LMAP_RESERVE, sizeof(struct lmap_reserve) },
		[SYNC] = { LMAP_SYNC, sizeof(struct lmap_sync) },
		[INFO] = { LMAP_INFO, sizeof(struct lmap_info) },
		[CREATE] = { LMAP_WINDOW_CREATE,
			     sizeof(struct lmap_window_create) },
	};
	union arg arg = {}, asked;
	int space = b[2] == 0xe7 ? p->other_space : p->space, error;

	switch (what) {
	case UNMAP:
		unmap_args(p, b, &arg.unmap);
		break;
	case STATUS:
		arg.status.flags = b[1] == 0xff ? 1 : flags_of(b) & LMAP_RESET;
		arg.status.addr = place(b[3]);
		arg.status.length = length(b[4]);
		if (b[5] & 1 && (b[4] & 31) < sizeof(page_bits) && b[4] < 0xf0)
			arg.status.pages = (uintptr_t)page_bits;
		else if (b[5] & 2)
			arg.status.pages = extreme(b[6]);
		arg.status.reserved = b[5] == 0xff;
		break;
	case RESERVE:
		arg.reserve.flags = b[1] == 0xff;
		arg.reserve.nodes = b[3] == 0xff ? UINT32_MAX : b[3] & 63;
		break;
	case SYNC:
	case INFO:
		arg.sync.flags = b[1] == 0xff;
		break;
	case CREATE:
		arg.create.flags = b[1] == 0xff;
		arg.create.length = length(b[4]);
		arg.create.rights = rights_of(b[7]);
		break;
	default:
		map_args(p, b, &arg.map);
		break;
	}
	size_args(b[11], arg.bytes, cmds[what].size);
	asked = arg;
	if (ioctl(space, cmds[what].cmd, &arg)) {
		error = errno;
		CHECK(p, documented(error), call);
		return -error;
	}
	CHECK(p, space == p->space, call);
	if (what <= COPY)
		map_results(p, &asked.map, &arg.map, call);
	if (what == UNMAP)
		CHECK(p, !(arg.unmap.out_refbits &
			   ~(LMAP_ACCESSED | LMAP_MODIFIED)), call);
	if (what == CREATE && p->windows[b[8] & 1] >= 0) {
		close(p->windows[b[8] & 1]);
		p->windows[b[8] & 1] = arg.create.out_fd;
	} else if (what == CREATE) {
		p->windows[b[8] & 1] = arg.create.out_fd;
	}
	return 0;
}

/*
 * Gives a window a pager, who refuses, or dies; or nobody answers, but not for
 * long.
 */
static int do_pager(struct proc *p, const unsigned char *b, int call)
{
	union arg arg = {};
	struct lmap_fault f;
	int ret;

	switch (b[9] & 3) {
	case 0:
	case 1:
		if (!(b[9] & 1)) {
			close(p->pager);
			p->pager = -1;
		}
		arg.pager.flags = b[1] == 0xff;
		arg.pager.window = fd_of(p, b[8]);
		arg.pager.timeout = 1 + (b[3] & 31) * 1000;
		size_args(b[11], arg.bytes, sizeof(arg.pager));
		if (ioctl(p->space, LMAP_PAGER_CREATE, &arg))
			break;
		CHECK(p, arg.pager.out_fd >= 0, call);
		close(p->pager);
		p->pager = arg.pager.out_fd;
		return fcntl(p->pager, F_SETFL, O_NONBLOCK);
	case 2:
		arg.refuse.offset = b[5] >= 0xf0 ? extreme(b[5]) :
				    (b[5] & 31) * PG;
		arg.refuse.length = length(b[4]);
		arg.refuse.reserved = b[2] == 0xff;
		size_args(b[11], arg.bytes, sizeof(arg.refuse));
		if (ioctl(p->pager, LMAP_REFUSE, &arg))
			break;
		return 0;
	default:
		ret = read(p->pager, &f, sizeof(f));
		CHECK(p, ret != sizeof(f) || (f.access && !(f.offset % PG)),
		      call);
		return ret < 0 ? -errno : 0;
	}
	CHECK(p, documented(errno), call);
	return -errno;
}

/* Any number with any bytes: no process may be the worse for it. */
static int do_raw(struct proc *p, const unsigned char *b, int call)
{
	union arg arg = {};
	unsigned long cmd = b[1] & 0x80 ? _IO(LMAP_IOC_TYPE, b[1] & 15) :
			    _IOC(b[1] & 3, LMAP_IOC_TYPE, b[1] & 15, b[2]);
	void *at = b[3] & 1 ? (void *)(uintptr_t)place(b[4]) : &arg;

	for (int i = 0; i < 64; i++)
		arg.bytes[i] = b[4 + i % 8];
	if (b[3] & 2)
		size_args(b[11], arg.bytes, 64);
	if (!ioctl(p->space, cmd, at))
		return 0;
	CHECK(p, errno == ENOTTY || documented(errno), call);
	return -errno;
}

static int do_access(struct proc *p, enum fuzz_verb what, const unsigned char *b)
{
	char *at = (char *)(uintptr_t)place(b[3]);
	off_t offset = (b[3] & 31) * PG + b[4] * 8;
	char data[PG + 64];
	size_t n = b[5] & 1 ? sizeof(data) : 8;
	ssize_t ret;

	memset(data, 0, sizeof(data));
	switch (what) {
	case READ:
		return peek(at);
	case WRITE:
		return poke(at, 0xee);
	case PREAD:
		ret = pread(fd_of(p, b[8] & 3), data, n, offset);
		break;
	default:
		memset(data, 0xee, sizeof(data));
		ret = pwrite(fd_of(p, b[8] & 3), data, n, offset);
		break;
	}
	return ret < 0 ? -errno : ret;
}

/* An area without READ_ONLY; [*at, *at + *n) lies in it. */
static void own_part(const unsigned char *b, char **at, size_t *n)
{
	static const enum area areas[] = { PRIVATE, SHARED, VIEW, VIEW + 1 };
	size_t first = b[3] % AREA_PAGES;

	*at = AREA(areas[(b[3] >> 4) & 3]) + first * PG;
	*n = 1 + b[4] % (AREA_PAGES - first);
}

static void *area_map(struct proc *p, char *at, size_t pages, int prot)
{
	int window = (at - (char *)BASE) / AREA_SPACE - VIEW;
	off_t offset = (at - (char *)BASE) % AREA_SPACE;

	if (window >= 0)
		return mmap(at, pages * PG, prot, MAP_SHARED | MAP_FIXED,
			    p->windows[window], offset);
	return mmap(at, pages * PG, prot, (at < AREA(SHARED) ? MAP_PRIVATE :
		    MAP_SHARED) | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static int do_fork(void)
{
	pid_t pid = fork();

	if (!pid) {
		for (size_t i = 0; i < AREA_PAGES; i++)
			poke(AREA(PRIVATE) + i * PG, 0xcc);
		for (size_t i = 0; i < AREA_PAGES; i++)
			if (peek(AREA(VIEW) + i * PG) >= 0)
				_exit(1);
		_exit(0);
	}
	int st;

	return pid < 0 || waitpid(pid, &st, 0) != pid ? -errno : st;
}

static int do_memory(struct proc *p, enum fuzz_verb what, const unsigned char *b,
		     int call)
{
	static const int advice[] = { MADV_DONTNEED, MADV_PAGEOUT,
		MADV_WILLNEED, MADV_REMOVE, MADV_DOFORK, MADV_FREE,
		MADV_MERGEABLE, MADV_POPULATE_WRITE };
	char *at;
	size_t n;
	int ret = 0, *fd;

	own_part(b, &at, &n);
	switch (what) {
	case MUNMAP:
		ret = munmap(at, n * PG);
		break;
	case MMAP:
		ret = area_map(p, at, n, b[5] & 7) == MAP_FAILED ? -1 : 0;
		break;
	case MPROTECT:
		ret = mprotect(at, n * PG, b[5] & 7);
		break;
	case MADVISE:
		ret = madvise(at, n * PG, advice[b[5] & 7]);
		break;
	case FORK:
		ret = do_fork();
		CHECK(p, ret <= 0, call);
		break;
	default:
		fd = b[8] & 4 ? &p->space : &p->windows[b[8] & 3];
		if (b[8] & 0x10 || *fd < 0)
			break;
		ret = close(*fd);
		*fd = -1;
		break;
	}
	return ret ? -errno : 0;
}

static int do_call(struct proc *p, const unsigned char *b, int call)
{
	enum fuzz_verb verb = (b[0] & 0x3f) % VERBS;

	if (verb <= CREATE)
		return do_ioctl(p, verb, b, call);
	if (verb == RAW)
		return do_raw(p, b, call);
	if (verb <= PWRITE)
		return do_access(p, verb, b);
	if (verb == PAGER)
		return do_pager(p, b, call);
	return do_memory(p, verb, b, call);
}

static void tell_call(struct proc *p, const unsigned char *b, int call, int ret)
{
	static const char * const verbs[] = {
		"map", "grant", "copy", "unmap", "status", "reserve", "sync",
		"info", "create", "raw", "read", "write", "pread", "pwrite",
		"munmap", "mmap", "mprotect", "madvise", "fork", "close", "pager"
	};

	printf("#   %2d process %d%s: %s", call, p->who,
	       b[0] & 0x40 ? " (overlaps)" : "", verbs[(b[0] & 0x3f) % VERBS]);
	for (int i = 1; i < FUZZ_BYTES; i++)
		printf(" %02x", b[i]);
	printf(" = %d\n", ret);
	fflush(stdout);
}

/* The two processes. */

static void setup(struct proc *p)
{
	for (int a = 0; a < VIEW; a++) {
		area_map(p, AREA(a), AREA_PAGES, PROT_READ | PROT_WRITE);
		fill(AREA(a), AREA_PAGES);
	}
	mprotect(AREA(READ_ONLY), AREA_PAGES * PG, PROT_READ);
	p->pager = -1;
	p->space = space_open();
	p->kept = fcntl(p->space, F_DUPFD_CLOEXEC, 0);
	for (int i = 0; i < WINDOWS; i++) {
		p->windows[i] = window_create(p->space, AREA_PAGES * PG, ALL);
		area_map(p, AREA(VIEW + i), AREA_PAGES, PROT_READ |
			 (i ? PROT_EXEC : PROT_WRITE));
		send_fd(p->sock, p->windows[i]);
	}
	send_fd(p->sock, p->space);
	for (int i = 0; i < WINDOWS; i++)
		p->windows[WINDOWS + i] = recv_fd(p->sock);
	p->other_space = recv_fd(p->sock);
	CHECK(p, p->other_space >= 0 && p->windows[2] >= 0, -1);
}

/* Both have done all their calls; @call is no call any more. */
static void afterwards(struct proc *p)
{
	int call = FUZZ_CALLS, value;

	for (size_t i = 0; i < AREA_PAGES; i++) {
		value = peek(AREA(READ_ONLY) + i * PG);
		/* granted: gone */
		CHECK(p, value == i + 1 || value == NO_VMA, call);
	}
	CHECK(p, !unmap_fpage(p->kept, LMAP_WHOLE, LMAP_SELF), call);
	pthread_barrier_wait(&p->run->both);
	CHECK(p, !info(p->kept).out_mappings, call);
	tiles_gone(p->kept);
	for (int v = 0; v < WINDOWS; v++)
		for (size_t i = 0; i < AREA_PAGES; i++)
			CHECK(p, peek(AREA(VIEW + v) + i * PG) < 0, call);
	pthread_barrier_wait(&p->run->both);
}

static void process(struct proc *p, const struct fuzz_program *program)
{
	struct run *run = p->run;

	/* Without privileges: else no quota would bound what is asked for. */
	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	catch_faults();
	setup(p);
	pthread_barrier_wait(&run->both);
	if (fuzz_started)
		fuzz_started(p->who);
	for (unsigned int i = 0; i < program->calls; i++) {
		const unsigned char *b = program->bytes[i];
		int ret;

		if (b[0] >> 7 != p->who)
			continue;
		while (sem_wait(&run->turn[i]))
			;
		if (b[0] & 0x40)
			sem_post(&run->turn[i + 1]);
		ret = do_call(p, b, i);
		if (fuzz_tell)
			tell_call(p, b, i, ret);
		if (!(b[0] & 0x40))
			sem_post(&run->turn[i + 1]);
	}
	pthread_barrier_wait(&run->both);
	afterwards(p);
	_exit(0);
}

static struct run *new_run(void)
{
	static struct run *run;
	pthread_barrierattr_t attr;

	if (!run)
		run = shared_memory((sizeof(*run) + PG - 1) & -PG);
	memset(run, 0, sizeof(*run));
	for (int i = 0; i <= FUZZ_CALLS; i++)
		sem_init(&run->turn[i], 1, !i);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&run->both, &attr, 2);
	return run;
}

const char *fuzz_run(const struct fuzz_program *program)
{
	struct run *run = new_run();
	int socks[2], st;
	pid_t pids[2], pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return "no socketpair";
	fflush(stdout);
	for (int who = 0; who < 2; who++) {
		struct proc p = { .run = run, .who = who, .sock = socks[who] };

		pids[who] = fork();
		if (!pids[who]) {
			close(socks[!who]);
			process(&p, program);
		}
	}
	close(socks[0]);
	close(socks[1]);
	for (int i = 0; i < 2; i++) {
		pid = waitpid(-1, &st, 0);
		if (!st)
			continue;
		/* The other one would wait for ever. */
		kill(pids[pid == pids[0]], SIGKILL);
		if (!run->bad_line++)
			snprintf(run->bad, sizeof(run->bad),
				 "process %d ended with status %x",
				 pid == pids[1], st);
	}
	return run->bad_line ? run->bad : NULL;
}

/* Text. */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ?
	       c - 'a' + 10 : -1;
}

const char *fuzz_parse(struct fuzz_program *p, const char *text,
		       const char *end)
{
	unsigned char *to = p->bytes[0];

	memset(p, 0, sizeof(*p));
	while (text < end && digit(*text) < 0) {
		while (text < end && *text != '\n')	/* a comment */
			text++;
		text++;
	}
	if (text >= end)
		return NULL;
	for (; end - text > 1 && digit(text[0]) >= 0 && digit(text[1]) >= 0 &&
	     to < p->bytes[FUZZ_CALLS]; text += 2)
		*to++ = digit(text[0]) << 4 | digit(text[1]);
	p->calls = (to - p->bytes[0]) / FUZZ_BYTES;
	while (text < end && *text != '\n')
		text++;
	return text;
}

void fuzz_print(const char *what, const struct fuzz_program *p)
{
	printf("%s", what);
	for (unsigned int i = 0; i < p->calls; i++)
		for (int j = 0; j < FUZZ_BYTES; j++)
			printf("%02x", p->bytes[i][j]);
	printf("\n");
	fflush(stdout);
}

/* Making up. */

static void random_call(unsigned char *b, unsigned int *state)
{
	for (int i = 0; i < FUZZ_BYTES; i++)
		b[i] = next_random(state);
	/* Most shall get through: no odd sizes, flags, descriptors. */
	if (next_random(state) % 8) {
		b[11] &= 0x1f;
		b[2] &= 7;
		b[8] &= 3;
		b[3] %= AREAS << 5;
	}
	if (next_random(state) % 4) {
		b[1] |= LMAP_RANGE;
		b[1] &= ~(next_random(state) & 0xf4);
		b[4] &= 0x1f;
		b[5] &= 0x0f;
		b[7] |= LMAP_R;
	}
	if (next_random(state) % 8)
		b[0] &= ~0x40;
}

void fuzz_random(struct fuzz_program *p, unsigned int *state)
{
	memset(p, 0, sizeof(*p));
	p->calls = 1 + next_random(state) % FUZZ_CALLS;
	for (unsigned int i = 0; i < p->calls; i++)
		random_call(p->bytes[i], state);
}

static void insert_calls(struct fuzz_program *p, const void *calls,
			 unsigned int n, unsigned int at)
{
	if (n > FUZZ_CALLS - p->calls)
		n = FUZZ_CALLS - p->calls;
	memmove(p->bytes[at + n], p->bytes[at], (p->calls - at) * FUZZ_BYTES);
	memcpy(p->bytes[at], calls, n * FUZZ_BYTES);
	p->calls += n;
}

void fuzz_mutate(struct fuzz_program *p, const struct fuzz_program *other,
		 unsigned int *state)
{
	unsigned char fresh[FUZZ_BYTES];

	if (!p->calls || !other->calls) {
		fuzz_random(p, state);
		return;
	}
	for (unsigned int times = 1 + next_random(state) % 3; times; times--) {
		unsigned int at = next_random(state) % (p->calls + 1);
		unsigned int from = next_random(state) % other->calls;

		switch (next_random(state) % 5) {
		case 0:
			random_call(fresh, state);
			insert_calls(p, fresh, 1, at);
			break;
		case 1:
			insert_calls(p, other->bytes[from], 1 + next_random(state) %
				     (other->calls - from), at);
			break;
		case 2:
			if (p->calls < 2 || at == p->calls)
				break;
			p->calls--;
			memmove(p->bytes[at], p->bytes[at + 1],
				(p->calls - at) * FUZZ_BYTES);
			break;
		default:
			if (at < p->calls)
				p->bytes[at][next_random(state) % FUZZ_BYTES] =
					next_random(state);
			break;
		}
	}
}
