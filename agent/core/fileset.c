/*
 * fileset.c - the files that must exist below the root path for a set of services
 *
 * In three steps: each service that is not known is rendered (unit.c), then headers, footers and files of the group
 * are, and the files are put together (assembly.c) or the last ones changed.  An error is noted for its service and
 * the next one is rendered, so that all culprits of a batch are found in one round.  A build without a cache is one
 * with a new cache that goes with its set.
 *
 * Layer: agent/core (pure).  Threads: see fileset.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/fileset.h"

#include "agent/core/fileset_cache.h"
#include "lib/base/str.h"

#include <string.h>

/* A service's own fault comes first. */
static const struct error *fault_of(const struct fileset_cache *c, const struct assembly_faults *faults, size_t i)
{
	if (c->units[i]->fault != NULL)
		return c->units[i]->fault;
	return faults->items != NULL ? faults->items[i] : NULL;
}

/* The first one's is err's, and `blames` has all. */
static int report_faults(const struct fileset_cache *c, const struct assembly_faults *faults,
	struct fileset_blames *blames, struct error *err)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < c->n; i++)
		n += fault_of(c, faults, i) != NULL;
	ASSERT(n > 0);
	if (blames != NULL) {
		blames->arena = arena_new();
		blames->items = arena_alloc(blames->arena, n * sizeof(*blames->items));
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct error *e = fault_of(c, faults, i);
		const char *id = c->units[i]->id;

		if (e == NULL)
			continue;
		if (rc == 0)
			rc = error_set(err, e->code, "service '%s': %s", id, e->text);
		if (blames != NULL)
			blames->items[blames->n++] = (struct fileset_blame){ arena_strdup(blames->arena, id),
				arena_strdup(blames->arena, e->text) };
	}
	return rc;
}

/* All units are well: put them together. */
static int put_together(struct fileset_cache *c, const struct fileset_input *in, const struct fileset_changes *changes,
	struct assembly_faults *faults, struct error *err)
{
	AUTO(frames_release) struct frames frames = FRAMES_INIT;
	int rc;

	if (c->assembly != NULL && changes->n == 0 &&
		(!in->renderer->frames_need_time || c->assembly->frames.timestamp_ms == in->agent.timestamp_ms))
		return 0;
	rc = frames_render(in->renderer, &in->agent, c->units, c->n, &frames, err);
	if (rc == 0 && frames.size + c->size > FILESET_BYTES_MAX)
		rc = error_set(err, ERR_REFUSED, "all files together are longer than %zu bytes", FILESET_BYTES_MAX);
	if (rc != 0) {
		fileset_cache_drop(c);
		return rc;
	}
	if (c->assembly != NULL && assembly_patch(&c->assembly, in->renderer, changes->items, changes->n, &frames))
		return 0;
	fileset_cache_drop(c);
	c->assembly = assembly_new(in->renderer, c->units, c->n, &frames, faults);
	return 0;
}

static int build(struct fileset_cache *c, const struct fileset_input *in, struct fileset **fs_out,
	struct fileset_blames *blames, struct error *err)
{
	AUTO(fileset_changes_release) struct fileset_changes changes = { NULL, 0, 0 };
	AUTO(assembly_faults_release) struct assembly_faults faults = { NULL, 0 };
	int rc = fileset_cache_update(c, in, &changes, err);

	if (rc != 0)
		return rc;
	if (c->n_faults == 0) {
		rc = put_together(c, in, &changes, &faults, err);
		if (rc != 0)
			return rc;
	} else { /* who else? */
		fileset_cache_drop(c);
		(void)!assembly_new(in->renderer, c->units, c->n, NULL, &faults);
	}
	if (c->assembly == NULL)
		return report_faults(c, &faults, blames, err);
	*fs_out = fileset_cache_share(c);
	return 0;
}

int fileset_build(const struct renderer *r, struct fileset_cache *cache,
	const struct service_state *const *services, const struct fileset_version *versions, size_t n,
	int64_t timestamp_ms, struct fileset **fs_out, struct fileset_blames *blames, struct error *err)
{
	AUTO(fileset_cache_free) struct fileset_cache *own = cache == NULL ? fileset_cache_new() : NULL;
	struct fileset_input in = { .renderer = r, .agent = r->agent, .services = services, .versions = versions,
		.n = n };
	struct fileset_cache *c = own != NULL ? own : cache;
	int rc;

	in.agent.timestamp_ms = timestamp_ms;
	rc = build(c, &in, fs_out, blames, err);
	fileset_cache_reclaim(c);
	return rc;
}

void fileset_blames_release(struct fileset_blames *b)
{
	arena_free(&b->arena);
	*b = (struct fileset_blames)FILESET_BLAMES_INIT;
}

const struct fileset_file *fileset_find(const struct fileset *fs, const char *path)
{
	return assembly_find(fs->files, fs->n, path);
}

const char *fileset_owner(const struct fileset *fs, const char *path, size_t line)
{
	const struct fileset_file *f = fileset_find(fs, path);

	if (f == NULL || line == 0)
		return NULL;
	if (f->scope == SCOPE_SERVICE)
		return f->owner;
	for (size_t i = 0, last = 0; i < f->n_pieces; i++) {
		last += f->pieces[i].lines;
		if (line <= last)
			return f->pieces[i].owner;
	}
	return NULL;
}

const char *fileset_text(const struct fileset_file *f, struct arena *a)
{
	char *text, *to;

	if (f->n_pieces == 1)
		return f->pieces[0].data;
	text = to = arena_alloc(a, f->size + 1);
	for (size_t i = 0; i < f->n_pieces; i++) {
		memcpy(to, f->pieces[i].data, f->pieces[i].size);
		to += f->pieces[i].size;
	}
	return text;
}
