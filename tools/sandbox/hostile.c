// SPDX-License-Identifier: GPL-2.0
/*
 * The plugin's attacks. Each does what it can, and tells how far it came; the
 * host does not rely on that. The moment at which the host is weakest is told
 * to the plugin: a real one would try all the time.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Makes the host read far behind the image, if it believes it. */
static const char evil[SECRET_SIZE + 1] = "P6\n16384 9999\n25";

static struct outcome no_more_than(int err)
{
	struct outcome o = { 0, 0, err };

	return o;
}

static struct outcome result(ssize_t ret)
{
	return no_more_than(ret < 0 ? errno : 0);
}

/* A second view, or, if there can be none, the same one elsewhere. */
static struct outcome duplicate(struct plugin *p)
{
	void *view = mremap(p->view, 0, p->size, MREMAP_MAYMOVE);
	struct outcome o = { 0, 0, 0 };

	if (view == MAP_FAILED) {
		o.err = errno;
		view = mremap(p->view, p->size, p->size,
			      MREMAP_MAYMOVE | MREMAP_FIXED, p->spare);
	}
	if (view != MAP_FAILED)
		p->view = view;
	return o;
}

/* The child goes on; the host sees the parent die. */
static struct outcome leave_child(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid > 0)
		_exit(0);
	return result(pid);
}

static struct outcome splice_in(struct plugin *p)
{
	struct iovec iov = { p->view, SECRET_SIZE };

	p->spliced = result(syscall(SYS_vmsplice, p->pipes[1], &iov, 1, 0));
	return p->spliced;
}

static struct outcome store_around(struct plugin *p, struct outcome *behind)
{
	*behind = try_store(p->view + p->size, evil, 1);
	return try_store(p->view - 1, evil, 1);
}

/* Until it is taken away. The host is told that it begins, and no more. */
static struct outcome spin(struct plugin *p)
{
	static const struct answer begun;
	struct outcome o;
	uint64_t n = 0;

	if (write(p->channel, &begun, sizeof(begun)) != sizeof(begun))
		_exit(1);
	do {
		n++;
		o = try_store(p->view, &n, sizeof(n));
	} while (!o.sig);
	return o;
}

static struct outcome process_vm(struct plugin *p, int call, void *bytes)
{
	struct iovec local = { bytes, SECRET_SIZE };
	struct iovec remote = { p->view, SECRET_SIZE };

	return result(syscall(call, p->pid, &local, 1, &remote, 1, 0));
}

static void prepare(struct plugin *p, enum method method, struct answer *a)
{
	switch (method) {
	case BY_MREMAP:
		a->outcome = duplicate(p);
		break;
	case BY_CHILD:
		a->outcome = leave_child();
		break;
	case BY_VMSPLICE:
		a->outcome = splice_in(p);
		break;
	case BY_KEEPING:
		a->outcome = try_load(p->view, p->kept, sizeof(p->kept));
		break;
	case BY_LYING:
		a->outcome = try_store(p->view, evil, SECRET_SIZE);
		break;
	default:
		break;
	}
}

static void change(struct plugin *p, enum method method, struct answer *a)
{
	char message[SECRET_SIZE];

	switch (method) {
	case BY_KERNEL:
		/* the host sends a header */
		a->outcome = result(read(p->channel, p->view, SECRET_SIZE));
		break;
	case BY_MPROTECT:
		a->outcome = result(mprotect(p->view, p->size,
					     PROT_READ | PROT_WRITE));
		if (!a->outcome.err)
			a->outcome = try_store(p->view, evil, SECRET_SIZE);
		break;
	case BY_PROCESS_VM:
		memcpy(message, evil, sizeof(message));
		a->outcome = process_vm(p, SYS_process_vm_writev, message);
		break;
	case BY_OUTSIDE:
		a->outcome = store_around(p, &a->second);
		break;
	case BY_SPINNING:
		a->outcome = spin(p);
		break;
	default:
		a->outcome = try_store(p->view, evil, SECRET_SIZE);
	}
}

static void look(struct plugin *p, enum method method, struct answer *a)
{
	switch (method) {
	case BY_KERNEL:
		a->outcome = result(write(p->channel, p->view, SECRET_SIZE));
		break;
	case BY_PROCESS_VM:
		a->outcome = process_vm(p, SYS_process_vm_readv, a->bytes);
		break;
	case BY_VMSPLICE:
		a->outcome = p->spliced;
		if (!p->spliced.err)
			a->outcome = result(read(p->pipes[0], a->bytes,
						 SECRET_SIZE));
		break;
	case BY_KEEPING:
		memcpy(a->bytes, p->kept, sizeof(a->bytes));
		break;
	default:
		a->outcome = try_load(p->view, a->bytes, SECRET_SIZE);
	}
}

void hostile(struct plugin *p, const struct order *order, struct answer *answer)
{
	if (order->what == PREPARE)
		prepare(p, order->method, answer);
	else if (order->what == WRITE)
		change(p, order->method, answer);
	else if (order->what == READ)
		look(p, order->method, answer);
	else
		answer->outcome.err = EINVAL;
}
