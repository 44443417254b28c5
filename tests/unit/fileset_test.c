/*
 * fileset_test.c - from services to files: bytes, owners, culprits
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/fileset.h"

#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define MAX_SERVICES 8

struct fixture {
	struct arena *arena;
	struct renderer *r;
	const struct service_state *services[MAX_SERVICES];
	size_t n;
	struct fileset *fs;
	struct fileset_blames blames;
	struct error err;
};

static void fixture_release(struct fixture *f)
{
	renderer_free(&f->r);
	fileset_free(&f->fs);
	fileset_blames_release(&f->blames);
	arena_free(&f->arena);
}

static void make(struct fixture *f, const struct template_source *rows, size_t n)
{
	struct renderer_config cfg = { .templates = rows, .n_templates = n, .default_domain = "d.com" };

	if (f->arena == NULL)
		f->arena = arena_new();
	if (renderer_new(&cfg, &f->r, &f->err) != 0)
		fail_msg("%s", f->err.text);
}

/* A service with one upstream, an option and a template name (or NULL). */
static void add(struct fixture *f, const char *id, const char *note, const char *template_name)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	const struct service_state *s = NULL;

	buf_printf(&text, "{\"service\":{\"serviceId\":");
	buf_json_string(&text, id, strlen(id));
	buf_printf(&text, ",\"owners\":[],\"serviceBasePath\":\"/%zu\",\"loadBalancerGroups\":[\"g\"],\"options\":{\"note\":",
		f->n);
	buf_json_string(&text, note, strlen(note));
	if (template_name != NULL)
		buf_printf(&text, "},\"templateName\":\"%s\"},", template_name);
	else
		buf_str(&text, "},\"templateName\":null},");
	buf_str(&text, "\"upstreams\":[{\"upstream\":\"10.0.0.1:80\"}]}");
	if (record_decode(&service_state_record, text.data, text.len, f->arena, &s, &f->err) != 0)
		fail_msg("%s", f->err.text);
	f->services[f->n++] = s;
}

static int build(struct fixture *f)
{
	return fileset_build(f->r, NULL, f->services, NULL, f->n, 5, &f->fs, &f->blames, &f->err);
}

static const char *text_of(const struct fixture *f, const char *path)
{
	const struct fileset_file *file = fileset_find(f->fs, path);
	const char *text;

	if (file == NULL)
		fail_msg("no file '%s'", path);
	text = fileset_text(file, f->arena);
	assert_int_equal(strlen(text), file->size);
	return text;
}

