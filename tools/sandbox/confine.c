// SPDX-License-Identifier: GPL-2.0
/*
 * The plugin's prison: no descriptor but the channel, no new privileges, and a
 * filter of system calls. Must never allow a call that is not in the table,
 * nor read and write on another descriptor.
 *
 * What is not allowed fails with EPERM, so that an attack can tell what it came
 * to; who has no use for that takes SECCOMP_RET_KILL_PROCESS.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH	AUDIT_ARCH_AARCH64
#else
#error "which architecture is that for seccomp?"
#endif

/* What every plugin may call, besides read and write on its channel. */
static const int allowed[] = {
	SYS_munmap,
	SYS_exit,
	SYS_exit_group,
	SYS_rt_sigreturn,
};

/* What a filter lets through that is not quite so strict. */
static const struct {
	enum method method;
	int call;
} holes[] = {
	{ BY_MPROTECT, SYS_mprotect },
	{ BY_MREMAP, SYS_mremap },
	{ BY_CHILD, SYS_clone },
	{ BY_VMSPLICE, SYS_vmsplice },
	{ BY_PROCESS_VM, SYS_process_vm_readv },
	{ BY_PROCESS_VM, SYS_process_vm_writev },
};

struct program {
	struct sock_filter insn[64];
	unsigned short n;
};

static void emit(struct program *p, unsigned short code, uint32_t k,
		 unsigned char jt, unsigned char jf)
{
	struct sock_filter insn = { code, jt, jf, k };

	if (p->n == ARRAY_SIZE(p->insn))
		abort();
	p->insn[p->n++] = insn;
}

static void load(struct program *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void verdict(struct program *p, uint32_t what)
{
	emit(p, BPF_RET | BPF_K, what, 0, 0);
}

/* The number is loaded, and loaded again. */
static void allow(struct program *p, int call)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
	verdict(p, SECCOMP_RET_ALLOW);
}

/* read and write: the kernel looks at 32 bits of a descriptor too. */
static void allow_on(struct program *p, int call, int fd)
{
	/* little-endian, as both architectures are */
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
	load(p, offsetof(struct seccomp_data, args[0]));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, fd, 0, 1);
	verdict(p, SECCOMP_RET_ALLOW);
	load(p, offsetof(struct seccomp_data, nr));
}

static int build(struct program *p, int channel, const int *pipes,
		 enum method hole)
{
	int n = 2;

	load(p, offsetof(struct seccomp_data, arch));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	verdict(p, SECCOMP_RET_KILL_PROCESS);
	load(p, offsetof(struct seccomp_data, nr));
	allow_on(p, SYS_read, channel);
	allow_on(p, SYS_write, channel);
	if (pipes[0] >= 0)
		allow_on(p, SYS_read, pipes[0]);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++, n++)
		allow(p, allowed[i]);
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
		if (holes[i].method != hole)
			continue;
		allow(p, holes[i].call);
		n++;
	}
	verdict(p, SECCOMP_RET_ERRNO | EPERM);
	return n;
}

int close_all_but(int channel, const int *pipes)
{
	const int keep[] = { channel, pipes[0], pipes[1] };
	unsigned int from = 0;

	for (;;) {
		unsigned int to = ~0U;	/* the next one that stays */

		for (int i = 0; i < 3; i++) {
			if (keep[i] >= 0 && (unsigned int)keep[i] >= from &&
			    (unsigned int)keep[i] < to)
				to = keep[i];
		}
		if (to != from && syscall(SYS_close_range, from, to - 1, 0))
			return -1;
		if (to == ~0U)
			return 0;
		from = to + 1;
	}
}

int confine(int channel, const int *pipes, enum method hole)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog;
	int n = build(&p, channel, pipes, hole);

	prog.len = p.n;
	prog.filter = p.insn;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return -1;
	return n;
}
