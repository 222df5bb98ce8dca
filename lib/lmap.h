/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblmap - lend ranges of a process' own memory to other processes and take
 * them back.
 *
 * Thin: one call is one ioctl of <linux/lmap.h>, whose comments are the
 * reference for what happens; the table of errors stands there too, and here
 * only what is particular to a call. Calls with a monitor talk to the netlink
 * family that <linux/lmap_netlink.h> has the numbers of. A function or a
 * structure member must never change its meaning once released.
 *
 * What holds for every call. File descriptors are plain ints. The result is
 * >= 0 or -errno, and errno is left alone (lmap_window_mmap() and
 * lmap_monitor_open(), which return pointers, are the exceptions). There is no
 * hidden state: any thread may call anything at any time, but one monitor is
 * for one thread at a time. A space may be used only by tasks of the address space that opened it,
 * -EPERM for others, also after fork. Sizes, lengths and offsets are bytes and
 * multiples of the page size. The model is that of the L4 microkernels: map,
 * grant, copy and unmap of flexpages as in L4 X.2 and Fiasco, windows instead
 * of IPC.
 *
 * Structures begin with their size, which the caller sets: an older program
 * works with a newer library and the other way round. Those that the library
 * hands to a callback begin with the size that it knows: members behind that
 * came later, and are not there. In C++ the functions lmap_map, lmap_unmap,
 * lmap_status, lmap_reserve, lmap_sync, lmap_info and lmap_stats hide the
 * structures of the same names: write "struct lmap_info".
 */
#ifndef LMAP_H
#define LMAP_H

#include <stddef.h>
#include <stdint.h>

#include <linux/lmap.h>
#include <linux/lmap_netlink.h>

#ifdef __cplusplus
/* The hidden names are meant, see above: no warning in the user's program. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
extern "C" {
#endif

/**
 * typedef lmap_fpage_t - a flexpage: 2^order bytes at a base aligned to that,
 * and rights, in one word
 *
 * The layout is that of L4 X.2. LMAP_WHOLE is everything with all rights;
 * LMAP_NIL is no flexpage, no call accepts it.
 */
typedef uint64_t lmap_fpage_t;

/**
 * lmap_fpage - flexpage of the caller's memory
 * @base: first byte, a multiple of 2^@order
 * @order: log2 of the size, at least that of a page
 * @rights: LMAP_R and so on
 *
 * Return: the flexpage; LMAP_NIL if it would be malformed.
 */
lmap_fpage_t lmap_fpage(const void *base, unsigned int order,
			unsigned int rights);

/**
 * lmap_fpage_at - flexpage inside a window
 * @offset: first byte, from the start of the window
 * @order: log2 of the size
 * @rights: LMAP_R and so on
 *
 * Return: as lmap_fpage().
 */
lmap_fpage_t lmap_fpage_at(uint64_t offset, unsigned int order,
			   unsigned int rights);

/**
 * lmap_open - make the calling process a space
 * @flags: 0
 *
 * Closing the last copy of the descriptor, exec and exit revoke everything
 * that was lent through it. Other processes can't use the descriptor, but one
 * that inherits it by fork keeps it open: fork first, or close it there.
 *
 * Return: space descriptor (close-on-exec); -ENOENT without the module,
 * -EOPNOTSUPP for unknown flags, -EINTR if a signal came, -EMFILE, -ENOMEM.
 */
int lmap_open(unsigned int flags);

/**
 * lmap_window - make a receive window
 * @space: of the caller
 * @size: bytes, a multiple of the page size
 * @rights: the most that can be mapped into it; without LMAP_R, which LMAP_W
 *	    and LMAP_X imply, it would be of no use
 * @flags: 0
 *
 * Whoever holds the descriptor may map into the window: making and passing it
 * is the consent.
 *
 * Return: window descriptor (close-on-exec), to be passed to lenders; -EINVAL
 * for a size or rights of no use, -EOPNOTSUPP for unknown flags or rights,
 * -EMFILE, -ENOMEM.
 */
int lmap_window(int space, size_t size, unsigned int rights,
		unsigned int flags);

