// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-pager - page replacement by a process: a pager that owns a pool of
 * frames and serves clients whose memory together is larger.
 *
 * Without a command it is a demonstration: hit rates of each policy, several
 * clients, one that is killed, a full backing file, pagers of pagers. "serve"
 * is the pager, "run" a client of one. What is printed must be what happened:
 * every line's expectation is checked, and one that does not hold makes the
 * exit status 1.
 *
 * policy.c  who goes                trace.c, check.c  simulated, and checked
 * pool.c    frames, what lmap tells serve.c, fault.c  the pager
 * store.c   backing file            client.c          memory from a pager
 * work.c    what clients do         party.c, rates.c, show.c, levels.c: the rest
 */
#include "show.h"
#include "store.h"
#include "util.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmap.h>

struct arguments {
	struct setup setup;
	const char *socket;
	const char *file;
	const char *below;
	unsigned int quota;
};

struct command {
	const char *name;
	int (*run)(const struct arguments *args, char **words);
};

const char *const tool_name = "lmap-pager";

static const char usage[] =
"Usage: lmap-pager [OPTION...] [COMMAND]\n"
"Page replacement by a process that serves the memory of others.\n"
"\n"
"Commands:\n"
"  all              rates, clients, kill, full, levels (the default)\n"
"  rates [WORK...]  each policy with each work, against the simulation\n"
"  clients          several clients at once\n"
"  kill             a client is killed, then the pager\n"
"  full             the backing file is full\n"
"  levels           pagers of pagers\n"
"  check            policies against naive ones; needs no module\n"
"  serve            be a pager at --socket until SIGTERM or SIGINT\n"
"  run WORK         be a client of the pager at --socket: sort, hash, matrix,\n"
"                   scan, stamps\n"
"\n"
"Options:\n"
"  -f, --frames=N   frames of a pool (64)\n"
"  -p, --pages=N    pages of a client (96)\n"
"  -P, --policy=P   clock, aging or fifo (clock)\n"
"  -s, --slots=N    the most pages in the backing file (as the disk has)\n"
"  -q, --quota=N    serve: the most of them for one client (no limit)\n"
"  -S, --seed=N     of what is random (1)\n"
"  -d, --dir=DIR    for sockets and backing files ($TMPDIR or /tmp)\n"
"  -g, --svg=FILE   rates: draw the hit rate against the size of the pool\n"
"                   (/out/pager.svg if there is a directory /out)\n"
"  -u, --socket=F   serve, run: where clients connect\n"
"  -b, --backing=F  serve: backing file, which must not exist\n"
"  -B, --below=F    serve: the pool is memory of the pager at this socket\n"
"  -h, --help       this\n";

