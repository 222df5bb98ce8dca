// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm - a machine emulator whose guest address spaces are windows, made in
 * three ways: paravirtual, by shadow page tables, and as a virtual TLB.
 *
 * Each guest program runs on a reference in software and on each back end. What
 * is printed must be what happened, and each line's expectation is checked: the
 * same memory and registers as on the reference, nothing in the windows that the
 * guest's tables don't allow, nothing of the host's in the guest. One that does
 * not hold makes the exit status 1.
 */
#include "vm.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

const struct backend *const backends[] = {
	&paravirt_backend, &shadow_backend, &vtlb_backend,
};

const size_t nr_backends = sizeof(backends) / sizeof(*backends);

enum { PARAVIRT, SHADOW, VTLB, BACKENDS };

const char *const tool_name = "lmap-vm";

bool read_all(int fd, void *p, size_t n)
{
	ssize_t got;

	for (char *at = p; n; at += got, n -= got) {
		do {
			got = read(fd, at, n);
		} while (got < 0 && errno == EINTR);
		if (got <= 0)
			return false;
	}
	return true;
}

bool write_all(int fd, const void *p, size_t n)
{
	ssize_t put;

	for (const char *at = p; n; at += put, n -= put) {
		do {
			put = write(fd, at, n);
		} while (put < 0 && errno == EINTR);
		if (put <= 0)
			return false;
	}
	return true;
}

struct options {
	const struct backend *only;
	struct params params;
	unsigned int contexts;
	unsigned int times;
	const char *svg;
	const char *file;
	bool software;	/* no back end at all */
	bool careless;
	bool trace;
};

/* What holds for every program on every back end. */
enum { HOLDS = 8 };

static void judge(const struct program *program, const struct outcome *o,
		  bool *holds)
{
	const struct report *r = &o->report;

	holds[0] = !r->cpu.stuck;
	holds[1] = !o->differences;
	holds[2] = !o->audit.wrong && o->audit.pages;
	holds[3] = !o->secret_leaked;
	holds[4] = !o->secret_damaged;
	holds[5] = !o->broken;
	holds[6] = !program->hostile || r->readable_pages == o->audit.pages;
	holds[7] = !program->hostile || r->lend_errno == EACCES;
}

static void check(const struct program *program, const struct outcome *o)
{
	static const char *const names[HOLDS] = {
		"the program comes to its end",
		"memory and registers as on the reference",
		"nothing in the windows that the guest's tables don't allow",
		"the guest has nothing of the host's memory",
		"the host's memory is as it was",
		"calls of lmap succeed",
		"the machine's process reads what is mapped, and no more",
		"and can't lend it on",
	};
	bool holds[HOLDS];

	judge(program, o, holds);
	for (unsigned int i = 0; i < HOLDS; i++)
		expect(holds[i], names[i]);
}

static bool passed(const struct program *program, const struct outcome *o)
{
	bool holds[HOLDS];

	judge(program, o, holds);
	for (unsigned int i = 0; i < HOLDS; i++)
		if (!holds[i])
			return false;
	return true;
}

/* What makes the back ends different, on programs that show it. */
static void check_all(const struct program *program, const struct outcome *o)
{
	const struct counts *p = &o[PARAVIRT].counts, *s = &o[SHADOW].counts;
	const struct counts *v = &o[VTLB].counts;

	expect(!p->misses, "paravirt: no misses, the guest says all before");
	if (!strcmp(program->name, "tasks")) {
		expect(s->switches == v->switches && p->switches == v->switches,
		       "as many switches on all");
		expect(v->flushes >= v->switches, "vtlb: a switch flushes");
		expect(!p->flushes && v->misses > s->misses,
		       "vtlb misses more, as the others keep address spaces");
	}
	if (!strcmp(program->name, "remap"))
		expect(s->updates && p->updates,
		       "shadow sees the changes, paravirt is told");
	if (!strcmp(program->name, "demand"))
		expect(s->misses > v->misses,
		       "changes of tables cost shadow faults, and vtlb none");
	if (program->hostile)
		expect(p->refused == s->refused && s->refused == v->refused,
		       "all refuse as often");
}

static void print_header(void)
{
	printf("  %-10s %8s %7s %7s %7s %7s %6s %6s %7s %8s %6s %9s %9s\n",
	       "", "instr.", "misses", "upgrade", "refused", "updates", "maps",
	       "unmaps", "flushes", "switches", "calls", "time us", "host us");
}