/**
 * lmap_window_mmap - show a window in the caller's address space
 * @window: of the caller
 * @size: bytes from its start
 * @prot: as of mmap(); PROT_EXEC shows only pages with the right x
 *
 * Only the address space that made the window can do that. munmap() ends it.
 * What is not mapped there raises SIGBUS, what lacks a right SIGSEGV; pread()
 * and pwrite() on the descriptor do the same work and raise none.
 *
 * Return: address, aligned for large entries if it is large enough; MAP_FAILED
 * and errno (EPERM: made by another process; EINVAL: larger than the window).
 */
void *lmap_window_mmap(int window, size_t size, int prot);

/**
 * lmap_pager - give a window a pager: faults in it wait for an answer
 * @space: of the caller
 * @window: made through @space
 * @timeout_ns: how long at least; 0: for ever
 * @flags: 0
 *
 * Pass the descriptor on (lmap_send_fd()) and close it here. Whoever has it
 * reads faults and maps what is missing, or refuses. See lmap_pager(3).
 *
 * Return: pager descriptor (close-on-exec); -EBUSY if the window has a pager,
 * -EPERM if it is not of this space.
 */
int lmap_pager(int space, int window, uint64_t timeout_ns, unsigned int flags);

/**
 * lmap_pager_read - wait for faults, and take those that there are
 * @pager: descriptor
 * @faults: result
 * @max: how many of them, at least 1
 *
 * Return: how many; 0 if the window is gone and no more will come; -EAGAIN if
 * there is none now and the descriptor is O_NONBLOCK, -EINTR.
 */
int lmap_pager_read(int pager, struct lmap_fault *faults, unsigned int max);

/* Who waits for a page of the range gets SIGBUS. Return: how many did. */
int lmap_pager_refuse(int pager, uint64_t offset, size_t size);

/**
 * lmap_send_fd - pass a window or a pager to another process, with one byte
 * @sock: connected AF_UNIX socket
 * @window: descriptor, of whatever kind
 *
 * Return: 0; -EPIPE without a peer (no signal is raised), -EAGAIN as of
 * sendmsg(), -EBADF and so on.
 */
int lmap_send_fd(int sock, int window);

/**
 * lmap_recv_fd - receive a descriptor sent with lmap_send_fd()
 * @sock: connected AF_UNIX socket
 *
 * Whether it is a window, the first lmap_map() tells (-EBADFD).
 *
 * Return: descriptor (close-on-exec); -EPIPE at the end; -EPROTO if there was
 * data without a descriptor or with several, which are closed; -EMFILE.
 */
int lmap_recv_fd(int sock);

/**
 * struct lmap_map_opts - how to map, grant or copy; zero is the default of
 * everything
 * @size: sizeof(struct lmap_map_opts)
 * @flags: LMAP_POPULATE, LMAP_NOREPLACE, LMAP_LIMIT_DEPTH, LMAP_LIMIT_BUDGET;
 *	   LMAP_TRACK and LMAP_PIN to map, LMAP_FLUSH to copy
 * @send_base: hot spot of flexpages of different size; 0 with ranges
 * @depth: how many further levels may hang below; counts with
 *	   LMAP_LIMIT_DEPTH, which a number other than 0 implies
 * @budget: how many mappings there may be at a time, the new one and all that
 *	    derives from it; implies LMAP_LIMIT_BUDGET unless it is 0
 *
 * A granted mapping keeps the limits that it has: no depth, no budget.
 */
struct lmap_map_opts {
	uint32_t size;
	uint32_t flags;
	uint64_t send_base;
	uint32_t depth;
	uint32_t budget;
};

/**
 * struct lmap_map_result - what was mapped, granted or copied
 * @size: sizeof(struct lmap_map_result), set by the caller
 * @rights: that every piece got
 * @fpage: where it landed, with effective rights; nil for ranges
 * @bytes: how much
 * @node_id: number of the (first) mapping
 * @mappings: how many mappings were made or extended
 * @reserved: 0
 */
struct lmap_map_result {
	uint32_t size;
	uint32_t rights;
	lmap_fpage_t fpage;
	uint64_t bytes;
	uint64_t node_id;
	uint32_t mappings;
	uint32_t reserved;
};

