// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: the process that runs the guest's instructions. What it has of the
 * guest's memory is what the host has mapped into its windows, one for each
 * address space and mode; its loads and stores are real ones, and what it may do
 * is decided by the page tables of the machine it runs on. Must never look at
 * guest memory in any other way, and knows nothing of guest page tables.
 *
 * A miss is a page fault of this process, which waits in the kernel for the host.
 * If the host refuses it becomes SIGBUS here, and a page fault of the guest.
 */
#include "vm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>

struct machine {
	int sock;
	int space;
	unsigned int contexts;
	int windows[CONTEXTS_MAX][MODES];
	unsigned char *base[CONTEXTS_MAX][MODES];
	unsigned int current;
	struct cpu cpu;
};

static struct machine machine;
static sigjmp_buf jump;

static bool in_windows(const unsigned char *p)
{
	for (unsigned int c = 0; c < machine.contexts; c++)
		for (int mode = 0; mode < MODES; mode++)
			if (p >= machine.base[c][mode] &&
			    p < machine.base[c][mode] + geo.space)
				return true;
	return false;
}

static void on_signal(int sig, siginfo_t *si, void *context)
{
	(void)context;
	if (!in_windows(si->si_addr))
		_exit(128 + sig);
	siglongjmp(jump, 1);
}

static void *at(void *arg, bool user, uint64_t va, bool write)
{
	struct machine *m = arg;

	(void)write;
	if (va >= geo.space)
		return NULL;
	return m->base[m->current][user ? USER : KERNEL] + va;
}

static struct reply ask(struct machine *m, const struct message *message)
{
	struct reply reply;

	if (!write_all(m->sock, message, sizeof(*message)) ||
	    !read_all(m->sock, &reply, sizeof(reply)))
		_exit(1);
	return reply;
}

static bool set_root(void *arg, uint64_t root)
{
	struct message message = { .request = REQUEST_ROOT, .r = { root } };
	struct machine *m = arg;
	struct reply reply = ask(m, &message);

	if (reply.ok)
		m->current = reply.context;
	return reply.ok;
}

static void flush(void *arg, uint64_t va, bool all)
{
	struct message message = {
		.request = all ? REQUEST_FLUSH_ALL : REQUEST_FLUSH,
		.r = { va },
	};

	ask(arg, &message);
}

static bool call(void *arg, unsigned int nr, uint64_t *r)
{
	struct message message = { .request = REQUEST_CALL, .nr = nr };
	struct reply reply;

	memcpy(message.r, r, sizeof(message.r));
	reply = ask(arg, &message);
	if (reply.ok)
		r[4] = reply.value;
	return reply.ok;
}

/* Windows with pagers; only the host keeps what answers them. */
static void make_windows(struct machine *m)
{
	int window, pager;

	for (unsigned int c = 0; c < m->contexts; c++)
		for (int mode = 0; mode < MODES; mode++) {
			window = lmap_window(m->space, geo.space,
					     LMAP_R | LMAP_W, 0);
			pager = lmap_pager(m->space, window, 0, 0);
			if (window < 0 || pager < 0 ||
			    lmap_send_fd(m->sock, window) ||
			    lmap_send_fd(m->sock, pager))
				_exit(1);
			close(pager);
			m->windows[c][mode] = window;
			m->base[c][mode] = lmap_window_mmap(window, geo.space,
							    PROT_READ | PROT_WRITE);
			if (m->base[c][mode] == MAP_FAILED)
				_exit(1);
		}
}

static void catch_faults(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_signal;
	/* left by a jump that restores no mask */
	sa.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

static void run_guest(struct machine *m)
{
	struct bus bus = { at, set_root, flush, call, m };

	if (sigsetjmp(jump, 0))
		cpu_page_fault(&m->cpu);
	cpu_run(&m->cpu, &bus);
}

/*
 * What could somebody do who has taken over this process? Read what is mapped,
 * and that is all there is to find in the windows; and not lend it on.
 */
static void try_around(struct machine *m, struct report *report)
{
	struct lmap_map_result out = { .size = sizeof(out) };
	unsigned char byte;
	int window;

	for (unsigned int c = 0; c < m->contexts; c++)
		for (int mode = 0; mode < MODES; mode++)
			for (uint64_t va = 0; va < geo.space; va += geo.page)
				if (pread(m->windows[c][mode], &byte, 1, va) == 1)
					report->readable_pages++;
	window = lmap_window(m->space, geo.space, LMAP_RIGHTS_ALL, 0);
	if (window < 0)
		_exit(1);
	report->lend_errno =
		-lmap_map_range(m->space, m->base[m->current][KERNEL] + geo.direct,
				geo.page, LMAP_R, window, 0, NULL, &out);
	close(window);
}

void machine_main(int sock, unsigned int contexts)
{
	struct message halt = { .request = REQUEST_HALT };
	struct machine *m = &machine;
	struct report report;
	struct order order;
	uint64_t start;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "machine");
	m->sock = sock;
	m->contexts = contexts;
	m->space = lmap_open(0);
	if (m->space < 0)
		_exit(1);
	make_windows(m);
	catch_faults();
	memset(&report, 0, sizeof(report));
	while (read_all(sock, &order, sizeof(order))) {
		m->cpu = order.cpu;
		m->current = order.context;
		start = now();
		run_guest(m);
		report.ns = now() - start;
		report.cpu = m->cpu;
		ask(m, &halt);
		if (order.hostile)
			try_around(m, &report);
		if (!write_all(sock, &report, sizeof(report)))
			break;
	}
	_exit(0);
}
