/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kselftests of lmap share: ioctls, memory accesses that report the
 * signal they got, and a borrower process that does as it is told.
 *
 * The library is not used here on purpose: the interface of the kernel is what
 * is tested. Nothing here may sleep to wait for something.
 */
#ifndef LMAP_TEST_UTIL_H
#define LMAP_TEST_UTIL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/lmap.h>

/* A page, and the order of a flexpage of one: 4 KiB and 12, or larger. */
#define PG	((unsigned long)getpagesize())
#define PO	((unsigned int)__builtin_ctzl(PG))
#define PG_MAX	65536UL		/* the largest page of any architecture */
#define RX	(LMAP_R | LMAP_X)
#define RW	(LMAP_R | LMAP_W)
#define RWM	(LMAP_R | LMAP_W | LMAP_M)
#define ALL	LMAP_RIGHTS_ALL

/* How an access went: the byte read (or 0), or the signal and its code. */
struct outcome {
	int sig;
	int code;
	uint64_t addr;
	int value;
};

#define OC(sig, code)	(-((sig) * 1000 + (code)))
/* Nothing is mapped there; the right is missing. */
#define NOTHING		OC(SIGBUS, BUS_ADRERR)
#define NO_RIGHT	OC(SIGSEGV, SEGV_ACCERR)
#define NO_VMA		OC(SIGSEGV, SEGV_MAPERR)

/* Byte value, 0 after a write, or one of the above. */
int peek(const volatile void *p);
int poke(volatile void *p, int value);
int call(const volatile void *p);	/* executes code there */
/* Eight bytes at once: 0 or one of the above. */
int peek_word(const volatile void *p, uint64_t *value);
int poke_word(volatile void *p, uint64_t value);
struct outcome last_outcome(void);
void catch_faults(void);

/* Ioctls: 0 or -errno; results through pointers that may be NULL. */
int space_open(void);
int window_create(int space, size_t length, unsigned int rights);
void *window_mmap(int window, size_t length, int prot);
int map_range(int space, const void *addr, size_t length, unsigned int rights,
	      int window, uint64_t offset, unsigned int flags,
	      struct lmap_map *out);
int map_depth(int space, const void *addr, size_t length, unsigned int rights,
	      int window, uint64_t offset, unsigned int depth);
int map_fpage(int space, uint64_t snd, int window, uint64_t rcv,
	      uint64_t send_base, struct lmap_map *out);
int unmap_range(int space, const void *addr, size_t length,
		unsigned int rights, unsigned int flags,
		struct lmap_unmap *out);
int unmap_only(int space, const void *addr, size_t length, unsigned int rights,
	       int window, struct lmap_unmap *out);
int unmap_fpage(int space, uint64_t fpage, unsigned int flags);
int space_sync(int space);
struct lmap_info info(int space);
uint64_t fpage(const void *base, unsigned int order, unsigned int rights);
/*
 * Waits until no page is pinned: a worker unpins when the last mapping of a
 * region has gone, after the unmap. A pin that leaks makes the test time out.
 */
void tiles_gone(int space);

/* The caller's own page, as /proc/self/pagemap has it. */
#define PAGE_SWAPPED	(1ULL << 62)
#define PAGE_PRESENT	(1ULL << 63)
#define PAGE_FRAME	((1ULL << 55) - 1)
uint64_t pagemap(const volatile void *p);
/* Is the caller's own page where no page may be pinned for long (ZONE_MOVABLE)? */
bool in_movable(const volatile void *p);
/* How many this process has had, minor and major. */
long faults(void);

/* The size of an entry above page tables: 2 MiB with pages of 4 KiB. */
size_t huge_page(void);
/*
 * MADV_HWPOISON: 0, -errno, or what the kernel does to a process that has
 * written there: a signal.
 */
int poison(void *p, size_t length);

/* Memory: n pages, page i holds i + 1 in all bytes. */
void *memory(size_t pages);
void *memory_aligned(size_t pages, size_t align);
void fill(void *p, size_t pages);

/* A borrower: a process of its own with a window of its own. */
struct peer {
	pid_t pid;
	int sock;
	int window;		/* our copy of its window's fd */
	uint64_t base;		/* where it mmapped the window */
};

