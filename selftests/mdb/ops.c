// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of the small world, see ops.h. Any combination of fields within
 * the world is a legal operation, if perhaps one that is refused.
 */
#include <stdio.h>

#include "ops.h"

static struct want wanted(const struct op *o)
{
	return (struct want){ .rights = o->rights, .budget = o->budget,
			      .tracked = o->tracked, .levels = o->levels };
}

static bool revoke(struct world *w, const struct op *o, int window)
{
	struct job job = { .window = window, .region = o->from,
			   .first = o->first, .last = o->first + o->pages - 1,
			   .take = o->rights, .self = o->self,
			   .only = o->only };

	w->probe = o->probe;
	return world_revoke(w, job, o->calls);
}

bool op_run(struct world *w, const struct op *o)
{
	int last = o->first + o->pages - 1;
	bool done = false;

	if (o->hook) {
		w->hook_cell = o->hook - 1;
		w->hook_write = o->write;
	}
	switch (o->verb) {
	case MAP:
		done = world_map(w, o->from, o->first, o->window, o->to,
				 o->pages, wanted(o));
		break;
	case MAP_ON:
		done = world_map_on(w, o->from, o->first, o->window, o->to,
				    o->pages, wanted(o));
		break;
	case COPY:
		done = world_copy(w, o->from, o->first, o->window, o->to,
				  o->pages, wanted(o));
		break;
	case GRANT:
		done = world_grant(w, o->from, o->first, o->window, o->to,
				   o->pages, o->rights, !o->keep);
		break;
	case REVOKE_REGION:
		done = revoke(w, o, -1);
		break;
	case REVOKE_WINDOW:
		done = revoke(w, o, o->window);
		break;
	case EXTEND:
		done = world_extend(w, o->window, o->first, o->rights);
		break;
	case TOUCH:
		done = world_touch(w, o->window, o->first, o->write, o->copy);
		break;
	case RESET_REGION:
		world_reset_region(w, o->from, o->first, last);
		done = true;
		break;
	case RESET_WINDOW:
		done = world_reset_window(w, o->window, o->first, last);
		break;
	case EXTEND_PART:
		done = world_extend_part(w, o->window, o->first, o->pages,
					 o->rights);
		break;
	case ADOPT:
		done = world_adopt(w, o->from, o->first, last, o->window,
				   o->to);
		break;
	case RESUME:
		done = world_resume(w, o->from, o->calls);
		break;
	case VERBS:
		break;
	}
	/* Nothing was zapped, so there was no "meanwhile". */
	w->hook_cell = -1;
	return done;
}

void op_print(const struct op *o)
{
	static const char * const verb[VERBS] = {
		"map", "map_on", "copy", "grant", "revoke_region",
		"revoke_window", "extend", "touch", "reset_region",
		"reset_window", "extend_part", "adopt", "resume"
	};

	printf("#   %s from=%d first=%d window=%d to=%d pages=%d rights=%x self=%d only=%d budget=%u tracked=%d keep=%d write=%d copy=%d hook=%d calls=%d levels=%d probe=%d,%d,%d,%d\n",
	       verb[o->verb], o->from, o->first, o->window, o->to, o->pages,
	       o->rights, o->self, o->only, o->budget, o->tracked, o->keep,
	       o->write, o->copy, o->hook, o->calls, o->levels, o->probe.how,
	       o->probe.skip, o->probe.from, o->probe.to);
}

#define LIKELY_VERBS	26

static enum verb random_verb(int (*dice)(int n))
{
	static const enum verb verbs[LIKELY_VERBS] = {
		MAP, MAP, MAP_ON, MAP_ON, MAP_ON, MAP_ON, COPY, GRANT, GRANT,
		REVOKE_REGION, REVOKE_WINDOW, REVOKE_WINDOW, EXTEND,
		TOUCH, TOUCH, TOUCH, TOUCH, TOUCH, RESET_REGION, RESET_WINDOW,
		EXTEND_PART, ADOPT, RESUME, RESUME, REVOKE_WINDOW, REVOKE_WINDOW,
	};

	return verbs[dice(LIKELY_VERBS)];
}

static struct probe random_probe(const struct world *w, int (*dice)(int n))
{
	struct probe p = { .how = dice(5), .skip = dice(3) };

	p.from = dice(w->windows) * PAGES_MAX + dice(w->pages);
	p.to = dice(w->windows) * PAGES_MAX + dice(w->pages);
	return p;
}

struct op op_random(const struct world *w, int (*dice)(int n))
{
	static const unsigned int takes[] = {
		LMAP_R, LMAP_RIGHTS_ALL, LMAP_W, LMAP_M, LMAP_X, LMAP_W | LMAP_X
	};
	struct op o = { .verb = random_verb(dice) };

	o.window = dice(w->windows);
	o.pages = 1 + dice(w->pages);
	o.first = dice(w->pages - o.pages + 1);
	o.to = dice(w->pages - o.pages + 1);
	o.only = dice(3) ? -1 : dice(w->windows);
	o.self = dice(2);
	o.tracked = dice(2);
	o.write = dice(2);
	o.copy = !dice(4);
	o.keep = !dice(4);
	o.rights = LMAP_R | dice(16) | (dice(4) ? LMAP_M : 0);
	o.budget = dice(4) ? 0 : 1 + dice(6);
	o.levels = dice(8) ? 0 : 1 + dice(4);
	if (!dice(3))
		o.hook = 1 + dice(w->windows) * PAGES_MAX + dice(w->pages);
	switch (o.verb) {
	case MAP:
	case RESET_REGION:
		o.from = dice(w->regions);
		break;
	case MAP_ON:
	case COPY:
	case GRANT:
		o.from = dice(w->windows);
		break;
	case REVOKE_REGION:
	case REVOKE_WINDOW:
		o.from = dice(w->regions);
		o.rights = takes[dice(6)];
		if (o.pages > 3)
			o.pages = 1 + dice(3);
		o.probe = random_probe(w, dice);
		o.calls = dice(3) ? 0 : 1 + dice(6);
		break;
	case ADOPT:
		o.from = dice(w->regions);
		break;
	case RESUME:
		o.from = dice(JOBS_MAX);
		o.calls = dice(3);
		break;
	case TOUCH:
		o.hook = 0;
		break;
	default:
		break;
	}
	return o;
}
