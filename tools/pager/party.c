// SPDX-License-Identifier: GPL-2.0
/* Pagers and clients as processes of their own; see party.h. */
#define _GNU_SOURCE
#include "party.h"
#include "store.h"
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmap.h>

static pid_t start_process(void)
{
	pid_t pid, parent = getpid();

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
}

/* Reads all of it; false at the end of the pipe. */
static bool read_all(int fd, void *to, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(fd, (char *)to + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += n;
	}
	return true;
}

/* Pagers */

static struct serve *serving;

static void on_term(int sig)
{
	(void)sig;
	serve_stop(serving);
}

static void host_main(const struct serve_options *options, int ready)
{
	int ret = serve_open(options, &serving);

	signal(SIGTERM, on_term);
	if (write(ready, &ret, sizeof(ret)) != sizeof(ret) || ret)
		_exit(1);
	close(ready);
	ret = serve_run(serving);
	serve_close(serving);
	_exit(ret ? 1 : 0);
}

void host_start(struct host *host, const struct setup *setup,
		unsigned int frames, const struct policy_ops *ops,
		const struct host *below)
{
	static unsigned int number;
	struct serve_options options = {
		.below = below ? below->socket : NULL,
		.frames = frames,
		.slots = setup->slots ? setup->slots : STORE_SLOTS_MAX,
		.ops = ops,
	};
	char file[sizeof(host->socket)];
	int ready[2], ret = -EPIPE;

	number++;
	snprintf(host->socket, sizeof(host->socket), "%s/pager-%d-%u",
		 setup->dir, getpid(), number);
	snprintf(file, sizeof(file), "%s/pages-%d-%u", setup->dir, getpid(),
		 number);
	options.socket = host->socket;
	options.file = file;
	make_pipe(ready);
	host->pid = start_process();
	if (!host->pid) {
		close(ready[0]);
		prctl(PR_SET_NAME, below ? "pager-above" : "pager");
		host_main(&options, ready[1]);
	}
	close(ready[1]);
	read_all(ready[0], &ret, sizeof(ret));
	close(ready[0]);
	if (ret)
		fail("the pager does not start: %s%s", strerror(-ret),
		     access("/dev/lmap", F_OK) ? "; there is no /dev/lmap" : "");
	host->control = paged_connect(host->socket);
	if (host->control < 0)
		fail("%s: %s", host->socket, strerror(-host->control));
}

void host_stop(struct host *host)
{
	int status;

	close(host->control);
	kill(host->pid, SIGTERM);
	waitpid(host->pid, &status, 0);
	expect(WIFEXITED(status) && !WEXITSTATUS(status),
	       "the pager serves until it is told to end");
}

struct account host_account(struct host *host)
{
	struct account account;
	int ret = paged_ask(host->control, ASK_ALL, &account);

	if (ret)
		fail("the pager does not answer: %s", strerror(-ret));
	return account;
}

void host_expect_empty(struct host *host, unsigned int frames)
{
	struct account account;

	/* The first answer may come from the turn in which they go. */
	host_account(host);
	account = host_account(host);
	expect(!account.clients && !account.slots &&
	       account.frames_free == frames,
	       "no client, slot or used frame is left");
}

/* Clients */

static sigjmp_buf jump;
static struct paged paged;
static char *volatile lost_at;

static void on_bus(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	lost_at = si->si_addr;
	siglongjmp(jump, 1);
}

static void guest_main(struct guest *g, const char *socket, struct heap *heap)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };
	static struct outcome out;
	int ret;

	ret = paged_open(&paged, socket, heap->pages, LMAP_R | LMAP_W);
	if (ret)
		fail("no memory from the pager: %s", strerror(-ret));
	heap->base = paged.base;
	sa.sa_sigaction = on_bus;
	sigaction(SIGBUS, &sa, NULL);
	if (!sigsetjmp(jump, 1)) {
		g->run(g, heap, &out);
		out.done = true;
	} else {
		out.refused = 1 + (lost_at - paged.base) / page_size();
		out.why = paged_why(&paged);
	}
	if (write(g->pipe, &out, sizeof(out)) != sizeof(out))
		_exit(1);
	_exit(0);
}

void guest_start(struct guest *g, const char *socket, const struct heap *heap)
{
	struct heap own = *heap;
	int out[2], in[2];

	make_pipe(out);
	make_pipe(in);
	g->pid = start_process();
	if (!g->pid) {
		close(out[0]);
		close(in[1]);
		g->pipe = out[1];
		g->go = in[0];
		prctl(PR_SET_NAME, "client");
		guest_main(g, socket, &own);
	}
	close(out[1]);
	close(in[0]);
	g->pipe = out[0];
	g->go = in[1];
}

void guest_say(struct guest *g)
{
	if (write(g->pipe, "!", 1) != 1)
		_exit(1);
}

void guest_hear(struct guest *g)
{
	char c;

	if (!read_all(g->pipe, &c, 1))
		fail("a client has died early");
}

void guest_go(struct guest *g)
{
	if (write(g->go, "!", 1) != 1)
		fail("a client has died early");
}

void guest_wait_go(struct guest *g)
{
	char c;

	if (!read_all(g->go, &c, 1))
		_exit(1);
}

struct outcome guest_end(struct guest *g)
{
	struct outcome out;
	int status;

	memset(&out, 0, sizeof(out));
	if (!read_all(g->pipe, &out, sizeof(out)))
		memset(&out, 0, sizeof(out));
	close(g->pipe);
	close(g->go);
	waitpid(g->pid, &status, 0);
	if (WIFSIGNALED(status))
		out.signal = WTERMSIG(status);
	return out;
}

char *work_done(const struct work *work, const struct heap *heap,
		struct trace *trace)
{
	struct heap own = *heap;
	size_t size = heap->pages * page_size();

	own.base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	own.trace = trace;
	if (own.base == MAP_FAILED)
		fail("no memory");
	if (!work->run(&own))
		fail("%s does not work in ordinary memory", work->name);
	return own.base;
}

void guest_work(struct guest *g, struct heap *heap, struct outcome *out)
{
	const char *expected = g->expected;
	struct trace trace = { 0 };
	uint64_t start;
	size_t i;
	int ret;

	if (!expected)
		expected = work_done(g->work, heap, &trace);
	out->refs = trace.nr;
	trace_free(&trace);
	start = now();
	out->good = g->work->run(heap);
	out->ns = now() - start;
	/* Comparing faults, too: ask before. */
	ret = paged_ask(paged.sock, ASK_MINE, &out->account);
	if (ret)
		fail("the pager does not answer: %s", strerror(-ret));
	out->bytes = heap->pages * page_size();
	for (i = 0; i < heap->pages; i++)
		if (!memcmp(heap->base + i * page_size(),
			    expected + i * page_size(), page_size()))
			out->verified += page_size();
}

int random_file(size_t pages, uint64_t seed)
{
	int fd = memfd_create("to be sorted", MFD_CLOEXEC);
	size_t words = page_size() / sizeof(uint64_t), i, w;
	uint64_t *page = need(words, sizeof(*page));

	for (i = 0; i < pages; i++) {
		for (w = 0; w < words; w++)
			page[w] = draw(&seed);
		if (write(fd, page, page_size()) != (ssize_t)page_size())
			fail("no file to be sorted: %s", strerror(errno));
	}
	free(page);
	return fd;
}
