/*
 * fold.c - committed state plus requests = what must be
 *
 * The rules are those of Java's state transaction.  UPDATE writes the service record, except that
 * upstreamUpdateOnly keeps a stored one.  Upstreams match by address and group; rack, request id
 * and resolved address do not count.  A non-empty replaceUpstreams takes the place of all.
 * Otherwise the removals go first and the additions after them, so that an upstream in both lists
 * ends up present, and an addition replaces every stored one that it matches.  DELETE takes the
 * service and all upstreams, whatever its lists say.
 *
 * Where Java's outcome depends on luck we decide: of two additions that match each other the last
 * one wins (Java creates both, and loses one of them at the next update), an empty group is
 * "default" as it is when read back, and the result is in the order of upstream_compare(), whatever
 * the order of the base.
 *
 * Layer: lib/base.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/fold.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* On the heap while we work, in the order of upstream_compare(). */
struct set {
	struct upstream *items;
	size_t n;
};

static void set_release(struct set *s)
{
	xfree_p(&s->items);
	s->n = 0;
}

static int compare_nodes(const void *x, const void *y)
{
	return upstream_compare(x, y);
}

/* Address and group only: upstream_compare() of what else is left out. */
static int compare_keys(const struct upstream *x, const struct upstream *y)
{
	const struct upstream a = { .address = x->address, .group = x->group };
	const struct upstream b = { .address = y->address, .group = y->group };

	return upstream_compare(&a, &b);
}

static struct upstream with_group(const struct upstream *u)
{
	struct upstream copy = *u;

	if (copy.group == NULL || copy.group[0] == '\0')
		copy.group = "default";
	return copy;
}

static struct set set_of(const struct upstreams *list)
{
	struct set s = { xcalloc(list->n + 1, sizeof(*s.items)), list->n };
	size_t i;

	for (i = 0; i < list->n; i++)
		s.items[i] = with_group(&list->items[i]);
	qsort(s.items, s.n, sizeof(*s.items), compare_nodes);
	return s;
}

/* An addition with its place in the request. */
struct addition {
	struct upstream u;
	size_t place;
};

static int compare_additions(const void *x, const void *y)
{
	const struct addition *a = x, *b = y;
	int c = compare_keys(&a->u, &b->u);

	return c != 0 ? c : (a->place > b->place) - (a->place < b->place);
}

/* One per address and group: the last. */
static struct set additions_of(const struct upstreams *list)
{
	struct addition *sorted = xcalloc(list->n + 1, sizeof(*sorted));
	struct set s = { xcalloc(list->n + 1, sizeof(*s.items)), 0 };
	size_t i;

	for (i = 0; i < list->n; i++)
		sorted[i] = (struct addition){ with_group(&list->items[i]), i };
	qsort(sorted, list->n, sizeof(*sorted), compare_additions);
	for (i = 0; i < list->n; i++) {
		if (i + 1 == list->n || compare_keys(&sorted[i].u, &sorted[i + 1].u) != 0)
			s.items[s.n++] = sorted[i].u;
	}
	xfree_p(&sorted);
	return s;
}

static bool has_key(const struct set *s, const struct upstream *u)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_keys(&s->items[mid], u) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n && compare_keys(&s->items[low], u) == 0;
}

/* Both in order. What has the key of an addition gives way to it, but for the very same node. */
static struct set merge(
	const struct set *stored, const struct set *removed, const struct set *added)
{
	struct set out = { xcalloc(stored->n + added->n + 1, sizeof(*out.items)), 0 };
	size_t i = 0, k;

	for (k = 0; k <= added->n; k++) {
		const struct upstream *add = k < added->n ? &added->items[k] : NULL, *kept = add;

		for (; i < stored->n && (add == NULL || compare_keys(&stored->items[i], add) < 0);
			i++) {
			if (!has_key(removed, &stored->items[i]))
				out.items[out.n++] = stored->items[i];
		}
		if (add == NULL)
			break;
		for (; i < stored->n && compare_keys(&stored->items[i], add) == 0; i++) {
			if (upstream_compare(&stored->items[i], add) == 0)
				kept = &stored->items[i];
		}
		out.items[out.n++] = *kept;
	}
	return out;
}

static void update_upstreams(struct set *set, const struct request *r)
{
	bool replaces = r->replace.n > 0;
	AUTO(set_release) struct set removed = replaces ? (struct set){NULL, 0} : set_of(&r->remove);
	AUTO(set_release) struct set added = additions_of(replaces ? &r->replace : &r->add);
	struct set next;

	/* All that is stored is removed by a replacement; additions keep what is the same node. */
	next = merge(set, replaces ? set : &removed, &added);
	set_release(set);
	*set = next;
}

static void update_service(const struct service **service, const struct request *r)
{
	if (*service != NULL && r->upstream_update_only)
		return;
	if (*service == NULL || !record_equal(&service_record, *service, r->service))
		*service = r->service;
}

static void fold_one(const struct service **service, struct set *set, const struct request *r)
{
	switch ((enum action)r->action) {
	case ACTION_NONE:
	case ACTION_UPDATE:
		update_service(service, r);
		update_upstreams(set, r);
		break;
	case ACTION_DELETE:
		*service = NULL;
		set->n = 0;
		break;
	case ACTION_RELOAD:
	case ACTION_REVERT:
	case ACTION_GET_RENDERED_CONFIG:
	case ACTION_PURGE_CACHE:
		break;
	}
}

void fold(const struct service_state *base, const struct request *const *requests, size_t n,
	struct arena *a, struct service_state *out)
{
	static const struct service_state nothing;
	AUTO(set_release) struct set set = { NULL, 0 };
	struct service_state result = { NULL, { NULL, 0 } };
	size_t i;

	if (base == NULL || base->service == NULL)
		base = &nothing;
	result.service = base->service;
	set = set_of(&base->upstreams);
	for (i = 0; i < n; i++)
		fold_one(&result.service, &set, requests[i]);
	if (set.n > 0) {
		result.upstreams.items = arena_alloc(a, set.n * sizeof(*set.items));
		memcpy(result.upstreams.items, set.items, set.n * sizeof(*set.items));
	}
	result.upstreams.n = set.n;
	*out = result;
}

bool service_state_equal(const struct service_state *x, const struct service_state *y)
{
	AUTO(set_release) struct set a = { NULL, 0 };
	AUTO(set_release) struct set b = { NULL, 0 };
	size_t i;

	if (x->service == NULL || y->service == NULL)
		return x->service == y->service;
	if (x->upstreams.n != y->upstreams.n ||
		!record_equal(&service_record, x->service, y->service))
		return false;
	a = set_of(&x->upstreams);
	b = set_of(&y->upstreams);
	for (i = 0; i < a.n; i++) {
		if (upstream_compare(&a.items[i], &b.items[i]) != 0)
			return false;
	}
	return true;
}
