// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: the assembler. Two passes over the text: the first gives labels their
 * values, the second makes the bytes. Must never guess: what it doesn't
 * understand ends the program with the line.
 *
 * A line is  [label:] [instruction operands] [; comment]. An operand is a
 * register (r0 to r15, zero, sp, lr), a control register, or a sum of numbers
 * and symbols. Branches are relative, so that code runs wherever it is mapped.
 * .word NUMBER makes a word, .space BYTES zeroes, .page goes to the next page.
 */
#include "guest.h"
#include "vm.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/*
 * Operands: d, a, b: registers; i: number; p: place to branch to; c: control
 * register. Some mnemonics stand for another with registers filled in.
 */
static const struct mnemonic {
	const char *name;
	const char *operands;
	enum op op;
	uint8_t rd;
	uint8_t ra;
} mnemonics[] = {
	{ "halt", "", OP_HALT },
	{ "li", "di", OP_LI },
	{ "lih", "di", OP_LIH },
	{ "add", "dab", OP_ADD },
	{ "sub", "dab", OP_SUB },
	{ "mul", "dab", OP_MUL },
	{ "and", "dab", OP_AND },
	{ "or", "dab", OP_OR },
	{ "xor", "dab", OP_XOR },
	{ "shl", "dab", OP_SHL },
	{ "shr", "dab", OP_SHR },
	{ "addi", "dai", OP_ADDI },
	{ "muli", "dai", OP_MULI },
	{ "andi", "dai", OP_ANDI },
	{ "ori", "dai", OP_ORI },
	{ "xori", "dai", OP_XORI },
	{ "shli", "dai", OP_SHLI },
	{ "shri", "dai", OP_SHRI },
	{ "mv", "da", OP_ADDI },
	{ "ld", "dai", OP_LD },
	{ "st", "dai", OP_ST },
	{ "ldb", "dai", OP_LDB },
	{ "stb", "dai", OP_STB },
	{ "beq", "abp", OP_BEQ },
	{ "bne", "abp", OP_BNE },
	{ "blt", "abp", OP_BLT },
	{ "bge", "abp", OP_BGE },
	{ "jmp", "p", OP_JAL },
	{ "call", "p", OP_JAL, REG_LR },
	{ "jr", "a", OP_JR },
	{ "ret", "", OP_JR, 0, REG_LR },
	{ "sys", "", OP_SYS },
	{ "eret", "", OP_ERET },
	{ "csrr", "dc", OP_CSRR },
	{ "csrw", "ca", OP_CSRW },
	{ "flush", "a", OP_FLUSH },
	{ "flusha", "", OP_FLUSHA },
	{ "hcall", "i", OP_HCALL },
};

static const char *const csr_names[CSR_COUNT] = {
	"ptb", "tvec", "epc", "emode", "cause", "addr", "access", "timer",
	"features", "scratch", "area", "recover",
};

enum { SYMBOLS = 256, NAME = 24, LINE = 200 };

struct assembler {
	struct {
		char name[NAME];
		int64_t value;
	} symbols[SYMBOLS];
	unsigned int nr_symbols;
	bool second;
	const char *line;
	size_t at;	/* bytes so far */
	struct image *image;
};

static void __attribute__((noreturn))
mistake(const struct assembler *as, const char *what)
{
	fail("guest program: %s in \"%.*s\"", what,
	     (int)strcspn(as->line, "\n"), as->line);
}

static void define(struct assembler *as, const char *name, int64_t value)
{
	if (as->nr_symbols == SYMBOLS || strlen(name) >= NAME)
		mistake(as, "too many symbols, or a long name");
	strcpy(as->symbols[as->nr_symbols].name, name);
	as->symbols[as->nr_symbols++].value = value;
}

static bool lookup(const struct assembler *as, const char *name, int64_t *value)
{
	for (unsigned int i = 0; i < as->nr_symbols; i++)
		if (!strcmp(as->symbols[i].name, name)) {
			*value = as->symbols[i].value;
			return true;
		}
	return false;
}