static void files_of_services(void **state)
{
	static const struct template_text named[] = { { "other", "other {{id}}\n" }, { "empty", "" } };
	static const struct template_source rows[] = {
		{ .filename = "/proxy/%s.conf", .text = "{{id}} {{service.options.note}} {{timestamp}}", .named = named, .n_named = 2,
			.output = OUTPUT_TEXT },
		{ .filename = "%s/%s.dom", .text = "dom {{id}}" },
		{ .filename = "static.cfg", .text = "same for all\n" },
		{ .filename = "only-other", .named = named, .n_named = 1, .mode = 0600 },
	};
	AUTO(fixture_release) struct fixture f = { .n = 0 };
	static const char *const want[] = { "d.com/%2E..dom", "d.com/b.dom", "only-other", "proxy/%2E..conf", "proxy/b.conf",
		"proxy/c.conf", "static.cfg" };

	(void)state;
	make(&f, rows, ARRAY_LEN(rows));
	add(&f, "c", "nc", "other");
	add(&f, "b", "nb", "");
	add(&f, "..", "n", "default");
	if (build(&f) != 0)
		fail_msg("%s", f.err.text);
	assert_int_equal(f.fs->n, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(f.fs->files[i].path, want[i]);
	assert_string_equal(text_of(&f, "proxy/b.conf"), "b nb 5");
	assert_string_equal(text_of(&f, "proxy/c.conf"), "other c\n");
	assert_string_equal(text_of(&f, "d.com/b.dom"), "dom b");
	assert_string_equal(fileset_find(f.fs, "proxy/b.conf")->owner, "b");
	assert_string_equal(fileset_owner(f.fs, "proxy/c.conf", 99), "c");
	assert_null(fileset_find(f.fs, "static.cfg")->owner);
	assert_null(fileset_find(f.fs, "nope"));
	assert_null(fileset_owner(f.fs, "nope", 1));
	assert_int_equal(fileset_find(f.fs, "only-other")->mode, 0600);
	assert_int_equal(fileset_find(f.fs, "static.cfg")->mode, 0644);
}

static const struct template_source collected_rows[] = {
	{ .filename = "all.cfg", .text = "# {{id}}\nbackend {{backend}}\n", .scope = SCOPE_COLLECTED,
		.header = "# {{#each services}}{{id}} {{/each}}\n", .footer = "# end" },
	{ .filename = "plain.map", .text = "{{#if service.options.note}}{{id}}{{/if}}", .scope = SCOPE_COLLECTED },
};

static void collected_files(void **state)
{
	AUTO(fixture_release) struct fixture f = { .n = 0 };

	(void)state;
	make(&f, collected_rows, ARRAY_LEN(collected_rows));
	add(&f, "z", "n", NULL);
	add(&f, "a", "", NULL);
	assert_int_equal(build(&f), 0);
	assert_string_equal(text_of(&f, "all.cfg"), "# a z \n# a\nbackend a\n# z\nbackend z\n# end\n");
	assert_string_equal(text_of(&f, "plain.map"), "z\n");
	assert_null(fileset_owner(f.fs, "all.cfg", 1));
	assert_string_equal(fileset_owner(f.fs, "all.cfg", 3), "a");
	assert_string_equal(fileset_owner(f.fs, "all.cfg", 4), "z");
	assert_null(fileset_owner(f.fs, "all.cfg", 6));
	assert_string_equal(fileset_owner(f.fs, "plain.map", 1), "z");
}

static void no_service_at_all(void **state)
{
	AUTO(fixture_release) struct fixture f = { .n = 0 };

	(void)state;
	make(&f, collected_rows, ARRAY_LEN(collected_rows));
	assert_int_equal(build(&f), 0);
	assert_int_equal(f.fs->n, 2);
	assert_string_equal(text_of(&f, "all.cfg"), "# \n# end\n");
	assert_string_equal(text_of(&f, "plain.map"), "");
}

static void order_of_services_is_not_seen(void **state)
{
	AUTO(fixture_release) struct fixture f = { .n = 0 };
	AUTO(fileset_free) struct fileset *first = NULL;
	const struct service_state *swap;

	(void)state;
	make(&f, collected_rows, ARRAY_LEN(collected_rows));
	add(&f, "b", "n", NULL);
	add(&f, "a", "n", NULL);
	add(&f, "c", "n", NULL);
	assert_int_equal(build(&f), 0);
	first = STEAL(f.fs);
	swap = f.services[0];
	f.services[0] = f.services[2];
	f.services[2] = swap;
	assert_int_equal(build(&f), 0);
	for (size_t i = 0; i < first->n; i++)
		assert_string_equal(fileset_text(&first->files[i], f.arena), fileset_text(&f.fs->files[i], f.arena));
	f.services[0] = f.services[1];
	fileset_free(&f.fs);
	assert_int_equal(build(&f), ERR_INVALID);
	assert_string_equal(f.err.text, "service 'a' is there twice");
	assert_null(f.fs);
}

static void all_culprits_are_named(void **state)
{
	static const struct template_source rows[] = {
		{ .filename = "p/%s", .text = "{{id}}\n {{service.options.note}}" },
		{ .filename = "all", .text = "{{service.options.note}}", .scope = SCOPE_COLLECTED,
			.header = "{{#each services}}{{service.options.note}}{{/each}}" },
	};
	AUTO(fixture_release) struct fixture f = { .n = 0 };

	(void)state;
	make(&f, rows, ARRAY_LEN(rows));
	add(&f, "z", "x\ny", NULL);
	add(&f, "ok", "fine", NULL);
	add(&f, "m", "fine", "zzz");
	add(&f, "a", "\x7f", NULL);
	assert_int_equal(build(&f), ERR_INVALID);
	assert_null(f.fs);
	assert_int_equal(f.blames.n, 3);
	assert_string_equal(f.blames.items[0].service_id, "a");
	assert_string_equal(f.blames.items[0].message,
		"p/%s:2:2: the value of 'service.options.note' (\"\\x7f\"): "
		"the value holds the control character 0x7f");
	assert_string_equal(f.blames.items[1].service_id, "m");
	assert_string_equal(f.blames.items[1].message, "MissingTemplateException : Template zzz could not be found");
	assert_string_equal(f.blames.items[2].service_id, "z");
	assert_string_equal(f.err.text,
		"service 'a': p/%s:2:2: the value of 'service.options.note' (\"\\x7f\"): "
		"the value holds the control character 0x7f");
}

static void a_header_may_fail_alone(void **state)
{
	static const struct template_source rows[] = {
		{ .filename = "all", .text = "{{id}}", .scope = SCOPE_COLLECTED, .footer = "\n{{agentProperties}}" } };
	AUTO(fixture_release) struct fixture f = { .n = 0 };

	(void)state;
	make(&f, rows, 1);
	add(&f, "a", "n", NULL);
	assert_int_equal(build(&f), ERR_INVALID);
	assert_int_equal(f.blames.n, 0);
	assert_string_equal(f.err.text, "all (footer):2:1: the value of 'agentProperties': "
		"a map has no text; name the member that is meant");
}

static void one_path_has_one_content(void **state)
{
	static const struct template_source rows[] = { { .filename = "shared", .text = "{{id}}" },
		{ .filename = "x-%s", .text = "x" }, { .filename = "x-all", .text = "{{id}}", .scope = SCOPE_COLLECTED } };
	AUTO(fixture_release) struct fixture f = { .n = 0 }, g = { .n = 0 };

	(void)state;
	make(&f, rows, 1);
	add(&f, "a", "n", NULL);
	add(&f, "b", "n", NULL);
	assert_int_equal(build(&f), ERR_CONFLICT);
	assert_int_equal(f.blames.n, 2);
	assert_string_equal(f.blames.items[0].message, "file 'shared' is also that of service 'b', with other content");
	assert_string_equal(f.blames.items[1].message, "file 'shared' is also that of service 'a', with other content");
	make(&g, rows + 1, 2);
	add(&g, "all", "n", NULL);
	add(&g, "b", "n", NULL);
	assert_int_equal(build(&g), ERR_CONFLICT);
	assert_int_equal(g.blames.n, 1);
	assert_string_equal(g.blames.items[0].service_id, "all");
	assert_string_equal(g.blames.items[0].message, "file 'x-all' is also a collected file");
}

static void group_file(void **state)
{
	static const struct template_source rows[] = {
		{ .filename = "whole", .scope = SCOPE_GROUP, .mode = 0600,
			.text = "{{#each services}}{{id}}={{service.options.note}}{{#unless @last}},{{/unless}}{{/each}} {{timestamp}}" },
		{ .filename = "p-%s", .text = "{{id}}\n" },
	};
	AUTO(fixture_release) struct fixture f = { .n = 0 }, g = { .n = 0 };

	(void)state;
	make(&f, rows, 1);
	assert_int_equal(build(&f), 0); /* there without any service, too */
	assert_string_equal(text_of(&f, "whole"), " 5");
	fileset_free(&f.fs);
	add(&f, "z", "1", "none has this name");
	add(&f, "a", "2", NULL);
	assert_int_equal(build(&f), 0);
	assert_int_equal(f.fs->n, 1);
	assert_string_equal(text_of(&f, "whole"), "a=2,z=1 5");
	assert_int_equal(f.fs->files[0].scope, SCOPE_GROUP);
	assert_int_equal(f.fs->files[0].mode, 0600);
	assert_null(fileset_owner(f.fs, "whole", 1));
	make(&g, rows, 2);
	add(&g, "z", "1", "none has this name");
	assert_int_equal(build(&g), ERR_NOT_FOUND);
}

static void shards(void **state)
{
	static const struct template_source rows[] = {
		{ .filename = "b/%s.txt", .text = "{{id}}\n{{id}}", .scope = SCOPE_COLLECTED, .shards = 4,
			.header = "of {{#each services}}{{id}}{{/each}}\n", .footer = "end" },
	};
	/* The first 8 bytes of SHA-256 end with da (a), 4a (b), e2 (c), 89 (d). */
	static const char *const want[] = { "of abcd\nend\n", "of abcd\nd\nd\nend\n",
		"of abcd\na\na\nb\nb\nc\nc\nend\n", "of abcd\nend\n" };
	AUTO(fixture_release) struct fixture f = { .n = 0 };

	(void)state;
	make(&f, rows, 1);
	add(&f, "d", "n", NULL);
	add(&f, "c", "n", NULL);
	add(&f, "a", "n", NULL);
	add(&f, "b", "n", NULL);
	assert_int_equal(build(&f), 0);
	assert_int_equal(f.fs->n, 4);
	for (size_t i = 0; i < 4; i++) {
		AUTO(xfree_p) char *path = xasprintf("b/0%zu.txt", i);

		assert_string_equal(text_of(&f, path), want[i]);
	}
	assert_string_equal(fileset_owner(f.fs, "b/02.txt", 7), "c");
	assert_null(fileset_owner(f.fs, "b/02.txt", 8));
}

static const struct template_source plain_row[] = { { .filename = "all", .text = "{{id}}", .scope = SCOPE_COLLECTED } };

/* Which of three services were rendered: the one with another time was not. */
static void only_what_changed_is_rendered(void **state)
{
	static const struct template_source rows[] = {
		{ .filename = "all", .text = "{{id}}{{timestamp}}", .scope = SCOPE_COLLECTED } };
	static const struct {
		uint8_t versions[3];
		int64_t times[3], now;
		const char *want;
	} cases[] = {
		{ { 1, 1, 1 }, { 0, 0, 0 }, 10, "a10\nb10\nc10\n" },
		{ { 1, 1, 1 }, { 0, 0, 0 }, 11, "a10\nb10\nc10\n" },
		{ { 1, 2, 1 }, { 0, 0, 0 }, 12, "a10\nb12\nc10\n" },
		{ { 0, 2, 1 }, { 0, 0, 0 }, 13, "a13\nb12\nc10\n" }, /* 0: not known */
		{ { 0, 2, 1 }, { 0, 0, 0 }, 14, "a14\nb12\nc10\n" },
		{ { 1, 2, 1 }, { 7, 12, 8 }, 15, "a7\nb12\nc8\n" }, /* times that are said */
		{ { 1, 2, 1 }, { 0, 0, 0 }, 16, "a7\nb12\nc8\n" },
	};
	AUTO(fixture_release) struct fixture f = { .n = 0 };
	AUTO(fileset_cache_free) struct fileset_cache *cache = fileset_cache_new();
	AUTO(renderer_free) struct renderer *other = NULL;

	(void)state;
	make(&f, rows, 1);
	add(&f, "a", "n", NULL);
	add(&f, "b", "n", NULL);
	add(&f, "c", "n", NULL);
	assert_true(renderer_needs_time(f.r));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fileset_version versions[3];

		for (size_t k = 0; k < 3; k++)
			versions[k] = (struct fileset_version){ { cases[i].versions[k] }, cases[i].times[k] };
		fileset_free(&f.fs);
		assert_int_equal(fileset_build(f.r, cache, f.services, versions, 3, cases[i].now, &f.fs, NULL, NULL), 0);
		assert_string_equal(text_of(&f, "all"), cases[i].want);
	}
	/* What another renderer made is of no use. */
	other = f.r;
	f.r = NULL;
	make(&f, plain_row, 1);
	assert_false(renderer_needs_time(f.r));
	fileset_free(&f.fs);
	assert_int_equal(fileset_build(f.r, cache, f.services, NULL, 3, 17, &f.fs, NULL, NULL), 0);
	assert_string_equal(text_of(&f, "all"), "a\nb\nc\n");
}

