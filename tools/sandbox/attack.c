// SPDX-License-Identifier: GPL-2.0
/*
 * The host under attack. A plugin does its work; while everything is allowed
 * it prepares; the host takes w and checks, and then the plugin tries to change
 * what was checked; the host takes the memory back and puts a secret there, and
 * the plugin tries to read it.
 *
 * Whether it got through is seen by the host: what it had checked is different,
 * or the plugin knows the secret. Each cell of the table has an expectation.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lmap.h>

enum cell { THROUGH, ITS_COPY, NO_RIGHT, NO_PAGE, NO_VIEW, BAD_ADDRESS,
	    CHECKED, KEPT, ALLOWED, OTHER };

static const char *const cell_names[] = {
	[THROUGH] = "THROUGH",
	[ITS_COPY] = "its copy",
	[NO_RIGHT] = "SIGSEGV",
	[NO_PAGE] = "SIGBUS",
	[NO_VIEW] = "SIGSEGV",
	[BAD_ADDRESS] = "EFAULT",
	[CHECKED] = "refused",
	[KEPT] = "keeps it",
	[ALLOWED] = "it can",
	[OTHER] = "something else",
};

/* What one plugin came to. */
struct result {
	enum cell meanwhile;	/* reads while the host checks */
	enum cell write;
	enum cell read;
	struct outcome prepared;
	uint64_t ns;		/* BY_SPINNING: the host went on after that */
};

enum when { CHECKED_THEN, NEXT_THEN, MEANWHILE, WHENS };

static const char *const headings[WHENS] = {
	[CHECKED_THEN] = "change it when it has been checked:",
	[NEXT_THEN] = "read what is there next:",
	[MEANWHILE] = "no attack, while the host checks:",
};

static const struct row {
	const char *title;
	enum method method;
	enum when when;
	enum cell expected[WAYS];
} rows[] = {
	{ "stores", BY_ACCESS, CHECKED_THEN,
	  { NO_RIGHT, THROUGH, NO_PAGE, ITS_COPY } },
	{ "read(channel, image)", BY_KERNEL, CHECKED_THEN,
	  { BAD_ADDRESS, THROUGH, BAD_ADDRESS, ITS_COPY } },
	{ "mprotect, then stores", BY_MPROTECT, CHECKED_THEN,
	  { NO_RIGHT, THROUGH, NO_PAGE, ITS_COPY } },
	{ "through a view made by mremap", BY_MREMAP, CHECKED_THEN,
	  { NO_RIGHT, THROUGH, NO_PAGE, ITS_COPY } },
	{ "from a child", BY_CHILD, CHECKED_THEN,
	  { NO_VIEW, THROUGH, NO_PAGE, ITS_COPY } },
	{ "process_vm_writev", BY_PROCESS_VM, CHECKED_THEN,
	  { BAD_ADDRESS, THROUGH, BAD_ADDRESS, ITS_COPY } },
	{ "stores and never returns", BY_SPINNING, CHECKED_THEN,
	  { NO_PAGE, THROUGH, NO_PAGE, ITS_COPY } },
	{ "stores before and behind", BY_OUTSIDE, CHECKED_THEN,
	  { NO_PAGE, NO_RIGHT, NO_RIGHT, NO_RIGHT } },
	{ "a header that lies", BY_LYING, CHECKED_THEN,
	  { CHECKED, CHECKED, CHECKED, CHECKED } },
	{ "loads", BY_ACCESS, NEXT_THEN,
	  { NO_PAGE, THROUGH, NO_PAGE, ITS_COPY } },
	{ "write(channel, image)", BY_KERNEL, NEXT_THEN,
	  { BAD_ADDRESS, THROUGH, BAD_ADDRESS, ITS_COPY } },
	{ "through a view made by mremap", BY_MREMAP, NEXT_THEN,
	  { NO_PAGE, THROUGH, NO_PAGE, ITS_COPY } },
	{ "from a child", BY_CHILD, NEXT_THEN,
	  { NO_VIEW, THROUGH, NO_PAGE, ITS_COPY } },
	{ "pages kept in a pipe by vmsplice", BY_VMSPLICE, NEXT_THEN,
	  { BAD_ADDRESS, THROUGH, ITS_COPY, ITS_COPY } },
	{ "process_vm_readv", BY_PROCESS_VM, NEXT_THEN,
	  { BAD_ADDRESS, THROUGH, BAD_ADDRESS, ITS_COPY } },
	{ "has copied it while it was allowed", BY_KEEPING, NEXT_THEN,
	  { KEPT, KEPT, KEPT, KEPT } },
	{ "loads", BY_ACCESS, MEANWHILE,
	  { ALLOWED, ALLOWED, NO_PAGE, ITS_COPY } },
};

static enum cell cell_of(const struct outcome *o)
{
	if (o->sig == SIGSEGV)
		return o->code == SEGV_ACCERR ? NO_RIGHT : NO_VIEW;
	if (o->sig == SIGBUS && o->code == BUS_ADRERR)
		return NO_PAGE;
	if (o->err == EFAULT)
		return BAD_ADDRESS;
	return o->sig || o->err ? OTHER : ITS_COPY;
}