/**
 * lmap_map - lend a flexpage
 * @space: of the caller
 * @snd: send flexpage with the rights asked
 * @window: target
 * @rcv: receive flexpage; its rights do not count
 * @opts: may be NULL
 * @out: may be NULL
 *
 * Of two flexpages of different size the part of the larger is meant that has
 * the size of the smaller and contains the send base. Rights that are not held
 * are left out silently; @out tells which were given. The caller keeps his own
 * access, and lmap_unmap() takes back what he gave.
 *
 * Return: 0; -EACCES if no right is left, -EFAULT if all is hole, -EMLINK,
 * -EDQUOT, -ELOOP, -EEXIST, -ENOSPC, -ENXIO, -EBADFD, -EOPNOTSUPP, -EINVAL as
 * in the table: nothing was changed. -ESTALE, -EINTR, -ENXIO: the target may
 * have been emptied. -E2BIG: @opts says something that this library does not
 * know.
 */
int lmap_map(int space, lmap_fpage_t snd, int window, lmap_fpage_t rcv,
	     const struct lmap_map_opts *opts, struct lmap_map_result *out);

/**
 * lmap_map_range - lend any range of whole pages
 * @space: of the caller
 * @addr: first byte
 * @len: bytes
 * @rights: asked
 * @window: target
 * @offset: first byte in the window
 * @opts: may be NULL
 * @out: may be NULL
 *
 * One call of the kernel (LMAP_RANGE), all or nothing. A sequence of the
 * fewest flexpages that cover the range would take several, and somebody could
 * see the middle of it.
 *
 * Return: as lmap_map(); -EINVAL also if something is not whole pages.
 */
int lmap_map_range(int space, const void *addr, size_t len,
		   unsigned int rights, int window, uint64_t offset,
		   const struct lmap_map_opts *opts,
		   struct lmap_map_result *out);

/**
 * lmap_grant - hand a flexpage over: map, and lose it
 * @space: of the caller
 * @snd: send flexpage with the rights asked
 * @window: target
 * @rcv: receive flexpage; its rights do not count
 * @opts: may be NULL
 * @out: may be NULL
 *
 * Mappings in windows of the caller move: they keep what derives from them, and
 * their parent, who can take them back; the caller can't. Private anonymous
 * memory of his own is unmapped from him and belongs to the holder of the new
 * mapping; its pages count as locked memory of the caller until it is gone.
 * No other thread may change that range during the call.
 *
 * Return: as lmap_map(); -EOPNOTSUPP also for ordinary memory of another kind,
 * LMAP_TRACK and LMAP_PIN, -EDQUOT also if RLIMIT_MEMLOCK is used up, -EINVAL
 * also for a depth and a budget.
 */
int lmap_grant(int space, lmap_fpage_t snd, int window, lmap_fpage_t rcv,
	       const struct lmap_map_opts *opts, struct lmap_map_result *out);

/**
 * lmap_grant_range - hand any range of whole pages over
 * @space: of the caller
 * @addr: first byte
 * @len: bytes
 * @rights: asked
 * @window: target
 * @offset: first byte in the window
 * @opts: may be NULL
 * @out: may be NULL
 *
 * One call of the kernel (LMAP_RANGE), as lmap_map_range().
 *
 * Return: as lmap_grant().
 */
int lmap_grant_range(int space, const void *addr, size_t len,
		     unsigned int rights, int window, uint64_t offset,
		     const struct lmap_map_opts *opts,
		     struct lmap_map_result *out);

/**
 * lmap_copy - give a flexpage to somebody as an equal
 * @space: of the caller
 * @snd: send flexpage with the rights asked
 * @window: target
 * @rcv: receive flexpage; its rights do not count
 * @opts: may be NULL; with LMAP_FLUSH it is lmap_grant()
 * @out: may be NULL
 *
 * The new mapping becomes a sibling of the caller's: their parent can take it
 * back, the caller can't. Pages of private anonymous memory are shared by both
 * from now on: the holder of the new mapping keeps them, and they count as
 * locked memory of the caller until it is gone. No other thread may change
 * that range during the call.
 *
 * Return: as lmap_map(); -EOPNOTSUPP also for ordinary memory of another kind,
 * LMAP_TRACK and LMAP_PIN, -EDQUOT also if RLIMIT_MEMLOCK is used up or the
 * source was given a budget: its sibling would not be bound by it.
 */
