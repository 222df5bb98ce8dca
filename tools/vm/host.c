// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: the host. It owns the guest's physical memory, which is ordinary memory
 * of its own, and lends pages of it into the machine's windows. Must never trust
 * what the machine process says: an address from there goes through ram.c, and
 * the machine is asked for nothing that it could refuse.
 */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void receive_windows(struct vm *vm)
{
	uint64_t pages = geo.space / geo.page;

	for (unsigned int c = 0; c < vm->nr_contexts; c++)
		for (int mode = 0; mode < MODES; mode++) {
			struct view *v = &vm->contexts[c].view[mode];

			v->window = lmap_recv_fd(vm->sock);
			v->pager = lmap_recv_fd(vm->sock);
			if (v->window < 0 || v->pager < 0)
				fail("the machine could not make its windows");
			fcntl(v->pager, F_SETFL, O_NONBLOCK);
			v->page = calloc(pages, sizeof(*v->page));
			if (!v->page)
				fail("no memory");
		}
}

void host_start(struct vm *vm, unsigned int contexts)
{
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		fail("socketpair: %s", strerror(errno));
	fflush(NULL);
	vm->machine = fork();
	if (vm->machine < 0)
		fail("fork: %s", strerror(errno));
	if (!vm->machine) {
		close(socks[0]);
		machine_main(socks[1], contexts);
	}
	close(socks[1]);
	vm->sock = socks[0];
	vm->space = lmap_open(0);
	if (vm->space < 0)
		fail("/dev/lmap: %s", strerror(-vm->space));
	vm->nr_contexts = contexts;
	vm->contexts = calloc(contexts, sizeof(*vm->contexts));
	if (!vm->contexts)
		fail("no memory");
	receive_windows(vm);
}

void host_stop(struct vm *vm)
{
	if (vm->backend->stop)
		vm->backend->stop(vm);
	close(vm->sock);
	waitpid(vm->machine, NULL, 0);
	for (unsigned int c = 0; c < vm->nr_contexts; c++)
		for (int mode = 0; mode < MODES; mode++) {
			close(vm->contexts[c].view[mode].window);
			close(vm->contexts[c].view[mode].pager);
			free(vm->contexts[c].view[mode].page);
		}
	close(vm->space);
	free(vm->contexts);
}

/* What back ends do with windows. */

struct context *context_of(struct vm *vm, uint64_t root, bool make)
{
	struct context *oldest = NULL;

	for (unsigned int c = 0; c < vm->nr_contexts; c++) {
		struct context *ctx = &vm->contexts[c];

		if (ctx->used && ctx->root == root) {
			ctx->stamp = ++vm->clock;
			return ctx;
		}
		if (!oldest || ctx->stamp < oldest->stamp)
			oldest = ctx;
	}
	if (!make)
		return NULL;
	if (oldest->used)
		host_empty(vm, oldest);
	oldest->used = true;
	oldest->root = root;
	oldest->stamp = ++vm->clock;
	return oldest;
}

/* The guest can only make a careless host's calls fail. */
static bool worked(struct vm *vm, int ret, const char *what)
{
	if (ret && !vm->ram.careless && !vm->broken) {
		vm->broken = what;
		fprintf(stderr, "lmap-vm: %s: %s\n", what, strerror(-ret));
	}
	return !ret;
}

bool host_map(struct vm *vm, struct context *ctx, enum mode mode, uint64_t va,
	      uint64_t gpa, uint64_t pages, bool write, unsigned int flags)
{
	struct lmap_map_opts opts = { .size = sizeof(opts), .flags = flags };
	unsigned int rights = write ? LMAP_R | LMAP_W : LMAP_R;
	struct view *v = &ctx->view[mode];
	int ret;

	do {
		ret = lmap_map_range(vm->space,
				     ram_source(&vm->ram, va, gpa),
				     pages * geo.page, rights, v->window, va,
				     &opts, NULL);
	} while (ret == -EINTR);
	vm->counts.maps++;
	if (!worked(vm, ret, "map"))
		return false;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t frame = gpa + i * geo.page;

		v->page[va / geo.page + i] = frame | PTE_P |
					     (write ? PTE_W : 0);
		if (frame < geo.ram)
			vm->slots[frame / geo.page] |= 1U << root_index(va);
	}
	return true;
}