static void print_row(const struct backend *b, const struct outcome *o)
{
	const struct counts *c = &o->counts;
	char updates[24] = "-";

	if (b != &vtlb_backend)
		snprintf(updates, sizeof(updates), "%" PRIu64, c->updates);
	printf("  %-10s %8" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64
	       " %7s %6" PRIu64 " %6" PRIu64 " %7" PRIu64 " %8" PRIu64 " %6"
	       PRIu64 " %9.0f %9.0f\n", b->name, o->report.cpu.instructions,
	       c->misses, c->upgrades, c->refused, updates, c->maps, c->unmaps,
	       c->flushes, c->switches, c->calls, o->report.ns / 1000.0, c->host_ns / 1000.0);
}

static void print_reference(const struct program *program,
			    const struct cpu *cpu, uint64_t ns)
{
	printf("\n%s: %s\n", program->name, program->what);
	printf("  in software: %" PRIu64 " instructions, %.0f us, result %#"
	       PRIx64, cpu->instructions, ns / 1000.0, cpu->r[1]);
	if (program->hostile)
		printf(", could read %" PRIu64 " of its pages", cpu->r[9]);
	printf("\n");
	if (cpu->r[1] == 0xdead && cpu->r[2])
		printf("  it gave up: trap %" PRIu64 " at %#" PRIx64
		       ", address %#" PRIx64 "\n", cpu->r[2], cpu->r[10],
		       cpu->r[9]);
	else if (cpu->r[1] == 0xdead)
		printf("  it gave up: no frame left\n");
	expect(!cpu->stuck && cpu->r[1] != 0xdead && !cpu->r[2],
	       "the program is content with what it found");
}

/* The run that took the shortest time; what must hold has to in all of them. */
static void run_times(const struct job *job, unsigned int times,
		      struct outcome *best)
{
	struct outcome o;

	for (unsigned int i = 0; i < times; i++) {
		run_job(job, &o);
		if (!i || o.report.ns < best->report.ns)
			*best = o;
		if (!passed(job->program, &o)) {
			*best = o;
			return;
		}
	}
}

/* Fills @outcomes as far as back ends are chosen; returns how many. */
static size_t run_program(const struct program *program,
			  const struct options *opts, struct outcome *outcomes)
{
	struct params params = program->usual;
	size_t n = 0;
	uint64_t ns;
	struct job job;
	struct cpu cpu;
	struct ram ram;

	params.size = opts->params.size ? opts->params.size : params.size;
	params.tasks = params.tasks && opts->params.tasks ?
		       opts->params.tasks : params.tasks;
	params.set = opts->params.set ? opts->params.set : params.set;
	params.rounds = opts->params.rounds ? opts->params.rounds :
					      params.rounds;
	params.slice = opts->params.slice ? opts->params.slice : params.slice;
	ns = run_reference(program, &params, &ram, &cpu);
	print_reference(program, &cpu, ns);
	if (!opts->software)
		print_header();
	for (size_t i = 0; !opts->software && i < nr_backends; i++) {
		if (opts->only && opts->only != backends[i])
			continue;
		job = (struct job){
			.program = program,
			.backend = backends[i],
			.params = params,
			.expected = &ram,
			.expected_cpu = &cpu,
			.contexts = opts->contexts,
			.careless = opts->careless,
			.trace = opts->trace ? stdout : NULL,
		};
		run_times(&job, opts->times, &outcomes[i]);
		print_row(backends[i], &outcomes[i]);
		check(program, &outcomes[i]);
		n++;
	}
	if (n == nr_backends && !opts->careless && !opts->contexts &&
	    program->shows) {
		check_all(program, outcomes);
		printf("  %s\n", program->shows);
	}
	ram_destroy(&ram);
	return n;
}

/* So that the first row does not pay for what is done once, in the kernel too. */
static void warm_up(void)
{
	const struct params params = { .size = 16 };
	struct outcome o;
	struct cpu cpu;
	struct ram ram;

	run_reference(&programs[0], &params, &ram, &cpu);
	for (size_t i = 0; i < nr_backends; i++) {
		struct job job = {
			.program = &programs[0],
			.backend = backends[i],
			.params = params,
			.expected = &ram,
			.expected_cpu = &cpu,
		};

		run_job(&job, &o);
	}
	ram_destroy(&ram);
}