int lmap_copy(int space, lmap_fpage_t snd, int window, lmap_fpage_t rcv,
	      const struct lmap_map_opts *opts, struct lmap_map_result *out);

/**
 * lmap_copy_range - give any range of whole pages to somebody as an equal
 * @space: of the caller
 * @addr: first byte
 * @len: bytes
 * @rights: asked
 * @window: target
 * @offset: first byte in the window
 * @opts: may be NULL
 * @out: may be NULL
 *
 * One call of the kernel (LMAP_RANGE), as lmap_map_range().
 *
 * Return: as lmap_copy().
 */
int lmap_copy_range(int space, const void *addr, size_t len,
		    unsigned int rights, int window, uint64_t offset,
		    const struct lmap_map_opts *opts,
		    struct lmap_map_result *out);

/**
 * struct lmap_unmap_result - what was revoked
 * @size: sizeof(struct lmap_unmap_result), set by the caller
 * @flags: LMAP_OVERREVOKED
 * @mappings: mappings that lost something
 * @pages: pages that they lost, each mapping by itself
 * @refbits: LMAP_ACCESSED and LMAP_MODIFIED of all that was touched, as
 *	     lmap_status() would have told before
 * @reserved: 0
 */
struct lmap_unmap_result {
	uint32_t size;
	uint32_t flags;
	uint64_t mappings;
	uint64_t pages;
	uint32_t refbits;
	uint32_t reserved;
};

/**
 * lmap_unmap - take rights back from everybody below
 * @space: of the caller
 * @fp: flexpage with the rights to take, or LMAP_WHOLE
 * @flags: LMAP_SELF, LMAP_ONLY, LMAP_RESET
 * @only_window: with LMAP_ONLY: only what lies there; does not count otherwise
 * @out: may be NULL
 *
 * Taking LMAP_R removes the mappings there, taking others leaves the rest,
 * taking none changes nothing. When it returns 0 nobody has the rights any
 * more. With LMAP_RESET the reference bits that are told are cleared for the
 * caller.
 *
 * Return: 0, also if there was nothing; -EINTR: a part is done, repeat it.
 * -EINVAL, -EOPNOTSUPP, -EPERM, -EBADF, -EBADFD: nothing was changed.
 */
int lmap_unmap(int space, lmap_fpage_t fp, unsigned int flags,
	       int only_window, struct lmap_unmap_result *out);

/**
 * lmap_unmap_range - the same for any range of whole pages
 * @space: of the caller
 * @addr: first byte
 * @len: bytes
 * @rights: to take
 * @flags: LMAP_SELF, LMAP_RESET
 * @out: may be NULL
 *
 * One call of the kernel (LMAP_RANGE), as lmap_map_range().
 *
 * Return: as lmap_unmap().
 */
int lmap_unmap_range(int space, const void *addr, size_t len,
		     unsigned int rights, unsigned int flags,
		     struct lmap_unmap_result *out);

/**
 * lmap_status - how lent memory was used: reference bits
 * @space: of the caller
 * @addr: first byte
 * @len: bytes
 * @flags: LMAP_RESET clears what is told, for the caller alone
 * @per_page: NULL, or a byte for each page: LMAP_ACCESSED, LMAP_MODIFIED
 * @refbits: may be NULL; the same of all pages together
 *
 * What counts is use through mappings that derive from the range and, where
 * windows of the caller are mmapped there, through those; not what the caller
 * does with his ordinary memory. Exact for each page of mappings made with
 * LMAP_TRACK; of others that were used all pages are told. No use is ever left
 * out: whoever the memory came through is told each one until a reset of his
 * own.
 *
 * Return: 0; -EINVAL if something is not whole pages, -EFAULT if @per_page is
 * not writable, -EOPNOTSUPP, -EOVERFLOW, -ENOMEM: nothing was cleared. -EINTR:
 * what was told before the signal may be cleared.
 */
int lmap_status(int space, const void *addr, size_t len, unsigned int flags,
		uint8_t *per_page, unsigned int *refbits);

/**
 * lmap_reserve - set mappings aside, so that later calls can't lack memory
 * @space: of the caller
 * @nodes: how many there shall be in reserve; 0 gives them back
 *
 * Each mapping that is made, and each one that must be cut, takes one when
 * there is no other memory. They count against the quota of mappings.
 *
 * Return: 0; -ENOMEM, -EDQUOT: the reserve is as it was.
 */
