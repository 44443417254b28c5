/*
 * mapkeys_test.c - keys that two services have in one map
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/mapkeys.h"

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

#define PIECES 6

static struct fileset_piece pieces[PIECES];
static struct fileset_file file;
static struct strings idle;

/* Header, a, b, c, footer. */
static void setup(const char *header, const char *a, const char *b, const char *c, const char *footer)
{
	const char *const texts[] = { header, a, b, c, footer };
	static const char *const owners[] = { NULL, "a", "b", "c", NULL };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		pieces[i] = (struct fileset_piece){ .data = texts[i], .size = strlen(texts[i]), .owner = owners[i] };
	idle = (struct strings){ NULL, 0 };
	file = (struct fileset_file){ .path = "x.map", .pieces = pieces, .n_pieces = ARRAY_LEN(texts),
		.scope = SCOPE_COLLECTED, .keyed = true };
}

/* "b:a:/x/" (whose, whom, key) for each, with blanks between. */
static void assert_clashes(const char *want, const char *mine1, const char *mine2)
{
	const char *const mine[] = { mine1, mine2 };
	struct arena *arena = arena_new();
	struct mapkeys_clashes found = { NULL, 0, 0 };
	AUTO(buf_release) struct buf got = BUF_INIT;

	mapkeys_find(&file, mine, mine2 ? 2 : 1, &idle, arena, &found);
	for (size_t i = 0; i < found.n; i++)
		buf_printf(&got, "%s%s:%s:%s", i ? " " : "", found.items[i].service,
			found.items[i].other ? found.items[i].other : "-", found.items[i].key);
	assert_string_equal(buf_cstr(&got), want);
	mapkeys_release(&found);
	arena_free(&arena);
}

static void the_new_one_is_to_blame(void **state)
{
	(void)state;
	setup("", "/a/ A\n/x/ A\n", "/b/ B\n", "/x/ C\n", "");
	assert_clashes("c:a:/x/", "c", NULL);
	assert_clashes("a:c:/x/", "a", NULL);
	assert_clashes("", "b", NULL);
	assert_clashes("c:a:/x/", "a", "c"); /* the first may go on */
	assert_clashes("c:a:/x/", "c", "b");
}

static void each_service_once(void **state)
{
	(void)state;
	setup("", "k1 A\nk2 A\n", "k1 B\nk2 B\n", "k2 C\n", "");
	assert_clashes("b:a:k1", "b", NULL);
	assert_clashes("c:b:k2 b:a:k1", "b", "c");
}

static void what_is_no_clash(void **state)
{
	(void)state;
	setup("# k A\n", "k v\n", "\t k  v \r junk\n", "# k C\nkk C\nK C\n\n  \n", "#");
	assert_clashes("", "b", NULL); /* the same value */
	assert_clashes("", "c", NULL); /* comments, another key, another case */
	setup("", "k A\n", "k B\n", "", "");
	file.keyed = false;
	assert_clashes("", "b", NULL);
	file.keyed = true;
	file.scope = SCOPE_SERVICE;
	assert_clashes("", "b", NULL);
}

static void lines_are_read_as_haproxy_does(void **state)
{
	(void)state;
	setup("h own\n", " k\tA", "k", "  # C\n", "f own");
	assert_clashes("b:a:k", "b", NULL); /* no value, and no line break */
	setup("h own\n", "# A\n", "h B\n", "  # C\nf C\n", "f own");
	assert_clashes("b:-:h", "b", NULL);
	assert_clashes("c:-:f", "c", NULL);
	setup("", " # A\n", "# B\n", "  # C\n", "");
	assert_clashes("c:a:#", "c", NULL); /* behind a blank it is a key */
}

static const char *no_upstreams[2];

static void make_idle(const char *first, const char *second)
{
	no_upstreams[0] = first;
	no_upstreams[1] = second;
	idle = (struct strings){ no_upstreams, second != NULL ? 2 : 1 };
}

static void assert_yielded(const char *want)
{
	struct arena *arena = arena_new();
	const char *got;

	for (size_t i = 0; i < file.n_pieces; i++)
		file.size += file.pieces[i].size;
	got = mapkeys_yielded(&file, &idle, arena);
	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
	arena_free(&arena);
}

static void idle_ones_are_sorted(void **state)
{
	static const char *const ids[] = { "c", "a", "b" };
	struct arena *arena = arena_new();
	struct service services[3] = { { .id = NULL } };
	struct service_state states[3] = { { .service = NULL } };
	const struct service_state *list[3];
	struct strings found;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		services[i].id = ids[i];
		states[i].service = &services[i];
		list[i] = &states[i];
	}
	states[1].upstreams.n = 1;
	found = mapkeys_idle(list, 3, arena);
	assert_int_equal(found.n, 2);
	assert_string_equal(found.items[0], "b");
	assert_string_equal(found.items[1], "c");
	arena_free(&arena);
}

static void who_is_idle_yields(void **state)
{
	(void)state;
	setup("h\n", "/x/ A\n/y/ A\n", "\t /x/ B\n/z/ B\n", "/x/ C\nh C\n", "f\n");
	make_idle("a", "b");
	assert_clashes("", "a", "b");
	assert_clashes("c:-:h", "c", NULL); /* but not to those */
	assert_yielded("h\n#x/ A\n/y/ A\n#\x20/x/ B\n/z/ B\n/x/ C\nh C\nf\n");
	make_idle("c", NULL);
	assert_clashes("b:a:/x/", "b", NULL);
	assert_yielded("h\n/x/ A\n/y/ A\n\t /x/ B\n/z/ B\n#x/ C\n# C\nf\n");
}

static void nobody_has_to_yield(void **state)
{
	(void)state;
	setup("", "/x/ A\n", "/x/ B\n", "/y/ C\n", "");
	assert_yielded(NULL);
	make_idle("a", "b"); /* both: the first answers for it */
	assert_yielded(NULL);
	assert_clashes("", "b", NULL);
	make_idle("c", NULL);
	assert_yielded(NULL);
	make_idle("a", NULL);
	file.keyed = false;
	assert_yielded(NULL);
}

static bool twice(const char *text, const char *key)
{
	return mapkeys_twice(text, strlen(text), key);
}

static void a_text_with_a_key_twice(void **state)
{
	(void)state;
	assert_true(twice("x 1\n/a/ A\ny 2\n/a/ B", "/a/"));
	assert_false(twice("x 1\n/a/ A\ny 2\n/a/ A", "/a/"));
	assert_false(twice("/a/ A\n# /a/ B\n/a/b B\n", "/a/"));
	assert_false(twice("", "/a/"));
	assert_false(twice("/a/ A\n", "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_new_one_is_to_blame),
		cmocka_unit_test(each_service_once),
		cmocka_unit_test(what_is_no_clash),
		cmocka_unit_test(lines_are_read_as_haproxy_does),
		cmocka_unit_test(idle_ones_are_sorted),
		cmocka_unit_test(who_is_idle_yields),
		cmocka_unit_test(nobody_has_to_yield),
		cmocka_unit_test(a_text_with_a_key_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
