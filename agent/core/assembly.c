/*
 * assembly.c - the files of a set of services, put together from what each one renders to
 *
 * An assembly owns arrays of pieces and files, but no text of a service: the pieces point into the units.
 *
 * Layer: agent/core (pure).  Threads: the cache's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/assembly.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define NO_SERVICE SIZE_MAX

struct item {
	struct fileset_file file;
	size_t place; /* of the unit; NO_SERVICE: a file for all */
	size_t table; /* then */
};

struct items {
	struct item *items;
	size_t n, cap;
};

static void items_release(struct items *l)
{
	xfree_p(&l->items);
}

void assembly_faults_release(struct assembly_faults *f)
{
	for (size_t i = 0; f->items != NULL && i < f->n; i++)
		free(f->items[i]);
	xfree_p(&f->items);
	f->n = 0;
}

/* --- made anew --- */

static void add_item(struct items *l, const struct item *it)
{
	GROW(l->items, l->n, l->cap);
	l->items[l->n++] = *it;
}

static void add_unit_items(struct items *l, const struct unit *u, size_t place)
{
	for (size_t i = 0; i < u->n_files; i++) {
		const struct unit_file *f = &u->files[i];
		const struct item it = { { .path = f->path, .pieces = f->piece, .n_pieces = 1, .size = f->piece->size,
			.owner = u->id, .scope = SCOPE_SERVICE, .mode = f->row->mode }, place, 0 };

		add_item(l, &it);
	}
}

static void add_table_items(struct items *l, const struct renderer *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct renderer_row *row = &r->rows[i];

		for (size_t k = 0; k < row->n_paths; k++) {
			const struct item it = { { .path = row->paths[k], .scope = row->scope,
				.keyed = row->output == OUTPUT_HAPROXY_MAP, .mode = row->mode },
				NO_SERVICE, row->first_path + k };

			add_item(l, &it);
		}
	}
}

static int compare_items(const void *px, const void *py)
{
	const struct item *x = px, *y = py;
	int c = strcmp(x->file.path, y->file.path);

	return c != 0 ? c : (x->place > y->place) - (x->place < y->place);
}

static void fault_for_path(struct assembly_faults *faults, struct unit *const *units, const struct item *it,
	const struct item *other)
{
	struct error *e;

	if (it->place == NO_SERVICE)
		return;
	if (faults->items == NULL)
		faults->items = xcalloc(faults->n + 1, sizeof(*faults->items));
	if (faults->items[it->place] != NULL)
		return;
	e = faults->items[it->place] = xcalloc(1, sizeof(*e));
	if (other->place != NO_SERVICE)
		error_set(e, ERR_CONFLICT, "file '%s' is also that of service '%s', with other content", it->file.path,
			units[other->place]->id);
	else if (other->file.scope == SCOPE_GROUP)
		error_set(e, ERR_CONFLICT, "file '%s' is also the file of a group", it->file.path);
	else
		error_set(e, ERR_CONFLICT, "file '%s' is also a collected file", it->file.path);
}

static bool same_text(const struct fileset_piece *x, const struct fileset_piece *y)
{
	return x->size == y->size && memcmp(x->data, y->data, x->size) == 0;
}

/* Sort by path; a path of several services stays once if all say the same, else all are to blame. */
static void settle_paths(struct items *l, struct unit *const *units, struct assembly_faults *faults)
{
	size_t to = 0;

	if (l->n > 1)
		qsort(l->items, l->n, sizeof(*l->items), compare_items);
	for (size_t i = 0; i < l->n; i++) {
		struct item *last = to > 0 ? &l->items[to - 1] : NULL, *it = &l->items[i];

		if (last == NULL || !str_eq(last->file.path, it->file.path)) {
			l->items[to++] = *it;
			continue;
		}
		if (last->place != NO_SERVICE && it->place != NO_SERVICE &&
			same_text(last->file.pieces, it->file.pieces)) {
			last->file.shared = true;
			if (last->place != it->place)
				last->file.owner = NULL;
			continue;
		}
		fault_for_path(faults, units, last, it);
		fault_for_path(faults, units, it, last);
	}
	l->n = to;
}