int lmap_reserve(int space, unsigned int nodes);

/**
 * lmap_sync - wait until borrowers see what was discarded
 * @space: of the caller
 *
 * MADV_DONTNEED, hole punching and truncation reach borrowers asynchronously;
 * munmap, mremap, mprotect, exec, exit and lmap_unmap() need no such call.
 *
 * Return: 0 or -errno.
 */
int lmap_sync(int space);

/**
 * lmap_info - what exists
 * @space: of the caller
 * @out: result; its size is set by the caller
 *
 * Return: 0; -EINVAL if @out is too short.
 */
int lmap_info(int space, struct lmap_info *out);

/*
 * A socket that hears of windows and spaces, and asks what there is. For one
 * thread at a time. After fork parent and child share it: one of them leaves
 * it alone, or closes it.
 */
struct lmap_monitor;

/**
 * lmap_monitor_open - make a monitor, which hears of nothing yet
 *
 * Return: the monitor; NULL and errno. ENOENT without the module, also if one
 * is loaded that knows no events; EPROTONOSUPPORT if the kernel has no generic
 * netlink; EMFILE, ENOMEM.
 */
struct lmap_monitor *lmap_monitor_open(void);

/* Ends it: one hears of nothing any more. NULL is allowed. */
void lmap_monitor_close(struct lmap_monitor *m);

/**
 * lmap_monitor_add - hear of what a window or a space loses
 * @m: monitor
 * @window_or_space: descriptor; holding it is the permission, and it may be
 *		     closed afterwards
 *
 * Of a window: what it, and mappings that derive from it, lose. Of a space:
 * what all mappings lose that derive from its memory. Ends with the object,
 * which is told by an event LMAP_EVENT_CLOSED.
 *
 * Return: 0; -EBADF, -EBADFD: no descriptor, or of something else; -ENXIO: the
 * process that owns the window is gone; -EDQUOT: too many hear of it already;
 * -ENOMEM; -ENOENT: the module has gone, also if it was loaded again. -ENOBUFS:
 * so many events came that the answer was lost; it may be done, repeat it.
 */
int lmap_monitor_add(struct lmap_monitor *m, int window_or_space);

/**
 * struct lmap_watched - what a monitor hears of; one number is 0
 * @size: sizeof(struct lmap_watched), set by the caller
 * @reserved: 0
 * @window: number of the window
 * @space: number of the space
 */
struct lmap_watched {
	uint32_t size;
	uint32_t reserved;
	uint64_t window;
	uint64_t space;
};

/**
 * lmap_monitor_add_flags - the same, and choose what to hear
 * @m: monitor
 * @window_or_space: descriptor
 * @flags: LMAP_WATCH_GAINS: also what is mapped
 * @out: may be NULL; the number by which events and dumps call it
 *
 * Done again for the same object it changes what is told.
 *
 * Return: as lmap_monitor_add(); -EOPNOTSUPP for unknown flags.
 */
int lmap_monitor_add_flags(struct lmap_monitor *m, int window_or_space,
			   unsigned int flags, struct lmap_watched *out);

/**
 * lmap_monitor_remove - hear of a window or a space no more
 * @m: monitor
 * @what: as lmap_monitor_add_flags() told; @what->reserved is 0
 *
 * What is queued already comes all the same.
 *
 * Return: 0; -EINVAL unless one of the numbers is 0 and the other is not,
 * -ENOENT if the monitor doesn't hear of that, -ENOBUFS as lmap_monitor_add().
 */
int lmap_monitor_remove(struct lmap_monitor *m,
			const struct lmap_watched *what);

/**
 * lmap_monitor_all - hear of everything, gains too
 * @m: monitor
 *
 * Such events are sent in the first network namespace only.
 *
 * Return: 0; -EPERM without CAP_NET_ADMIN (CAP_SYS_ADMIN before Linux 6.7),
 * -ENOENT if the module has gone.
 */
int lmap_monitor_all(struct lmap_monitor *m);

/**
 * lmap_monitor_fd - for poll, select, epoll
 * @m: monitor
 *
 * Readable if lmap_monitor_next() would not wait, or, now and then, if it would
 * (use timeout 0). It is the monitor's: neither read nor close it.
 *
 * Return: descriptor.
 */
