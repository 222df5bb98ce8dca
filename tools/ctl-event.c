// SPDX-License-Identifier: GPL-2.0
/*
 * lmapctl: events, a line each. Must never leave out one that it doesn't know.
 */
#include "ctl.h"

#include <inttypes.h>

static void put_kind(FILE *out, const struct lmap_event *e,
		     const struct ctl_style *s)
{
	switch (e->type) {
	case LMAP_EVENT_REVOKED:
		fprintf(out, "%srevoked%s ", ctl_color(s, CTL_LOSS),
			ctl_color(s, CTL_END));
		break;
	case LMAP_EVENT_MAPPED:
		fprintf(out, "%smapped%s  ", ctl_color(s, CTL_GAIN),
			ctl_color(s, CTL_END));
		break;
	case LMAP_EVENT_CLOSED:
		fprintf(out, "%sclosed%s  ", ctl_color(s, CTL_HEAD),
			ctl_color(s, CTL_END));
		break;
	default:
		fprintf(out, "event %u ", e->type);
	}
}

/* What a part of a window had, and has. */
static void put_change(FILE *out, const struct lmap_event *e,
		       const struct ctl_style *s)
{
	unsigned int before = e->rights_lost |
			      (e->rights_left & ~e->rights_gained);

	fprintf(out, " %s at %#" PRIx64 " %s -> %s", ctl_size(s, e->length),
		e->offset, ctl_rights(before), ctl_rights(e->rights_left));
}

void ctl_event(FILE *out, const struct ctl_db *db, const struct lmap_event *e,
	       const char *when, const struct ctl_style *s)
{
	if (s->json) {
		ctl_json_event(out, db, e, when);
		return;
	}
	if (when)
		fprintf(out, "%s ", when);
	put_kind(out, e, s);
	if (e->window)
		fprintf(out, "window %" PRIu64, e->window);
	else
		fprintf(out, "space %" PRIu64, e->space);
	fprintf(out, " of %s%s%s", ctl_color(s, CTL_PROCESS),
		ctl_process(db, e->pid), ctl_color(s, CTL_END));
	if (e->type != LMAP_EVENT_CLOSED)
		put_change(out, e, s);
	fprintf(out, " %s", lmap_reason_name(e->reason));
	if (e->node)
		fprintf(out, " mapping %" PRIu64, e->node);
	if (e->mappings > 1)
		fprintf(out, " and %u more", e->mappings - 1);
	putc('\n', out);
}

/* Events are missing here; what there is now stands for them. */
void ctl_lost(FILE *out, const struct ctl_db *db, const char *when,
	      const struct ctl_style *s)
{
	struct ctl_style all = *s;

	if (s->json) {
		ctl_json_lost(out, db, when);
		return;
	}
	if (when)
		fprintf(out, "%s ", when);
	fprintf(out, "%slost%s    events; all mappings that there are now:\n",
		ctl_color(s, CTL_LOSS), ctl_color(s, CTL_END));
	all.mappings = true;
	ctl_list(out, db, &all);
}
