/*
 * locate_test.c - the field of a JSON text in which a NUL stands
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "service/core/locate.h"

static void expect(const char *text, const char *want)
{
	AUTO(buf_release) struct buf path = BUF_INIT;
	/* A copy of exactly that size: a read behind it is seen by the sanitizer. */
	char *copy = xmalloc(strlen(text) + 1);
	bool found;

	memcpy(copy, text, strlen(text));
	copy = xrealloc(copy, strlen(text) > 0 ? strlen(text) : 1);
	found = locate_nul(copy, strlen(text), &path);
	free(copy);
	assert_int_equal(found, want != NULL);
	assert_string_equal(buf_cstr(&path), want != NULL ? want : "");
}

static void test_places(void **state)
{
	(void)state;
	expect("{\"a\":\"x\\u0000\"}", "a");
	expect("{\"b\":{\"c\":[1,\"two\"]},\"a\":[{\"u\":\"v\"},{\"u\":\"\\u0000\"}]}", "a[1].u");
	expect("{\"a\":{\"b\":\"\\u0000\"}}", "a.b");
	expect("[\"\", \"\\u0000\"]", "[1]");
	expect("{\"a\":\"\\\\u0000\",\"b\":\"\\\"\\u0000\"}", "b");
	expect("\"\\u0000\"", "");
}

static void test_none(void **state)
{
	char deep[300];

	(void)state;
	expect("", NULL);
	expect("{\"a\":\"b\"}", NULL);
	expect("{\"a\":\"\\\\u0000\"}", NULL);
	expect("{\"a\":\"\\u000", NULL);
	expect("{\"a\":\"\\", NULL);
	expect("}]\"", NULL);
	expect("{} \"\\u0000\"", NULL); /* nobody reads what follows */
	memset(deep, '[', sizeof(deep));
	deep[299] = '\0';
	expect(deep, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
