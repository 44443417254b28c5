/*
 * schedule.c - which queued requests start now, and together with which
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/schedule.h"

#include <string.h>

static bool same_set(const struct strings *x, const struct strings *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (!strings_have(y, x->items[i]))
			return false;
	return true;
}

static bool want_one_path(const struct schedule_item *x, const struct schedule_item *y)
{
	for (size_t i = 0; i < x->wanted->n; i++)
		for (size_t k = 0; k < y->wanted->n; k++)
			if (strcmp(x->wanted->items[i].group, y->wanted->items[k].group) == 0 &&
				strcmp(x->wanted->items[i].key, y->wanted->items[k].key) == 0)
				return true;
	return false;
}

/* May `it` start beside `other`, which flies, starts in this round, or is ahead of it in the queue? */
static bool agrees(const struct schedule_item *it, const struct schedule_item *other)
{
	if (strcmp(it->service, other->service) == 0)
		return false;
	if (!other->flying && other->batch < 0)
		return true; /* it waits for something else */
	if (other->flying)
		return !strings_meet(it->groups, other->groups) && !want_one_path(it, other);
	if (want_one_path(it, other))
		return false;
	return same_set(it->groups, other->groups) || !strings_meet(it->groups, other->groups);
}

struct round {
	size_t sizes[64], bytes[64]; /* one per batch of this round */
	int n;
	const struct strings *kept[16]; /* groups of those that have waited long; more than that wait on */
	size_t n_kept;
};

/* The open batch of its set of groups, or a new one; -1: the batch is full or must not be shared. */
static int batch_for(const struct schedule_item *items, size_t at, struct round *rd, const struct schedule_limits *limits)
{
	for (size_t i = 0; i < at; i++) {
		if (items[i].batch < 0 || !same_set(items[i].groups, items[at].groups))
			continue;
		if (items[i].alone || items[at].alone || rd->sizes[items[i].batch] >= limits->requests ||
			rd->bytes[items[i].batch] + items[at].bytes > limits->bytes)
			return -1;
		rd->sizes[items[i].batch]++;
		rd->bytes[items[i].batch] += items[at].bytes;
		return items[i].batch;
	}
	if (rd->n == (int)ARRAY_LEN(rd->sizes))
		return -1;
	rd->sizes[rd->n] = 1;
	rd->bytes[rd->n] = items[at].bytes;
	return rd->n++;
}

/* Is it its service's turn, and does nothing else keep it back? */
static bool may_start(const struct schedule_item *items, size_t n, size_t at, const struct round *rd, bool *turn_out)
{
	const struct schedule_item *it = &items[at];
	bool ok = true;

	*turn_out = false;
	for (size_t k = 0; k < n; k++) {
		if (k == at || (k > at && !items[k].flying))
			continue;
		if (strcmp(it->service, items[k].service) == 0)
			return false;
		ok = ok && agrees(it, &items[k]);
		if (!ok && !it->overdue)
			return false;
	}
	for (size_t k = 0; k < rd->n_kept; k++)
		ok = ok && !strings_meet(it->groups, rd->kept[k]);
	*turn_out = true;
	return ok;
}

int schedule(struct schedule_item *items, size_t n, const struct schedule_limits *limits)
{
	struct round rd = { .n = 0 };

	for (size_t i = 0; i < n; i++)
		items[i].batch = -1;
	for (size_t i = 0; i < n; i++) {
		bool turn;

		if (!items[i].startable || items[i].flying)
			continue;
		if (may_start(items, n, i, &rd, &turn))
			items[i].batch = batch_for(items, i, &rd, limits);
		if (turn && items[i].batch < 0 && items[i].overdue && rd.n_kept < ARRAY_LEN(rd.kept))
			rd.kept[rd.n_kept++] = items[i].groups;
	}
	return rd.n;
}
