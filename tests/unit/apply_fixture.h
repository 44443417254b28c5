/*
 * apply_fixture.h - a pipeline on a scratch folder, with a renderer of two small templates
 *
 * svc/<id>.cfg per service: "backend b_<id>", its servers, and the option `extra` as a line; own/<id>/id
 * per service: the id; all.map collected: "<id> b_<id>".  A test's main() hands "view" on to view_main().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_APPLY_FIXTURE_H
#define TESTS_UNIT_APPLY_FIXTURE_H

#include "agent/apply/pipeline.h"
#include "agent/view/view.h"
#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
	char *dir, *root; /* root = dir/root */
	struct renderer *renderer;
	struct apply_options opt;
	struct apply *apply;
};

static inline void fixture_renderer(struct fixture *f)
{
	static const char per_service[] = "backend b_{{service.serviceId}}\n"
					  "{{#each upstreams}}    server {{name}} {{address}}\n{{/each}}"
					  "{{#if service.options.extra}}    {{{service.options.extra}}}\n{{/if}}";
	const struct template_source sources[] = {
		{ .filename = "svc/%s.cfg", .text = per_service },
		{ .filename = "own/%s/id", .text = "{{service.serviceId}}\n" },
		{ .filename = "all.map", .text = "{{service.serviceId}} b_{{service.serviceId}}\n",
			.scope = SCOPE_COLLECTED, .mode = 0640 },
	};
	const struct renderer_config cfg = { .templates = sources, .n_templates = ARRAY_LEN(sources) };
	struct error err = ERROR_INIT;

	if (renderer_new(&cfg, &f->renderer, &err) != 0)
		fail_msg("%s", err.text);
}

/* f->opt may be changed between this and fixture_open(). */
static inline void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->dir = scratch_new();
	f->root = xasprintf("%s/root", f->dir);
	fixture_renderer(f);
	f->opt = (struct apply_options){ .root_path = f->root, .renderer = f->renderer,
		.command_timeout_ms = 20000 };
}

static inline void fixture_open(struct fixture *f)
{
	struct error err = ERROR_INIT;

	if (apply_new(&f->opt, &f->apply, &err) != 0)
		fail_msg("%s", err.text);
}

static inline void fixture_release(struct fixture *f)
{
	apply_free(&f->apply);
	renderer_free(&f->renderer);
	scratch_free(&f->dir);
	xfree_p(&f->root);
}

/* "id" with the options {"extra": extra} and one upstream; extra and upstream may be NULL. */
static inline struct target_service *fixture_target(const char *id, const char *upstream,
	const char *extra)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct arena *a = arena_new();
	struct service_state *state = NULL;
	struct target_service *t;
	struct error err = ERROR_INIT;

	buf_str(&text, "{\"service\":{\"serviceId\":");
	buf_json_string(&text, id, strlen(id));
	buf_str(&text, ",\"owners\":[],\"serviceBasePath\":\"/\",\"loadBalancerGroups\":[\"web\"],\"options\":{");
	if (extra) {
		buf_str(&text, "\"extra\":");
		buf_json_string(&text, extra, strlen(extra));
	}
	buf_str(&text, "}},\"upstreams\":[");
	if (upstream) {
		buf_str(&text, "{\"upstream\":");
		buf_json_string(&text, upstream, strlen(upstream));
		buf_str(&text, "}");
	}
	buf_str(&text, "]}");
	if (record_decode(&service_state_record, text.data, text.len, a, &state, &err) != 0)
		fail_msg("%s: %s", err.text, text.data);
	t = target_service_new(state);
	arena_free(&a);
	return t;
}

static inline void fixture_add(struct work_item *w, const char *id, const char *upstream,
	const char *extra)
{
	w->services = xrealloc(w->services, (w->n + 1) * sizeof(struct target_service *));
	w->services[w->n++] = fixture_target(id, upstream, extra);
}

static inline struct report *fixture_run(struct fixture *f, struct work_item *w_take)
{
	struct report *r = pipeline_run(f->apply, w_take);

	work_item_free(&w_take);
	return r;
}
static inline struct report *fixture_do(struct fixture *f, enum work_kind kind)
{
	return fixture_run(f, work_item_new(kind));
}

static inline void report_is_ok(struct report *r)
{
	if (!r->ok)
		fail_msg("%s / %s", r->error.text, r->detail ? r->detail : "");
	report_free(&r);
}

static inline void fixture_put(const struct fixture *f, const char *name, const char *text)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", f->dir, name);

	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

/* A program below f->dir; its path lives as long as the process. */
static inline const char *fixture_script(const struct fixture *f, const char *name, const char *text)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];

	fixture_put(f, name, text);
	snprintf(path, 256, "%s/%s", f->dir, name);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

/* The text of a file below the root; "" if there is none. Free it. */
static inline char *fixture_text(const struct fixture *f, const char *name)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", f->root, name);
	AUTO(buf_release) struct buf b = BUF_INIT;

	if (file_read(path, 1 << 20, &b, NULL) != 0)
		return xstrdup("");
	return xstrdup(buf_cstr(&b));
}

static inline void assert_text(const struct fixture *f, const char *name, const char *want)
{
	AUTO(xfree_p) char *got = fixture_text(f, name);

	assert_string_equal(got, want);
}

static inline void fixture_tree_at(const char *dir, const char *below, struct buf *out)
{
	char **names = NULL;
	size_t n = 0;

	assert_int_equal(file_list(dir, &names, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		AUTO(xfree_p) char *path = xasprintf("%s/%s", dir, names[i]);
		AUTO(xfree_p) char *name = xasprintf("%s/%s", below, names[i]);
		struct stat st;

		assert_int_equal(lstat(path, &st), 0);
		if (S_ISDIR(st.st_mode) && !str_eq(names[i], ".lockstep"))
			fixture_tree_at(path, name, out);
		if (S_ISDIR(st.st_mode))
			continue;
		buf_printf(out, "%s %o\n", name, (unsigned)st.st_mode);
		assert_int_equal(file_read(path, 1 << 20, out, NULL), 0);
	}
	file_list_free(&names, n);
}

/* Names, modes and contents of all files below the root that is not the agent's own. Free it. */
static inline char *fixture_tree(const struct fixture *f)
{
	struct buf out = BUF_INIT;

	fixture_tree_at(f->root, "", &out);
	return buf_steal(&out, NULL);
}

#endif