/* An attack under way. */
struct scene {
	struct loan loan;
	enum method method;
	struct image image;
	unsigned char first[SECRET_SIZE];	/* bytes of the result */
	struct answer answer;
};

static void ask(struct scene *s, enum what what)
{
	struct order o = { .what = what, .method = s->method,
			   .bytes = s->loan.bytes, .filter = options.filter };

	if (!loan_ask(&s->loan, &o, &s->answer))
		fail("the plugin has not answered");
}

static void scene_begin(struct scene *s, enum way way, int space,
			enum method method, enum method hole)
{
	const uint32_t width = 64, height = 48;
	struct loan *l = &s->loan;

	memset(s, 0, sizeof(*s));
	s->method = method;
	l->way = way;
	l->space = space;
	l->careless = options.careless && way == LEND;
	l->bytes = image_size(width, height);
	l->size = (l->bytes + page_size() - 1) & ~(page_size() - 1);
	l->memory = buffer_make(l->size);
	image_draw(l->memory, width, height);
	if (image_parse(l->memory, l->bytes, &s->image))
		fail("the image that was drawn is none");
	loan_start(l, hole);
	loan_give(l);
	ask(s, WORK);
}

static void scene_end(struct scene *s)
{
	loan_end(&s->loan);
	buffer_free(s->loan.memory, s->loan.size);
}

/* While only the host can change it: is it the image that was asked for? */
static bool check(struct scene *s, const unsigned char *seen,
		  const uint32_t *claimed)
{
	uint32_t histogram[256];
	struct image image;

	if (image_parse(seen, s->loan.bytes, &image) ||
	    image.width != s->image.width || image.height != s->image.height)
		return false;
	image_histogram(seen, &image, histogram);
	return !memcmp(histogram, claimed, sizeof(histogram));
}

static enum cell write_cell(struct scene *s, const unsigned char *seen,
			    uint64_t before)
{
	const struct answer *a = &s->answer;
	const struct loan *l = &s->loan;

	if (checksum(seen, l->size) != before ||
	    !buffer_is_bounded(l->memory, l->size))
		return THROUGH;
	if (s->method == BY_OUTSIDE &&
	    cell_of(&a->second) != cell_of(&a->outcome))
		return OTHER;
	return cell_of(&a->outcome);
}

static enum cell try_change(struct scene *s, const unsigned char *seen)
{
	static const char header[SECRET_SIZE] = "P6\n9 9\n255\n";
	uint64_t before = checksum(seen, s->loan.size);
	struct order o = { .what = WRITE, .method = s->method };

	loan_order(&s->loan, &o);
	/* something for the kernel to write where the plugin can't */
	if (s->method == BY_KERNEL &&
	    send(s->loan.channel, header, sizeof(header), MSG_NOSIGNAL) < 0)
		fail("the plugin is gone");
	if (!loan_answer(&s->loan, &s->answer, options.deadline_ms, NULL))
		fail("the plugin has not answered");
	return write_cell(s, seen, before);
}

static enum cell try_look(struct scene *s, unsigned char *next)
{
	struct order o = { .what = READ, .method = s->method };
	unsigned char secret[SECRET_SIZE], leaked[SECRET_SIZE] = { 0 };
	struct answer *a = &s->answer;

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		fail("getrandom: %s", strerror(errno));
	memcpy(next, secret, sizeof(secret));
	loan_order(&s->loan, &o);
	if (!loan_answer(&s->loan, a, options.deadline_ms, leaked))
		fail("the plugin has not answered");
	if (!memcmp(a->bytes, secret, sizeof(secret)) ||
	    !memcmp(leaked, secret, sizeof(secret)))
		return THROUGH;
	if (s->method == BY_KEEPING &&
	    !memcmp(a->bytes, s->first, sizeof(s->first)))
		return KEPT;
	return cell_of(&a->outcome);
}

/* May it look on, at what the host does? That is no attack. */
static enum cell try_follow(struct scene *s, unsigned char *seen)
{
	enum cell cell = try_look(s, seen);

	memcpy(seen, s->first, sizeof(s->first));
	return cell == THROUGH ? ALLOWED : cell;
}

