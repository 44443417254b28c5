/*
 * fileset_cache.c - what the services render to, remembered from build to build
 *
 * Layer: agent/core (pure).  Threads: one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/fileset_cache.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

static const struct fileset_version unknown;

struct fileset_cache *fileset_cache_new(void)
{
	struct fileset_cache *c = xcalloc(1, sizeof(*c));

	c->scratch = (struct unit_scratch)UNIT_SCRATCH_INIT;
	return c;
}

/* --- who sees what --- */

static void replace(struct fileset_cache *c, struct unit *u)
{
	u->next = NULL;
	u->replaced = c->build;
	if (c->last_replaced != NULL)
		c->last_replaced->next = u;
	else
		c->first_replaced = u;
	c->last_replaced = u;
	c->size -= u->size;
	c->n_faults -= u->fault != NULL;
}

void fileset_cache_reclaim(struct fileset_cache *c)
{
	while (c->first_replaced != NULL && (c->oldest == NULL || c->oldest->build >= c->first_replaced->replaced)) {
		struct unit *gone = c->first_replaced;

		c->first_replaced = gone->next;
		if (c->first_replaced == NULL)
			c->last_replaced = NULL;
		unit_free(&gone);
	}
}

void fileset_cache_drop(struct fileset_cache *c)
{
	assembly_unref(&c->assembly);
}

static void forget(struct fileset_cache *c)
{
	fileset_cache_drop(c);
	for (size_t i = 0; i < c->n; i++)
		replace(c, c->units[i]);
	xfree_p(&c->units);
	xfree_p(&c->versions);
	xfree_p(&c->places);
	c->n = 0;
	c->renderer = NULL;
}

static void destroy_unseen(struct fileset_cache *c)
{
	if (!c->freed || c->oldest != NULL)
		return;
	forget(c);
	fileset_cache_reclaim(c);
	unit_scratch_release(&c->scratch);
	free(c);
}

void fileset_cache_free(struct fileset_cache **c)
{
	struct fileset_cache *gone = STEAL(*c);

	if (gone == NULL)
		return;
	gone->freed = true;
	destroy_unseen(gone);
}

struct fileset *fileset_cache_share(struct fileset_cache *c)
{
	struct fileset *fs = xcalloc(1, sizeof(*fs));

	c->assembly->refs++;
	*fs = (struct fileset){ .files = c->assembly->files, .n = c->assembly->n, .cache = c,
		.assembly = c->assembly, .build = c->build, .older = c->newest };
	if (c->newest != NULL)
		c->newest->newer = fs;
	else
		c->oldest = fs;
	c->newest = fs;
	return fs;
}

void fileset_free(struct fileset **fs)
{
	struct fileset *gone = STEAL(*fs);
	struct fileset_cache *c;

	if (gone == NULL)
		return;
	c = gone->cache;
	assembly_unref(&gone->assembly);
	if (gone->older != NULL)
		gone->older->newer = gone->newer;
	else
		c->oldest = gone->newer;
	if (gone->newer != NULL)
		gone->newer->older = gone->older;
	else
		c->newest = gone->older;
	free(gone);
	fileset_cache_reclaim(c);
	destroy_unseen(c);
}

/* --- the same services as last time --- */

/* Does what was rendered for the one serve for the other? */
static bool serves(const struct fileset_version *known, const struct fileset_version *wanted)
{
	uint64_t a[2], b[2];

	memcpy(a, known->bytes, sizeof(a));
	memcpy(b, wanted->bytes, sizeof(b));
	return a[0] == b[0] && a[1] == b[1] && (a[0] | a[1]) != 0 &&
		(wanted->timestamp_ms == 0 || wanted->timestamp_ms == known->timestamp_ms);
}

static const struct fileset_version *version_of(const struct fileset_input *in, size_t i)
{
	return in->versions != NULL ? &in->versions[i] : &unknown;
}

static struct unit *render(struct fileset_cache *c, const struct fileset_input *in, size_t i, size_t size)
{
	size_t room = size < FILESET_BYTES_MAX ? FILESET_BYTES_MAX - size : 0;

	return unit_new(in->renderer, &in->agent, in->services[i], version_of(in, i), room, &c->scratch);
}

void fileset_changes_release(struct fileset_changes *c)
{
	xfree_p(&c->items);
	c->n = c->cap = 0;
}

