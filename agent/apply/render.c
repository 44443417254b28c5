/*
 * render.c - the stage that makes the would-be files and finds what they change
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_internal.h"

#include "agent/core/mapkeys.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX ((size_t)1024 * 1024 * 1024)
#define MARKER_MODE 0644

void plan_free(struct plan **p)
{
	struct plan *gone = STEAL(*p);

	if (!gone)
		return;
	fileset_free(&gone->fileset);
	manifest_free(&gone->next);
	free(gone->removes);
	arena_free(&gone->arena);
	free(gone);
}

bool apply_changes_files(const struct plan *p)
{
	return p->n_writes + p->n_removes > 0;
}

static void target_digest(const struct work_item *item, char out[DIGEST_HEX])
{
	struct digest *d = digest_new();

	for (size_t i = 0; i < item->n; i++) {
		digest_add(d, item->services[i]->id, strlen(item->services[i]->id) + 1);
		digest_add(d, item->services[i]->digest, DIGEST_HEX);
	}
	digest_finish(&d, out);
}

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint8_t nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The head of the digest, mixed with that number. */
static void read_version(const char *digest, uint64_t outside, struct fileset_version *v)
{
	for (size_t i = 0; i < sizeof(v->bytes); i++)
		v->bytes[i] = (uint8_t)(nibble(digest[2 * i]) << 4 | nibble(digest[2 * i + 1]));
	for (size_t i = 0; i < sizeof(outside); i++)
		v->bytes[i] ^= (uint8_t)(outside >> (8 * i));
}

/* A template may print the time: what must be the same again is rendered with the time it has.  This is the one of
 * headers and the like, and of services that are new. */
static int64_t timestamp_for(const struct apply *a, const struct plan *p)
{
	return str_eq(a->manifest->target, p->target) ? a->manifest->timestamp_ms : wall_ms();
}

/* A service that is as it was keeps its time, also when others change or the agent starts anew. */
static struct fileset_version *make_versions(const struct apply *a, struct plan *p, int64_t timestamp_ms)
{
	const struct work_item *item = a->item;
	struct fileset_version *versions = arena_alloc(p->arena, (item->n + 1) * sizeof(*versions));
	bool timed = renderer_needs_time(a->opt.renderer);
	uint64_t outside = a->opt.outside != NULL ? a->opt.outside(a->opt.outside_ctx) : 0;

	for (size_t i = 0; i < item->n; i++) {
		const char *digest = item->services[i]->digest;
		const struct manifest_time *t = timed ? manifest_find_time(a->manifest, digest) : NULL;

		read_version(digest, outside, &versions[i]);
		if (timed)
			versions[i].timestamp_ms = t ? t->ms : timestamp_ms;
	}
	return versions;
}

static int build_files(struct apply *a, struct plan *p, int64_t timestamp_ms, struct error *err)
{
	const struct work_item *item = a->item;
	struct fileset_blames blames = FILESET_BLAMES_INIT;
	const struct service_state **states;
	int rc;

	states = arena_alloc(p->arena, (item->n + 1) * sizeof(*states));
	for (size_t i = 0; i < item->n; i++)
		states[i] = &item->services[i]->state;
	p->idle = mapkeys_idle(states, item->n, p->arena);
	p->versions = make_versions(a, p, timestamp_ms);
	rc = fileset_build(a->opt.renderer, a->cache, states, p->versions, item->n, timestamp_ms, &p->fileset, &blames,
		err);
	if (rc != 0) {
		for (size_t i = 0; i < blames.n; i++)
			blame_add(a->report, blames.items[i].service_id, blames.items[i].message);
		fileset_blames_release(&blames);
	}
	return rc;
}

/* The file that lets us ask HAProxy which generation it runs; placed among the others by name. */
static void add_marker(struct apply *a, struct plan *p)
{
	const char *text = arena_printf(p->arena, FINGERPRINT_TEXT, p->fingerprint);
	size_t at = 0;

	while (at < p->n && strcmp(p->files[at].name, a->marker_name) < 0)
		at++;
	memmove(&p->files[at + 1], &p->files[at], (p->n - at) * sizeof(*p->files));
	p->files[at] = (struct plan_file){ .name = a->marker_name, .data = text, .size = strlen(text), .mode = MARKER_MODE };
	p->n++;
}

static void add_digests(struct manifest *m, const struct plan *p)
{
	char hex[DIGEST_HEX];

	for (size_t i = 0; i < p->n; i++) {
		digest_hex(p->files[i].data, p->files[i].size, hex);
		manifest_add(m, p->files[i].name, hex);
	}
}

static void add_times(const struct apply *a, struct plan *p)
{
	if (!renderer_needs_time(a->opt.renderer))
		return;
	for (size_t i = 0; i < a->item->n; i++)
		manifest_add_time(p->next, a->item->services[i]->digest, p->versions[i].timestamp_ms);
	manifest_sort_times(p->next);
}

