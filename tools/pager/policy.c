// SPDX-License-Identifier: GPL-2.0
/*
 * FIFO, clock and aging. Must never choose by anything but what the calls have
 * told: with the same references in the same order the same frames go.
 */
#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct policy_ops *const policies[] = {
	&policy_clock, &policy_aging, &policy_fifo, NULL
};

const struct policy_ops *policy_find(const char *name)
{
	const struct policy_ops *const *ops = policies;

	while (*ops && strcmp((*ops)->name, name))
		ops++;
	return *ops;
}

int policy_init(struct policy *p, const struct policy_ops *ops,
		unsigned int frames, const struct policy_eye *eye)
{
	p->ops = ops;
	p->frames = frames;
	p->eye = *eye;
	p->data = calloc(1, ops->size(frames));
	if (!p->data)
		return -ENOMEM;
	ops->init(p);
	return 0;
}

void policy_fini(struct policy *p)
{
	free(p->data);
	p->data = NULL;
}

/*
 * FIFO: a ring of frames, the oldest behind the head. Frame number p->frames is
 * the head. Never looks at use, so that it costs nothing and loses what is used
 * all the time.
 */

struct link {
	unsigned int next;
	unsigned int prev;
};

static size_t fifo_size(unsigned int frames)
{
	return (frames + 1) * sizeof(struct link);
}

static void fifo_init(struct policy *p)
{
	struct link *ring = p->data;
	unsigned int i;

	for (i = 0; i <= p->frames; i++)
		ring[i].next = ring[i].prev = i;
}

static void fifo_gone(struct policy *p, unsigned int frame)
{
	struct link *ring = p->data, *l = &ring[frame];

	ring[l->prev].next = l->next;
	ring[l->next].prev = l->prev;
	l->next = l->prev = frame;
}

static void fifo_loaded(struct policy *p, unsigned int frame)
{
	struct link *ring = p->data, *head = &ring[p->frames];

	fifo_gone(p, frame);
	ring[frame] = (struct link){ .next = p->frames, .prev = head->prev };
	ring[head->prev].next = frame;
	head->prev = frame;
}

static unsigned int fifo_victim(struct policy *p)
{
	struct link *ring = p->data;
	unsigned int frame = ring[p->frames].next;

	/* It is the youngest now, whether its page can be written or not. */
	fifo_loaded(p, frame);
	return frame;
}

const struct policy_ops policy_fifo = {
	.name = "fifo",
	.size = fifo_size,
	.init = fifo_init,
	.loaded = fifo_loaded,
	.gone = fifo_gone,
	.victim = fifo_victim,
};

/*
 * Clock, or second chance: a hand goes round; what was used since it came by
 * last is let off once. After a full turn nothing is marked but what was used
 * meanwhile, so that it stops in the second turn, or takes the next one: in a
 * third nobody would be better off.
 */

struct clock {
	unsigned int hand;
};

static size_t clock_size(unsigned int frames)
{
	(void)frames;
	return sizeof(struct clock);
}

static void clock_init(struct policy *p)
{
	struct clock *c = p->data;

	c->hand = 0;
}

static void clock_loaded(struct policy *p, unsigned int frame)
{
	(void)p;
	(void)frame;
}

static unsigned int clock_victim(struct policy *p)
{
	struct clock *c = p->data;
	unsigned int frame, turns = 2 * p->frames;

	do {
		frame = c->hand;
		c->hand = (c->hand + 1) % p->frames;
	} while (p->eye.used(p->eye.arg, frame) && --turns);
	return frame;
}

const struct policy_ops policy_clock = {
	.name = "clock",
	.size = clock_size,
	.init = clock_init,
	.loaded = clock_loaded,
	.victim = clock_victim,
};

/*
 * Aging: each frame has a shift register; at each sample all move right and
 * who was used gets the highest bit. The smallest number was not used for the
 * longest time. A sample after each frames / 8 victims: more often costs more
 * (who was used takes a fault of the kernel's each time), more rarely tells
 * less. Of equals the hand takes the next one.
 */

#define AGE_NOW	0x8000

struct aging {
	unsigned int hand;
	unsigned int period;
	unsigned int until;
	uint16_t *age;
	uint8_t *used;
};

static size_t aging_size(unsigned int frames)
{
	return sizeof(struct aging) + frames * (sizeof(uint16_t) + 1);
}

static void aging_init(struct policy *p)
{
	struct aging *a = p->data;

	a->period = p->frames / 8 ? p->frames / 8 : 1;
	a->until = a->period;
	a->age = (uint16_t *)(a + 1);
	a->used = (uint8_t *)(a->age + p->frames);
}

static void aging_loaded(struct policy *p, unsigned int frame)
{
	struct aging *a = p->data;

	a->age[frame] = AGE_NOW;
}

static void aging_sample(struct policy *p)
{
	struct aging *a = p->data;
	unsigned int i;

	p->eye.used_all(p->eye.arg, a->used);
	for (i = 0; i < p->frames; i++)
		a->age[i] = a->age[i] >> 1 | (a->used[i] ? AGE_NOW : 0);
}

static unsigned int aging_victim(struct policy *p)
{
	struct aging *a = p->data;
	unsigned int best, i;

	if (!--a->until) {
		aging_sample(p);
		a->until = a->period;
	}
	best = a->hand;
	for (i = 1; i < p->frames; i++) {
		unsigned int frame = (a->hand + i) % p->frames;

		if (a->age[frame] < a->age[best])
			best = frame;
	}
	a->hand = (best + 1) % p->frames;
	a->age[best] = AGE_NOW;
	return best;
}

const struct policy_ops policy_aging = {
	.name = "aging",
	.size = aging_size,
	.init = aging_init,
	.loaded = aging_loaded,
	.victim = aging_victim,
};