/* Whose versions differ; false: these are not the services of the last build in their order. */
static bool find_changes(const struct fileset_cache *c, const struct fileset_input *in, struct fileset_changes *changes)
{
	if (in->n != c->n || c->versions == NULL)
		return false;
	for (size_t i = 0; i < in->n; i++) {
		struct assembly_change change;

		if (in->versions != NULL && serves(&c->versions[i], &in->versions[i]))
			continue;
		change = (struct assembly_change){ .place = c->places[i], .given = i,
			.before = c->units[c->places[i]] };
		if (!str_eq(in->services[i]->service->id, change.before->id))
			return false;
		GROW(changes->items, changes->n, changes->cap);
		changes->items[changes->n++] = change;
	}
	return true;
}

/* A unit at fault is rendered every time. */
static struct fileset_version known_version(const struct unit *u)
{
	return u->fault == NULL ? u->version : unknown;
}

static void make_changes(struct fileset_cache *c, const struct fileset_input *in, struct fileset_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		struct assembly_change *change = &changes->items[i];
		struct unit *before = c->units[change->place];
		struct unit *after = render(c, in, change->given, c->size - before->size);

		replace(c, before);
		c->units[change->place] = after;
		c->versions[change->given] = known_version(after);
		c->size += after->size;
		c->n_faults += after->fault != NULL;
		change->after = after;
	}
}

/* --- other services --- */

struct entry {
	const char *id;
	size_t given;
};

static int compare_entries(const void *x, const void *y)
{
	return strcmp(((const struct entry *)x)->id, ((const struct entry *)y)->id);
}

static int sort_input(const struct fileset_input *in, struct entry *entries, struct error *err)
{
	bool sorted = true;

	for (size_t i = 0; i < in->n; i++) {
		entries[i] = (struct entry){ in->services[i]->service->id, i };
		sorted = sorted && (i == 0 || compare_entries(&entries[i - 1], &entries[i]) < 0);
	}
	if (sorted)
		return 0;
	qsort(entries, in->n, sizeof(*entries), compare_entries);
	for (size_t i = 1; i < in->n; i++)
		if (str_eq(entries[i - 1].id, entries[i].id))
			return error_set(err, ERR_INVALID, "service '%s' is there twice", entries[i].id);
	return 0;
}

/* The unit that serves for services[given], taken from the old ones, or NULL. *at: how many of these are done. */
static struct unit *take_known(struct fileset_cache *c, struct unit **old, size_t n_old, size_t *at,
	const struct fileset_input *in, const struct entry *e)
{
	int cmp = -1;

	while (*at < n_old && (cmp = strcmp(old[*at]->id, e->id)) < 0)
		replace(c, old[(*at)++]);
	if (*at == n_old || cmp != 0)
		return NULL;
	if (old[*at]->fault == NULL && serves(&old[*at]->version, version_of(in, e->given)))
		return old[(*at)++];
	replace(c, old[(*at)++]);
	return NULL;
}

static int replace_all(struct fileset_cache *c, const struct fileset_input *in, struct error *err)
{
	AUTO(xfree_p) struct entry *entries = xcalloc(in->n + 1, sizeof(*entries));
	AUTO(xfree_p) struct unit **old = NULL;
	size_t n_old = c->n, at = 0;
	int rc = sort_input(in, entries, err);

	if (rc != 0)
		return rc;
	ASSERT(in->n < UINT32_MAX);
	old = STEAL(c->units);
	c->n = in->n;
	c->units = xcalloc(in->n + 1, sizeof(struct unit *));
	c->versions = xrealloc(c->versions, (in->n + 1) * sizeof(*c->versions));
	c->places = xrealloc(c->places, (in->n + 1) * sizeof(*c->places));
	for (size_t i = 0; i < in->n; i++) {
		struct unit *u = take_known(c, old, n_old, &at, in, &entries[i]);

		if (u == NULL) {
			u = render(c, in, entries[i].given, c->size);
			c->size += u->size;
			c->n_faults += u->fault != NULL;
		}
		c->units[i] = u;
		c->versions[entries[i].given] = known_version(u);
		c->places[entries[i].given] = (uint32_t)i;
	}
	while (at < n_old)
		replace(c, old[at++]);
	return 0;
}

int fileset_cache_update(struct fileset_cache *c, const struct fileset_input *in, struct fileset_changes *changes,
	struct error *err)
{
	int rc;

	c->build++;
	if (c->renderer != in->renderer)
		forget(c);
	c->renderer = in->renderer;
	if (find_changes(c, in, changes)) {
		make_changes(c, in, changes);
		return 0;
	}
	fileset_changes_release(changes);
	rc = replace_all(c, in, err);
	if (rc == 0)
		fileset_cache_drop(c);
	return rc;
}
