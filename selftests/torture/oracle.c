// SPDX-License-Identifier: GPL-2.0
/*
 * torture - the oracle: stamps, and what must hold when nobody does anything.
 *
 * Every process plays its part of each phase; the phases are apart by barriers.
 * It never asks the module what is mapped: the pages tell. A page that can't be
 * read is never wrong here, but one that can must be the lender's own.
 */
#include "torture.h"

#define MASK(bits)	((1ULL << (bits)) - 1)

static unsigned int proc_in(uint64_t stamp)
{
	return stamp >> 40 & MASK(8);
}

static unsigned int page_in(uint64_t stamp)
{
	return stamp >> 24 & MASK(16);
}

static uint32_t gen_in(uint64_t stamp)
{
	return stamp & MASK(24);
}

uint64_t stamp_of(unsigned int proc, unsigned int page, uint32_t gen)
{
	return STAMP_MAGIC << 48 | (uint64_t)proc << 40 |
	       (uint64_t)page << 24 | (gen & MASK(24));
}

/* A fresh page is zero until its lender stamps it. */
void stamp_put(unsigned int page)
{
	poke_word(page_at(page), stamp_of(me.number, page, arena->gen));
}

/*
 * @word was read through a window: is it a page that somebody lends? The frames
 * of a grant or copy can be older than the lender's page, but not older than
 * the last time that nothing was mapped, unless @old_detached.
 */
void stamp_check(const char *where, uint64_t word, bool old_detached)
{
	const struct class *class;

	if (!word)
		return;
	if (word >> 48 != STAMP_MAGIC || proc_in(word) >= arena->procs ||
	    page_in(word) >= NPAGES) {
		found(where, "read %#llx: %s", (unsigned long long)word,
		      word >> 48 == FORBIDDEN >> 48 ?
		      "was written after the page had been taken back" :
		      word >> 48 == GARBAGE >> 48 ?
		      "is in the copy of a lender's child" : "no stamp");
		return;
	}
	class = &classes[class_of(page_in(word))];
	if (!class->rights)
		found(where, "page %u of process %u was never lent",
		      page_in(word), proc_in(word));
	else if (gen_in(word) != (arena->gen & MASK(24)) &&
		 (!class->detach || (!old_detached && gen_in(word) < arena->clean)))
		found(where, "page %u of process %u is of generation %u, now is %u",
		      page_in(word), proc_in(word), gen_in(word), arena->gen);
}

/* STAMP: everything is put in order, every page gets a new stamp. */

static uint64_t dice;

/* Some holes stay holes: nobody may see their pages any more. */
static bool page_restore(unsigned int page)
{
	char *p = page_at(page);
	int ret = poke_word(p, 0);

	if (ret == NO_VMA) {
		dice = mix(dice, page);
		if (dice % 4 == 0 || memory_put(page))
			return false;
		ret = poke_word(p, 0);
	} else if (ret == NO_RIGHT) {
		mprotect(p, PG, PROT_READ | PROT_WRITE);
		ret = poke_word(p, 0);
	}
	/* without memory it can be neither */
	return !ret;
}

static void phase_stamp(void)
{
	struct slot *slot = &arena->slots[me.number];

	dice = mix(arena->seed + arena->round, me.number);
	if (views_restore() && !arena->enomem)
		found("oracle", "views can't be mapped: %s", strerror(errno));
	for (unsigned int i = 0; i < NPAGES; i++) {
		slot->stamped[i] = page_restore(i);
		slot->tried[i] = 0;
		slot->wrote[i] = 0;
		slot->seen[i] = 0;
		if (slot->stamped[i])
			stamp_put(i);
	}
	if (space_sync(me.space))
		found("oracle", "LMAP_SYNC fails");
	for (int c = 0; c < CLASSES; c++)
		status(me.space, page_at(classes[c].first), classes[c].n * PG,
		       LMAP_RESET, NULL);
}

/* LOOK: every page of every view is read, and written where that is possible. */

static void look_write(char *p, unsigned int wpage, int fd, bool readonly,
		       uint64_t stamp)
{
	struct slot *lender = &arena->slots[proc_in(stamp)];
	unsigned int page = page_in(stamp), c = class_of(page);
	uint64_t value = stamp_of(me.number, page, arena->gen);
	uint32_t bit = 1U << me.number;
	bool by_call = arena->round % 2;
	int ret;

	/* Frames that are not the lender's any more tell him nothing. */
	if (!classes[c].detach)
		__atomic_fetch_or(&lender->tried[page], bit, __ATOMIC_SEQ_CST);
	if (by_call)
		ret = pwrite(fd, &value, 8, wpage * PG + AT_SLOT(me.number)) != 8;
	else
		ret = poke_word(p + AT_SLOT(me.number), value);
	if (ret)
		return;
	ADD(quiet_writes);
	if (readonly || !(classes[c].rights & LMAP_W))
		found("oracle", "can write page %u of process %u%s, window page %u",
		      page, proc_in(stamp), readonly ? " in a read-only window" : "",
		      wpage);
	if (!classes[c].detach)
		__atomic_fetch_or(&lender->wrote[page], bit, __ATOMIC_SEQ_CST);
}

