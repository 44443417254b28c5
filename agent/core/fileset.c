/*
 * fileset.c - the files that must exist below the root path for a set of services
 *
 * Services are taken by id.  Each one's context lives only while its templates are rendered, unless a header
 * or footer wants them all.  An error is noted for its service and the next one is rendered, so that all
 * culprits of a batch are found in one round.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/fileset.h"

#include "agent/core/renderer.h"
#include "agent/template/collect.h"
#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define TOTAL_MAX ((size_t)1 << 30) /* bytes of all files together */
#define NO_SERVICE SIZE_MAX

struct item {
	struct fileset_file file;
	size_t service; /* index, or NO_SERVICE for a collected file */
};

struct subject {
	const struct service_state *state;
	const char *id;              /* in the set's arena */
	const struct value *context; /* NULL: not made yet, or failed */
	struct error fault;          /* text "" = none */
};

struct build {
	const struct renderer *r;
	struct context_agent agent;
	struct arena *arena; /* the set's */
	struct arena *kept;  /* contexts for headers; else NULL */
	struct subject *subjects;
	size_t n;
	struct collect *collects; /* by row */
	struct item *items;
	size_t n_items, cap_items;
	size_t total;
};

static void build_release(struct build *b)
{
	for (size_t i = 0; b->collects != NULL && i < b->r->n; i++)
		collect_release(&b->collects[i]);
	xfree_p(&b->collects);
	xfree_p(&b->subjects);
	xfree_p(&b->items);
	arena_free(&b->kept);
	arena_free(&b->arena);
}

static int compare_subjects(const void *x, const void *y)
{
	return strcmp(((const struct subject *)x)->state->service->id, ((const struct subject *)y)->state->service->id);
}

static int build_init(struct build *b, const struct renderer *r, const struct service_state *const *services,
	size_t n, int64_t timestamp_ms, struct error *err)
{
	b->r = r;
	b->agent = r->agent;
	b->agent.timestamp_ms = timestamp_ms;
	b->arena = arena_new();
	b->subjects = xcalloc(n + 1, sizeof(*b->subjects));
	b->collects = xcalloc(r->n + 1, sizeof(*b->collects));
	b->n = n;
	for (size_t i = 0; i < n; i++)
		b->subjects[i].state = services[i];
	if (n > 1)
		qsort(b->subjects, n, sizeof(*b->subjects), compare_subjects);
	for (size_t i = 0; i < n; i++) {
		b->subjects[i].id = arena_strdup(b->arena, b->subjects[i].state->service->id);
		if (i > 0 && str_eq(b->subjects[i].id, b->subjects[i - 1].id))
			return error_set(err, ERR_INVALID, "service '%s' is there twice", b->subjects[i].id);
	}
	return 0;
}

/* Contexts of all services, kept, for headers and footers. */
static void make_contexts(struct build *b)
{
	b->kept = arena_new();
	for (size_t i = 0; i < b->n; i++) {
		struct subject *s = &b->subjects[i];

		if (context_build(s->state, &b->agent, b->kept, &s->context, &s->fault) != 0)
			s->context = NULL;
	}
}

/* What headers and footers see. */
static const struct value *common_context(const struct build *b, struct arena *a)
{
	struct value *root = value_map(a), *list = value_list(a);

	for (size_t i = 0; i < b->n; i++)
		if (b->kept != NULL && b->subjects[i].context != NULL)
			value_list_add(a, list, b->subjects[i].context);
	value_map_put(a, root, "services", list);
	value_map_put(a, root, "agentProperties", b->agent.properties);
	value_map_put(a, root, "timestamp", value_int(a, b->agent.timestamp_ms));
	return root;
}

static int add_frame(struct build *b, bool footer, const struct value *common, struct error *err)
{
	for (size_t i = 0; i < b->r->n; i++) {
		const struct renderer_row *row = &b->r->rows[i];
		const struct template *t = footer ? row->footer : row->header;
		int rc = t != NULL ? collect_add(&b->collects[i], t, NULL, common, err) : 0;

		if (rc != 0)
			return rc;
	}
	return 0;
}