/* Which units' pieces it has, between those of the frames. */
static void fill_tables(struct assembly *a, const struct renderer *r, struct unit *const *units, size_t n)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct renderer_row *row = &r->rows[i];
		struct assembly_table *tables = &a->tables[row->first_path];
		bool collected = row->scope == SCOPE_COLLECTED;

		for (size_t k = 0; collected && k < n; k++)
			tables[unit_shard(units[k], row)].n++;
		for (size_t k = 0; k < row->n_paths; k++) {
			tables[k].pieces = xcalloc(tables[k].n + 2, sizeof(*tables[k].pieces));
			tables[k].n = 1;
		}
		for (size_t k = 0; collected && k < n; k++) {
			struct assembly_table *t = &tables[unit_shard(units[k], row)];

			t->pieces[t->n++] = units[k]->pieces[i];
		}
		for (size_t k = 0; collected && k < row->n_paths; k++)
			tables[k].n++;
	}
}

static size_t size_of(const struct assembly_table *t)
{
	size_t size = 0;

	for (size_t i = 0; i < t->n; i++)
		size += t->pieces[i].size;
	return size;
}

/* The sizes of the files are kept by differences. */
static void put_frames(struct assembly *a, const struct renderer *r, struct frames *frames_take)
{
	const struct fileset_piece *pieces = frames_take->pieces;

	for (size_t i = 0; i < r->n; i++) {
		const struct renderer_row *row = &r->rows[i];

		for (size_t k = 0; k < row->n_paths; k++) {
			struct assembly_table *t = &a->tables[row->first_path + k];
			struct fileset_piece *header = &t->pieces[0], *footer = &t->pieces[t->n - 1];
			size_t *size = &a->files[t->file].size;

			*size += pieces[2 * i].size - header->size;
			*header = pieces[2 * i];
			if (row->scope != SCOPE_COLLECTED)
				continue;
			*size += pieces[2 * i + 1].size - footer->size;
			*footer = pieces[2 * i + 1];
		}
	}
	frames_release(&a->frames);
	a->frames = *frames_take;
	*frames_take = (struct frames)FRAMES_INIT;
}

static void point_files_to_tables(struct assembly *a)
{
	for (size_t i = 0; i < a->n_tables; i++) {
		struct fileset_file *f = &a->files[a->tables[i].file];

		f->pieces = a->tables[i].pieces;
		f->n_pieces = a->tables[i].n;
	}
}

static struct assembly *make(const struct renderer *r, struct unit *const *units, size_t n, const struct items *l)
{
	struct assembly *a = xcalloc(1, sizeof(*a));

	a->refs = 1;
	a->n = l->n;
	a->files = xcalloc(l->n + 1, sizeof(*a->files));
	a->n_tables = r->n_paths;
	a->tables = xcalloc(r->n_paths + 1, sizeof(*a->tables));
	fill_tables(a, r, units, n);
	for (size_t i = 0; i < l->n; i++) {
		a->files[i] = l->items[i].file;
		if (l->items[i].place != NO_SERVICE)
			continue;
		a->tables[l->items[i].table].file = i;
		a->files[i].size = size_of(&a->tables[l->items[i].table]);
	}
	point_files_to_tables(a);
	return a;
}

struct assembly *assembly_new(const struct renderer *r, struct unit *const *units, size_t n, struct frames *frames_take,
	struct assembly_faults *faults)
{
	AUTO(items_release) struct items l = { NULL, 0, 0 };
	struct assembly *a;

	faults->n = n;
	add_table_items(&l, r);
	for (size_t i = 0; i < n; i++)
		add_unit_items(&l, units[i], i);
	settle_paths(&l, units, faults);
	if (faults->items != NULL || frames_take == NULL)
		return NULL;
	a = make(r, units, n, &l);
	put_frames(a, r, frames_take);
	return a;
}