static void take(struct vm *vm, lmap_fpage_t what, int window)
{
	int ret;

	do {
		ret = lmap_unmap(vm->space, what, LMAP_ONLY, window, NULL);
	} while (ret == -EINTR);
	vm->counts.unmaps++;
	worked(vm, ret, "unmap");
}

void host_unmap(struct vm *vm, struct context *ctx, uint64_t va)
{
	for (int mode = 0; mode < MODES; mode++) {
		struct view *v = &ctx->view[mode];
		uint64_t *page = &v->page[va / geo.page];
		unsigned char *source = ram_source(&vm->ram, va,
						   *page & -geo.page);

		if (*page)
			take(vm, lmap_fpage(source, geo.shift, LMAP_RIGHTS_ALL),
			     v->window);
		*page = 0;
	}
}

void host_empty_slot(struct vm *vm, struct context *ctx, unsigned int slot)
{
	unsigned int order = __builtin_ctzll(geo.ram);
	uint64_t va = slot * geo.span;

	for (int mode = 0; mode < MODES; mode++) {
		struct view *v = &ctx->view[mode];

		take(vm, lmap_fpage(ram_source(&vm->ram, va, 0), order,
				    LMAP_RIGHTS_ALL), v->window);
		memset(v->page + va / geo.page, 0,
		       geo.entries * sizeof(*v->page));
	}
	vm->counts.flushes++;
}

void host_empty(struct vm *vm, struct context *ctx)
{
	uint64_t pages = geo.space / geo.page;

	for (int mode = 0; mode < MODES; mode++) {
		struct view *v = &ctx->view[mode];

		take(vm, LMAP_WHOLE, v->window);
		memset(v->page, 0, pages * sizeof(*v->page));
	}
	vm->counts.flushes++;
}

static void take_w(struct vm *vm, unsigned char *source)
{
	int ret;

	do {
		ret = lmap_unmap_range(vm->space, source, geo.page, LMAP_W, 0,
				       NULL);
	} while (ret == -EINTR);
	vm->counts.unmaps++;
	worked(vm, ret, "unmap w");
}

void host_protect(struct vm *vm, uint64_t gpa)
{
	for (unsigned int slot = 0; slot < ROOT_SLOTS; slot++)
		if (vm->slots[gpa / geo.page] & 1U << slot)
			take_w(vm, ram_source(&vm->ram, slot * geo.span, gpa));
}

bool host_refs(struct vm *vm, uint64_t va, uint64_t gpa, unsigned int *bits)
{
	int ret;

	do {
		ret = lmap_status(vm->space, ram_source(&vm->ram, va, gpa),
				  geo.page, LMAP_RESET, NULL, bits);
	} while (ret == -EINTR);
	return worked(vm, ret, "status");
}

/*
 * A page comes to be writable with the first write only, so that D can be set
 * then, as A is set with the first access.
 */
bool host_map_walked(struct vm *vm, struct context *ctx, enum mode mode,
		     uint64_t va, const struct walk *w, bool write, bool protect)
{
	if (!walk_allows(w, mode == USER, write))
		return false;
	*w->entry |= write ? PTE_A | PTE_D : PTE_A;
	write = w->rights & PTE_W && *w->entry & PTE_D && !protect;
	return host_map(vm, ctx, mode, va & -geo.page, w->gpa, 1, write, 0);
}

/* Requests and faults. */

static struct context *switch_root(struct vm *vm, uint64_t root)
{
	if (!ram_table(&vm->ram, root))
		return NULL;
	vm->counts.switches++;
	return vm->backend->activate(vm, root);
}

static void trace_request(const struct vm *vm, const struct message *m,
			  const struct reply *reply)
{
	static const char *const names[] = {
		[REQUEST_ROOT] = "root", [REQUEST_FLUSH] = "flush",
		[REQUEST_FLUSH_ALL] = "flush all", [REQUEST_HALT] = "halt",
	};
	static const char *const calls[] = {
		[CALL_INSERT] = "insert", [CALL_REMOVE] = "remove",
		[CALL_REFS] = "refs",
	};

	if (!vm->trace)
		return;
	if (m->request == REQUEST_CALL)
		fprintf(vm->trace, "    call %s: root %#" PRIx64 " address %#"
			PRIx64 " entry %#" PRIx64 " pages %" PRIu64 ": %#" PRIx64
			"\n", m->nr <= CALL_REFS && m->nr ? calls[m->nr] : "?",
			m->r[1], m->r[2], m->r[3], m->r[4], reply->value);
	else if (m->request <= REQUEST_HALT)
		fprintf(vm->trace, "    %s %#" PRIx64 ": %s\n",
			names[m->request], m->r[0],
			reply->ok ? "done" : "refused");
}

