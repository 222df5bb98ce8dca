// SPDX-License-Identifier: GPL-2.0
/*
 * Simulation of a pool: by the pager's own policies, by true LRU and by OPT.
 * Must never take a short cut that a pager could not take, but for what LRU
 * and OPT are.
 */
#include "trace.h"
#include "util.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE	UINT32_MAX

void trace_add(struct trace *t, unsigned int page, bool write)
{
	if (t->nr && t->ref[t->nr - 1] >> 1 == page) {
		t->ref[t->nr - 1] |= write;
		return;
	}
	if (t->nr == t->room) {
		t->room = t->room ? 2 * t->room : 4096;
		t->ref = realloc(t->ref, t->room * sizeof(*t->ref));
		if (!t->ref)
			fail("no memory for a trace");
	}
	t->ref[t->nr++] = page << 1 | write;
	if (page >= t->pages)
		t->pages = page + 1;
}

void trace_free(struct trace *t)
{
	free(t->ref);
	memset(t, 0, sizeof(*t));
}

double tally_rate(const struct tally *t)
{
	return t->refs ? 100.0 * (t->refs - t->faults) / t->refs : 0;
}

/**
 * struct sim - a pool that is simulated
 * @trace: what is played
 * @frames: of the pool
 * @free: the first frame that was never used
 * @at: where each page is; NOWHERE
 * @page: what each frame holds
 * @used: each frame's reference bit
 * @dirty: each frame's
 * @stored: pages that are in the backing file
 * @tally: so far
 */
struct sim {
	const struct trace *trace;
	unsigned int frames;
	unsigned int free;
	uint32_t *at;
	uint32_t *page;
	uint8_t *used;
	uint8_t *dirty;
	uint8_t *stored;
	struct tally tally;
};

static void sim_init(struct sim *s, const struct trace *t, unsigned int frames)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->trace = t;
	s->frames = frames;
	s->at = need(t->pages, sizeof(*s->at));
	s->page = need(frames, sizeof(*s->page));
	s->used = need(frames, 1);
	s->dirty = need(frames, 1);
	s->stored = need(t->pages, 1);
	for (i = 0; i < t->pages; i++)
		s->at[i] = NOWHERE;
}

static struct tally sim_fini(struct sim *s)
{
	free(s->at);
	free(s->page);
	free(s->used);
	free(s->dirty);
	free(s->stored);
	return s->tally;
}

/* The page of a reference is in its frame. */
static void sim_use(struct sim *s, uint32_t ref)
{
	unsigned int frame = s->at[ref >> 1];

	s->used[frame] = 1;
	s->dirty[frame] |= ref & 1;
	s->tally.refs++;
}

/* Brings a page into a frame, and what is there out. */
static void sim_load(struct sim *s, unsigned int frame, unsigned int page,
		     bool full)
{
	unsigned int old = s->page[frame];

	s->tally.faults++;
	s->tally.reloads += s->stored[page];
	if (full) {
		if (s->dirty[frame]) {
			s->tally.written++;
			s->stored[old] = 1;
		}
		s->at[old] = NOWHERE;
	}
	s->dirty[frame] = 0;
	s->page[frame] = page;
	s->at[page] = frame;
}

static bool sim_used(void *arg, unsigned int frame)
{
	struct sim *s = arg;
	bool used = s->used[frame];

	s->used[frame] = 0;
	return used;
}

static void sim_used_all(void *arg, uint8_t *used)
{
	struct sim *s = arg;

	memcpy(used, s->used, s->frames);
	memset(s->used, 0, s->frames);
}

struct tally sim_policy(const struct trace *t, unsigned int frames,
			const struct policy_ops *ops)
{
	struct policy_eye eye = { .used = sim_used, .used_all = sim_used_all };
	struct policy policy;
	struct sim s;
	size_t i;

	sim_init(&s, t, frames);
	eye.arg = &s;
	if (policy_init(&policy, ops, frames, &eye))
		fail("no memory for a policy");
	for (i = 0; i < t->nr; i++) {
		unsigned int page = t->ref[i] >> 1;

		if (s.at[page] == NOWHERE) {
			bool full = s.free == frames;
			unsigned int frame = full ? ops->victim(&policy) :
						    s.free++;

			sim_load(&s, frame, page, full);
			ops->loaded(&policy, frame);
		}
		sim_use(&s, t->ref[i]);
	}
	policy_fini(&policy);
	return sim_fini(&s);
}

