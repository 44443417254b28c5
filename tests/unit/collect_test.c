/*
 * collect_test.c - fragments joined, and whose line is whose
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct template *compile(const char *text)
{
	struct template *t = NULL;
	struct error err = ERROR_INIT;

	if (template_compile("c", text, strlen(text), NULL, &t, &err) != 0)
		fail_msg("%s", err.text);
	return t;
}

static void lines_have_owners(void **state)
{
	AUTO(collect_release) struct collect c = COLLECT_INIT;
	AUTO(template_free) struct template *head = compile("# head\n\n"), *two = compile("a {{.}}\nb"), *none = compile("{{x}}");
	AUTO(arena_free) struct arena *a = arena_new();
	const struct value *v = value_string(a, "v");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(collect_add(&c, head, NULL, v, &err), 0);
	assert_int_equal(collect_add(&c, two, "s1", v, &err), 0);
	assert_int_equal(collect_add(&c, none, "s2", v, &err), 0);
	assert_int_equal(collect_add(&c, two, "s3", v, &err), 0);
	assert_int_equal(collect_add(&c, head, NULL, v, &err), 0);
	assert_string_equal(c.text.data, "# head\n\na v\nb\na v\nb\n# head\n\n");
	assert_int_equal(c.n, 2);
	assert_null(collect_owner(c.spans, c.n, 0));
	assert_null(collect_owner(c.spans, c.n, 2));
	assert_string_equal(collect_owner(c.spans, c.n, 3), "s1");
	assert_string_equal(collect_owner(c.spans, c.n, 4), "s1");
	assert_string_equal(collect_owner(c.spans, c.n, 5), "s3");
	assert_string_equal(collect_owner(c.spans, c.n, 6), "s3");
	assert_null(collect_owner(c.spans, c.n, 7));
	assert_null(collect_owner(c.spans, 0, 1));
}

static void a_failing_fragment_leaves_nothing(void **state)
{
	AUTO(collect_release) struct collect c = COLLECT_INIT;
	AUTO(template_free) struct template *t = compile("line\n{{.}}");
	AUTO(arena_free) struct arena *a = arena_new();
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(collect_add(&c, t, "ok", value_int(a, 1), &err), 0);
	assert_int_equal(collect_add(&c, t, "bad", value_string(a, "x\ny"), &err), ERR_INVALID);
	assert_string_equal(err.text, "c:2:1: the value of '.' holds the control character 0x0A");
	assert_int_equal(collect_add(&c, t, "next", value_int(a, 2), &err), 0);
	assert_string_equal(c.text.data, "line\n1\nline\n2\n");
	assert_string_equal(collect_owner(c.spans, c.n, 3), "next");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_owners),
		cmocka_unit_test(a_failing_fragment_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
