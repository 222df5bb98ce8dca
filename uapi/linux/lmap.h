/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * lmap - lend ranges of a process' own memory to other processes and take
 * them back: the user interface.
 *
 * This header is the manual of the ioctl interface. It must never change the
 * meaning of a field, a flag or an errno once released: structures only grow
 * at their end, numbers are never reused.
 */
#ifndef _UAPI_LINUX_LMAP_H
#define _UAPI_LINUX_LMAP_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: lmap ioctls
 *
 * Opening /dev/lmap makes the caller's address space a *space*; the open file
 * is its handle. All ioctls are called on it, and only by a task of the
 * address space that opened it (EPERM otherwise); but for LMAP_REFUSE, which
 * whoever has a pager's file descriptor may call on that.
 *
 * Every structure begins with its own size. A structure shorter than the one
 * this kernel knows is filled up with zeroes, a longer one is accepted if the
 * unknown tail is zero; the outputs that fit are written back. Inputs are
 * checked completely before anything changes: an errno means that nothing was
 * done, unless the call's description says otherwise. The one exception is a
 * structure that becomes unwritable during the call: then EFAULT is returned
 * although the operation is done.
 *
 * ========== ===============================================================
 * errno      means, and only this
 * ========== ===============================================================
 * ENOTTY     unknown ioctl number
 * E2BIG      structure longer than known and its tail is not zero
 * EINVAL     structure too short; not a flexpage (nil, order too small or too
 *            large, base not aligned); range empty or not page aligned;
 *            contradictory fields; a depth or budget for LMAP_GRANT
 * EOPNOTSUPP unknown flag or right, reserved field not zero; writable lending
 *            of a shared mapping of a file whose file system tracks dirty pages;
 *            granting or copying ordinary memory that is not private anonymous;
 *            LMAP_PIN of a file whose pages may not be held for long (DAX)
 * EOVERFLOW  address arithmetic wraps
 * EFAULT     bad pointer, or nothing is mapped in the source range
 * EBADF      file descriptor not open
 * EBADFD     file descriptor is open, but not an lmap window
 * EBUSY      the window has a pager
 * EPERM      the caller is not the process to which the space belongs; the
 *            window that is the source, or that is to have a pager, was made
 *            through another space
 * EACCES     requested AND held rights are empty, or the source mapping lacks
 *            the right m
 * ENXIO      the process that owns the window is gone
 * EEXIST     target busy and LMAP_NOREPLACE was given
 * ENOSPC     the receive range does not lie in the window
 * ELOOP      target is the source itself or one of its ancestors
 * EMLINK     the source mapping may have no further level below it; memory
 *            to be granted is lent over as many levels as there can be
 * ESTALE     the source is being revoked; a source that is gone is a hole
 * EDQUOT     quota of windows or mappings, budget of the source, or
 *            RLIMIT_MEMLOCK used up; the source of a copy has a budget of its
 *            own
 * ENOMEM     allocation failed
 * EINTR      stopped by a signal; repeating the call finishes the job. With
 *            LMAP_RESET only a fatal signal stops, so that no bit is lost
 * ========== ===============================================================
 */

#define LMAP_IOC_TYPE	0xE6

#define LMAP_INFO		_IO(LMAP_IOC_TYPE, 0x00)
#define LMAP_WINDOW_CREATE	_IO(LMAP_IOC_TYPE, 0x01)
#define LMAP_MAP		_IO(LMAP_IOC_TYPE, 0x02)
#define LMAP_UNMAP		_IO(LMAP_IOC_TYPE, 0x03)
#define LMAP_SYNC		_IO(LMAP_IOC_TYPE, 0x04)
#define LMAP_GRANT		_IO(LMAP_IOC_TYPE, 0x05)
#define LMAP_COPY		_IO(LMAP_IOC_TYPE, 0x06)
#define LMAP_STATUS		_IO(LMAP_IOC_TYPE, 0x07)
#define LMAP_RESERVE		_IO(LMAP_IOC_TYPE, 0x08)
#define LMAP_PAGER_CREATE	_IO(LMAP_IOC_TYPE, 0x09)