static size_t count_lines(const char *data, size_t n)
{
	size_t lines = 0;

	for (const char *p = data, *end = data + n; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		lines++;
	return lines;
}

static void add_item(struct build *b, const struct renderer_row *row, const char *path, const char *data, size_t size,
	size_t service)
{
	struct item it = { .service = service };
	const char *owner = service != NO_SERVICE ? b->subjects[service].id : NULL;
	struct fileset_piece *piece = arena_alloc(b->arena, sizeof(*piece));

	*piece = (struct fileset_piece){ data, size, count_lines(data, size), owner };
	it.file = (struct fileset_file){ .path = path, .pieces = piece, .n_pieces = 1, .size = size, .owner = owner,
		.scope = row->scope, .mode = row->mode };
	GROW(b->items, b->n_items, b->cap_items);
	b->items[b->n_items++] = it;
}

static int count_bytes(struct build *b, size_t n, struct error *err)
{
	b->total += n;
	if (b->total > TOTAL_MAX)
		return error_set(err, ERR_REFUSED, "all files together are longer than %zu bytes", TOTAL_MAX);
	return 0;
}

/* One template of one service: into its file or files, or into the collected one. */
static int render_row(struct build *b, size_t row_index, const struct template *t, size_t service,
	const struct value *context, struct error *err)
{
	const struct renderer_row *row = &b->r->rows[row_index];
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct collect *c = &b->collects[row_index];
	struct strings names = { NULL, 0 };
	size_t before = c->text.len;
	const char *data;
	int rc;

	if (row->scope == SCOPE_COLLECTED) {
		rc = collect_add(c, t, b->subjects[service].id, context, err);
		return rc != 0 ? rc : count_bytes(b, c->text.len - before, err);
	}
	rc = layout_names(row->filename, row->kind, b->subjects[service].state->service, &b->r->domains, b->arena,
		&names, err);
	if (rc == 0)
		rc = template_render(t, context, &out, err);
	if (rc == 0)
		rc = count_bytes(b, out.len, err);
	if (rc != 0)
		return rc;
	data = arena_strndup(b->arena, buf_cstr(&out), out.len);
	for (size_t i = 0; i < names.n; i++)
		add_item(b, row, names.items[i], data, out.len, service);
	return 0;
}

static int render_rows(struct build *b, size_t service, const struct value *context, struct error *err)
{
	const char *name = b->subjects[service].state->service->template_name;
	bool any = false;

	for (size_t i = 0; i < b->r->n; i++) {
		const struct template *t = renderer_choose(&b->r->rows[i], name);
		int rc = t != NULL ? render_row(b, i, t, service, context, err) : 0;

		if (rc != 0)
			return rc;
		any = any || t != NULL;
	}
	if (!any) /* the service looks for these words */
		return error_set(err, ERR_NOT_FOUND, "MissingTemplateException : Template %s could not be found",
			name != NULL && name[0] != '\0' ? name : "default");
	return 0;
}

static void render_service(struct build *b, size_t service)
{
	AUTO(arena_free) struct arena *own = b->kept == NULL ? arena_new() : NULL;
	struct subject *s = &b->subjects[service];
	const struct value *context = s->context;
	int rc = 0;

	if (s->fault.text[0] != '\0')
		return;
	if (own != NULL)
		rc = context_build(s->state, &b->agent, own, &context, &s->fault);
	if (rc == 0)
		(void)!render_rows(b, service, context, &s->fault);
}

/* The text of a collected file between its spans is nobody's. */
static void cut_pieces(struct build *b, const struct collect *c, struct fileset_file *f)
{
	struct fileset_piece *pieces = arena_alloc(b->arena, (2 * c->n + 1) * sizeof(*pieces));
	const char *data = f->pieces[0].data;
	size_t at = 0, n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct span *s = &c->spans[i];

		if (s->from > at)
			pieces[n++] = (struct fileset_piece){ data + at, s->from - at,
				count_lines(data + at, s->from - at), NULL };
		pieces[n++] = (struct fileset_piece){ data + s->from, s->to - s->from,
			s->last_line - s->first_line + 1, s->owner };
		at = s->to;
	}
	if (f->size > at)
		pieces[n++] = (struct fileset_piece){ data + at, f->size - at, count_lines(data + at, f->size - at),
			NULL };
	f->pieces = pieces;
	f->n_pieces = n;
}

static void collected_items(struct build *b)
{
	for (size_t i = 0; i < b->r->n; i++) {
		struct collect *c = &b->collects[i];

		if (b->r->rows[i].scope != SCOPE_COLLECTED)
			continue;
		add_item(b, &b->r->rows[i], b->r->rows[i].filename, arena_strndup(b->arena, buf_cstr(&c->text),
			c->text.len), c->text.len, NO_SERVICE);
		cut_pieces(b, c, &b->items[b->n_items - 1].file);
	}
}

static int compare_items(const void *px, const void *py)
{
	const struct item *x = px, *y = py;
	int c = strcmp(x->file.path, y->file.path);

	return c != 0 ? c : (x->service > y->service) - (x->service < y->service);
}

static void fault_for_path(struct build *b, const struct item *it, const struct item *other)
{
	struct error *fault;

	if (it->service == NO_SERVICE)
		return;
	fault = &b->subjects[it->service].fault;
	if (fault->text[0] != '\0')
		return;
	if (other->service == NO_SERVICE)
		error_set(fault, ERR_CONFLICT, "file '%s' is also a collected file", it->file.path);
	else
		error_set(fault, ERR_CONFLICT, "file '%s' is also that of service '%s', with other content",
			it->file.path, b->subjects[other->service].id);
}

