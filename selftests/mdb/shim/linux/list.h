/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: the few list functions that mdb.c uses; deleting poisons. */
#ifndef SHIM_LIST_H
#define SHIM_LIST_H

#include <linux/kernel.h>

/* Nodes that were walked over: so loops are counted without knowing them. */
extern __thread unsigned long shim_steps;

#define LIST_HEAD(name) struct list_head name = { &(name), &(name) }
#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member) \
	list_entry((head)->next, type, member)
#define list_next_entry(pos, member) \
	list_entry((pos)->member.next, __typeof__(*(pos)), member)
#define list_for_each(pos, head) \
	for (pos = (head)->next; pos != (head); pos = pos->next)

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline void list_add(struct list_head *n, struct list_head *after)
{
	n->next = after->next;
	n->prev = after;
	after->next->prev = n;
	after->next = n;
}

static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
	list_add(n, head->prev);
}

static inline void list_del(struct list_head *e)
{
	e->next->prev = e->prev;
	e->prev->next = e->next;
	e->next = (struct list_head *)0x10;
	e->prev = (struct list_head *)0x20;
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline bool list_is_last(const struct list_head *e,
				const struct list_head *h)
{
	shim_steps++;
	return e->next == h;
}

static inline void list_splice(struct list_head *list, struct list_head *at)
{
	if (list_empty(list))
		return;
	list->next->prev = at;
	list->prev->next = at->next;
	at->next->prev = list->prev;
	at->next = list->next;
}

#endif