/* On a pager's file descriptor. */
#define LMAP_REFUSE		_IO(LMAP_IOC_TYPE, 0x40)

/**
 * DOC: rights
 *
 * A right is one bit. w and x imply r on the hardware that Linux supports:
 * LMAP_W and LMAP_X are read as if LMAP_R were given too. LMAP_M lets the
 * holder map the memory on to others.
 */
#define LMAP_X			0x1
#define LMAP_W			0x2
#define LMAP_R			0x4
#define LMAP_M			0x8
#define LMAP_RIGHTS_ALL		0xf

/**
 * DOC: flexpages
 *
 * A flexpage is 2^order bytes at a base that is a multiple of 2^order, in one
 * word in the manner of L4 X.2: base / 2^10 << 10 | order << 4 | rights. The
 * order is at least the page shift. Order 1 stands for the whole space (as
 * send flexpage or in LMAP_UNMAP) or the whole window (as receive flexpage);
 * the word 0 is the nil flexpage, which no call accepts.
 */
#define LMAP_FPAGE_RIGHTS_MASK	0xfULL
#define LMAP_FPAGE_ORDER_SHIFT	4
#define LMAP_FPAGE_ORDER_MASK	0x3f0ULL
#define LMAP_FPAGE_BASE_MASK	(~0x3ffULL)
#define LMAP_ORDER_WHOLE	1
#define LMAP_NIL		0ULL
#define LMAP_WHOLE		((LMAP_ORDER_WHOLE << LMAP_FPAGE_ORDER_SHIFT) | \
				 (__u64)LMAP_RIGHTS_ALL)

/* Flags. One number space for all calls: a flag means one thing everywhere. */
#define LMAP_POPULATE		(1U << 0)  /* map: pages at once, not on fault */
#define LMAP_NOREPLACE		(1U << 1)  /* map: target must be free */
#define LMAP_LIMIT_DEPTH	(1U << 2)  /* map: the field depth counts */
#define LMAP_RANGE		(1U << 3)  /* map, unmap: byte ranges, not flexpages */
#define LMAP_LIMIT_BUDGET	(1U << 4)  /* map: the field budget counts */
#define LMAP_TRACK		(1U << 5)  /* map: reference bits of each page */
#define LMAP_PIN		(1U << 6)  /* map: pages stay in memory */
#define LMAP_FLUSH		(1U << 7)  /* copy: the source goes, as of grant */
#define LMAP_SELF		(1U << 8)  /* unmap: my own mapping too */
#define LMAP_ONLY		(1U << 9)  /* unmap: only what lies in one window */
#define LMAP_RESET		(1U << 10) /* unmap, status: clear reference bits */

/* Reference bits. */
#define LMAP_ACCESSED		0x1
#define LMAP_MODIFIED		0x2

/* The deepest tree: a region is level 0, its direct mappings are level 1. */
#define LMAP_DEPTH_MAX		64

/**
 * struct lmap_info - ioctl(LMAP_INFO)
 * @size: sizeof(struct lmap_info)
 * @flags: must be 0
 * @out_version: version of the interface, 1
 * @out_page_shift: pages have 2^out_page_shift bytes; the smallest order
 * @out_depth_max: levels of mappings that may hang below a region
 * @out_windows: windows created through this space that exist
 * @out_regions: ranges of this space's memory from which mappings derive
 * @out_mappings: mappings that derive from this space's memory, at any depth
 * @out_tiles: pages of this space that are pinned at the moment
 *
 * What exists. The counts are exact if nothing happens at the same time.
 */
struct lmap_info {
	__u32 size;
	__u32 flags;
	__u32 out_version;
	__u32 out_page_shift;
	__u32 out_depth_max;
	__u32 out_windows;
	__aligned_u64 out_regions;
	__aligned_u64 out_mappings;
	__aligned_u64 out_tiles;
};

#define LMAP_VERSION	1

