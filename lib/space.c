// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * liblmap: spaces, windows, reserves, passing descriptors. Must never keep a
 * descriptor that it did not return.
 */
#include "internal.h"

#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>

LMAP_API int lmap_open(unsigned int flags)
{
	int saved = errno, fd;

	if (flags)
		return -EOPNOTSUPP;
	fd = open("/dev/lmap", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	errno = saved;
	return fd;
}

LMAP_API int lmap_window(int space, size_t size, unsigned int rights,
			 unsigned int flags)
{
	struct lmap_window_create arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	arg.size = sizeof(arg);
	arg.flags = flags;
	arg.length = size;
	arg.rights = rights;
	ret = lmap_ioctl(space, LMAP_WINDOW_CREATE, &arg);
	return ret ? ret : arg.out_fd;
}

LMAP_API void *lmap_window_mmap(int window, size_t size, int prot)
{
	return mmap(NULL, size, prot, MAP_SHARED, window, 0);
}

/* Room for one descriptor, aligned as the kernel wants it. */
union lmap_control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

LMAP_API int lmap_send_fd(int sock, int window)
{
	union lmap_control control;
	struct cmsghdr *c;
	struct msghdr msg;
	struct iovec iov;
	char byte = 0;
	int saved = errno;
	ssize_t n;

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	iov.iov_base = &byte;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.space;
	msg.msg_controllen = sizeof(control.space);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &window, sizeof(int));
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	n = n < 0 ? -errno : 0;
	errno = saved;
	return n;
}

/* The kernel passes at most 253 descriptors at once (SCM_MAX_FD). */
union lmap_any_control {
	struct cmsghdr align;
	char space[CMSG_SPACE(253 * sizeof(int)) + 256];
};

/* The one descriptor of a message; any other number is closed and refused. */
static int one_fd(struct msghdr *msg)
{
	struct cmsghdr *c;
	int found = -EPROTO, n = 0;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t i, count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			       sizeof(int));
			if (n++)
				close(fd);
			else
				found = fd;
		}
	}
	if (n > 1) {
		close(found);
		found = -EPROTO;
	}
	/* Sent, but there was no room for it in the descriptor table. */
	if (!n && msg->msg_flags & MSG_CTRUNC)
		found = -EMFILE;
	return found;
}

LMAP_API int lmap_recv_fd(int sock)
{
	union lmap_any_control control;
	struct msghdr msg;
	struct iovec iov;
	int saved = errno, ret;
	ssize_t n;
	char byte;

	memset(&msg, 0, sizeof(msg));
	iov.iov_base = &byte;
	iov.iov_len = 1;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.space;
	msg.msg_controllen = sizeof(control.space);
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		ret = -errno;
	else
		ret = n ? one_fd(&msg) : -EPIPE;
	errno = saved;
	return ret;
}

LMAP_API int lmap_reserve(int space, unsigned int nodes)
{
	struct lmap_reserve arg;

	memset(&arg, 0, sizeof(arg));
	arg.size = sizeof(arg);
	arg.nodes = nodes;
	return lmap_ioctl(space, LMAP_RESERVE, &arg);
}

LMAP_API int lmap_sync(int space)
{
	struct lmap_sync arg;

	memset(&arg, 0, sizeof(arg));
	arg.size = sizeof(arg);
	return lmap_ioctl(space, LMAP_SYNC, &arg);
}

LMAP_API int lmap_info(int space, struct lmap_info *out)
{
	/* The caller may have been built with a shorter or longer structure. */
	if (out->size < sizeof(out->size))
		return -EINVAL;
	memset((char *)out + sizeof(out->size), 0,
	       out->size - sizeof(out->size));
	return lmap_ioctl(space, LMAP_INFO, out);
}