/* The next word of a line, up to what separates. */
static bool word(char **s, char *out)
{
	size_t n = 0;

	while (**s == ' ' || **s == '\t' || **s == ',')
		(*s)++;
	while (isalnum((unsigned char)**s) || **s == '_' || **s == '.') {
		if (n < NAME - 1)
			out[n++] = **s;
		(*s)++;
	}
	out[n] = 0;
	return n;
}

static int64_t term(struct assembler *as, char **s)
{
	char name[NAME], *end;
	int64_t value;

	if (!word(s, name))
		mistake(as, "a number is missing");
	if (isdigit((unsigned char)*name)) {
		value = strtoll(name, &end, 0);
		if (*end)
			mistake(as, "a strange number");
		return value;
	}
	if (!lookup(as, name, &value)) {
		if (as->second)
			mistake(as, "an unknown symbol");
		value = 0;
	}
	return value;
}

static int64_t sum(struct assembler *as, char **s)
{
	int64_t value = 0;
	int sign = 1;

	do {
		while (**s == ' ' || **s == '\t' || **s == ',')
			(*s)++;
		if (**s == '-' || **s == '+')
			sign = *(*s)++ == '-' ? -1 : 1;
		value += sign * term(as, s);
		while (**s == ' ')
			(*s)++;
	} while (**s == '+' || **s == '-');
	return value;
}

static unsigned int reg(struct assembler *as, char **s)
{
	char name[NAME], *end;
	unsigned long n;

	word(s, name);
	if (!strcmp(name, "zero"))
		return 0;
	if (!strcmp(name, "sp"))
		return REG_SP;
	if (!strcmp(name, "lr"))
		return REG_LR;
	if (*name != 'r' || !isdigit((unsigned char)name[1]))
		mistake(as, "a register is missing");
	n = strtoul(name + 1, &end, 10);
	if (*end || n >= REG_COUNT)
		mistake(as, "no such register");
	return n;
}

static unsigned int csr(struct assembler *as, char **s)
{
	char name[NAME];

	word(s, name);
	for (unsigned int i = 0; i < CSR_COUNT; i++)
		if (!strcmp(name, csr_names[i]))
			return i;
	mistake(as, "no such control register");
}

static void emit(struct assembler *as, const void *bytes, size_t n)
{
	if (as->at + n > geo.info)
		mistake(as, "no more room");
	if (as->second) {
		if (bytes)
			memcpy(as->image->bytes + as->at, bytes, n);
		else
			memset(as->image->bytes + as->at, 0, n);
	}
	as->at += n;
}

static void operands(struct assembler *as, const char *how, char **s,
		     struct instruction *i)
{
	int64_t value = 0;

	for (; *how; how++)
		switch (*how) {
		case 'd':
			i->rd = reg(as, s);
			break;
		case 'a':
			i->ra = reg(as, s);
			break;
		case 'b':
			i->rb = reg(as, s);
			break;
		case 'c':
			value = csr(as, s);
			break;
		case 'p':
			value = sum(as, s) - (int64_t)(geo.direct + as->at);
			break;
		default:
			value = sum(as, s);
		}
	i->imm = value;
	if (as->second && i->imm != value)
		mistake(as, "a number that does not fit");
}

static void instruction(struct assembler *as, const char *name, char **s)
{
	for (size_t n = 0; n < sizeof(mnemonics) / sizeof(*mnemonics); n++) {
		const struct mnemonic *m = &mnemonics[n];
		struct instruction i = { .op = m->op, .rd = m->rd, .ra = m->ra };

		if (strcmp(name, m->name))
			continue;
		operands(as, m->operands, s, &i);
		emit(as, &i, sizeof(i));
		return;
	}
	mistake(as, "no such instruction");
}