/**
 * struct lmap_window_create - ioctl(LMAP_WINDOW_CREATE)
 * @size: sizeof(struct lmap_window_create)
 * @flags: must be 0
 * @length: bytes, a multiple of the page size
 * @rights: the most that anybody can map into this window
 * @out_fd: the window's file descriptor, close-on-exec
 *
 * Makes a receive window. Whoever holds the file descriptor may map into it:
 * making and passing it is the consent. Only the address space that made it
 * can mmap it (MAP_SHARED; EINVAL, EPERM and EACCES as of mmap), only there
 * its pages appear. PROT_EXEC views show only pages with x; other views can
 * never execute. read, write, pread and pwrite on the file descriptor copy
 * from and to the mapped memory, return EFAULT where nothing is mapped and
 * raise no signal.
 *
 * get_user_pages on a window fails with EFAULT: O_DIRECT, vmsplice, io_uring
 * fixed buffers, RDMA and process-shared futexes do not work on borrowed
 * memory, since nothing may outlive a revoke. Ordinary read, write, send and
 * recv work.
 */
struct lmap_window_create {
	__u32 size;
	__u32 flags;
	__aligned_u64 length;
	__u32 rights;
	__s32 out_fd;
};

/**
 * struct lmap_map - ioctl(LMAP_MAP), ioctl(LMAP_GRANT), ioctl(LMAP_COPY)
 * @size: sizeof(struct lmap_map)
 * @flags: LMAP_POPULATE, LMAP_NOREPLACE, LMAP_LIMIT_DEPTH, LMAP_LIMIT_BUDGET,
 *	   LMAP_RANGE; LMAP_TRACK and LMAP_PIN with LMAP_MAP, LMAP_FLUSH with
 *	   LMAP_COPY
 * @snd: send flexpage: what is lent of the caller's memory, with the rights
 *	 asked; with LMAP_RANGE the address of its first byte
 * @rcv: receive flexpage: where in the window it may land (its rights are
 *	 ignored); with LMAP_RANGE the offset of the first byte
 * @send_base: hot spot that settles a size mismatch of @snd and @rcv; must be
 *	 0 with LMAP_RANGE
 * @length: bytes, with LMAP_RANGE only (0 otherwise)
 * @rights: rights asked, with LMAP_RANGE only (0 otherwise)
 * @window: window file descriptor
 * @depth: with LMAP_LIMIT_DEPTH: how many further levels may hang below the
 *	 new mapping; 0 = it can't be mapped, granted or copied. Never more
 *	 than the source's own (with LMAP_MAP minus 1), which is the default
 * @budget: with LMAP_LIMIT_BUDGET: how many mappings the new mapping and all
 *	 that will ever derive from it may be at a time, itself included; at
 *	 least 1
 * @out_fpage: flexpage in the window that was mapped, with the rights that
 *	 every piece of it got; nil with LMAP_RANGE
 * @out_bytes: how much was mapped
 * @out_node_id: the mapping's number, never reused; of the first piece if
 *	 there are several
 * @out_mappings: how many mappings were made or extended
 * @out_rights: rights that every piece got
 *
 * Lends memory. The source may be ordinary memory, mmapped windows of this
 * space that hold mappings, or both; it is cut into pieces of equal
 * protection, each of which becomes one mapping with the rights asked AND
 * held AND allowed by the window. Holes and pieces without a right are
 * skipped. EFAULT if all is hole, EACCES if no right is left anywhere.
 *
 * If the flexpages differ in size, the part of the larger that has the size
 * of the smaller and contains the hot spot is used: with @rcv at least as
 * large, rcv += (send_base mod 2^rcv) rounded down to 2^snd, otherwise
 * snd += (send_base mod 2^snd) rounded down to 2^rcv.
 *
 * LMAP_GRANT moves mappings instead: a piece of a window of mine leaves it, and
 * what derives from it stays below it, with no more than the rights given. The
 * caller has lost access when the call returns. LMAP_COPY makes siblings of
 * the caller's mappings: their parent can revoke them, the caller can't. With
 * LMAP_FLUSH the caller's own goes: that is LMAP_GRANT. Each needs m, and a
 * depth greater than 0, of the source.
 *
 * Of ordinary memory private anonymous one can be granted and copied. Its
 * pages are pinned in memory and become a region of their own that nobody
 * can revoke but who holds the mapping, and that ends with its last mapping.
 * They count against RLIMIT_MEMLOCK of the caller's user until then
 * (CAP_IPC_LOCK: no limit); pages that no mapping shows any more are given back
 * at once. LMAP_GRANT then unmaps the memory from the caller, as munmap does;
 * what had been lent of it before stays, one level deeper, below the new
 * mapping. Pieces that can't be unmapped (ENOMEM as of munmap) stay the
 * caller's; it is an error if all do. Holes are skipped, pages never touched
 * are zero. The caller must not change the range (munmap, mmap, mremap)
 * meanwhile.
 *
 * A budget is taken from the nearest mapping above that has one: a mapping
 * with budget 10 that hands out one with budget 5 keeps 5, itself included. A
 * mapping without a budget of its own takes 1. It is given back when the
 * mapping is gone. What the target holds before the call is not counted as
 * free. EDQUOT if not enough is left. A mapping that was given a budget can be
 * granted, but not copied (EDQUOT): its sibling would not be bound by it.
 *
 * LMAP_TRACK keeps reference bits for each page of the mapping; without it the
 * mapping has one pair of bits for all its pages, which the kernel may also
 * set for a page next to one that was touched. LMAP_PIN keeps the pages in
 * memory and in place, once they have left where none may stay for long (CMA,
 * ZONE_MOVABLE), counted against RLIMIT_MEMLOCK of the caller's user as long as
 * the mapping exists (pages of a grant or copy are counted already);
 * with LMAP_POPULATE the receiver takes no fault unless the lender changes the
 * memory or its protection. ENOMEM if a page can't be had: then the target is
 * empty. Both hold only for the new mappings, not for what is mapped on from
 * them. A page of a mapping with LMAP_TRACK appears only when it is touched,
 * also with LMAP_POPULATE, since that is what is told.
 *
 * What the target of a piece held before is revoked first (with everything
 * that was derived from it), unless it is the very same memory at the very same
 * place: then the rights are added to, never reduced, and nothing else
 * changes (fast overmap). If the source is revoked by somebody else during
 * the call the result is ESTALE and the target is empty, as if the revoke had
 * come just after.
 */
