/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap-vm: what its parts have in common.
 *
 *	main.c		options, tables
 *	run.c		one program on one back end, and what must hold then
 *	programs.c guest-*.c	the guest programs
 *	asm.c cpu.c	the guest machine (guest.h)
 *	ram.c		guest-physical memory, page table walks
 *	reference.c	the machine in software, against which all are compared
 *	machine.c	the process that runs guest instructions
 *	host.c		the process that owns the memory and answers
 *	paravirt.c shadow.c vtlb.c	back ends
 *	audit.c		what is in the windows, against the guest's tables
 *	curve.c		--svg
 */
#ifndef LMAP_VM_H
#define LMAP_VM_H

#include "guest.h"
#include "tell.h"

#include <stdio.h>
#include <sys/types.h>

#include <lmap.h>

/* All of it, or false. */
bool read_all(int fd, void *p, size_t n);
bool write_all(int fd, const void *p, size_t n);

/* Guest programs, and what they are told. */

struct params {
	uint64_t size;
	uint64_t tasks;
	uint64_t set;
	uint64_t rounds;
	uint64_t slice;
};

struct program {
	const char *name;
	const char *what;
	const char *source;
	struct params usual;
	bool hostile;	/* the machine's process tries things, too */
	const char *shows;
};

extern const struct program programs[];
extern const size_t nr_programs;
extern const char library_source[];
extern const char tasks_source[], remap_source[], demand_source[],
	hostile_source[];

/*
 * struct ram - guest-physical memory
 * @base: of geo.ram bytes, which are the host's ordinary memory
 * @area: where that memory is mapped once for each slot of a root, as unmapping
 *	  goes by the lender's address: what a frame shows below one slot can be
 *	  taken without what it shows below another. @base is the first. Directly
 *	  before and behind each the host has a page that is filled with @secret
 * @secret: words; 0 if there are no such pages
 * @careless: frames are not checked: what a host must never do
 * @is_leaf: frames that the reference has used as leaves, which have A and D
 */
struct ram {
	unsigned char *base;
	unsigned char *area;
	size_t area_size;
	uint64_t secret;
	bool careless;
	bool is_leaf[FRAMES];
};

void ram_create(struct ram *ram, uint64_t secret);
void ram_destroy(struct ram *ram);
/* Puts a program, its first page tables and the host's page in. */
void ram_load(struct ram *ram, const struct image *image,
	      const struct params *params, struct cpu *cpu);
/* Are the pages beside it as they were? */
bool ram_secret_whole(const struct ram *ram);

/* The address from which a frame is lent to be seen at @va. */
unsigned char *ram_source(const struct ram *ram, uint64_t va, uint64_t gpa);
bool frame_valid(const struct ram *ram, uint64_t gpa);
bool frame_writable(const struct ram *ram, uint64_t gpa);
/* A table that the host may read, and whose A and D bits it may set. */
uint64_t *ram_table(const struct ram *ram, uint64_t gpa);

/*
 * struct walk - where an address leads
 * @entry: in a leaf, in @ram
 * @table: physical address of the leaf
 * @gpa: of the frame
 * @rights: of both levels, and what the frame allows
 */
struct walk {
	uint64_t *entry;
	uint64_t table;
	uint64_t gpa;
	unsigned int rights;
};

unsigned int root_index(uint64_t va);
unsigned int leaf_index(uint64_t va);
/* What two entries give together; false if nothing. */
bool entries_lead(const struct ram *ram, uint64_t top, uint64_t leaf,
		  struct walk *w);
bool walk(const struct ram *ram, uint64_t root, uint64_t va, struct walk *w);
/* Is the access allowed? */
bool walk_allows(const struct walk *w, bool user, bool write);

/* Where the guest's tables lead, is it this? */
bool walk_agrees(const struct ram *ram, uint64_t root, bool user, uint64_t va,
		 uint64_t gpa, bool write, struct walk *w);

void reference_run(struct ram *ram, struct cpu *cpu);

/* The machine process and the host talk over a socket. */

enum request { REQUEST_ROOT, REQUEST_FLUSH, REQUEST_FLUSH_ALL, REQUEST_CALL,
	       REQUEST_HALT };

struct message {
	enum request request;
	unsigned int nr;
	uint64_t r[5];
};

struct reply {
	bool ok;
	unsigned int context;
	uint64_t value;
};

/* What the machine is told at its start. */
struct order {
	struct cpu cpu;
	unsigned int context;
	bool hostile;
};

/* What it tells at its end. */
struct report {
	struct cpu cpu;
	uint64_t ns;
	/* what it tried around the guest's processor, if it was to */
	uint64_t readable_pages;
	int lend_errno;
};

enum { CONTEXTS_MAX = 16 };

void machine_main(int sock, unsigned int contexts) __attribute__((noreturn));

/* The host. */

enum mode { KERNEL, USER, MODES };

/*
 * struct view - what one address space shows in one mode
 * @page: for each page where the host has mapped something: the address of the
 *	  frame and PTE_P, PTE_W. It may be out of date if a frame was taken
 *	  away everywhere: the kernel's mappings count
 */
struct view {
	int window;
	int pager;
	uint64_t number;
	uint64_t *page;
};