static void explain(void)
{
	printf("\nWhat the columns are: misses: faults that the host answered by"
	       " a mapping; upgrade:\n"
	       "  those of them where r was there and w came; refused: faults"
	       " that became page\n"
	       "  faults of the guest; updates: changes of tables that the host"
	       " saw (shadow) or was\n"
	       "  told (paravirt); flushes: of whole address spaces, or slots"
	       " of one; calls: requests\n"
	       "  to the host, switches among them; time: of the guest, with"
	       " all that it waited for;\n"
	       "  host: from a request or fault to its answer.\n");
}

struct result {
	const struct program *program;
	struct outcome outcomes[BACKENDS];
};

/* How often the guest had to wait for the host. */
static uint64_t waits(const struct outcome *o)
{
	return o->counts.misses + o->counts.refused + o->counts.calls;
}

static uint64_t best_time(const struct outcome *o)
{
	uint64_t best = UINT64_MAX;

	for (size_t b = 0; b < nr_backends; b++)
		if (o[b].report.ns < best)
			best = o[b].report.ns;
	return best;
}

static void summary(const struct result *results, size_t n)
{
	double host[BACKENDS] = { 0 }, waited[BACKENDS] = { 0 };

	printf("\nTime, relative to the fastest back end; and how often the"
	       " guest waited for the host:\n"
	       "  its misses, what was refused, and its calls\n  %-10s", "");
	for (size_t b = 0; b < nr_backends; b++)
		printf(" %8s %7s", backends[b]->name, "waits");
	printf("\n");
	for (size_t i = 0; i < n; i++) {
		const struct outcome *o = results[i].outcomes;

		printf("  %-10.10s", results[i].program->name);
		for (size_t b = 0; b < nr_backends; b++) {
			printf(" %8.2f %7" PRIu64, (double)o[b].report.ns /
			       best_time(o), waits(&o[b]));
			host[b] += o[b].counts.host_ns;
			waited[b] += waits(&o[b]);
		}
		printf("\n");
	}
	printf("  %-10s", "us of each");
	for (size_t b = 0; b < nr_backends; b++)
		printf(" %8s %7.1f", "", host[b] / waited[b] / 1000);
	printf("\n");
}

/* Options. */

static void list(void)
{
	printf("programs:\n");
	for (size_t i = 0; i < nr_programs; i++)
		printf("  %-10s %s\n", programs[i].name, programs[i].what);
	printf("back ends:\n");
	for (size_t i = 0; i < nr_backends; i++)
		printf("  %-10s %s\n", backends[i]->name, backends[i]->what);
}

static const struct program *program_by_name(const char *name)
{
	for (size_t i = 0; i < nr_programs; i++)
		if (!strcmp(programs[i].name, name))
			return &programs[i];
	fail("no program \"%s\"; --list tells which there are", name);
}

static const struct backend *backend_by_name(const char *name)
{
	for (size_t i = 0; i < nr_backends; i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	fail("no back end \"%s\"; --list tells which there are", name);
}

static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 0);

	if (!*text || *text == '-' || *end || !n || n > max)
		fail("\"%s\" is not a number from 1 to %" PRIu64, text, max);
	return n;
}

static char *load(const char *path)
{
	struct stat st;
	char *text;
	FILE *f = fopen(path, "r");

	if (!f || fstat(fileno(f), &st))
		fail("%s: %s", path, strerror(errno));
	text = calloc(1, st.st_size + 1);
	if (!text || fread(text, 1, st.st_size, f) != (size_t)st.st_size)
		fail("%s: cannot read", path);
	fclose(f);
	return text;
}

static void help(void)
{
	printf("usage: lmap-vm [OPTION]... [PROGRAM]...\n"
	       "Run guest programs (all) on a machine whose address spaces are"
	       " lmap windows.\n\n"
	       "  -b, --backend=NAME    only on this back end; software: on none\n"
	       "  -n, --size=N          sort: numbers; matrix: columns; hostile:"
	       " looks at\n"
	       "                        each Nth page\n"
	       "  -t, --tasks=N         tasks: how many, up to 15\n"
	       "  -w, --working-set=N   pages: tasks, of each; demand; matrix:"
	       " rows\n"
	       "  -r, --rounds=N        tasks, remap: how long\n"
	       "  -s, --slice=N         tasks: instructions of a turn\n"
	       "  -c, --contexts=N      shadow: address spaces that are kept\n"
	       "  -m, --times=N         run each so often, and show the fastest"
	       " (3)\n"
	       "  -f, --file=FILE       assemble and run this guest program\n"
	       "  -g, --svg=FILE        measure context switches and draw them\n"
	       "  -T, --trace           print each request and fault\n"
	       "  -C, --careless        leave out the check of frames, to see"
	       " what it is for\n"
	       "  -p, --print=PROGRAM   print the text of a guest program\n"
	       "  -l, --list            print programs and back ends\n"
	       "  -h, --help            print this\n");
}