struct lmap_map {
	__u32 size;
	__u32 flags;
	__aligned_u64 snd;
	__aligned_u64 rcv;
	__aligned_u64 send_base;
	__aligned_u64 length;
	__u32 rights;
	__s32 window;
	__u32 depth;
	__u32 budget;
	__aligned_u64 out_fpage;
	__aligned_u64 out_bytes;
	__aligned_u64 out_node_id;
	__u32 out_mappings;
	__u32 out_rights;
};

/**
 * struct lmap_unmap - ioctl(LMAP_UNMAP)
 * @size: sizeof(struct lmap_unmap)
 * @flags: LMAP_SELF, LMAP_ONLY, LMAP_RANGE, LMAP_RESET
 * @fpage: flexpage of the caller's memory with the rights to take;
 *	 LMAP_WHOLE stands for everything lent through this space; with
 *	 LMAP_RANGE the address of the first byte
 * @length: bytes, with LMAP_RANGE only (0 otherwise)
 * @rights: rights to take, with LMAP_RANGE only (0 otherwise)
 * @only_window: with LMAP_ONLY the window, otherwise 0
 * @out_mappings: how many mappings lost rights or vanished, wholly or in part
 * @out_pages: how many pages they lost, each mapping counted by itself
 * @out_flags: LMAP_OVERREVOKED
 * @out_refbits: LMAP_ACCESSED and LMAP_MODIFIED of everything touched, as
 *	 LMAP_STATUS would have told before
 *
 * Takes rights from all mappings derived from the range, recursively. Taking
 * r removes the mapping there, taking w, x or m leaves the rest; rights 0
 * change nothing. Without LMAP_SELF mappings of my own that lie in the range
 * (windows mmapped there) stay, with it they lose the rights too; ordinary
 * memory stays mine, but if r is taken from all that was lent in one go its
 * reference bits are forgotten. With LMAP_ONLY
 * only the mappings that lie in that window, and what derives from them.
 *
 * When the call returns 0 nobody has the rights any more: no page table
 * entry, no cached translation, no access under way. It can't fail for
 * memory: if a mapping must be split and there is no memory for that, more is
 * revoked than asked and LMAP_OVERREVOKED is set. Nothing to revoke is
 * success, and so is what somebody else has revoked meanwhile: an unmap above
 * goes first, and the one below finds nothing left. EINTR: a part is done, of
 * which nothing is told; repeat the call. What it has begun to take can't be
 * used anew, and is in nobody's way. Besides, it waits until all earlier
 * discards of the range by the caller (MADV_DONTNEED, truncation) are visible
 * to borrowers.
 */