/*
 * struct context - an address space of the guest that has windows
 * @root: physical address of its root
 */
struct context {
	struct view view[MODES];
	uint64_t root;
	uint64_t stamp;
	bool used;
};

struct counts {
	uint64_t misses;	/* faults that were answered by a mapping */
	uint64_t upgrades;	/* those where r was there, and w came */
	uint64_t refused;	/* and by a page fault of the guest */
	uint64_t updates;	/* changes of tables that the host came to see */
	uint64_t maps;		/* calls of lmap */
	uint64_t unmaps;
	uint64_t flushes;	/* of whole address spaces */
	uint64_t switches;	/* writes to ptb */
	uint64_t calls;		/* requests over the socket */
	uint64_t host_ns;	/* from a message to its answer */
};

struct vm {
	const struct backend *backend;
	struct ram ram;
	int space;
	int sock;
	pid_t machine;
	struct context *contexts;
	unsigned int nr_contexts;
	struct context *current;
	uint64_t clock;
	struct counts counts;
	struct report report;
	void *state;	/* of the back end */
	uint16_t slots[FRAMES];	/* below which a frame was lent */
	FILE *trace;
	const char *broken;	/* a call of lmap that failed */
};

/* A page of a window, as the kernel lists it. */
struct seen {
	enum mode mode;
	uint64_t va;
	uint64_t gpa;
	bool write;
};

/*
 * struct backend - a way to make address spaces
 * @switch_cache: has a context for each address space, so that a switch costs
 *		  nothing; otherwise there is one
 * @paravirtual: what CSR_FEATURES tells
 * @start: all is loaded; returns the first context
 * @miss: map a page for an access; false: the guest has none to offer
 * @activate: the guest's address space is from now on that of @root
 * @flush: translations of @va in the current address space, or all, are stale
 * @call: hcall; false: no such thing
 * @settle: bring what lags behind the guest's tables up to date
 * @agrees: may this be there? The guest's tables decide
 */
struct backend {
	const char *name;
	const char *what;
	bool switch_cache;
	bool paravirtual;
	struct context *(*start)(struct vm *vm, uint64_t root);
	bool (*miss)(struct vm *vm, struct context *ctx, enum mode mode,
		     uint64_t va, bool write);
	struct context *(*activate)(struct vm *vm, uint64_t root);
	void (*flush)(struct vm *vm, uint64_t va, bool all);
	bool (*call)(struct vm *vm, unsigned int nr, const uint64_t *r,
		     uint64_t *result);
	void (*settle)(struct vm *vm);
	bool (*agrees)(struct vm *vm, const struct context *ctx,
		       const struct seen *seen);
	void (*stop)(struct vm *vm);
};

extern const struct backend paravirt_backend, shadow_backend, vtlb_backend;
extern const struct backend *const backends[];
extern const size_t nr_backends;

/* The machine is forked before there is a secret it could inherit. */
void host_start(struct vm *vm, unsigned int contexts);
void host_run(struct vm *vm, const struct image *image,
	      const struct params *params, bool hostile);
void host_stop(struct vm *vm);

/* What back ends do with windows. */

/* The one with this root; with @make the one not used for longest. */
struct context *context_of(struct vm *vm, uint64_t root, bool make);
bool host_map(struct vm *vm, struct context *ctx, enum mode mode, uint64_t va,
	      uint64_t gpa, uint64_t pages, bool write, unsigned int flags);
/* What the host has mapped at @va, from both windows. */
void host_unmap(struct vm *vm, struct context *ctx, uint64_t va);
/* Everything below one slot, and everything, from both windows. */
void host_empty_slot(struct vm *vm, struct context *ctx, unsigned int slot);
void host_empty(struct vm *vm, struct context *ctx);
/* The right to write a frame, from all windows. */
void host_protect(struct vm *vm, uint64_t gpa);
/* Reference bits of a frame below one slot, which are cleared. */
bool host_refs(struct vm *vm, uint64_t va, uint64_t gpa, unsigned int *bits);
/* Sets A, and D for a write, and maps as far as they tell. */
bool host_map_walked(struct vm *vm, struct context *ctx, enum mode mode,
		     uint64_t va, const struct walk *w, bool write,
		     bool protect);

struct audit {
	uint64_t mappings;
	uint64_t pages;
	uint64_t wrong;
};

void audit_windows(struct vm *vm, struct audit *audit);

/* One program on one back end. */

struct outcome {
	struct counts counts;
	struct report report;
	struct audit audit;
	uint64_t differences;	/* words of memory, registers */
	bool secret_leaked;
	bool secret_damaged;
	const char *broken;
};

struct job {
	const struct program *program;
	const struct backend *backend;
	struct params params;
	const struct ram *expected;	/* memory after the reference */
	const struct cpu *expected_cpu;
	unsigned int contexts;	/* of shadow; 0: enough */
	bool careless;
	FILE *trace;
};

/* Nanoseconds that it took. */
uint64_t run_reference(const struct program *program,
		       const struct params *params, struct ram *ram,
		       struct cpu *cpu);
void run_job(const struct job *job, struct outcome *out);

int curve_draw(const char *path, const struct params *params);

#endif /* LMAP_VM_H */