/*
 * Frames by the time of a key, in a heap whose root goes next. For LRU the key
 * is when the frame was used last, for OPT how long its page is not used from
 * now on. Rebuilding what changed at each reference costs log(frames).
 */
struct queue {
	uint64_t *key;		/* of each frame */
	uint32_t *heap;		/* frames, the smallest key first */
	uint32_t *place;	/* of each frame in the heap */
	unsigned int nr;
};

static void queue_init(struct queue *q, unsigned int frames)
{
	q->key = need(frames, sizeof(*q->key));
	q->heap = need(frames, sizeof(*q->heap));
	q->place = need(frames, sizeof(*q->place));
	q->nr = 0;
}

static void queue_fini(struct queue *q)
{
	free(q->key);
	free(q->heap);
	free(q->place);
}

static void queue_put(struct queue *q, unsigned int at, uint32_t frame)
{
	q->heap[at] = frame;
	q->place[frame] = at;
}

static void queue_up(struct queue *q, unsigned int at, uint32_t frame)
{
	while (at && q->key[q->heap[(at - 1) / 2]] > q->key[frame]) {
		queue_put(q, at, q->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	queue_put(q, at, frame);
}

static void queue_down(struct queue *q, unsigned int at, uint32_t frame)
{
	for (;;) {
		unsigned int child = 2 * at + 1;

		if (child + 1 < q->nr &&
		    q->key[q->heap[child + 1]] < q->key[q->heap[child]])
			child++;
		if (child >= q->nr ||
		    q->key[q->heap[child]] >= q->key[frame])
			break;
		queue_put(q, at, q->heap[child]);
		at = child;
	}
	queue_put(q, at, frame);
}

/* A new frame, or a new key of one. */
static void queue_set(struct queue *q, uint32_t frame, uint64_t key, bool new)
{
	uint64_t old = q->key[frame];

	q->key[frame] = key;
	if (new)
		queue_up(q, q->nr++, frame);
	else if (key < old)
		queue_up(q, q->place[frame], frame);
	else
		queue_down(q, q->place[frame], frame);
}

/* When each reference's page is used next; later than all: never. */
static uint64_t *next_uses(const struct trace *t)
{
	uint64_t *next = need(t->nr, sizeof(*next));
	uint64_t *of = need(t->pages, sizeof(*of));
	size_t i;

	for (i = 0; i < t->pages; i++)
		of[i] = t->nr;
	for (i = t->nr; i--;) {
		next[i] = of[t->ref[i] >> 1];
		of[t->ref[i] >> 1] = i;
	}
	free(of);
	return next;
}

/* @next: NULL: by last use; otherwise by next use. */
static struct tally sim_queue(const struct trace *t, unsigned int frames,
			      const uint64_t *next)
{
	struct queue q;
	struct sim s;
	size_t i;

	sim_init(&s, t, frames);
	queue_init(&q, frames);
	for (i = 0; i < t->nr; i++) {
		unsigned int page = t->ref[i] >> 1;
		bool new = false;

		if (s.at[page] == NOWHERE) {
			new = s.free < frames;
			sim_load(&s, new ? s.free++ : q.heap[0], page, !new);
		}
		queue_set(&q, s.at[page], next ? UINT64_MAX - next[i] : i, new);
		sim_use(&s, t->ref[i]);
	}
	queue_fini(&q);
	return sim_fini(&s);
}

struct tally sim_lru(const struct trace *t, unsigned int frames)
{
	return sim_queue(t, frames, NULL);
}

struct tally sim_opt(const struct trace *t, unsigned int frames)
{
	uint64_t *next = next_uses(t);
	struct tally tally = sim_queue(t, frames, next);

	free(next);
	return tally;
}