struct lmap_unmap {
	__u32 size;
	__u32 flags;
	__aligned_u64 fpage;
	__aligned_u64 length;
	__u32 rights;
	__s32 only_window;
	__aligned_u64 out_mappings;
	__aligned_u64 out_pages;
	__u32 out_flags;
	__u32 out_refbits;
};

#define LMAP_OVERREVOKED	(1U << 0)

/**
 * struct lmap_status - ioctl(LMAP_STATUS)
 * @size: sizeof(struct lmap_status)
 * @flags: LMAP_RESET
 * @addr: first byte of a range of the caller's memory, page aligned
 * @length: bytes, whole pages
 * @pages: address of one byte for each page, or 0
 * @out_refbits: LMAP_ACCESSED, LMAP_MODIFIED, of all pages together
 * @reserved: must be 0
 *
 * Tells how memory that derives from the range was used: what happened through
 * mappings derived from it at any depth and, where windows of the caller are
 * mmapped in the range, through their mappings themselves. A page is accessed
 * if it could be read through such a mapping since the caller's last reset,
 * modified if it could be written. Never is an access left out.
 *
 * LMAP_RESET clears what is told, for the caller alone: everybody above and
 * below whose memory it is too sees each access in a query of his own. What
 * mappings saw that are gone is not lost for those above.
 *
 * Both bits are exact for each page of mappings made with LMAP_TRACK. Where
 * an ordinary mapping was used, all of its pages in the range are reported.
 *
 * Ordinary memory of which bits are kept counts as one mapping, until it is
 * unmapped or taken back as a whole (LMAP_SELF) or the space is closed: ENOMEM,
 * EDQUOT.
 */
struct lmap_status {
	__u32 size;
	__u32 flags;
	__aligned_u64 addr;
	__aligned_u64 length;
	__aligned_u64 pages;
	__u32 out_refbits;
	__u32 reserved;
};

/**
 * struct lmap_reserve - ioctl(LMAP_RESERVE)
 * @size: sizeof(struct lmap_reserve)
 * @flags: must be 0
 * @nodes: how many mappings the space shall have in reserve
 * @out_nodes: how many it has
 *
 * Sets memory aside so that later calls on this space can't fail for the lack
 * of it: each mapping that is made, and each one that a revocation has to cut,
 * takes one from the reserve when there is no other memory. The reserve is
 * filled up to @nodes, or reduced to it, 0 gives it back. It counts against
 * the quota of mappings. ENOMEM, EDQUOT: the reserve is as it was.
 */
struct lmap_reserve {
	__u32 size;
	__u32 flags;
	__u32 nodes;
	__u32 out_nodes;
};

/**
 * struct lmap_sync - ioctl(LMAP_SYNC)
 * @size: sizeof(struct lmap_sync)
 * @flags: must be 0
 *
 * Waits until borrowers see every discard that this space has made before
 * (MADV_DONTNEED, hole punch, truncation). munmap, mremap, mprotect, exec and
 * exit need no such call: they are complete when they return.
 */
