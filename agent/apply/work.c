/*
 * work.c - making and dropping targets, work items and reports
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/work.h"

#include "lib/model/digest.h"

#include <stdlib.h>
#include <string.h>

struct target_service *target_service_ref(struct target_service *t)
{
	__atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
	return t;
}

void target_service_unref(struct target_service **t)
{
	struct target_service *gone = STEAL(*t);

	if (!gone || __atomic_sub_fetch(&gone->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	arena_free(&gone->arena);
	free(gone);
}

static int by_text(const void *x, const void *y)
{
	const char *const *a = x, *const *b = y;

	return strcmp(*a, *b);
}

/* The order of upstreams is not seen: equal states have equal digests. */
static void digest_state(const struct service_state *s, char out[DIGEST_HEX])
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct arena *a = arena_new();
	struct digest *d = digest_new();
	const char **names = arena_alloc(a, (s->upstreams.n + 1) * sizeof(*names));

	record_encode(&service_record, s->service, &text);
	digest_add(d, buf_cstr(&text), text.len);
	for (size_t i = 0; i < s->upstreams.n; i++) {
		buf_clear(&text);
		upstream_node_name(&s->upstreams.items[i], &text);
		names[i] = arena_strdup(a, buf_cstr(&text));
	}
	if (s->upstreams.n > 0)
		qsort(names, s->upstreams.n, sizeof(*names), by_text);
	for (size_t i = 0; i < s->upstreams.n; i++) {
		digest_add(d, "\n", 1);
		digest_add(d, names[i], strlen(names[i]));
	}
	digest_finish(&d, out);
	arena_free(&a);
}

struct target_service *target_service_new(const struct service_state *s)
{
	struct target_service *t = xcalloc(1, sizeof(*t));

	ASSERT(s->service != NULL);
	t->refs = 1;
	t->arena = arena_new();
	record_copy(&service_state_record, s, t->arena, &t->state);
	t->id = t->state.service->id;
	digest_state(&t->state, t->digest);
	return t;
}

const char *const work_stage_names[] = { "render", "look", "check", "publish", "reload", "confirm", "commit", NULL };

struct work_item *work_item_new(enum work_kind kind)
{
	struct work_item *w = xcalloc(1, sizeof(*w));

	w->kind = kind;
	w->arena = arena_new();
	return w;
}

void work_item_free(struct work_item **w)
{
	struct work_item *gone = STEAL(*w);

	if (!gone)
		return;
	for (size_t i = 0; i < gone->n; i++)
		target_service_unref(&gone->services[i]);
	free(gone->services);
	arena_free(&gone->arena);
	free(gone);
}

struct report *report_new(enum work_kind kind)
{
	struct report *r = xcalloc(1, sizeof(*r));

	r->kind = kind;
	r->arena = arena_new();
	return r;
}

void report_free(struct report **r)
{
	struct report *gone = STEAL(*r);

	if (!gone)
		return;
	free(gone->detail);
	free(gone->blames);
	arena_free(&gone->arena);
	free(gone);
}
