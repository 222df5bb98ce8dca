// SPDX-License-Identifier: GPL-2.0
/*
 * torture - the coordinator: starts processes, leads them from phase to phase,
 * replaces those that died, tells what was found. TAP on stdout.
 *
 *   torture [--seed N] [--seconds N (of each mode)] [--rounds N] [--ops N]
 *           [--procs N] [--threads N] [--mode NAME]
 *
 * It must never use lmap itself, or hold anything that would keep a window or a
 * space of a dead process alive but what lies in a letter box.
 */
#include "torture.h"

#include <dirent.h>
#include <getopt.h>
#include <time.h>

/* Seconds, on a fast kernel, until a phase is given up. */
#define PATIENCE	120
/* Everything is taken back every so many rounds. */
#define CLEAR_EVERY	3

struct arena *arena;
struct mail mail[PROCS_MAX];
const char *mode_name = "none";

static struct {
	uint64_t seed;
	unsigned int seconds, rounds, ops, procs, threads;
	const char *mode;
} opt = { .seconds = 12, .ops = 200, .procs = 5, .threads = 3 };

/* Processes. */

static void mail_open(void)
{
	for (unsigned int i = 0; i < opt.procs; i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
			       SOCK_CLOEXEC, 0, ends))
			abort();
		mail[i] = (struct mail){ .in = ends[0], .out = ends[1] };
	}
}

/* With what lies in them. */
static void mail_close(void)
{
	for (unsigned int i = 0; i < opt.procs; i++) {
		close(mail[i].in);
		close(mail[i].out);
	}
}

static void start(const struct mode *mode, unsigned int number)
{
	struct slot *slot = &arena->slots[number];
	pid_t pid;

	memset(slot, 0, sizeof(*slot));
	slot->done = arena->word - 1;
	pid = fork();
	if (!pid) {
		mode->enter();
		actor_main(number);
	}
	if (pid < 0)
		abort();
	slot->pid = pid;
}

static bool may_end(const struct slot *slot, int st)
{
	/* An exec that fails when the old program is gone already. */
	if (WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV)
		return arena->inject && slot->execs;
	if (WIFSIGNALED(st))
		return WTERMSIG(st) == SIGKILL && (arena->deaths || arena->oom);
	/* What the C library says if the new one lacks memory before main(). */
	if (WEXITSTATUS(st) == 127)
		return arena->inject && slot->execs;
	return !WEXITSTATUS(st);
}

/* Takes leave of those that have died. */
static void bury(void)
{
	for (unsigned int i = 0; i < opt.procs; i++) {
		struct slot *slot = &arena->slots[i];
		siginfo_t si = {};
		pid_t pid = slot->pid;
		int st;

		if (!pid || waitid(P_PID, pid, &si, WEXITED | WNOHANG | WNOWAIT) ||
		    !si.si_pid)
			continue;
		/* First, so that nobody kills one that got its number. */
		__atomic_store_n(&slot->pid, 0, __ATOMIC_SEQ_CST);
		waitpid(pid, &st, 0);
		if (!may_end(slot, st))
			found("coordinator", "process %u ends with status %#x", i, st);
	}
}

static void print_file(const char *path)
{
	char line[256];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		printf("#     %s", line);
	if (f)
		fclose(f);
}

/* Where are they? For whoever has to find a deadlock. */
static void print_process(unsigned int i)
{
	struct slot *slot = &arena->slots[i];
	struct dirent *d;
	char path[300];
	DIR *dir;

	printf("# process %u, pid %d, phase %#x, now %#x:", i, slot->pid,
	       slot->done, arena->word);
	for (unsigned int t = 0; t < opt.threads; t++)
		printf(" [%s]", wild_name(slot->op[t] - 1));
	printf("\n");
	snprintf(path, sizeof(path), "/proc/%d/task", slot->pid);
	dir = slot->pid ? opendir(path) : NULL;
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		printf("#   thread %s\n", d->d_name);
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", slot->pid,
			 d->d_name);
		print_file(path);
	}
	if (dir)
		closedir(dir);
}

