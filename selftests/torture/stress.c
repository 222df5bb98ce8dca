// SPDX-License-Identifier: GPL-2.0
/*
 * torture - what makes life hard around the processes: little memory, failing
 * allocations, processors that come and go, delays at race points.
 *
 * What a mode has changed in the machine its end must undo, also when the
 * processes have failed.
 */
#include "torture.h"

#include <sys/stat.h>
#include <sys/swap.h>

#define GROUP	"/sys/fs/cgroup/torture"
#define DEBUG	"/sys/kernel/debug/"
#define CPU1	"/sys/devices/system/cpu/cpu1/online"

/*
 * For each race point how often it was passed, and delayed. False if one was so
 * often that it can't be at random: who is always late meets nobody.
 */
bool race_points(FILE *out)
{
	FILE *f = fopen(MODULE_PARAM("race_points"), "r");
	bool random = true;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		long passed, delayed;

		fprintf(out, "# race point %s", line);
		if (sscanf(line, "%*s %ld %ld", &passed, &delayed) != 2 ||
		    (passed >= 200 && delayed >= passed / 2))
			random = false;
	}
	if (f)
		fclose(f);
	return random;
}

/* Plain. */

static int nothing_begin(const char **why)
{
	arena->deaths = true;
	race_delays(0);
	return 0;
}

static void nothing(void)
{
}

/* Little memory: a cgroup in which it is sometimes enough, with some swap. */

static const char *swap_device;

static bool swap_begin(void)
{
	char command[64];

	swap_device = !access("/dev/zram0", F_OK) ? "/dev/zram0" : "/dev/ram1";
	if (access(swap_device, F_OK))
		return false;
	write_file("/sys/block/zram0/disksize", "134217728");
	snprintf(command, sizeof(command), "mkswap %s >/dev/null 2>&1",
		 swap_device);
	return !system(command) && !swapon(swap_device, 0);
}

/* With pages of 4 KiB; larger pages, as many of them. */
static void group_limit(const char *file, unsigned long kib_each)
{
	char path[64];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	write_value(path, arena->procs * kib_each / 4 * PG);
}

static void memory_round(void)
{
	/* A process has 2.4 MiB of its own. */
	static const unsigned int kib[] = { 4096, 2048, 1536, 1024, 3072, 512 };

	group_limit("memory.max", kib[arena->round % 6]);
}

static int memory_begin(const char **why)
{
	*why = "no memory cgroups";
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if ((mkdir(GROUP, 0755) && errno != EEXIST) ||
	    access(GROUP "/memory.max", W_OK))
		return 1;
	*why = "no device to swap to";
	if (!swap_begin()) {
		rmdir(GROUP);
		return 1;
	}
	group_limit("memory.swap.max", 1536);
	memory_round();
	arena->oom = true;
	arena->enomem = true;
	arena->deaths = true;
	race_delays(64);
	return 0;
}

static void memory_enter(void)
{
	write_file(GROUP "/cgroup.procs", "0");
}

static void memory_end(void)
{
	swapoff(swap_device);
	write_file("/sys/block/zram0/reset", "1");
	rmdir(GROUP);
}

/* Failing allocations, of threads that ask for it. */

static void injection_set(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), DEBUG "failslab/%s", name);
	write_file(path, value);
	snprintf(path, sizeof(path), DEBUG "fail_page_alloc/%s", name);
	write_file(path, value);
}

static int injection_begin(const char **why)
{
	*why = "this kernel can't inject faults";
	if (access(DEBUG "failslab", F_OK))
		return 1;
	injection_set("verbose", "0");
	injection_set("task-filter", "Y");
	injection_set("ignore-gfp-wait", "N");
	injection_set("min-order", "0");
	injection_set("times", "-1");
	injection_set("interval", "1");
	injection_set("probability", "3");
	arena->inject = true;
	arena->enomem = true;
	arena->deaths = true;
	race_delays(64);
	return 0;
}

static void injection_end(void)
{
	injection_set("probability", "0");
}

/* Processors that come and go. */

static pid_t plugger;

static int hotplug_begin(const char **why)
{
	*why = "no second processor that can go";
	if (access(CPU1, W_OK))
		return 1;
	plugger = fork();
	if (!plugger) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			write_file(CPU1, "0");
			write_file(CPU1, "1");
		}
	}
	arena->deaths = true;
	race_delays(64);
	return plugger < 0;
}

static void hotplug_end(void)
{
	kill(plugger, SIGKILL);
	waitpid(plugger, NULL, 0);
	write_file(CPU1, "1");
}

/* Delays. */

static int delays_begin(const char **why)
{
	*why = "the module was built without RACE=1";
	if (access(MODULE_PARAM("race_one_in"), W_OK))
		return 1;
	arena->deaths = true;
	race_delays(6);
	return 0;
}

const struct mode modes[] = {
	{ "plain", nothing_begin, nothing, nothing, nothing },
	{ "delays", delays_begin, nothing, nothing, nothing },
	{ "memory", memory_begin, memory_end, memory_enter, memory_round },
	{ "injection", injection_begin, injection_end, nothing, nothing },
	{ "hotplug", hotplug_begin, hotplug_end, nothing, nothing },
	{}
};