struct peer peer_start(size_t pages, int prot);
int peer_peek(struct peer *p, size_t offset);
int peer_poke(struct peer *p, size_t offset, int value);
struct outcome peer_outcome(struct peer *p);
/* Maps on: from its window to another process' window. */
int peer_map(struct peer *p, size_t offset, size_t length, unsigned int rights,
	     int window, uint64_t to);
int peer_unmap(struct peer *p, size_t offset, size_t length,
	       unsigned int rights, unsigned int flags);
/* Runs a function in the borrower: its result. */
int peer_run(struct peer *p, int (*fn)(struct peer *self, long arg), long arg);
void peer_stop(struct peer *p);
/* In the borrower: its own space. */
extern int peer_space;

int send_fd(int sock, int fd);
int recv_fd(int sock);
int slow(void);		/* factor by which this kernel is slow */
unsigned int seed(void);	/* LMAP_SEED, or a new one, which it prints */
bool write_file(const char *path, const char *text);
/* One of so many passes of a race point is delayed; false: there are none. */
bool race_delays(unsigned int one_in);

/* The calls that share struct lmap_map: LMAP_MAP, LMAP_GRANT, LMAP_COPY. */
int op_range(int space, unsigned long cmd, struct lmap_map *m);
long op(int space, unsigned long cmd, const void *addr, size_t length,
	unsigned int rights, int window, uint64_t offset, unsigned int flags);
int map_budget(int space, const void *addr, size_t length, unsigned int rights,
	       int window, uint64_t offset, unsigned int budget);
/* Reference bits or -errno; one byte for each page, if @pages is not NULL. */
int status(int space, const void *addr, size_t length, unsigned int flags,
	   unsigned char *pages);
int reserve(int space, unsigned int nodes, unsigned int *out);
/* The same by a borrower, of its window. */
int peer_op(struct peer *p, unsigned long cmd, size_t offset, size_t length,
	    unsigned int rights, int window, uint64_t to, unsigned int flags);
int peer_status(struct peer *p, size_t offset, size_t length,
		unsigned int flags, unsigned char *pages);

/*
 * Runs a function in a process of its own, as a user without capabilities: its
 * result, or minus the signal that ended it. NEED() in a process that a test has
 * started ends it if something is not so; the result is the line then, or 1.
 */
int as_user(uid_t uid, int (*fn)(void *arg), void *arg);
#define NEED(condition) need(condition, #condition, __LINE__)
void need(bool is_so, const char *what, int line);
void memlock_limit(unsigned long bytes);
/* Numbers in files, such as module parameters; -1 if there is no such file. */
#define MODULE_PARAM(name)	"/sys/module/lmap/parameters/" name
long read_value(const char *path);
bool write_value(const char *path, long value);
/* Pages that are pinned in the whole machine, by anybody; needs root. */
long pins(void);
/* Waits until there are no more than that: a leak makes the test time out. */
void pins_gone(long before);
void *shared_memory(size_t length);
/*
 * Private memory whose pages come with an answer to a userfaultfd, which is the
 * result; -1: there is no such thing. Until somebody waits for a page: its address.
 */
int stalling_memory(char **mem, size_t pages);
uint64_t wait_for_fault(int fd);
unsigned int next_random(unsigned int *state);

/* A TEST with a generous limit: debug kernels under emulation are slow. */
#ifndef LMAP_TEST_SECONDS
#define LMAP_TEST_SECONDS	1800
#endif
#define LMAP_TEST(group, name) TEST_F_TIMEOUT(group, name, LMAP_TEST_SECONDS)

#define FIXTURE_PLAIN(name) \
	FIXTURE(name) { int space; }; \
	FIXTURE_SETUP(name) \
	{ \
		catch_faults(); \
		self->space = space_open(); \
		ASSERT_GE(self->space, 0) \
			TH_LOG("open /dev/lmap: %s", strerror(-self->space)); \
	} \
	FIXTURE_TEARDOWN(name) { close(self->space); }

#endif /* LMAP_TEST_UTIL_H */
