// SPDX-License-Identifier: GPL-2.0
/*
 * What answers a fault: the page that is wanted comes into a frame and is
 * mapped, and what was in the frame goes. Must never show a frame to a client
 * before all that others left in it is overwritten.
 *
 * A page is mapped for reading only until it is written for the first time;
 * then a slot in the backing file is reserved. So pages that are never written
 * need no slot, and what is written has one: writing back can't fail for lack
 * of room, and it is the one who wants more who hears that there is no more.
 */
#include "fault.h"
#include "util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void refuse(struct serve *s, struct client *c, uint64_t offset, int why)
{
	struct reply reply = { .ask = TELL_REFUSED, .error = -why,
			       .offset = offset };

	c->account.refused++;
	s->all.refused++;
	/* The reason first: the signal comes with the next call. */
	if (send(c->sock.fd, &reply, sizeof(reply),
		 MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		c->dead = true;
	if (lmap_pager_refuse(c->pager.fd, offset, page_size()) < 0)
		c->dead = true;
}

static int reserve(struct serve *s, struct client *c, struct page *page)
{
	int slot;

	if (s->quota && c->slots == s->quota)
		return -EDQUOT;
	slot = store_reserve(&s->store);
	if (slot < 0)
		return slot;
	page->slot = slot;
	c->slots++;
	return 0;
}

/* Writes a page that nobody can use any more, if it must be. */
static int save(struct serve *s, unsigned int frame)
{
	struct client *owner = s->frame[frame].client;
	struct page *page = &owner->page[s->frame[frame].page];
	int ret;

	/* Without a slot nobody was allowed to write. */
	if (!s->pool.dirty[frame] || page->slot < 0)
		return 0;
	ret = store_write(&s->store, page->slot, pool_frame(&s->pool, frame));
	if (ret)
		return ret;
	page->stored = true;
	s->pool.dirty[frame] = 0;
	owner->account.written++;
	s->all.written++;
	return 0;
}

/*
 * A frame for a page. If the page that is in it can't be written it stays
 * there, and its owner gets it back when he touches it.
 */
static int frame_get(struct serve *s, unsigned int *frame)
{
	struct frame *f;
	int ret;

	if (s->nr_free) {
		*frame = s->free[--s->nr_free];
		return 0;
	}
	*frame = s->policy.ops->victim(&s->policy);
	ret = pool_take(&s->pool, *frame);
	if (!ret)
		ret = save(s, *frame);
	if (ret)
		return ret;
	f = &s->frame[*frame];
	f->client->page[f->page].frame = -1;
	f->client = NULL;
	return 0;
}

static void frame_put(struct serve *s, unsigned int frame)
{
	s->frame[frame].client = NULL;
	if (s->policy.ops->gone)
		s->policy.ops->gone(&s->policy, frame);
	s->free[s->nr_free++] = frame;
}

static int fill(struct serve *s, struct client *c, const struct page *page,
		unsigned int frame)
{
	void *memory = pool_frame(&s->pool, frame);

	if (page->stored) {
		c->account.reloads++;
		s->all.reloads++;
		return store_read(&s->store, page->slot, memory);
	}
	c->account.zeroed++;
	s->all.zeroed++;
	memset(memory, 0, page_size());
	return 0;
}

static int load(struct serve *s, struct client *c, uint64_t number)
{
	struct page *page = &c->page[number];
	unsigned int frame;
	int ret;

	c->account.faults++;
	s->all.faults++;
	ret = frame_get(s, &frame);
	if (ret)
		return ret;
	ret = fill(s, c, page, frame);
	if (ret) {
		frame_put(s, frame);
		return ret;
	}
	s->frame[frame] = (struct frame){ .client = c, .page = number };
	s->pool.dirty[frame] = 0;
	page->frame = frame;
	s->policy.ops->loaded(&s->policy, frame);
	return 0;
}

/* The page is in a frame, and yet somebody waits for it. */
static void missed(struct serve *s, struct client *c, const struct page *page,
		   unsigned int held)
{
	if (held) {
		c->account.upgrades++;
		s->all.upgrades++;
		return;
	}
	c->account.again++;
	s->all.again++;
	/* What the pager below took it also saw, but nobody has told us. */
	if (s->pool.stacked)
		s->pool.dirty[page->frame] = 1;
}

static int get(struct serve *s, struct client *c,
	       const struct lmap_fault *fault)
{
	uint64_t number = fault->offset / page_size();
	struct page *page;
	int ret = 0;

	if (number >= c->pages || fault->offset % page_size())
		return -EINVAL;
	page = &c->page[number];
	if (page->slot < 0 && fault->access & LMAP_W)
		ret = reserve(s, c, page);
	if (ret)
		return ret;
	if (page->frame >= 0)
		missed(s, c, page, fault->held);
	else
		ret = load(s, c, number);
	return ret ? ret : pool_give(&s->pool, page->frame, c->window,
				     fault->offset, page->slot >= 0);
}

void fault_answer(struct serve *s, struct client *c,
		  const struct lmap_fault *fault)
{
	int ret;

	c->account.messages++;
	s->all.messages++;
	ret = get(s, c, fault);
	if (ret == -ENXIO)
		c->dead = true;
	else if (ret)
		refuse(s, c, fault->offset, ret);
}

void fault_forget(struct serve *s, struct client *c)
{
	unsigned int frame;
	uint64_t i;

	for (i = 0; i < c->pages; i++) {
		struct page *page = &c->page[i];

		if (page->slot >= 0)
			store_release(&s->store, page->slot);
		if (page->frame < 0)
			continue;
		frame = page->frame;
		/* It lives on if it only hung up; and the next page in there
		 * must not look as if it had been written.
		 */
		pool_take(&s->pool, frame);
		s->pool.dirty[frame] = 0;
		frame_put(s, frame);
	}
	free(c->page);
}