static bool all_done(void)
{
	for (unsigned int i = 0; i < opt.procs; i++) {
		struct slot *slot = &arena->slots[i];

		if (slot->pid &&
		    __atomic_load_n(&slot->done, __ATOMIC_ACQUIRE) != arena->word)
			return false;
	}
	return true;
}

static bool wait_all(void)
{
	time_t end = time(NULL) + PATIENCE * slow();

	for (;;) {
		bury();
		if (arena->failed)
			return false;
		if (all_done())
			return true;
		if (time(NULL) > end)
			break;
		/* A death wakes nobody: look from time to time. */
		for (unsigned int i = 0; i < opt.procs; i++) {
			struct slot *slot = &arena->slots[i];
			uint32_t done = slot->done;

			if (slot->pid && done != arena->word) {
				futex_wait(&slot->done, done, 20);
				break;
			}
		}
	}
	found("coordinator", "phase %u does not end", arena->word & 15);
	for (unsigned int i = 0; i < opt.procs; i++)
		print_process(i);
	return false;
}

static bool phase(enum phase next)
{
	for (unsigned int i = 0; i < opt.procs; i++)
		arena->slots[i].threads_done = 0;
	__atomic_store_n(&arena->word, ((arena->word >> 4) + 1) << 4 | next,
			 __ATOMIC_RELEASE);
	futex_wake(&arena->word);
	return wait_all();
}

static bool replace_dead(const struct mode *mode)
{
	for (unsigned int i = 0; i < opt.procs; i++)
		if (!arena->slots[i].pid)
			start(mode, i);
	return wait_all();
}

static bool quiet_point(void)
{
	arena->gen++;
	return phase(STAMP) && phase(LOOK) && phase(VERIFY);
}

static bool clear(void)
{
	if (!phase(CLEAR) || !phase(EMPTY))
		return false;
	arena->clean = arena->gen;
	return true;
}

static bool run_round(const struct mode *mode)
{
	arena->round++;
	mode->round();
	if (!replace_dead(mode) || !phase(WILD) || !replace_dead(mode) ||
	    !quiet_point())
		return false;
	return arena->round % CLEAR_EVERY || clear();
}

static void kill_all(void)
{
	for (unsigned int i = 0; i < opt.procs; i++)
		if (arena->slots[i].pid) {
			kill(arena->slots[i].pid, SIGKILL);
			waitpid(arena->slots[i].pid, NULL, 0);
			arena->slots[i].pid = 0;
		}
}

/* Modes. */

/* A test that saw nothing has shown nothing. */
static bool something_was_looked_at(void)
{
	return arena->quiet_reads && arena->quiet_writes && arena->quiet_bits &&
	       arena->wild_reads && arena->forbidden;
}

/* One round can happen to end with nothing to be written; so many can't. */
#define ROUNDS_MIN	8

static bool rounds_go_on(time_t end)
{
	if (opt.rounds)
		return arena->round < opt.rounds;
	return time(NULL) < end ||
	       (!something_was_looked_at() && arena->round < ROUNDS_MIN);
}

static void print_counts(void)
{
	printf("# %s: %u rounds; at quiet points %llu pages read, %llu written, %llu reference bits; else %llu read; %llu forbidden, %llu over-revoked, %llu deaths\n",
	       mode_name, arena->round, (unsigned long long)arena->quiet_reads,
	       (unsigned long long)arena->quiet_writes,
	       (unsigned long long)arena->quiet_bits,
	       (unsigned long long)arena->wild_reads,
	       (unsigned long long)arena->forbidden,
	       (unsigned long long)arena->overrevoked,
	       (unsigned long long)arena->died);
	for (unsigned int i = 0; i < wild_ops; i++)
		printf("# %s: %s: %llu, refused %llu\n", mode_name, wild_name(i),
		       (unsigned long long)arena->good[i],
		       (unsigned long long)arena->bad[i]);
}

static void arena_reset(uint64_t seed)
{
	memset(arena, 0, sizeof(*arena));
	arena->seed = seed;
	arena->procs = opt.procs;
	arena->threads = opt.threads;
	arena->ops = opt.ops;
	arena->gen = 1;
	arena->clean = 1;
	arena->word = LEAVE;
}