static void directive(struct assembler *as, const char *name, char **s)
{
	int64_t value;

	if (!strcmp(name, ".word")) {
		value = sum(as, s);
		emit(as, &value, sizeof(value));
	} else if (!strcmp(name, ".space")) {
		value = sum(as, s);
		if (value < 0 || value % 8)
			mistake(as, "no whole words");
		emit(as, NULL, value);
	} else if (!strcmp(name, ".page")) {
		emit(as, NULL, -as->at & (geo.page - 1));
	} else {
		mistake(as, "no such directive");
	}
}

static void assemble_line(struct assembler *as, const char *start, size_t length)
{
	char line[LINE], name[NAME], *s = line;

	as->line = start;
	if (length >= sizeof(line))
		mistake(as, "more than a line");
	memcpy(line, start, length);
	line[length] = 0;
	line[strcspn(line, ";")] = 0;
	while (word(&s, name)) {
		if (*s == ':') {
			s++;
			if (!as->second)
				define(as, name, geo.direct + as->at);
			continue;
		}
		if (*name == '.')
			directive(as, name, &s);
		else
			instruction(as, name, &s);
		break;
	}
	s += strspn(s, " \t");
	if (*s)
		mistake(as, "more than was expected");
}

static void pass(struct assembler *as, const char *const *texts)
{
	as->at = 0;
	for (; *texts; texts++)
		for (const char *s = *texts; *s;) {
			size_t length = strcspn(s, "\n");

			assemble_line(as, s, length);
			s += length + (s[length] == '\n');
		}
}

static void define_all(struct assembler *as)
{
	static const char *const info[INFO_COUNT] = {
		"I_ROOT", "I_FREE", "I_SIZE", "I_TASKS", "I_SET", "I_ROUNDS",
		"I_SLICE", "I_SECRET", "I_RAM",
	};

	as->line = "";
	define(as, "PAGE", geo.page);
	define(as, "SHIFT", geo.shift);
	define(as, "ENTRIES", geo.entries);
	define(as, "TABLE", geo.entries * sizeof(uint64_t));
	define(as, "SPAN", geo.span);
	define(as, "SPAN_SHIFT", __builtin_ctzll(geo.span));
	define(as, "SPACE", geo.space);
	define(as, "FRAMES", FRAMES);
	define(as, "RAM", geo.ram);
	define(as, "DIRECT", geo.direct);
	define(as, "INFO", geo.info);
	define(as, "KERNEL_SLOT", KERNEL_SLOT);
	define(as, "KERNEL_ENTRY", 8 * KERNEL_SLOT);
	define(as, "SELF_SLOT", SELF_SLOT);
	define(as, "P", PTE_P);
	define(as, "W", PTE_W);
	define(as, "U", PTE_U);
	define(as, "A", PTE_A);
	define(as, "D", PTE_D);
	define(as, "SYS", CAUSE_SYS);
	define(as, "FAULT", CAUSE_PAGE);
	define(as, "ILLEGAL", CAUSE_ILLEGAL);
	define(as, "TIMER", CAUSE_TIMER);
	define(as, "INSERT", CALL_INSERT);
	define(as, "REMOVE", CALL_REMOVE);
	define(as, "REFS", CALL_REFS);
	for (unsigned int i = 0; i < INFO_COUNT; i++)
		define(as, info[i], geo.direct + geo.info + 8 * i);
}

void assemble(const char *const *texts, struct image *image)
{
	struct assembler *as = calloc(1, sizeof(*as));
	int64_t entry;

	if (!as)
		fail("no memory");
	as->image = image;
	define_all(as);
	pass(as, texts);
	image->size = as->at;
	image->bytes = calloc(1, image->size + 1);
	if (!image->bytes)
		fail("no memory");
	as->second = true;
	pass(as, texts);
	if (!lookup(as, "start", &entry))
		fail("guest program: it has no start");
	image->entry = entry;
	free(as);
}