/* Returns false at the end. */
static bool answer_request(struct vm *vm)
{
	struct reply reply = { .ok = true };
	struct context *ctx;
	struct message m;
	uint64_t start;

	if (!read_all(vm->sock, &m, sizeof(m)))
		fail("the machine is gone");
	start = now();
	vm->counts.calls++;
	switch (m.request) {
	case REQUEST_ROOT:
		ctx = switch_root(vm, m.r[0]);
		reply.ok = ctx;
		if (ctx)
			vm->current = ctx;
		break;
	case REQUEST_FLUSH:
	case REQUEST_FLUSH_ALL:
		vm->backend->flush(vm, m.r[0], m.request == REQUEST_FLUSH_ALL);
		break;
	case REQUEST_CALL:
		reply.ok = vm->backend->call &&
			   vm->backend->call(vm, m.nr, m.r, &reply.value);
		break;
	case REQUEST_HALT:
		if (vm->backend->settle)
			vm->backend->settle(vm);
		break;
	}
	reply.context = vm->current - vm->contexts;
	trace_request(vm, &m, &reply);
	vm->counts.host_ns += now() - start;
	if (!write_all(vm->sock, &reply, sizeof(reply)))
		fail("the machine is gone");
	return m.request != REQUEST_HALT;
}

static void answer_fault(struct vm *vm, struct context *ctx, enum mode mode)
{
	struct view *v = &ctx->view[mode];
	struct lmap_fault fault;
	uint64_t start;
	bool write, ok;
	int n;

	n = lmap_pager_read(v->pager, &fault, 1);
	if (n == -EAGAIN)
		return;
	if (n != 1)
		fail("pager: %s", n ? strerror(-n) : "the machine is gone");
	start = now();
	write = fault.access & LMAP_W;
	/* only the address space that is current has a processor in it */
	ok = ctx == vm->current && fault.offset < geo.space &&
	     vm->backend->miss(vm, ctx, mode, fault.offset, write);
	if (!ok && lmap_pager_refuse(v->pager, fault.offset, geo.page) < 0)
		fail("the pager can't refuse");
	vm->counts.host_ns += now() - start;
	vm->counts.misses += ok;
	vm->counts.upgrades += ok && fault.held;
	vm->counts.refused += !ok;
	if (vm->trace)
		fprintf(vm->trace, "    fault in %s %u at %#llx to %s: %s\n",
			mode == USER ? "user" : "kernel",
			(unsigned int)(ctx - vm->contexts),
			(unsigned long long)fault.offset,
			write ? "write" : "read", ok ? "mapped" : "refused");
}

static void serve(struct vm *vm)
{
	struct pollfd fds[1 + CONTEXTS_MAX * MODES];
	nfds_t n = 0;

	fds[n++] = (struct pollfd){ .fd = vm->sock, .events = POLLIN };
	for (unsigned int c = 0; c < vm->nr_contexts; c++)
		for (int mode = 0; mode < MODES; mode++)
			fds[n++] = (struct pollfd){
				.fd = vm->contexts[c].view[mode].pager,
				.events = POLLIN,
			};
	for (;;) {
		if (poll(fds, n, -1) < 0) {
			if (errno == EINTR)
				continue;
			fail("poll: %s", strerror(errno));
		}
		if (fds[0].revents && !answer_request(vm))
			return;
		for (nfds_t i = 1; i < n; i++)
			if (fds[i].revents)
				answer_fault(vm, &vm->contexts[(i - 1) / MODES],
					     (i - 1) % MODES);
	}
}

void host_run(struct vm *vm, const struct image *image,
	      const struct params *params, bool hostile)
{
	struct order order = { .hostile = hostile };

	ram_load(&vm->ram, image, params, &order.cpu);
	order.cpu.csr[CSR_FEATURES] = vm->backend->paravirtual;
	vm->current = vm->backend->start(vm, order.cpu.csr[CSR_PTB]);
	order.context = vm->current - vm->contexts;
	if (!write_all(vm->sock, &order, sizeof(order)))
		fail("the machine is gone");
	serve(vm);
	if (!read_all(vm->sock, &vm->report, sizeof(vm->report)))
		fail("the machine is gone");
}