static const struct option options[] = {
	{ "frames", required_argument, NULL, 'f' },
	{ "pages", required_argument, NULL, 'p' },
	{ "policy", required_argument, NULL, 'P' },
	{ "slots", required_argument, NULL, 's' },
	{ "quota", required_argument, NULL, 'q' },
	{ "seed", required_argument, NULL, 'S' },
	{ "dir", required_argument, NULL, 'd' },
	{ "svg", required_argument, NULL, 'g' },
	{ "socket", required_argument, NULL, 'u' },
	{ "backing", required_argument, NULL, 'b' },
	{ "below", required_argument, NULL, 'B' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

/* Part of the demonstration */

static int verdict(void)
{
	printf("\n%s\n", failed() ?
	       "Something was not as it should be." : "All as it should be.");
	return failed() != 0;
}

static int run_rates(const struct arguments *args, char **words)
{
	show_rates(&args->setup, *words ? words : NULL);
	return verdict();
}

static int run_clients(const struct arguments *args, char **words)
{
	(void)words;
	show_clients(&args->setup);
	return verdict();
}

static int run_kill(const struct arguments *args, char **words)
{
	(void)words;
	show_kill(&args->setup);
	return verdict();
}

static int run_full(const struct arguments *args, char **words)
{
	(void)words;
	show_full(&args->setup);
	return verdict();
}

static int run_levels(const struct arguments *args, char **words)
{
	(void)words;
	show_levels(&args->setup);
	return verdict();
}

static int run_check(const struct arguments *args, char **words)
{
	(void)args;
	(void)words;
	check_policies();
	return verdict();
}

static int run_all(const struct arguments *args, char **words)
{
	struct setup half = args->setup;

	(void)words;
	/* Of three clients each needs no more than that. */
	if (half.pages / 2 >= WORK_PAGES_MIN)
		half.pages /= 2;
	printf("lmap-pager: memory that another process replaces\n");
	show_rates(&args->setup, NULL);
	show_clients(&half);
	show_kill(&half);
	show_full(&args->setup);
	show_levels(&args->setup);
	return verdict();
}

/* The pager by itself */

static struct serve *serving;

static void on_end(int sig)
{
	(void)sig;
	serve_stop(serving);
}

static void print_account(const struct account *a)
{
	printf("%llu messages: %llu faults (%llu zeroed, %llu reloaded), %llu "
	       "upgrades,\n%llu taken from below, %llu refused; %llu pages "
	       "written back\n", (unsigned long long)a->messages, (unsigned long long)a->faults,
	       (unsigned long long)a->zeroed, (unsigned long long)a->reloads,
	       (unsigned long long)a->upgrades, (unsigned long long)a->again,
	       (unsigned long long)a->refused,
	       (unsigned long long)a->written);
}

static int run_serve(const struct arguments *args, char **words)
{
	struct serve_options o = {
		.socket = args->socket,
		.file = args->file,
		.below = args->below,
		.frames = args->setup.frames,
		.slots = args->setup.slots ? args->setup.slots : STORE_SLOTS_MAX,
		.quota = args->quota,
		.ops = args->setup.ops,
	};
	const struct account *all;
	int ret;

	(void)words;
	if (!o.socket || !o.file)
		fail("serve needs --socket and --backing");
	ret = serve_open(&o, &serving);
	if (ret)
		fail("serve: %s", strerror(-ret));
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	printf("serving at %s: %u frames, %s\n", o.socket, o.frames,
	       o.ops->name);
	fflush(stdout);
	ret = serve_run(serving);
	all = serve_account(serving);
	printf("%llu clients; ",
	       (unsigned long long)(all->clients + all->lost_clients));
	print_account(all);
	serve_close(serving);
	return ret != 0;
}

static int run_run(const struct arguments *args, char **words)
{
	const struct setup *setup = &args->setup;
	const struct work *work = words[0] ? work_find(words[0]) : NULL;
	struct guest guest = { .run = guest_work, .work = work };
	struct heap heap = { .pages = setup->pages, .seed = setup->seed };
	struct outcome out;

	if (!args->socket || !work)
		fail("run needs --socket, and sort, hash, matrix, scan or stamps");
	heap.input = random_file(setup->pages / 2 + 1, setup->seed);
	guest_start(&guest, args->socket, &heap);
	out = guest_end(&guest);
	if (out.refused)
		printf("%s: SIGBUS at page %u: %s\n", work->name,
		       out.refused - 1, out.why ? strerror(out.why) :
		       "the pager is gone");
	printf("%s: %llu of %llu KiB right, %.2f s\n", work->name,
	       (unsigned long long)out.verified / 1024,
	       (unsigned long long)out.bytes / 1024, out.ns / 1e9);
	if (out.done)
		print_account(&out.account);
	expect_outcome(&out);
	return failed() != 0;
}

static const struct command commands[] = {
	{ "all", run_all },
	{ "rates", run_rates },
	{ "clients", run_clients },
	{ "kill", run_kill },
	{ "full", run_full },
	{ "levels", run_levels },
	{ "check", run_check },
	{ "serve", run_serve },
	{ "run", run_run },
	{ NULL, NULL }
};

static unsigned int number(const char *text, unsigned int least)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || end == text || n < least || n > STORE_SLOTS_MAX)
		fail("%s: not a number from %u to %u", text, least,
		     STORE_SLOTS_MAX);
	return n;
}

static void option(struct arguments *args, int c)
{
	switch (c) {
	case 'f':
		args->setup.frames = number(optarg, 4);
		break;
	case 'p':
		args->setup.pages = number(optarg, WORK_PAGES_MIN);
		break;
	case 'P':
		args->setup.ops = policy_find(optarg);
		if (!args->setup.ops)
			fail("%s: the policies are clock, aging, fifo", optarg);
		break;
	case 's':
		args->setup.slots = number(optarg, 1);
		break;
	case 'q':
		args->quota = number(optarg, 1);
		break;
	case 'S':
		args->setup.seed = number(optarg, 1);
		break;
	case 'd':
		args->setup.dir = optarg;
		break;
	case 'g':
		args->setup.svg = optarg;
		break;
	case 'u':
		args->socket = optarg;
		break;
	case 'b':
		args->file = optarg;
		break;
	case 'B':
		args->below = optarg;
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fputs("Try 'lmap-pager --help'.\n", stderr);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct arguments args = {
		.setup = {
			.dir = getenv("TMPDIR"),
			.frames = 64,
			.pages = 96,
			.seed = 1,
			.ops = &policy_clock,
			.svg = access("/out", W_OK) ? NULL : "/out/pager.svg",
		},
	};
	const struct command *cmd = commands;
	int c;

	if (!args.setup.dir)
		args.setup.dir = "/tmp";
	while ((c = getopt_long(argc, argv, "f:p:P:s:q:S:d:g:u:b:B:h", options,
				NULL)) != -1)
		option(&args, c);
	if (optind < argc)
		while (cmd->name && strcmp(cmd->name, argv[optind]))
			cmd++;
	if (!cmd->name)
		fail("%s: no such command; try --help", argv[optind]);
	return cmd->run(&args, argv + (optind < argc ? optind + 1 : optind));
}