/* One partial, written for the file it is used in; the context of a header that uses it is made. */
static void partials(void **state)
{
	static const struct template_text parts[] = { { "word", "{{#if service}}{{service.options.note}}{{/if}}" },
		{ "ids", "# {{#each services}}{{id}} {{timestamp}} {{/each}}\n" } };
	static const struct template_source rows[] = {
		{ .filename = "a.cfg", .text = "a {{> word}}\n", .scope = SCOPE_COLLECTED, .header = "{{> ids}}" },
		{ .filename = "b.map", .text = "{{id}} {{> word}}\n", .scope = SCOPE_COLLECTED },
		{ .filename = "%s.txt", .text = "{{> word}}\n" },
	};
	static const struct template_source lost[] = { { .filename = "x", .text = "\n{{> nowhere}}" } };
	struct renderer_config cfg = { .templates = rows, .n_templates = ARRAY_LEN(rows), .partials = parts,
		.n_partials = ARRAY_LEN(parts) };
	AUTO(fixture_release) struct fixture f = { .arena = arena_new() };
	AUTO(renderer_free) struct renderer *none = NULL;

	(void)state;
	if (renderer_new(&cfg, &f.r, &f.err) != 0)
		fail_msg("%s", f.err.text);
	assert_true(renderer_needs_time(f.r));
	add(&f, "s", "x # y", NULL);
	if (build(&f) != 0)
		fail_msg("%s", f.err.text);
	assert_string_equal(text_of(&f, "a.cfg"), "# s 5 \na x\\ \\#\\ y\n");
	assert_string_equal(text_of(&f, "b.map"), "s x # y\n");
	assert_string_equal(text_of(&f, "s.txt"), "x # y"); /* alone on its line, a partial takes the line's end */
	cfg.templates = lost;
	cfg.n_templates = 1;
	assert_int_not_equal(renderer_new(&cfg, &none, &f.err), 0);
	assert_true(str_starts(f.err.text, "x:2:1: "));
	assert_non_null(strstr(f.err.text, "nowhere"));
}

