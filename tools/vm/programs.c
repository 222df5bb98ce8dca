// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: the guest programs, and those that only compute.
 */
#include "vm.h"

static const char sort_source[] =
	"; Shell sort of numbers from a generator. r1 = checksum, r2 = pairs in disorder.\n"
	"trap:\n"
	"\tjmp\trecover_trap\n"
	"main:\n"
	"\tld\tr9, zero, I_SIZE\n"
	"\tld\tr1, zero, I_ROOT\n"
	"\tli\tr2, 0\n"
	"\tcall\tnew_leaf\n"
	"\tld\tr1, zero, I_ROOT\n"
	"\tli\tr2, 0\n"
	"\tshli\tr3, r9, 3\n"
	"\taddi\tr3, r3, PAGE-1\n"
	"\tshri\tr3, r3, SHIFT\n"
	"\tli\tr4, P+W\n"
	"\tcall\tmap_new\n"
	"\tshli\tr9, r9, 3\t\t; r9 = end of the array, which begins at 0\n"
	"\tli\tr1, 12345\n"
	"\tli\tr2, 0\n"
	"fill:\n"
	"\tmuli\tr1, r1, 1103515245\n"
	"\taddi\tr1, r1, 12345\n"
	"\tshri\tr3, r1, 16\n"
	"\tst\tr3, r2, 0\n"
	"\taddi\tr2, r2, 8\n"
	"\tblt\tr2, r9, fill\n"
	"\tmv\tr10, r9\t\t\t; r10 = gap, in bytes\n"
	"gaps:\n"
	"\tshri\tr10, r10, 4\n"
	"\tshli\tr10, r10, 3\n"
	"\tbeq\tr10, zero, sorted\n"
	"\tmv\tr3, r10\n"
	"insert:\n"
	"\tbge\tr3, r9, gaps\n"
	"\tld\tr5, r3, 0\n"
	"\tmv\tr4, r3\n"
	"shift:\n"
	"\tblt\tr4, r10, place\n"
	"\tsub\tr6, r4, r10\n"
	"\tld\tr7, r6, 0\n"
	"\tbge\tr5, r7, place\n"
	"\tst\tr7, r4, 0\n"
	"\tmv\tr4, r6\n"
	"\tjmp\tshift\n"
	"place:\n"
	"\tst\tr5, r4, 0\n"
	"\taddi\tr3, r3, 8\n"
	"\tjmp\tinsert\n"
	"sorted:\n"
	"\tli\tr1, 0\n"
	"\tli\tr2, 0\n"
	"\tli\tr3, 0\n"
	"\tli\tr4, 0\n"
	"check:\n"
	"\tld\tr5, r3, 0\n"
	"\tbge\tr5, r4, in_order\n"
	"\taddi\tr2, r2, 1\n"
	"in_order:\n"
	"\tmv\tr4, r5\n"
	"\tmuli\tr1, r1, 31\n"
	"\tadd\tr1, r1, r5\n"
	"\taddi\tr3, r3, 8\n"
	"\tblt\tr3, r9, check\n"
	"\tjmp\texit\n";

static const char matrix_source[] =
	"; The sum of a matrix whose rows are pages, column by column: each access is to\n"
	"; another page. r1 = sum, r2 = 1 if it is not what was put in.\n"
	"trap:\n"
	"\tjmp\trecover_trap\n"
	"main:\n"
	"\tld\tr1, zero, I_ROOT\n"
	"\tli\tr2, 0\n"
	"\tcall\tnew_leaf\n"
	"\tld\tr9, zero, I_SET\t\t; r9 = rows\n"
	"\tld\tr1, zero, I_ROOT\n"
	"\tli\tr2, 0\n"
	"\tmv\tr3, r9\n"
	"\tli\tr4, P+W\n"
	"\tcall\tmap_new\n"
	"\tshli\tr9, r9, SHIFT\n"
	"\tld\tr10, zero, I_SIZE\t; r10 = columns, in bytes; at most a page\n"
	"\tshli\tr10, r10, 3\n"
	"\tandi\tr10, r10, PAGE-1\n"
	"\tli\tr1, 0\n"
	"\tli\tr11, 0\t\t\t; r11 = what was put in\n"
	"\tli\tr12, 0\n"
	"columns:\n"
	"\tmv\tr3, r12\n"
	"rows:\n"
	"\tld\tr5, r3, 0\n"
	"\tadd\tr1, r1, r5\n"
	"\tmuli\tr6, r3, 7\n"
	"\tst\tr6, r3, 0\n"
	"\tadd\tr11, r11, r6\n"
	"\tli\tr5, PAGE\n"
	"\tadd\tr3, r3, r5\n"
	"\tblt\tr3, r9, rows\n"
	"\taddi\tr12, r12, 8\n"
	"\tblt\tr12, r10, columns\n"
	"\tmv\tr12, zero\n"
	"again:\n"
	"\tmv\tr3, r12\n"
	"down:\n"
	"\tld\tr5, r3, 0\n"
	"\tadd\tr1, r1, r5\n"
	"\tli\tr5, PAGE\n"
	"\tadd\tr3, r3, r5\n"
	"\tblt\tr3, r9, down\n"
	"\taddi\tr12, r12, 8\n"
	"\tblt\tr12, r10, again\n"
	"\tli\tr2, 0\n"
	"\tbeq\tr1, r11, exit\n"
	"\tli\tr2, 1\n"
	"\tjmp\texit\n";

const struct program programs[] = {
	{ "sort", "sorts numbers in its memory", sort_source,
	  { .size = 1500 },
	  .shows = "after the first access to a page nobody has anything to do" },
	{ "matrix", "walks a matrix by columns: each access in another page",
	  matrix_source, { .size = 64, .set = 64 },
	  .shows = "a page costs two faults (read, then write), or a call; how\n"
		   "  they are walked costs nothing: a window has room for all" },
	{ "tasks", "tasks in user mode, which a timer makes take turns",
	  tasks_source, { .tasks = 4, .set = 8, .rounds = 60, .slice = 160 },
	  .shows = "vtlb forgets all at each switch and misses again; the\n"
		   "  others have windows for each address space" },
	{ "demand", "a task whose pages come when it touches them",
	  demand_source, { .set = 48 },
	  .shows = "each change of a table costs shadow a fault and a\n"
		   "  comparison; vtlb reads entries when it needs them" },
	{ "remap", "a kernel that changes its own page tables", remap_source,
	  { .rounds = 20 },
	  .shows = "nobody is spared: a call for each change, or a fault on\n"
		   "  the table, or what was flushed misses again" },
	{ "hostile", "a kernel that tries to reach the host's memory",
	  hostile_source, { .size = 1 }, .hostile = true,
	  .shows = "refusing costs the same on all, and all refuse the same" },
};

const size_t nr_programs = sizeof(programs) / sizeof(*programs);