static void run_rounds(const struct mode *mode, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;

	do {
		if (!run_round(mode))
			break;
	} while (rounds_go_on(end));
	/* The rules for ends hold as long as there is somebody. */
	if (!arena->failed && clear())
		phase(LEAVE);
	if (!arena->failed && !opt.rounds && !something_was_looked_at())
		found("coordinator", "nothing was looked at");
}

/* Workers unpin, after the last process has gone. */
static void wait_pins(long before)
{
	time_t end = time(NULL) + PATIENCE * slow();
	long now;

	while ((now = pins()) > before && time(NULL) < end)
		futex_wait(&arena->word, arena->word, 20);
	if (now <= before)
		return;
	found("coordinator", "%ld pages are pinned for ever", now - before);
	if (!system("grep ^lmap_ /proc/slabinfo | sed 's/^/# /'"))
		printf("# (slab caches)\n");
}

/* 0 = good, 1 = bad, 4 = can't be had */
static int run_mode(const struct mode *mode, unsigned int number,
		    unsigned int seconds)
{
	const char *why = "";
	long before = pins();
	int ret;

	mode_name = mode->name;
	arena_reset(opt.seed);
	if (mode->begin(&why)) {
		printf("ok %u torture %s # SKIP %s\n", number, mode->name, why);
		return 4;
	}
	mail_open();
	run_rounds(mode, seconds);
	kill_all();
	mail_close();
	mode->end();
	print_counts();
	if (!arena->failed)
		wait_pins(before);
	ret = arena->failed;
	if (ret)
		printf("# %s\n", arena->failure);
	printf("%s %u torture %s\n", ret ? "not ok" : "ok", number, mode->name);
	return ret ? 1 : 0;
}

static void options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seconds", 1, NULL, 0 }, { "rounds", 1, NULL, 0 },
		{ "ops", 1, NULL, 0 }, { "procs", 1, NULL, 0 },
		{ "threads", 1, NULL, 0 }, { "seed", 1, NULL, 's' },
		{ "mode", 1, NULL, 'm' }, { "exit", 0, NULL, 'e' }, {}
	};
	unsigned int *numbers[] = { &opt.seconds, &opt.rounds, &opt.ops,
				    &opt.procs, &opt.threads };
	int c, i;

	while ((c = getopt_long(argc, argv, "", longs, &i)) != -1) {
		/* What exec() leaves of a process that shall die. */
		if (c == 'e')
			exit(0);
		if (c == '?')
			exit(2);
		if (c == 'm')
			opt.mode = optarg;
		else if (c == 's')
			opt.seed = strtoull(optarg, NULL, 0);
		else
			*numbers[i] = strtoul(optarg, NULL, 0);
	}
	if (!opt.procs || opt.procs > PROCS_MAX || !opt.threads ||
	    opt.threads > THREADS_MAX)
		exit(2);
}

int main(int argc, char **argv)
{
	unsigned int n = 0, i, number = 0;
	int failed = 0, ran = 0;

	options(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!opt.seed)
		opt.seed = seed();
	arena = shared_memory(sizeof(*arena));
	write_value(MODULE_PARAM("race_seed"), opt.seed);
	for (i = 0; modes[i].name; i++)
		n += !opt.mode || !strcmp(opt.mode, modes[i].name);
	if (!n)
		exit(2);
	printf("TAP version 13\n1..%u\n# seed %llu\n", n,
	       (unsigned long long)opt.seed);
	for (i = 0; modes[i].name; i++) {
		int ret;

		if (opt.mode && strcmp(opt.mode, modes[i].name))
			continue;
		ret = run_mode(&modes[i], ++number, opt.seconds);
		failed |= ret == 1;
		ran += ret == 0;
	}
	race_delays(0);
	if (!race_points(stdout)) {
		printf("# a race point is not delayed at random\n");
		failed = true;
	}
	return failed ? 1 : ran ? 0 : 4;
}
