// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: the processor. It interprets one instruction after the other. Must
 * never change a register before everything that can fault has been done: an
 * instruction whose access is answered late, or refused, is taken again.
 */
#include "guest.h"

#include <unistd.h>

struct geometry geo;

void geometry_init(void)
{
	geo.page = sysconf(_SC_PAGESIZE);
	geo.shift = __builtin_ctzll(geo.page);
	geo.entries = geo.page / sizeof(uint64_t);
	if (geo.entries > ENTRIES_MAX)
		geo.entries = ENTRIES_MAX;
	geo.span = geo.entries * geo.page;
	geo.space = ROOT_SLOTS * geo.span;
	geo.ram = FRAMES * geo.page;
	geo.direct = KERNEL_SLOT * geo.span;
	geo.info = geo.ram - geo.page;
}

/* @next is where the handler's eret goes. */
static void trap(struct cpu *c, enum cause cause, uint64_t next)
{
	c->csr[CSR_CAUSE] = cause;
	c->csr[CSR_EPC] = next;
	c->csr[CSR_EMODE] = c->user;
	c->user = false;
	c->pc = c->csr[CSR_TVEC];
}

void cpu_page_fault(struct cpu *c)
{
	c->steps += FAULT_STEPS;
	/* a handler that is not there would trap for ever */
	if (!c->user && c->at == c->pc && c->pc == c->csr[CSR_TVEC]) {
		c->stuck = true;
		c->halted = true;
		return;
	}
	c->csr[CSR_ADDR] = c->at;
	c->csr[CSR_ACCESS] = c->writes;
	trap(c, CAUSE_PAGE, c->pc);
}

/* Memory. All of these return false after a trap. */

static void *place(struct cpu *c, const struct bus *bus, uint64_t va,
		   unsigned int size, bool write)
{
	void *p;

	if (va % size) {
		trap(c, CAUSE_ALIGN, c->pc);
		return NULL;
	}
	c->at = va;
	c->writes = write;
	p = bus->at(bus->arg, c->user, va, write);
	if (!p)
		cpu_page_fault(c);
	return p;
}

static bool load(struct cpu *c, const struct bus *bus, uint64_t va,
		 unsigned int size, uint64_t *value)
{
	void *p = place(c, bus, va, size, false);

	if (!p)
		return false;
	*value = size == 1 ? *(volatile uint8_t *)p : *(volatile uint64_t *)p;
	return true;
}

static bool store(struct cpu *c, const struct bus *bus, uint64_t va,
		  unsigned int size, uint64_t value)
{
	void *p = place(c, bus, va, size, true);

	if (!p)
		return false;
	if (size == 1)
		*(volatile uint8_t *)p = value;
	else
		*(volatile uint64_t *)p = value;
	return true;
}

static bool fetch(struct cpu *c, const struct bus *bus, struct instruction *i)
{
	union {
		uint64_t word;
		struct instruction i;
	} u;

	if (!load(c, bus, c->pc, sizeof(u), &u.word))
		return false;
	*i = u.i;
	return true;
}

static uint64_t compute(enum op op, uint64_t a, uint64_t b)
{
	switch (op) {
	case OP_ADD:
	case OP_ADDI:
		return a + b;
	case OP_SUB:
		return a - b;
	case OP_MUL:
	case OP_MULI:
		return a * b;
	case OP_AND:
	case OP_ANDI:
		return a & b;
	case OP_OR:
	case OP_ORI:
		return a | b;
	case OP_XOR:
	case OP_XORI:
		return a ^ b;
	case OP_SHL:
	case OP_SHLI:
		return a << (b & 63);
	default:
		return a >> (b & 63);
	}
}

static bool taken(enum op op, uint64_t a, uint64_t b)
{
	switch (op) {
	case OP_BEQ:
		return a == b;
	case OP_BNE:
		return a != b;
	case OP_BLT:
		return a < b;
	default:
		return a >= b;
	}
}

/* What only the kernel may do. Returns false if there was a trap. */
static bool privileged(struct cpu *c, const struct bus *bus,
		       const struct instruction *i, uint64_t a, uint64_t *next)
{
	unsigned int csr = i->imm;

	if (c->user)
		return false;
	switch (i->op) {
	case OP_HALT:
		c->halted = true;
		return true;
	case OP_ERET:
		*next = c->csr[CSR_EPC];
		c->user = c->csr[CSR_EMODE] & 1;
		return true;
	case OP_CSRR:
		if (csr >= CSR_COUNT)
			return false;
		c->r[i->rd % REG_COUNT] = c->csr[csr];
		return true;
	case OP_CSRW:
		if (csr >= CSR_COUNT || csr == CSR_FEATURES ||
		    (csr == CSR_PTB && !bus->set_root(bus->arg, a)))
			return false;
		c->csr[csr] = a;
		return true;
	case OP_FLUSH:
	case OP_FLUSHA:
		bus->flush(bus->arg, a, i->op == OP_FLUSHA);
		return true;
	case OP_HCALL:
		return bus->call(bus->arg, i->imm, c->r);
	}
	return false;
}

/* Returns false if there was a trap, and the instruction does not count. */
static bool execute(struct cpu *c, const struct bus *bus,
		    const struct instruction *i, uint64_t *next)
{
	uint64_t *rd = &c->r[i->rd % REG_COUNT], value;
	uint64_t a = c->r[i->ra % REG_COUNT], b = c->r[i->rb % REG_COUNT];

	switch (i->op) {
	case OP_LI:
		*rd = (int64_t)i->imm;
		return true;
	case OP_LIH:
		*rd = (uint32_t)*rd | (uint64_t)(uint32_t)i->imm << 32;
		return true;
	case OP_ADD ... OP_SHR:
		*rd = compute(i->op, a, b);
		return true;
	case OP_ADDI ... OP_SHRI:
		*rd = compute(i->op, a, (int64_t)i->imm);
		return true;
	case OP_LD:
	case OP_LDB:
		if (!load(c, bus, a + i->imm, i->op == OP_LD ? 8 : 1, &value))
			return false;
		*rd = value;
		return true;
	case OP_ST:
	case OP_STB:
		return store(c, bus, a + i->imm, i->op == OP_ST ? 8 : 1, *rd);
	case OP_BEQ ... OP_BGE:
		if (taken(i->op, a, b))
			*next = c->pc + i->imm;
		return true;
	case OP_JAL:
		*rd = *next;
		*next = c->pc + i->imm;
		return true;
	case OP_JR:
		*next = a;
		return true;
	case OP_SYS:
		trap(c, CAUSE_SYS, *next);
		return false;
	default:
		if (privileged(c, bus, i, a, next))
			return true;
		trap(c, CAUSE_ILLEGAL, c->pc);
		return false;
	}
}

void cpu_run(struct cpu *c, const struct bus *bus)
{
	struct instruction i;
	bool user, timer;
	uint64_t next;

	while (!c->halted) {
		if (++c->steps > CPU_STEPS) {
			c->stuck = true;
			c->halted = true;
			break;
		}
		user = c->user;
		if (!fetch(c, bus, &i))
			continue;
		next = c->pc + sizeof(i);
		if (!execute(c, bus, &i, &next)) {
			c->r[0] = 0;
			continue;
		}
		c->r[0] = 0;
		c->instructions++;
		c->pc = next;
		timer = user && c->csr[CSR_TIMER] && !--c->csr[CSR_TIMER];
		if (timer)
			trap(c, CAUSE_TIMER, next);
	}
}
