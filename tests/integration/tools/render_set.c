/*
 * render_set.c - the files of a set of services, without an agent: render_set OUT SERVICES.json NAME=TEMPLATE...
 *
 * Every template is a collected one.  SERVICES.json is a list of states as GET /state gives it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/fileset.h"
#include "lib/os/file.h"

#include <stdio.h>
#include <string.h>

#define MAX_TEMPLATES 16

static int fail(const struct error *err)
{
	fprintf(stderr, "%s\n", err->text);
	return 1;
}

static int write_files(const struct fileset *fs, const char *out, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < fs->n; i++) {
		AUTO(xfree_p) char *path = xasprintf("%s/%s", out, fs->files[i].path);
		AUTO(arena_free) struct arena *a = arena_new();

		rc = file_replace(path, fileset_text(&fs->files[i], a), fs->files[i].size, 0644, err);
	}
	return rc;
}

static int render(const struct renderer *r, const char *services, const char *out, struct error *err)
{
	AUTO(fileset_free) struct fileset *fs = NULL;
	AUTO(fileset_blames_release) struct fileset_blames blames = FILESET_BLAMES_INIT;
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct records list = { NULL, 0 };
	const struct service_state **states;
	int rc = file_read(services, (size_t)64 << 20, &text, err);

	if (rc == 0)
		rc = record_decode_list(&service_state_record, text.data, text.len, a, &list, err);
	if (rc != 0)
		return rc;
	states = arena_alloc(a, (list.n + 1) * sizeof(*states));
	for (size_t i = 0; i < list.n; i++)
		states[i] = &((const struct service_state *)list.items)[i];
	rc = fileset_build(r, NULL, states, NULL, list.n, 0, &fs, &blames, err);
	for (size_t i = 0; i < blames.n; i++)
		fprintf(stderr, "blame %s: %s\n", blames.items[i].service_id, blames.items[i].message);
	return rc != 0 ? rc : write_files(fs, out, err);
}

int main(int argc, char **argv)
{
	struct template_source rows[MAX_TEMPLATES] = { { .filename = NULL } };
	struct renderer_config cfg = { .templates = rows };
	AUTO(renderer_free) struct renderer *r = NULL;
	AUTO(arena_free) struct arena *a = arena_new();
	struct error err = ERROR_INIT;

	if (argc < 4 || argc - 3 > MAX_TEMPLATES) {
		fprintf(stderr, "usage: render_set OUT SERVICES.json NAME=TEMPLATE...\n");
		return 2;
	}
	for (int i = 3; i < argc; i++) {
		AUTO(buf_release) struct buf text = BUF_INIT;
		char *equals = strchr(argv[i], '=');
		struct template_source *row = &rows[cfg.n_templates++];

		if (equals == NULL)
			return 2;
		*equals = '\0';
		if (file_read(equals + 1, (size_t)1 << 20, &text, &err) != 0)
			return fail(&err);
		row->filename = argv[i];
		row->text = arena_strdup(a, buf_cstr(&text));
		row->scope = SCOPE_COLLECTED;
	}
	if (renderer_new(&cfg, &r, &err) != 0 || render(r, argv[2], argv[1], &err) != 0)
		return fail(&err);
	return 0;
}
