// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: sizes, rights, processes and colours as text. Must never write
 * anything by itself.
 */
#include "ctl.h"

#include <inttypes.h>
#include <stdarg.h>

#define STRINGS	8

/* Strings of one line that is being made. */
static char *string(void)
{
	static char strings[STRINGS][96];
	static unsigned int n;

	return strings[n++ % STRINGS];
}

const char *ctl_format(const char *format, ...)
{
	char *text = string();
	va_list args;

	va_start(args, format);
	vsnprintf(text, 96, format, args);
	va_end(args);
	return text;
}

const char *ctl_size(const struct ctl_style *s, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	unsigned int shift = 10, i = 0;

	if (s->bytes || bytes < 1024)
		return ctl_format("%" PRIu64, bytes);
	while (bytes >> shift >= 1024 && units[i + 1]) {
		shift += 10;
		i++;
	}
	if (!(bytes & ((1ULL << shift) - 1)))
		return ctl_format("%" PRIu64 " %ciB", bytes >> shift, units[i]);
	return ctl_format("%.1f %ciB", bytes / (double)(1ULL << shift),
			  units[i]);
}

const char *ctl_rights(unsigned int rights)
{
	return ctl_format("%c%c%c%c", rights & LMAP_R ? 'r' : '-',
			  rights & LMAP_W ? 'w' : '-',
			  rights & LMAP_X ? 'x' : '-',
			  rights & LMAP_M ? 'm' : '-');
}

const char *ctl_rights_short(unsigned int rights)
{
	return ctl_format("%s%s%s%s", rights & LMAP_R ? "r" : "",
			  rights & LMAP_W ? "w" : "",
			  rights & LMAP_X ? "x" : "",
			  rights & LMAP_M ? "m" : "");
}

/* "name(pid)"; a process in another pid namespace has no number here. */
const char *ctl_process(const struct ctl_db *db, uint32_t pid)
{
	const char *name = ctl_db_proc(db, pid);

	if (!pid)
		return "-";
	return ctl_format("%s(%u)", name ? name : "?", pid);
}

const char *ctl_kind(unsigned int flags)
{
	if (!flags)
		return "-";
	return ctl_format("%s%s%s",
			  flags & LMAP_NODE_FLAGS_DETACHED ? "d" : "",
			  flags & LMAP_NODE_FLAGS_TRACKED ? "t" : "",
			  flags & LMAP_NODE_FLAGS_PINNED ? "p" : "");
}

/* In graphs, where the parts of a mapping that was cut need names of their own. */
const char *ctl_node_name(const struct lmap_node *n)
{
	return ctl_format("m%" PRIu64 "_%" PRIx64, n->id, n->offset);
}

const char *ctl_color(const struct ctl_style *s, enum ctl_color what)
{
	static const char * const codes[] = {
		[CTL_HEAD]	= "\033[1m",
		[CTL_PROCESS]	= "\033[36m",
		[CTL_LOSS]	= "\033[31m",
		[CTL_GAIN]	= "\033[32m",
		[CTL_END]	= "\033[0m",
	};

	return s->color ? codes[what] : "";
}