void assembly_unref(struct assembly **a)
{
	struct assembly *gone = STEAL(*a);

	if (gone == NULL || --gone->refs > 0)
		return;
	for (size_t i = 0; i < gone->n_tables; i++)
		free(gone->tables[i].pieces);
	frames_release(&gone->frames);
	free(gone->tables);
	free(gone->files);
	free(gone);
}

/* --- changed --- */

static struct assembly *copy_of(const struct assembly *from)
{
	struct assembly *a = xcalloc(1, sizeof(*a));

	a->refs = 1;
	a->n = from->n;
	a->n_tables = from->n_tables;
	a->files = xmalloc((a->n + 1) * sizeof(*a->files));
	memcpy(a->files, from->files, a->n * sizeof(*a->files));
	a->tables = xmalloc((a->n_tables + 1) * sizeof(*a->tables));
	for (size_t i = 0; i < a->n_tables; i++) {
		struct assembly_table *t = &a->tables[i];

		*t = from->tables[i];
		t->pieces = xmalloc(t->n * sizeof(*t->pieces));
		memcpy(t->pieces, from->tables[i].pieces, t->n * sizeof(*t->pieces));
	}
	point_files_to_tables(a);
	return a;
}

const struct fileset_file *assembly_find(const struct fileset_file *files, size_t n, const char *path)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(files[mid].path, path);

		if (c == 0)
			return &files[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static struct fileset_file *find_file(const struct assembly *a, const char *path)
{
	const struct fileset_file *f = assembly_find(a->files, a->n, path);

	ASSERT(f != NULL);
	return &a->files[f - a->files];
}

/* May the one unit's files take the place of the other's, without a look at those of other services? */
static bool files_fit(const struct assembly *a, const struct unit *before, const struct unit *after)
{
	if (before->n_files != after->n_files)
		return false;
	for (size_t i = 0; i < after->n_files; i++) {
		const struct unit_file *was = &before->files[i], *is = &after->files[i];
		const struct fileset_file *f;

		if (was->row != is->row || !str_eq(was->path, is->path))
			return false;
		f = find_file(a, was->path);
		if (f->shared && !same_text(was->piece, is->piece))
			return false;
	}
	return true;
}

static void patch_files(struct assembly *a, const struct unit *before, const struct unit *after)
{
	for (size_t i = 0; i < after->n_files; i++) {
		struct fileset_file *f = find_file(a, before->files[i].path);

		if (f->owner == before->id)
			f->owner = after->id;
		if (f->pieces != before->files[i].piece)
			continue;
		f->path = after->files[i].path;
		f->pieces = after->files[i].piece;
		f->size = f->pieces->size;
	}
}

/* The place of a service between header and footer. */
static struct fileset_piece *find_piece(const struct assembly_table *t, const char *id)
{
	size_t lo = 1, hi = t->n - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(t->pieces[mid].owner, id);

		if (c == 0)
			return &t->pieces[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static void patch_tables(struct assembly *a, const struct renderer *r, const struct unit *before,
	const struct unit *after)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct renderer_row *row = &r->rows[i];
		struct assembly_table *t = &a->tables[row->first_path + unit_shard(after, row)];
		struct fileset_piece *piece;

		if (row->scope != SCOPE_COLLECTED)
			continue;
		piece = find_piece(t, before->id);
		ASSERT(piece != NULL);
		a->files[t->file].size += after->pieces[i].size - piece->size;
		*piece = after->pieces[i];
	}
}

bool assembly_patch(struct assembly **a, const struct renderer *r, const struct assembly_change *changes, size_t n,
	struct frames *frames_take)
{
	for (size_t i = 0; i < n; i++)
		if (!files_fit(*a, changes[i].before, changes[i].after))
			return false;
	if ((*a)->refs > 1) {
		struct assembly *copy = copy_of(*a);

		assembly_unref(a);
		*a = copy;
	}
	for (size_t i = 0; i < n; i++) {
		patch_files(*a, changes[i].before, changes[i].after);
		patch_tables(*a, r, changes[i].before, changes[i].after);
	}
	put_frames(*a, r, frames_take);
	return true;
}
