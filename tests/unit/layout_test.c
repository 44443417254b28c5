/*
 * layout_test.c - file names of templates, and what ids may do to them (nothing)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/layout.h"

#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void kinds(void **state)
{
	static const struct {
		const char *pattern;
		enum layout_kind kind;
	} rows[] = { { "haproxy.cfg", LAYOUT_PLAIN }, { "proxy/%s.conf", LAYOUT_SERVICE }, { "%s.conf", LAYOUT_SERVICE },
		{ "%s", LAYOUT_SERVICE }, { "a/%1$s", LAYOUT_SERVICE }, { "%s/%s.conf", LAYOUT_DOMAIN },
		{ "x%s%s", LAYOUT_DOMAIN }, { "a/%2$s/%1$s.cfg", LAYOUT_DOMAIN }, { "100%%", LAYOUT_PLAIN },
		{ "..a/b..", LAYOUT_PLAIN }, { "a/.lockstep", LAYOUT_PLAIN } };
	static const char *const bad[] = { "", "/a", "a//b", "a/", ".", "..", "../x", "a/../b", "a/./b", ".lockstep",
		".lockstep/x", "a\nb", "%d", "%-3s", "%s%s%s", "a%", "%3$s", NULL };
	struct error err = ERROR_INIT;
	enum layout_kind kind;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (layout_check(rows[i].pattern, &kind, &err) != 0)
			fail_msg("%s: %s", rows[i].pattern, err.text);
		assert_int_equal(kind, rows[i].kind);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (layout_check(bad[i], &kind, &err) != ERR_INVALID)
			fail_msg("'%s' was accepted", bad[i]);
}

/* The names, joined by blanks; or the error's text in <>. */
static const char *names(const char *pattern, const char *id, const char *domain1, const char *domain2,
	const struct layout_domains *d, struct arena *a)
{
	static const struct layout_domains none;
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;
	struct service s = { .id = id };
	struct strings list = { NULL, 0 };
	enum layout_kind kind;
	int rc;

	if (domain1 != NULL)
		strings_add(&s.domains, a, domain1);
	if (domain2 != NULL)
		strings_add(&s.domains, a, domain2);
	assert_int_equal(layout_check(pattern, &kind, &err), 0);
	rc = layout_names(pattern, kind, &s, d != NULL ? d : &none, a, &list, &err);
	if (rc != 0)
		buf_printf(&out, "<%s>", err.text);
	for (size_t i = 0; i < list.n; i++)
		buf_printf(&out, "%s%s", i > 0 ? " " : "", list.items[i]);
	return arena_strdup(a, out.data);
}

static void ids_stay_in_their_place(void **state)
{
	static const struct {
		const char *id, *want;
	} rows[] = { { "svc-1", "p/svc-1.conf" }, { "a.b_c:d~é", "p/a.b_c:d~é.conf" }, { "..", "p/%2E..conf" },
		{ ".hidden", "p/%2Ehidden.conf" }, { "../../etc/passwd", "p/%2E.%2F..%2Fetc%2Fpasswd.conf" },
		{ "a%2Fb", "p/a%252Fb.conf" }, { "a b\n", "p/a%20b%0A.conf" }, { "-rf", "p/-rf.conf" }, { "%s", "p/%25s.conf" } };
	AUTO(arena_free) struct arena *a = arena_new();
	char long_id[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(names("p/%s.conf", rows[i].id, NULL, NULL, NULL, a), rows[i].want);
	assert_string_equal(names("%s", "..", NULL, NULL, NULL, a), "%2E.");
	assert_string_equal(names("%s/x%%y", ".lockstep", NULL, NULL, NULL, a), "%2Elockstep/x%y");
	assert_string_equal(names("static%%", "x", NULL, NULL, NULL, a), "static%%");
	memset(long_id, 'x', sizeof(long_id));
	long_id[LAYOUT_NAME_MAX] = '\0';
	assert_string_equal(names("p/%s", long_id, NULL, NULL, NULL, a) + 2, long_id);
	assert_string_equal(names("p/%s.conf", long_id, NULL, NULL, NULL, a),
		"<the file name made of filename 'p/%s.conf' is longer than 240 bytes>");
}

static void domains(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct layout_domains both = { .default_domain = "d.com" }, only_default = { .default_domain = "d.com" },
		only_served = { { NULL, 0 }, NULL };

	(void)state;
	strings_add(&both.served, a, "e.com");
	strings_add(&only_served.served, a, "e.com");
	assert_string_equal(names("%s/%s", "s", "e.com", "d.com", &both, a), "e.com/s d.com/s");
	assert_string_equal(names("%s/%s", "s", "e.com", "x.com", &both, a), "e.com/s");
	assert_string_equal(names("%2$s-%1$s", "s", "e.com", NULL, &both, a), "s-e.com");
	assert_string_equal(names("%s/%s", "s", "x.com", NULL, &both, a), "d.com/s");
	assert_string_equal(names("%s/%s", "s", NULL, NULL, &only_default, a), "d.com/s");
	assert_string_equal(names("%s/%s", "s", "x.com", NULL, &only_served, a),
		"<no domain served for template file that requires domain>");
	assert_string_equal(names("%s/%s", "s", NULL, NULL, &only_served, a),
		"<no domain present for template file that requires domain>");
	assert_string_equal(names("%s/%s", "s", "e.com", NULL, NULL, a),
		"<no domain present for template file that requires domain>");
}

static void numbers_of_shards(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct error err = ERROR_INIT;
	const char *name = NULL;
	char wide[LAYOUT_NAME_MAX + 2];

	(void)state;
	assert_int_equal(layout_shard("b/%s.cfg", 0, 2, a, &name, &err), 0);
	assert_string_equal(name, "b/00.cfg");
	assert_int_equal(layout_shard("%1$s%%", 99, 100, a, &name, &err), 0);
	assert_string_equal(name, "99%");
	assert_int_equal(layout_shard("%s", 7, 101, a, &name, &err), 0);
	assert_string_equal(name, "007");
	memset(wide, 'x', sizeof(wide));
	memcpy(wide + sizeof(wide) - 3, "%s", 3);
	assert_int_equal(layout_shard(wide, 7, 101, a, &name, &err), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(ids_stay_in_their_place),
		cmocka_unit_test(domains),
		cmocka_unit_test(numbers_of_shards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