/* Does it still write? It does nothing else, so that one sees it soon. */
static bool still_changes(const volatile unsigned char *p)
{
	unsigned char before = *p;

	for (int i = 0; i < 10000; i++) {
		if (*p != before)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

/*
 * It has said that it will never answer, and the deadline is there. The host
 * takes the memory and goes on.
 */
static enum cell try_spinning(struct scene *s, uint64_t *ns)
{
	struct order o = { .what = WRITE, .method = BY_SPINNING };
	struct loan *l = &s->loan;
	unsigned char *next;
	uint64_t start, before;

	loan_order(l, &o);
	if (!loan_answer(l, &s->answer, options.deadline_ms, NULL) ||
	    loan_answer(l, &s->answer, 0, NULL))
		fail("the plugin should be spinning");
	start = now();
	next = loan_take(l);
	*ns = now() - start;
	before = checksum(next, l->size);
	/* In memory that it still has it goes on; its own copy is its own. */
	if (l->way == MEMFD || l->careless) {
		memset(&s->answer, 0, sizeof(s->answer));
		return still_changes(next) ? THROUGH : OTHER;
	}
	if (l->way == COPY)
		memset(&s->answer, 0, sizeof(s->answer));
	else if (!loan_answer(l, &s->answer, options.deadline_ms, NULL))
		fail("the plugin has not noticed");
	return write_cell(s, next, before);
}

static struct result attack(enum way way, int space, enum method method)
{
	struct result r = { OTHER, OTHER, OTHER };
	uint32_t histogram[256];
	unsigned char *seen;
	struct scene s;
	bool checked;

	scene_begin(&s, way, space, method, method);
	memcpy(histogram, s.answer.histogram, sizeof(histogram));
	if (method == BY_SPINNING) {
		r.write = try_spinning(&s, &r.ns);
		scene_end(&s);
		return r;
	}
	ask(&s, PREPARE);
	r.prepared = s.answer.outcome;
	seen = loan_settle(&s.loan);
	memcpy(s.first, seen, sizeof(s.first));
	checked = check(&s, seen, histogram);
	expect(checked == (method != BY_LYING), "the check finds what is wrong");
	if (method == BY_ACCESS)
		r.meanwhile = try_follow(&s, seen);
	if (method == BY_LYING)
		r.write = checked ? THROUGH : CHECKED;
	else
		r.write = try_change(&s, seen);
	r.read = try_look(&s, loan_take(&s.loan));
	scene_end(&s);
	return r;
}

/* The strict filter, which all of the others have too. */
static const char *behind_the_filter(int space, enum method method)
{
	struct scene s;
	int err;

	if (method == BY_ACCESS || method == BY_KERNEL || method >= BY_OUTSIDE)
		return "-";
	scene_begin(&s, LEND, space, method, BY_ACCESS);
	ask(&s, PREPARE);
	if (!s.answer.outcome.err)
		ask(&s, WRITE);
	err = s.answer.outcome.err;
	scene_end(&s);
	expect(err == EPERM, "the strict filter refuses the call");
	return err == EPERM ? "EPERM" : "!!";
}

static bool worse(enum cell cell)
{
	return cell == THROUGH || cell == OTHER;
}

/* One line; what got through is counted. */
static void show(const struct row *row, const struct result *results,
		 const char *filter, unsigned int *through)
{
	bool right = true;

	printf("  %-36s %-7s", row->title, filter);
	for (int way = 0; way < WAYS; way++) {
		const struct result *r = &results[way];
		enum cell cell = row->when == MEANWHILE ? r->meanwhile :
				 row->when == NEXT_THEN ? r->read : r->write;

		printf(" %-16s", cell_names[cell]);
		right &= cell == row->expected[way];
		through[way] += worse(cell);
	}
	printf("\n");
	expect(right, row->title);
}

static void heading(const char *title)
{
	printf("\n  %-36s %-7s", title, "filter");
	for (int way = 0; way < WAYS; way++)
		printf(" %-16s", way_name(way));
	printf("\n");
}

static void summary(struct result (*results)[WAYS], const unsigned int *through)
{
	printf("\n  %-44s", "got through");
	for (int way = 0; way < WAYS; way++)
		printf(" %-16u", through[way]);
	printf("\n  %-44s", "taken from who never returns in, us");
	for (int way = 0; way < WAYS; way++)
		printf(" %-16.0f", results[BY_SPINNING][way].ns / 1000.0);
	printf("\n");
}

static void refused_early(struct result (*results)[WAYS])
{
	printf("\n  A second view of lent memory by mremap: %s; its pages in a pipe: %s\n",
	       strerror(results[BY_MREMAP][LEND].prepared.err),
	       strerror(results[BY_VMSPLICE][LEND].prepared.err));
	expect(results[BY_MREMAP][LEND].prepared.err &&
	       results[BY_VMSPLICE][LEND].prepared.err == EFAULT,
	       "both are refused");
}

void attacks_run(void)
{
	static struct result results[METHODS][WAYS];
	unsigned int through[WAYS] = { 0 };
	const char *filter[METHODS];
	int space = lmap_open(0);
	int when = WHENS;

	if (space < 0)
		fail("lmap: %s", strerror(-space));
	printf("\nAttacks. The column \"filter\": what the strict filter says; what the others say is without it.\n");
	for (int method = 0; method < METHODS; method++) {
		filter[method] = behind_the_filter(space, method);
		for (int way = 0; way < WAYS; way++)
			results[method][way] = attack(way, space, method);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if ((int)rows[i].when != when)
			heading(headings[rows[i].when]);
		when = rows[i].when;
		show(&rows[i], results[rows[i].method],
		     filter[rows[i].method], through);
	}
	summary(results, through);
	refused_early(results);
	close(space);
}