/* Sort by path; a path of several services stays once if all say the same, else all are to blame. */
static void settle_paths(struct build *b)
{
	size_t to = 0;

	if (b->n_items > 1)
		qsort(b->items, b->n_items, sizeof(*b->items), compare_items);
	for (size_t i = 0; i < b->n_items; i++) {
		struct item *last = to > 0 ? &b->items[to - 1] : NULL, *it = &b->items[i];

		if (last == NULL || !str_eq(last->file.path, it->file.path)) {
			b->items[to++] = *it;
			continue;
		}
		if (last->service != NO_SERVICE && it->service != NO_SERVICE && last->file.size == it->file.size &&
			memcmp(last->file.pieces->data, it->file.pieces->data, it->file.size) == 0) {
			if (last->service != it->service)
				last->file.owner = NULL;
			continue;
		}
		fault_for_path(b, last, it);
		fault_for_path(b, it, last);
	}
	b->n_items = to;
}

/* 0 if there is no fault; else err is the first one's, and `blames` all. */
static int report_faults(const struct build *b, struct fileset_blames *blames, struct error *err)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->subjects[i].fault.text[0] != '\0';
	if (n == 0)
		return 0;
	if (blames != NULL) {
		blames->arena = arena_new();
		blames->items = arena_alloc(blames->arena, n * sizeof(*blames->items));
	}
	for (size_t i = 0; i < b->n; i++) {
		const struct subject *s = &b->subjects[i];

		if (s->fault.text[0] == '\0')
			continue;
		if (rc == 0)
			rc = error_set(err, s->fault.code, "service '%s': %s", s->id, s->fault.text);
		if (blames != NULL)
			blames->items[blames->n++] = (struct fileset_blame){ arena_strdup(blames->arena, s->id),
				arena_strdup(blames->arena, s->fault.text) };
	}
	return rc;
}

static struct fileset *make_set(struct build *b)
{
	struct fileset *fs = arena_alloc(b->arena, sizeof(*fs));

	fs->files = arena_alloc(b->arena, (b->n_items + 1) * sizeof(*fs->files));
	fs->n = b->n_items;
	for (size_t i = 0; i < b->n_items; i++)
		fs->files[i] = b->items[i].file;
	fs->arena = STEAL(b->arena);
	return fs;
}

int fileset_build(const struct renderer *r, struct fileset_cache *cache,
	const struct service_state *const *services, const struct fileset_version *versions, size_t n,
	int64_t timestamp_ms, struct fileset **fs_out, struct fileset_blames *blames, struct error *err)
{
	AUTO(build_release) struct build b = { .r = r };
	AUTO(arena_free) struct arena *own = arena_new();
	struct error frame = ERROR_INIT;
	const struct value *common;
	int rc = build_init(&b, r, services, n, timestamp_ms, err), framed;

	(void)cache;
	(void)versions;
	if (rc != 0)
		return rc;
	if (r->headers_see_services)
		make_contexts(&b);
	common = common_context(&b, own);
	framed = add_frame(&b, false, common, &frame);
	for (size_t i = 0; i < n; i++)
		render_service(&b, i);
	if (framed == 0)
		framed = add_frame(&b, true, common, &frame);
	collected_items(&b);
	settle_paths(&b);
	rc = report_faults(&b, blames, err); /* a service at fault may well have spoiled a header, too */
	if (rc != 0)
		return rc;
	if (framed != 0)
		return error_set(err, (enum error_code)framed, "%s", frame.text);
	*fs_out = make_set(&b);
	return 0;
}

void fileset_free(struct fileset **fs)
{
	struct arena *a = *fs != NULL ? (*fs)->arena : NULL;

	*fs = NULL;
	arena_free(&a);
}

void fileset_blames_release(struct fileset_blames *b)
{
	arena_free(&b->arena);
	*b = (struct fileset_blames)FILESET_BLAMES_INIT;
}

const struct fileset_file *fileset_find(const struct fileset *fs, const char *path)
{
	size_t lo = 0, hi = fs->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(fs->files[mid].path, path);

		if (c == 0)
			return &fs->files[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const char *fileset_owner(const struct fileset *fs, const char *path, size_t line)
{
	const struct fileset_file *f = fileset_find(fs, path);

	if (f == NULL)
		return NULL;
	if (f->scope == SCOPE_SERVICE)
		return f->owner;
	for (size_t i = 0, last = 0; i < f->n_pieces; i++) {
		last += f->pieces[i].lines;
		if (line <= last)
			return line > 0 ? f->pieces[i].owner : NULL;
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

/* It remembers nothing yet. */
struct fileset_cache {
	bool unused;
};

struct fileset_cache *fileset_cache_new(void)
{
	return xcalloc(1, sizeof(struct fileset_cache));
}

void fileset_cache_free(struct fileset_cache **c)
{
	xfree_p(c);
}