int lmap_monitor_fd(struct lmap_monitor *m);

/* What happened; a newer library may know more. */
#define LMAP_EVENT_REVOKED	1
#define LMAP_EVENT_MAPPED	2
#define LMAP_EVENT_CLOSED	3

/**
 * struct lmap_event - a part of a window lost or gained rights, or an object
 * is gone
 * @size: sizeof(struct lmap_event), set by the caller
 * @type: LMAP_EVENT_REVOKED, LMAP_EVENT_MAPPED, LMAP_EVENT_CLOSED
 * @seq: number of the message, counted for each monitor from 1; counted for the
 *	 machine if it came by lmap_monitor_all()
 * @window: number of the window, never reused; 0 if a space was closed
 * @space: number of the space, if that was closed
 * @node: number of the mapping, of the first one if there are several
 * @offset: first byte in the window
 * @length: bytes
 * @generation: of the window's changes; a mapping in a dump whose generation
 *		is not lower knows of the event already
 * @rights_lost: that it had before
 * @rights_gained: that it had not before
 * @rights_left: that it has now
 * @reason: LMAP_REASON_UNMAP and so on, see lmap_reason_name()
 * @mappings: how many mappings it is about, all or a part of each
 * @pid: process that made the window or the space; 0 if it is not known here
 *
 * An event comes after access is gone and before the call that took it returns.
 */
struct lmap_event {
	uint32_t size;
	uint32_t type;
	uint64_t seq;
	uint64_t window;
	uint64_t space;
	uint64_t node;
	uint64_t offset;
	uint64_t length;
	uint64_t generation;
	uint32_t rights_lost;
	uint32_t rights_gained;
	uint32_t rights_left;
	uint32_t reason;
	uint32_t mappings;
	uint32_t pid;
};

/**
 * lmap_monitor_next - the next event
 * @m: monitor
 * @out: result; its size is set by the caller
 * @timeout_ms: how long to wait; 0: not at all, negative: for ever
 *
 * In the order in which they were sent. Events that came while something else
 * was asked were kept. Nobody waits for a reader: what does not fit into the
 * socket's buffer (net.core.rmem_max bounds it) is lost. Then lmap_dump() tells
 * what there is, and events go on.
 *
 * Return: 1; 0 if nothing came in time; -ENOBUFS once after a loss; -EINTR if a
 * signal came while it waited; -EINVAL if @out is NULL or its size too small.
 */
int lmap_monitor_next(struct lmap_monitor *m, struct lmap_event *out,
		      int timeout_ms);

/**
 * lmap_reason_name - what a reason is called
 * @reason: LMAP_REASON_UNMAP and so on
 *
 * Return: "unmap" and so on; "unknown" for one that is newer than this library.
 */
const char *lmap_reason_name(unsigned int reason);

/**
 * struct lmap_node - a mapping
 * @size: that the library knows
 * @rights: that it has now
 * @id: its number, never reused; if it was cut, all parts have the same
 * @parent: number of the mapping from which it derives; 0 if from a region
 * @region: number of the memory from which it derives in the end
 * @window: number of the window it lies in
 * @offset: first byte in the window
 * @length: bytes
 * @address: where it is in the lender's memory; 0 as @lender
 * @generation: of the window's changes, when it was read
 * @pid: process that made the window; 0 if it is not known here
 * @lender: process whose memory it is; 0 if nobody's, or nobody's business of
 *	    the caller
 * @flags: LMAP_NODE_FLAGS_DETACHED, LMAP_NODE_FLAGS_TRACKED,
 *	   LMAP_NODE_FLAGS_PINNED
 * @level: 1 = derives from a region
 * @depth: how many further levels may hang below
 * @budget: how many mappings there may be from here on; 0: no limit of its own
 * @spent: how much of the budget is taken
 * @reserved: 0
 */
struct lmap_node {
	uint32_t size;
	uint32_t rights;
	uint64_t id;
	uint64_t parent;
	uint64_t region;
	uint64_t window;
	uint64_t offset;
	uint64_t length;
	uint64_t address;
	uint64_t generation;
	uint32_t pid;
	uint32_t lender;
	uint32_t flags;
	uint32_t level;
	uint32_t depth;
	uint32_t budget;
	uint32_t spent;
	uint32_t reserved;
};