static const char *text_of(struct plan *p, const struct fileset_file *f)
{
	const char *yielded = mapkeys_yielded(f, &p->idle, p->arena);

	return yielded != NULL ? yielded : fileset_text(f, p->arena);
}

static int plan_fill(struct apply *a, struct plan *p, struct error *err)
{
	const struct fileset *fs = p->fileset;
	struct manifest *bare = manifest_new();

	p->files = arena_alloc(p->arena, (fs->n + 1) * sizeof(*p->files));
	for (size_t i = 0; i < fs->n; i++) {
		int rc = manifest_check_name(fs->files[i].path, err);

		if (rc == 0 && a->marker_name && str_eq(fs->files[i].path, a->marker_name))
			rc = error_set(err, ERR_INVALID, "'%s' is both a template's file and the fingerprint file",
				a->marker_name);
		if (rc != 0) {
			manifest_free(&bare);
			return rc;
		}
		p->files[i].name = fs->files[i].path;
		p->files[i].data = text_of(p, &fs->files[i]);
		p->files[i].size = fs->files[i].size;
		p->files[i].mode = fs->files[i].mode;
	}
	p->n = fs->n;
	add_digests(bare, p);
	manifest_digest(bare, NULL, p->fingerprint);
	if (!a->marker_name) {
		p->next = bare;
		return 0;
	}
	manifest_free(&bare);
	add_marker(a, p);
	p->next = manifest_new();
	add_digests(p->next, p);
	return 0;
}

/* Is it on disk as it must be? */
static int compare_file(struct apply *a, struct plan_file *f, struct buf *data, struct error *err)
{
	AUTO(xfree_p) char *path = apply_live_path(a, f->name);
	struct error why = ERROR_INIT;
	int rc;

	buf_clear(data);
	f->exists = file_exists(path);
	rc = f->exists ? file_read(path, FILE_MAX, data, &why) : ERR_NOT_FOUND;
	if (rc != 0 && rc != ERR_NOT_FOUND)
		return error_set(err, why.code, "%s", why.text);
	f->write = rc != 0 || data->len != f->size || memcmp(buf_cstr(data), f->data, f->size) != 0;
	return 0;
}

int plan_compare(struct apply *a, struct plan *p, bool *same, struct error *err)
{
	AUTO(buf_release) struct buf data = BUF_INIT;
	size_t writes = 0, removes = 0;

	*same = true;
	for (size_t i = 0; i < p->n; i++) {
		bool write = p->files[i].write, exists = p->files[i].exists;
		int rc = compare_file(a, &p->files[i], &data, err);

		if (rc != 0)
			return rc;
		writes += p->files[i].write;
		*same = *same && write == p->files[i].write && exists == p->files[i].exists;
	}
	free(p->removes);
	p->removes = xcalloc(a->manifest->n + 1, sizeof(*p->removes));
	for (size_t i = 0; i < a->manifest->n; i++) {
		const char *name = a->manifest->files[i].name;
		AUTO(xfree_p) char *path = apply_live_path(a, name);

		if (!manifest_find(p->next, name) && file_exists(path))
			p->removes[removes++] = arena_strdup(p->arena, name);
	}
	*same = *same && writes == p->n_writes && removes == p->n_removes;
	p->n_writes = writes;
	p->n_removes = removes;
	return 0;
}

/* The preparation serves if it is of exactly this target and what it was compared with still stands. */
static int reuse(struct apply *a, const char target[DIGEST_HEX], bool *reused, struct error *err)
{
	bool same = false;
	int rc;

	*reused = false;
	if (!a->plan || !str_eq(a->plan->target, target) ||
		a->plan->next->generation != a->manifest->generation + 1)
		return 0;
	rc = plan_compare(a, a->plan, &same, err);
	*reused = rc == 0 && same;
	return rc;
}

int render_run(struct apply *a, struct error *err)
{
	struct plan *p;
	char target[DIGEST_HEX];
	bool reused, same;
	int64_t timestamp;
	int rc;

	target_digest(a->item, target);
	rc = reuse(a, target, &reused, err);
	if (rc != 0 || reused)
		return rc;
	publish_unstage(a);
	p = xcalloc(1, sizeof(*p));
	p->arena = arena_new();
	memcpy(p->target, target, sizeof(target));
	timestamp = timestamp_for(a, p);
	rc = build_files(a, p, timestamp, err);
	if (rc == 0)
		rc = plan_fill(a, p, err);
	if (rc == 0) {
		p->next->generation = a->manifest->generation + 1;
		p->next->timestamp_ms = timestamp;
		memcpy(p->next->target, target, sizeof(target));
		add_times(a, p);
		rc = plan_compare(a, p, &same, err);
	}
	if (rc != 0) {
		plan_free(&p);
		return rc;
	}
	a->plan = p;
	return 0;
}