static void bad_configuration(void **state)
{
	static const struct template_text named[] = { { "n", "\n{{#if}}" } };
	static const struct {
		struct template_source rows[2];
		const char *want;
	} cases[] = {
		{ { { .filename = "a", .text = "x{{" } }, "a:1:2: the tag that begins here has no end" },
		{ { { .filename = "a", .named = named, .n_named = 1 } }, "a (n):2:4: 'if' needs a parameter" },
		{ { { .filename = "a-%s", .text = "x", .scope = SCOPE_COLLECTED } },
			"filename 'a-%s': a collected file is one file, without %s" },
		{ { { .filename = "a", .text = "x", .header = "h" } }, "filename 'a': only a collected file has a header or footer" },
		{ { { .filename = "../a", .text = "x" } }, "filename '../a': must be a path below rootPath, without leading "
			"or double slashes, '.', '..' and control characters, and not in '.lockstep'" },
		{ { { .filename = "a", .text = "x" }, { .filename = "a", .text = "x", .scope = SCOPE_COLLECTED } },
			"filename 'a': two templates for a collected file" },
		{ { { .filename = "g", .text = "x", .scope = SCOPE_GROUP }, { .filename = "g", .text = "x" } },
			"filename 'g': two templates for the file of a group" },
		{ { { .filename = "g-%s", .text = "x", .scope = SCOPE_GROUP } },
			"filename 'g-%s': the file of a group is one file, without %s" },
		{ { { .filename = "g", .scope = SCOPE_GROUP } },
			"filename 'g': the file of a group has one template and no named ones" },
		{ { { .filename = "a", .text = "x", .scope = SCOPE_COLLECTED, .shards = 2 } },
			"filename 'a': with shards it needs one %s, for their numbers" },
		{ { { .filename = "%s", .text = "x", .scope = SCOPE_COLLECTED, .shards = 1001 } },
			"filename '%s': more than 1000 shards" },
		{ { { .filename = "%s", .text = "x", .shards = 2 } }, "filename '%s': only a collected file has shards" },
		{ { { .filename = "x-%s", .text = "x", .scope = SCOPE_COLLECTED, .shards = 2 },
			{ .filename = "x-01", .text = "x", .scope = SCOPE_GROUP } }, "two templates make the file 'x-01'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct renderer_config cfg = { .templates = cases[i].rows,
			.n_templates = cases[i].rows[1].filename != NULL ? 2 : 1 };
		AUTO(renderer_free) struct renderer *r = NULL;
		struct error err = ERROR_INIT;

		assert_int_equal(renderer_new(&cfg, &r, &err), ERR_INVALID);
		assert_string_equal(err.text, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_services),
		cmocka_unit_test(collected_files),
		cmocka_unit_test(no_service_at_all),
		cmocka_unit_test(order_of_services_is_not_seen),
		cmocka_unit_test(all_culprits_are_named),
		cmocka_unit_test(a_header_may_fail_alone),
		cmocka_unit_test(one_path_has_one_content),
		cmocka_unit_test(group_file),
		cmocka_unit_test(shards),
		cmocka_unit_test(only_what_changed_is_rendered),
		cmocka_unit_test(partials),
		cmocka_unit_test(bad_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