static const struct option long_options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "size", required_argument, NULL, 'n' },
	{ "tasks", required_argument, NULL, 't' },
	{ "working-set", required_argument, NULL, 'w' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "slice", required_argument, NULL, 's' },
	{ "contexts", required_argument, NULL, 'c' },
	{ "times", required_argument, NULL, 'm' },
	{ "file", required_argument, NULL, 'f' },
	{ "svg", required_argument, NULL, 'g' },
	{ "trace", no_argument, NULL, 'T' },
	{ "careless", no_argument, NULL, 'C' },
	{ "print", required_argument, NULL, 'p' },
	{ "list", no_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void parse(int argc, char **argv, struct options *opts)
{
	int c;

	while ((c = getopt_long(argc, argv, "b:n:t:w:r:s:c:m:f:g:TCp:lh",
				long_options, NULL)) != -1)
		switch (c) {
		case 'b':
			opts->software = !strcmp(optarg, "software");
			if (!opts->software)
				opts->only = backend_by_name(optarg);
			break;
		case 'n':
			opts->params.size = number(optarg, 20000);
			break;
		case 't':
			opts->params.tasks = number(optarg, CONTEXTS_MAX - 1);
			break;
		case 'w':
			opts->params.set = number(optarg, 400);
			break;
		case 'r':
			opts->params.rounds = number(optarg, 10000);
			break;
		case 's':
			opts->params.slice = number(optarg, 1000000);
			break;
		case 'c':
			opts->contexts = number(optarg, CONTEXTS_MAX);
			break;
		case 'm':
			opts->times = number(optarg, 1000);
			break;
		case 'f':
			opts->file = optarg;
			break;
		case 'g':
			opts->svg = optarg;
			break;
		case 'T':
			opts->trace = true;
			opts->times = 1;
			break;
		case 'C':
			opts->careless = true;
			break;
		case 'p':
			printf("%s%s", library_source,
			       program_by_name(optarg)->source);
			exit(0);
		case 'l':
			list();
			exit(0);
		case 'h':
			help();
			exit(0);
		default:
			exit(1);
		}
}

int main(int argc, char **argv)
{
	struct options opts = { .times = 3 };
	struct result results[16];
	struct program own = { 0 };
	size_t n = 0, runs = 0;
	bool bad = false;

	geometry_init();
	parse(argc, argv, &opts);
	if (argc == 1 && !access("/out", W_OK))
		opts.svg = "/out/vm.svg";
	if (opts.file) {
		own = (struct program){ opts.file, "a program of yours",
					load(opts.file), { 64, 2, 4, 4, 100 },
					.hostile = false };
		results[n++].program = &own;
	}
	for (int i = optind; i < argc && n < 16; i++)
		results[n++].program = program_by_name(argv[i]);
	for (size_t i = 0; !opts.file && optind == argc && i < nr_programs; i++)
		results[n++].program = &programs[i];

	printf("lmap-vm: guests with %d pages of %" PRIu64 " KiB, address spaces"
	       " of %" PRIu64 " MiB\n", FRAMES, geo.page / 1024,
	       geo.space >> 20);
	if (!opts.software)
		warm_up();
	for (size_t i = 0; i < n; i++)
		runs += run_program(results[i].program, &opts,
				    results[i].outcomes);
	if (runs)
		explain();
	if (runs == n * nr_backends)
		summary(results, n);
	if (opts.svg && curve_draw(opts.svg, &opts.params))
		bad = true;
	bad |= failed();
	if (opts.software && !bad)
		printf("\nIn software only.\n");
	else
		printf("\n%zu runs: %s\n", runs, bad ?
		       "something was not as it should be." :
		       "each as in software, and nothing of the host's in any guest.");
	return bad;
}