static void look_page(char *view, unsigned int wpage, int fd, bool readonly)
{
	char *p = view + wpage * PG;
	uint64_t word = 0, copied = 0;
	int ret = peek_word(p, &word);
	bool copies = pread(fd, &copied, 8, wpage * PG) == 8;

	if (ret && ret != NOTHING && ret != NO_RIGHT && !arena->enomem)
		found("oracle", "reading window page %u ends with %d", wpage, -ret);
	if (!arena->enomem && copies != !ret)
		found("oracle", "window page %u: reading gives %d, pread %s", wpage,
		      -ret, copies ? "works" : strerror(errno));
	if (ret)
		return;
	if (copies && copied != word)
		found("oracle", "window page %u shows %#llx, pread %#llx", wpage,
		      (unsigned long long)word, (unsigned long long)copied);
	stamp_check("oracle", word, false);
	ADD(quiet_reads);
	if (!word || arena->failed)
		return;
	if (!classes[class_of(page_in(word))].detach)
		arena->slots[proc_in(word)].seen[page_in(word)] = 1;
	look_write(p, wpage, fd, readonly, word);
}

static void phase_look(void)
{
	for (unsigned int i = 0; i < WPAGES; i++) {
		look_page(me.view_a, i, me.table[0].fd, false);
		look_page((char *)VIEW_B, i, me.table[1].fd, true);
	}
}

/* VERIFY: does the lender find what others did, and nothing else? */

static void verify_slots(unsigned int page)
{
	struct slot *slot = &arena->slots[me.number];
	uint64_t new = stamp_of(0, page, arena->gen), value;

	for (unsigned int i = 0; i < arena->procs; i++) {
		uint32_t bit = 1U << i;
		bool there;

		if (peek_word(page_at(page) + AT_SLOT(i), &value))
			return;
		there = value == (new | (uint64_t)i << 40);
		if (there && !(slot->tried[page] & bit))
			found("oracle", "process %u never wrote page %u", i, page);
		if (!there && slot->wrote[page] & bit)
			found("oracle", "page %u has lost what process %u wrote (%#llx)",
			      page, i, (unsigned long long)value);
	}
}

/* Nobody had a right to write it: not at the quiet point, nor before. */
static void verify_untouched(unsigned int page)
{
	uint64_t value = 0;

	for (unsigned int at = AT_SCRIBBLE; at < PG; at += 8) {
		if (peek_word(page_at(page) + at, &value))
			return;
		if (value)
			found("oracle", "page %u was never lent writable and holds %#llx at %u",
			      page, (unsigned long long)value, at);
	}
}

static void verify_bits(enum class_id c)
{
	struct slot *slot = &arena->slots[me.number];
	const struct class *class = &classes[c];
	unsigned char bits[HUGE] = {};

	if (status(me.space, page_at(class->first), class->n * PG, 0, bits) < 0)
		return;
	for (unsigned int i = 0; i < class->n; i++) {
		unsigned int page = class->first + i;
		unsigned int want = (slot->seen[page] ? LMAP_ACCESSED : 0) |
				    (slot->wrote[page] ? LMAP_MODIFIED : 0);

		if (want & ~bits[i] && slot->stamped[page])
			found("oracle", "page %u was used (%#x), status tells %#x",
			      page, want, bits[i]);
		else if (want)
			ADD(quiet_bits);
	}
}

static void phase_verify(void)
{
	struct slot *slot = &arena->slots[me.number];
	uint64_t word = 0;

	for (unsigned int i = 0; i < NPAGES; i++) {
		const struct class *class = &classes[class_of(i)];

		if (!slot->stamped[i])
			continue;
		if (!peek_word(page_at(i), &word) &&
		    word != stamp_of(me.number, i, arena->gen))
			found("oracle", "page %u of mine holds %#llx", i,
			      (unsigned long long)word);
		if (!(class->rights & LMAP_W))
			verify_untouched(i);
		else if (!class->detach)
			verify_slots(i);
	}
	for (int c = 0; c < CLASSES; c++)
		if (!classes[c].detach)
			verify_bits(c);
}

/* CLEAR, EMPTY: all is taken back, and nobody has anything. */

static void phase_clear(void)
{
	int ret = unmap_fpage(me.space, LMAP_WHOLE, LMAP_SELF);

	if (ret)
		found("oracle", "unmap of everything: %s", strerror(-ret));
}

static void empty_page(int view, const char *p, unsigned int page)
{
	uint64_t word = 0;
	int ret = peek_word(p, &word);

	if (ret != NOTHING)
		found("oracle", "view %d, page %u: there is still something (%d, %#llx)",
		      view, page, -ret, (unsigned long long)word);
}

static void phase_empty(void)
{
	struct lmap_info i = info(me.space);
	static const uint64_t views[] = { VIEW_A, VIEW_B, VIEW_C };
	char byte;

	for (int v = 0; v < 3; v++)
		for (unsigned int p = 0; p < WPAGES; p++)
			empty_page(v, (char *)views[v] + p * PG, p);
	for (int e = 0; e < 2; e++)
		for (unsigned int p = 0; p < WPAGES; p++)
			if (pread(me.table[e].fd, &byte, 1, p * PG) == 1)
				found("oracle", "page %u of window %d can still be read", p, e);
	if (i.out_mappings || i.out_regions)
		found("oracle", "%llu mappings, %llu regions are left",
		      (unsigned long long)i.out_mappings,
		      (unsigned long long)i.out_regions);
	/* A worker unpins; one that is never unpinned makes this hang. */
	tiles_gone(me.space);
}

void oracle_run(enum phase phase)
{
	static void (* const parts[])(void) = {
		[STAMP] = phase_stamp, [LOOK] = phase_look,
		[VERIFY] = phase_verify, [CLEAR] = phase_clear,
		[EMPTY] = phase_empty,
	};

	if (phase < LEAVE && parts[phase])
		parts[phase]();
}
