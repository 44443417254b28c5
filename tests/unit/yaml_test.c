/*
 * yaml_test.c - trees with lines, and everything that is refused
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/conf/yaml.h"

#include "lib/base/buf.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static struct arena *arena;
static struct error err;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	err = (struct error)ERROR_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static const struct yaml_node *good_n(const char *text, size_t n)
{
	const struct yaml_node *root = NULL;

	if (yaml_parse(arena, "t.yml", text, n, &root, &err) != 0)
		fail_msg("refused: %s", err.text);
	assert_non_null(root);
	return root;
}

static const struct yaml_node *good(const char *text)
{
	return good_n(text, strlen(text));
}

static void bad_n(const char *text, size_t n, const char *message)
{
	const struct yaml_node *root = NULL;

	assert_int_equal(yaml_parse(arena, "t.yml", text, n, &root, &err), ERR_INVALID);
	assert_null(root);
	assert_string_equal(err.text, message);
}

static void bad(const char *text, const char *message)
{
	bad_n(text, strlen(text), message);
}

static void tree_with_lines(void **state)
{
	const struct yaml_node *root, *list;

	(void)state;
	root = good("# comment\na: 1\nb:\n  c: 'x'\n  d:\n    - one\n    - {k: v}\n\n    -\ne: |\n  two\n  lines\n");
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->n, 3);
	assert_string_equal(root->items[0].key, "a");
	assert_int_equal(root->items[0].line, 2);
	assert_string_equal(yaml_get(root, "a")->text, "1");
	assert_false(yaml_get(root, "a")->quoted);
	assert_true(yaml_get(yaml_get(root, "b"), "c")->quoted);
	list = yaml_get(yaml_get(root, "b"), "d");
	assert_int_equal(list->kind, YAML_LIST);
	assert_int_equal(list->n, 3);
	assert_int_equal(list->items[1].line, 7);
	assert_null(list->items[1].key);
	assert_string_equal(yaml_get(list->items[1].value, "k")->text, "v");
	assert_int_equal(list->items[2].value->kind, YAML_NULL);
	assert_string_equal(yaml_get(root, "e")->text, "two\nlines\n");
	assert_int_equal(yaml_line(root, "b.d"), 5);
	assert_int_equal(yaml_line(root, "b.missing.more"), 3);
	assert_int_equal(yaml_line(root, "missing"), 1);
	assert_null(yaml_get(root, "missing"));
	assert_null(yaml_get(list, "k"));
	assert_null(yaml_get(NULL, "k"));
}

static void nulls_and_empty(void **state)
{
	static const char *const nulls[] = { "", "# nothing\n", "---\n", "~", "null", "NULL\n", "\xef\xbb\xbf" };
	const struct yaml_node *root;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		assert_int_equal(good(nulls[i])->kind, YAML_NULL);
	root = good("[ 'null', \"\", nullable, !!str null, !!null 'x' ]");
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(root->items[i].value->kind, YAML_SCALAR);
	assert_string_equal(root->items[1].value->text, "");
	assert_true(root->items[3].value->quoted);
	assert_string_equal(good("\xef\xbb\xbf" "a: \xc3\xa9\n")->items[0].value->text, "\xc3\xa9");
}

static void aliases(void **state)
{
	const struct yaml_node *root;

	(void)state;
	root = good("a: &x {k: 1}\nb: *x\nc: &x two\nd: *x\n");
	assert_ptr_equal(yaml_get(root, "a"), yaml_get(root, "b"));
	assert_string_equal(yaml_get(root, "d")->text, "two");
	bad("a: *nowhere\n", "t.yml:1: alias 'nowhere' has no anchor before it");
	bad("a: &x [ 1, *x ]\n", "t.yml:1: alias 'x' has no anchor before it");
}

static void billion_laughs(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	buf_str(&b, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
	for (int i = 1; i < 10; i++) {
		buf_printf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_printf(&b, "%s*a%d", k > 0 ? ", " : "", i - 1);
		buf_str(&b, "]\n");
	}
	bad(buf_cstr(&b), "t.yml:5: more than 100000 nodes (aliases count as what they stand for)");
	assert_true(arena_used(arena) < 100000);
}

static void deep(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < YAML_DEPTH_MAX; i++)
		buf_char(&b, '[');
	for (int i = 0; i < YAML_DEPTH_MAX; i++)
		buf_char(&b, ']');
	assert_int_equal(good(buf_cstr(&b))->height, YAML_DEPTH_MAX);
	buf_clear(&b);
	for (int i = 0; i <= YAML_DEPTH_MAX; i++)
		buf_char(&b, '[');
	bad(buf_cstr(&b), "t.yml:1: nested deeper than 32 levels");

	/* Each alone is shallow; aliases pile them up. */
	buf_clear(&b);
	buf_str(&b, "a0: &a0 x\n");
	for (int i = 1; i < 40; i++)
		buf_printf(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	bad(buf_cstr(&b), "t.yml:32: nested deeper than 32 levels");
}

