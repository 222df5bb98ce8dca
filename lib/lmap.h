/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblmap - lend ranges of a process' own memory to other processes and take
 * them back.
 *
 * Thin: one call is one ioctl of <linux/lmap.h>, whose comments are the
 * reference for what happens; the table of errors stands there too, and here
 * only what is particular to a call. A function or a structure member must
 * never change its meaning once released.
 *
 * What holds for every call. File descriptors are plain ints. The result is
 * >= 0 or -errno, and errno is left alone (lmap_window_mmap() is the one
 * exception). There is no hidden state: any thread may call anything at any
 * time. A space may be used only by tasks of the address space that opened it,
 * -EPERM for others, also after fork. Sizes, lengths and offsets are bytes and
 * multiples of the page size. The model is that of the L4 microkernels: map,
 * grant, copy and unmap of flexpages as in L4 X.2 and Fiasco, windows instead
 * of IPC.
 *
 * Structures begin with their size, which the caller sets: an older program
 * works with a newer library and the other way round. In C++ the functions
 * lmap_map, lmap_unmap, lmap_status, lmap_reserve, lmap_sync and lmap_info hide
 * the structures of <linux/lmap.h> of the same names: write "struct lmap_info".
 */
#ifndef LMAP_H
#define LMAP_H

#include <stddef.h>
#include <stdint.h>

#include <linux/lmap.h>

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
 * lmap_send_fd - pass a window to another process
 * @sock: connected AF_UNIX socket
 * @window: descriptor
 *
 * One byte of data goes with it. Interruptions by signals are gone through.
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

#ifdef __cplusplus
}
#pragma GCC diagnostic pop
#endif

#endif /* LMAP_H */