struct lmap_sync {
	__u32 size;
	__u32 flags;
};

/**
 * struct lmap_pager_create - ioctl(LMAP_PAGER_CREATE)
 * @size: sizeof(struct lmap_pager_create)
 * @flags: must be 0
 * @window: file descriptor of a window that this space has made
 * @out_fd: the pager's file descriptor, close-on-exec
 * @timeout: nanoseconds that a thread waits for an answer at least, then it
 *	     gets SIGBUS; 0: for ever
 *
 * Makes the window a paged one: who touches a page of it where nothing is
 * mapped, or without the right, waits, and whoever holds the pager's file
 * descriptor reads a message of it (struct lmap_fault) and answers. The
 * descriptor is made to be passed to another process, the pager, and then to
 * be closed here: with its last copy the pager is dead, everybody who waits
 * gets the signal that he would have got without one, and the window may be
 * given another (EBUSY as long as it has one).
 *
 * The answer is to map something there, by whatever means: LMAP_MAP, LMAP_GRANT
 * or LMAP_COPY into the window wake all who wait for a page that they gave.
 * They look again; if what they need is still not there a new message comes.
 * The other answer is LMAP_REFUSE.
 *
 * The wait ends early by a signal, as that of a slow page fault does: a fatal
 * one always, others where the access is not made by the kernel in a system
 * call; it begins anew when the handler returns. Accesses of the kernel (read
 * into the window, write from it) wait too, unless the module's parameter
 * pager_kernel is off: then they fail with EFAULT unless the one who made
 * the pager has CAP_SYS_PTRACE. Nobody waits for a pager in pread and pwrite on
 * the window, with ptrace, with LMAP_POPULATE, or for a right that the window
 * can't have.
 *
 * A pager may itself live on borrowed memory that has a pager elsewhere: then
 * it waits in its turn when it touches what it is to map on.
 */
struct lmap_pager_create {
	__u32 size;
	__u32 flags;
	__s32 window;
	__s32 out_fd;
	__aligned_u64 timeout;
};

/**
 * struct lmap_fault - what read() on a pager's file descriptor gives
 * @window: number of the window, as in fdinfo and in events
 * @offset: of the page in the window, bytes
 * @access: rights that are wanted, of LMAP_R, LMAP_W, LMAP_X
 * @held: rights that the page has; 0: nothing is mapped
 * @thread: who waits, as the reader's PID namespace has it; 0: not in there
 * @reserved: 0
 *
 * A read gives as many messages as there are and fit, oldest first; it waits
 * for the first one unless the descriptor is O_NONBLOCK (EAGAIN). EINVAL if
 * not even one fits. 0: the window or its process is gone, no message will
 * come any more. poll() tells POLLIN, and POLLHUP in that case. Each message is
 * read once; what is answered, or was given up, before it is read is never
 * seen. Each waiting thread has a message of its own.
 */
struct lmap_fault {
	__aligned_u64 window;
	__aligned_u64 offset;
	__u32 access;
	__u32 held;
	__u32 thread;
	__u32 reserved;
};

/**
 * struct lmap_refuse - ioctl(LMAP_REFUSE), on a pager's file descriptor
 * @size: sizeof(struct lmap_refuse)
 * @flags: must be 0
 * @offset: first byte in the window
 * @length: bytes, whole pages
 * @out_threads: how many waited
 * @reserved: must be 0
 *
 * Everybody who waits for a page of the range gets SIGBUS, or EFAULT from the
 * system call, which may ask for the page once more before it gives up. Whether
 * his message was read makes no difference. ENOSPC if the range does not lie in
 * the window.
 */
struct lmap_refuse {
	__u32 size;
	__u32 flags;
	__aligned_u64 offset;
	__aligned_u64 length;
	__u32 out_threads;
	__u32 reserved;
};

#endif /* _UAPI_LINUX_LMAP_H */