static void too_large(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < YAML_NODES_MAX / 2 - 1; i++)
		buf_printf(&b, "k%zu: 1\n", i);
	assert_int_equal(good(buf_cstr(&b))->n, YAML_NODES_MAX / 2 - 1);
	buf_str(&b, "more: 1\n");
	bad(buf_cstr(&b), "t.yml:50000: more than 100000 nodes (aliases count as what they stand for)");
	buf_clear(&b);
	while (b.len < YAML_BYTES_MAX)
		buf_str(&b, "# filler\n");
	buf_truncate(&b, YAML_BYTES_MAX);
	assert_int_equal(good_n(b.data, b.len)->kind, YAML_NULL);
	buf_char(&b, '\n');
	bad(buf_cstr(&b), "t.yml: larger than 1048576 bytes");
}

static void refused(void **state)
{
	(void)state;
	bad("a: 1\nb: 2\n\na: 3\n", "t.yml:4: key 'a' stands here again (first on line 1)");
	bad("x:\n  'k': 1\n  k: 2\n", "t.yml:3: key 'k' stands here again (first on line 2)");
	bad("? [a, b]\n: 1\n", "t.yml:1: a key must be a plain text");
	bad("? *x\n: 1\n", "t.yml:1: a key must be a plain text");
	bad("a: &d {}\nb:\n  <<: *d\n", "t.yml:3: merge keys ('<<') are not supported, write the keys out");
	bad("a: !!python/object x\n", "t.yml:1: tag 'tag:yaml.org,2002:python/object' is not supported");
	bad("a: !mine {}\n", "t.yml:1: tag '!mine' is not supported");
	bad("\n\na: \"x\\0y\"\n", "t.yml:3: a NUL byte in a text");
	bad("\"x\\0y\": 1\n", "t.yml:1: a NUL byte in a key");
	bad("a: 1\n---\nb: 2\n", "t.yml:2: a second document");
	bad("a: 1\n\tb: 2\n", "t.yml:2: found a tab character that violates indentation, while scanning a plain scalar");
	bad("a: [1, 2\nb: 3\n", "t.yml:2: did not find expected ',' or ']', while parsing a flow sequence");
	bad("a: 'never ends\n", "t.yml:2: found unexpected end of stream, while scanning a quoted scalar");
	bad_n("a: \xff\xfe\n", 6, "t.yml: no valid UTF-8 text at byte 3: invalid leading UTF-8 octet");
	bad_n("a: x\0y", 6, "t.yml: no valid UTF-8 text at byte 4: control characters are not allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tree_with_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(nulls_and_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(aliases, setup, teardown),
		cmocka_unit_test_setup_teardown(billion_laughs, setup, teardown),
		cmocka_unit_test_setup_teardown(deep, setup, teardown),
		cmocka_unit_test_setup_teardown(too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
