/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap-vm: the guest machine as its programs see it: registers, instructions,
 * traps, page tables. Nothing here may depend on how its address spaces are
 * made: a guest can't tell, unless it asks for FEATURES.
 */
#ifndef LMAP_VM_GUEST_H
#define LMAP_VM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Two levels of page tables, entries of 8 bytes, as many in a table as fit into
 * a page, but not more than ENTRIES_MAX, so that addresses of a kernel are
 * numbers that fit into an instruction. A virtual address is
 * slot of the root | entry of the leaf | offset. Only the first ROOT_SLOTS of a
 * root are used, so that an address space has a length that a window can have:
 * 32 MiB with pages of 4 KiB.
 *
 * Physical memory: FRAMES pages from 0. The last one is the host's: it holds
 * what the guest is told at its start, and can only be read.
 */
enum { ROOT_SLOTS = 16, KERNEL_SLOT = 8, SELF_SLOT = 15, FRAMES = 512 };
enum { ENTRIES_MAX = 1024 };

/* The size of things, which comes from the host's page size. */
struct geometry {
	unsigned int shift;
	uint64_t page;
	uint64_t entries;	/* in a table */
	uint64_t span;		/* bytes below one slot of the root */
	uint64_t space;		/* bytes of an address space */
	uint64_t ram;		/* bytes of physical memory */
	uint64_t direct;	/* where the kernel sees physical address 0 */
	uint64_t info;		/* physical address of the host's page */
};

extern struct geometry geo;

void geometry_init(void);

/* Bits of an entry; the rest is the physical address of a frame. */
#define PTE_P		0x01	/* present */
#define PTE_W		0x02	/* may be written */
#define PTE_U		0x04	/* in user mode too */
#define PTE_A		0x08	/* was accessed; set by the machine, in leaves */
#define PTE_D		0x10	/* was written; as PTE_A */
#define PTE_RIGHTS	(PTE_P | PTE_W | PTE_U)

enum { REG_COUNT = 16, REG_SP = 13, REG_LR = 14 };

/*
 * An instruction has 8 bytes: operation, rd, ra, rb, and a number of 32 bits
 * with a sign. Register 0 is always 0.
 */
struct instruction {
	uint8_t op;
	uint8_t rd;
	uint8_t ra;
	uint8_t rb;
	int32_t imm;
};

enum op {
	OP_ILLEGAL, OP_HALT, OP_LI, OP_LIH,
	OP_ADD, OP_SUB, OP_MUL, OP_AND, OP_OR, OP_XOR, OP_SHL, OP_SHR,
	OP_ADDI, OP_MULI, OP_ANDI, OP_ORI, OP_XORI, OP_SHLI, OP_SHRI,
	OP_LD, OP_ST, OP_LDB, OP_STB,
	OP_BEQ, OP_BNE, OP_BLT, OP_BGE,		/* as numbers without a sign */
	OP_JAL, OP_JR, OP_SYS, OP_ERET, OP_CSRR, OP_CSRW,
	OP_FLUSH, OP_FLUSHA, OP_HCALL,
};

/* Control registers, for the kernel only. */
enum csr {
	CSR_PTB,	/* physical address of the root; writing it flushes */
	CSR_TVEC,	/* where traps go */
	CSR_EPC,	/* where the trap came from */
	CSR_EMODE,	/* 1: from user mode */
	CSR_CAUSE,
	CSR_ADDR,	/* of a page fault */
	CSR_ACCESS,	/* of a page fault: 1 if it wanted to write */
	CSR_TIMER,	/* trap after that many user instructions; 0: never */
	CSR_FEATURES,	/* 1: paravirtual, only hcall changes address spaces */
	CSR_SCRATCH,
	CSR_AREA,
	CSR_RECOVER,
	CSR_COUNT,
};

enum cause {
	CAUSE_NONE, CAUSE_SYS, CAUSE_PAGE, CAUSE_ILLEGAL, CAUSE_ALIGN,
	CAUSE_TIMER,
};

/*
 * hcall, for a paravirtual kernel: r1 = root, which names the address space, r2 =
 * virtual address, r3 = entry, r4 = number of pages in a row; r4 = result.
 */
enum call {
	CALL_INSERT = 1,	/* 0, or CALL_REFUSED */
	CALL_REMOVE,		/* 0, or CALL_REFUSED */
	CALL_REFS,		/* PTE_A and PTE_D of one page, and clear them */
};

#define CALL_REFUSED	UINT64_MAX

/* Words of the host's page. */
enum info {
	INFO_ROOT, INFO_FREE, INFO_SIZE, INFO_TASKS, INFO_SET, INFO_ROUNDS,
	INFO_SLICE, INFO_SECRET, INFO_RAM, INFO_COUNT,
};

/*
 * A program that takes more is taken for one that has no end. A page fault counts
 * for many, as it takes long.
 */
#define CPU_STEPS	400000000ULL
#define FAULT_STEPS	1000

struct cpu {
	uint64_t r[REG_COUNT];
	uint64_t pc;
	uint64_t csr[CSR_COUNT];
	uint64_t instructions;	/* that were completed */
	uint64_t steps;		/* and those that trapped */
	bool user;
	bool halted;
	bool stuck;	/* not halted by its program */
	/* of the access that is under way; a signal handler looks */
	volatile uint64_t at;
	volatile bool writes;
};

/*
 * What the processor is connected to. at() gives the place in this process that
 * stands for an address, or NULL for a page fault; touching the place may raise
 * a signal, after which cpu_page_fault() and cpu_run() go on.
 */
struct bus {
	void *(*at)(void *arg, bool user, uint64_t va, bool write);
	bool (*set_root)(void *arg, uint64_t root);
	void (*flush)(void *arg, uint64_t va, bool all);
	bool (*call)(void *arg, unsigned int nr, uint64_t *r);
	void *arg;
};

void cpu_run(struct cpu *c, const struct bus *bus);
void cpu_page_fault(struct cpu *c);

/* What assembling gave. */
struct image {
	unsigned char *bytes;
	size_t size;
	uint64_t entry;
};

/* Texts one behind the other; exits with a message if there is a mistake. */
void assemble(const char *const *texts, struct image *image);

#endif /* LMAP_VM_GUEST_H */