/**
 * typedef lmap_node_cb - is told a mapping
 * @node: valid during the call
 * @arg: of the caller
 *
 * It may call the library, with the same monitor too.
 *
 * Return: 0 to go on; anything else stops, and is what the dump returns.
 */
typedef int (*lmap_node_cb)(const struct lmap_node *node, void *arg);

/**
 * lmap_dump - the mappings that there are
 * @m: monitor
 * @cb: called for each one
 * @arg: for @cb
 *
 * Those in windows and from spaces that the monitor was told to hear of, and
 * what derives from them; with CAP_NET_ADMIN all. They are read completely
 * before @cb is called, which takes about 100 bytes for each. If something
 * changed meanwhile they are read anew, up to eight times.
 *
 * Return: 0, or what @cb returned. -EAGAIN: something changed every time; @cb
 * was told what was read the last time, of which a part may be older than the
 * rest: the generations say how old. -ENOMEM, -ENOBUFS, -EBUSY, -EINTR (a signal
 * came), -ENOENT (the module has gone): @cb was not called.
 */
int lmap_dump(struct lmap_monitor *m, lmap_node_cb cb, void *arg);

/**
 * lmap_dump_in - the mappings in one window, in the order of their offsets
 * @m: monitor
 * @window: its number
 * @cb: called for each one
 * @arg: for @cb
 *
 * Nothing is told of a window that is gone, or not for the caller to see.
 *
 * Return: as lmap_dump(); -EINVAL for the number 0.
 */
int lmap_dump_in(struct lmap_monitor *m, uint64_t window, lmap_node_cb cb,
		 void *arg);

/**
 * struct lmap_window_info - a window
 * @size: that the library knows
 * @rights: the most that can be mapped into it
 * @window: its number, never reused
 * @space: number of the space through which it was made
 * @length: bytes
 * @generation: counts what changes in it
 * @pid: process that made it; 0 if it is not known here
 * @reserved: 0
 */
struct lmap_window_info {
	uint32_t size;
	uint32_t rights;
	uint64_t window;
	uint64_t space;
	uint64_t length;
	uint64_t generation;
	uint32_t pid;
	uint32_t reserved;
};

/**
 * typedef lmap_window_cb - is told a window
 * @window: valid during the call
 * @arg: of the caller
 *
 * Return: as &lmap_node_cb.
 */
typedef int (*lmap_window_cb)(const struct lmap_window_info *window, void *arg);

/**
 * lmap_dump_windows - the windows that there are
 * @m: monitor
 * @cb: called for each one
 * @arg: for @cb
 *
 * Return: as lmap_dump().
 */
int lmap_dump_windows(struct lmap_monitor *m, lmap_window_cb cb, void *arg);

/**
 * struct lmap_stats - counters of the whole machine
 * @size: sizeof(struct lmap_stats), set by the caller
 * @reserved: 0
 * @spaces: that exist
 * @windows: that exist
 * @watches: that exist: objects that sockets hear of
 * @maps: mappings made or extended, since the module was loaded as all below
 * @revoked: mappings that lost rights
 * @zaps: how often page tables were zapped for that
 * @faults: page faults that set at least one entry
 * @pages: entries set
 * @pins: pages that were pinned
 * @events: messages sent
 * @lost: messages lost by who watches something; what those lose who hear of
 *	  everything is not known
 */
struct lmap_stats {
	uint32_t size;
	uint32_t reserved;
	uint64_t spaces;
	uint64_t windows;
	uint64_t watches;
	uint64_t maps;
	uint64_t revoked;
	uint64_t zaps;
	uint64_t faults;
	uint64_t pages;
	uint64_t pins;
	uint64_t events;
	uint64_t lost;
};

/**
 * lmap_stats - counters of the whole machine
 * @m: monitor
 * @out: result; its size is set by the caller
 *
 * Return: 0; -EPERM without CAP_NET_ADMIN, -EINVAL if @out is NULL or its size
 * too small, -ENOBUFS as lmap_monitor_add(), -ENOENT if the module has gone.
 */
int lmap_stats(struct lmap_monitor *m, struct lmap_stats *out);

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#endif /* LMAP_H */
