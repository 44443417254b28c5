/*
 * mem_test.c - arenas and the growing helpers
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/mem.h"

#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static void sizes_of_zero(void **state)
{
	void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xrealloc(NULL, 0);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	free(a);
	free(b);
	free(c);
}

static void strings(void **state)
{
	AUTO(xfree_p) char *a = xstrdup("abc");
	AUTO(xfree_p) char *b = xstrndup("abcdef", 2);
	AUTO(xfree_p) char *c = xstrndup("ab", 10);
	AUTO(xfree_p) char *d = xasprintf("%s-%d", "x", 5);
	char *e = xstrdup("gone");

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "ab");
	assert_string_equal(c, "ab");
	assert_string_equal(d, "x-5");
	xfree_p(&e);
	assert_null(e);
	xfree_p(&e);
}

static void grow(void **state)
{
	int *items = NULL;
	size_t cap = 0, n = 0;

	(void)state;
	for (; n < 1000; n++) {
		GROW(items, n, cap);
		assert_true(cap > n);
		items[n] = (int)n;
	}
	assert_true(cap <= 2048);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(items[i], i);
	free(items);
}

/* As objects do that live in an arena of their own. */
static void arena_that_holds_its_pointer(void **state)
{
	struct arena *a = arena_new();
	struct arena **kept = arena_alloc(a, sizeof(*kept));

	(void)state;
	*kept = a;
	arena_free(kept); /* seen by the sanitizers */
}

static void arena_basics(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	char *s = arena_strdup(a, "hello");
	void *p = arena_alloc(a, 3);
	char *n = arena_strndup(a, "a\0b", 3);

	(void)state;
	assert_int_equal((uintptr_t)p % 16, 0);
	assert_string_equal(s, "hello");
	assert_null(arena_strdup(a, NULL));
	assert_memory_equal(n, "a\0b\0", 4);
	assert_string_equal(arena_strndup(a, NULL, 0), "");
	assert_string_equal(arena_printf(a, "%d/%s", 7, s), "7/hello");
	assert_ptr_not_equal(arena_alloc(a, 0), arena_alloc(a, 0));
	assert_true(arena_used(a) >= 6 + 3 + 4 + 1 + 8);
}

/* Blocks of many sizes are zero, aligned, and do not overlap. */
static void arena_many_sizes(void **state)
{
	enum { N = 2000 };
	static unsigned char *blocks[N];
	static size_t sizes[N];
	static const unsigned char zero[300000];
	AUTO(arena_free) struct arena *a = arena_new();
	size_t total = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		sizes[i] = i % 97 == 0 ? i * 150 : i % 60 + 1;
		if (sizes[i] == 0)
			sizes[i] = 1;
		blocks[i] = arena_alloc(a, sizes[i]);
		total += sizes[i];
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		assert_memory_equal(blocks[i], zero, sizes[i]);
		memset(blocks[i], (int)(i & 0xff), sizes[i]);
		(void)arena_strndup(a, "xyz", i % 4);
	}
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(blocks[i][0], i & 0xff);
		assert_int_equal(blocks[i][sizes[i] - 1], i & 0xff);
	}
	assert_true(arena_used(a) >= total);
}

static void arena_free_twice(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	arena_free(&a);
	assert_null(a);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_of_zero),   cmocka_unit_test(strings),
		cmocka_unit_test(grow),            cmocka_unit_test(arena_basics), cmocka_unit_test(arena_that_holds_its_pointer),
		cmocka_unit_test(arena_many_sizes), cmocka_unit_test(arena_free_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
