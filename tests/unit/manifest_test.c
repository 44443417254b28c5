/*
 * manifest_test.c - manifest and journal: there and back, and what is refused
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/manifest.h"

#include "agent/apply/journal.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <string.h>

static struct manifest *sample(void)
{
	struct manifest *m = manifest_new();
	char hex[DIGEST_HEX];

	digest_hex("x", 1, hex);
	m->generation = 7;
	memcpy(m->live, hex, DIGEST_HEX);
	memcpy(m->target, hex, DIGEST_HEX);
	m->timestamp_ms = 1700000000123;
	manifest_add_time(m, "ffffffffffffffffffffffffffffffff and so on", 17);
	manifest_add_time(m, hex, 1700000000122);
	manifest_sort_times(m);
	manifest_add(m, "a b.cfg", hex);
	manifest_add(m, "svc/1.cfg", hex);
	return m;
}

static void test_manifest_there_and_back(void **state)
{
	struct manifest *m = sample(), *back = NULL;
	AUTO(buf_release) struct buf text = BUF_INIT;
	char x[DIGEST_HEX], y[DIGEST_HEX];

	(void)state;
	manifest_format(m, &text);
	assert_int_equal(manifest_parse(text.data, text.len, &back, NULL), 0);
	assert_int_equal(back->generation, 7);
	assert_int_equal(back->n, 2);
	assert_int_equal(back->timestamp_ms, 1700000000123);
	assert_int_equal(back->n_times, 2);
	assert_int_equal(manifest_find_time(back, m->live)->ms, 1700000000122);
	assert_int_equal(manifest_find_time(back, "ffffffffffffffffffffffffffffffff")->ms, 17);
	assert_null(manifest_find_time(back, "0000000000000000000000000000000f"));
	assert_string_equal(back->live, m->live);
	assert_string_equal(back->target, m->target);
	assert_string_equal(manifest_find(back, "svc/1.cfg")->digest, m->files[1].digest);
	assert_null(manifest_find(back, "svc/2.cfg"));
	manifest_digest(m, NULL, x);
	manifest_digest(back, NULL, y);
	assert_string_equal(x, y);
	back->generation = 9; /* the digest is of the files alone */
	manifest_digest(back, NULL, y);
	assert_string_equal(x, y);
	manifest_digest(back, "svc/1.cfg", y);
	assert_string_not_equal(x, y);
	manifest_free(&m);
	manifest_free(&back);
}

/* Cut at any byte, it is refused, never taken for a shorter one. */
static void test_manifest_cut_short(void **state)
{
	struct manifest *m = sample(), *back = NULL;
	AUTO(buf_release) struct buf text = BUF_INIT;

	(void)state;
	manifest_format(m, &text);
	for (size_t n = 0; n < text.len; n++)
		assert_int_equal(manifest_parse(text.data, n, &back, NULL), ERR_INVALID);
	buf_char(&text, 'x');
	assert_int_equal(manifest_parse(text.data, text.len, &back, NULL), ERR_INVALID);
	assert_null(back);
	manifest_free(&m);
}

static void test_manifest_absent_is_empty(void **state)
{
	struct manifest *m = NULL, *none = manifest_new();

	(void)state;
	assert_int_equal(manifest_load("/nowhere/manifest", &m, NULL), 0);
	assert_int_equal(m->generation, 0);
	assert_int_equal(m->n, 0);
	assert_string_equal(m->live, none->live);
	manifest_free(&m);
	manifest_free(&none);
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "a/b.cfg", "..a", "a b", ".hidden/x", "\xc3\xa9" };
	static const char *const bad[] = { "", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a/.", "a\nb",
		".lockstep/journal", ".lockstep", "a\x7f" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(manifest_check_name(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(manifest_check_name(bad[i], NULL), ERR_INVALID);
}

static void test_journal(void **state)
{
	struct journal *j = journal_new(3), *back = NULL;
	AUTO(buf_release) struct buf text = BUF_INIT;

	(void)state;
	journal_add(j, JOURNAL_FOLDER, "svc");
	journal_add(j, JOURNAL_NEW, "svc/a b.cfg");
	journal_add(j, JOURNAL_REPLACE, "x");
	journal_add(j, JOURNAL_REMOVE, "y");
	journal_format(j, &text);
	assert_int_equal(journal_parse(text.data, text.len, &back, NULL), 0);
	assert_int_equal(back->generation, 3);
	assert_int_equal(back->n, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(back->entries[i].op, j->entries[i].op);
		assert_string_equal(back->entries[i].name, j->entries[i].name);
	}
	journal_free(&back);
	for (size_t n = 0; n + 1 < text.len; n++)
		assert_int_equal(journal_parse(text.data, n, &back, NULL), ERR_INVALID);
	assert_int_equal(journal_parse("lockstep-journal 1 3\nnew ../x\nend 1\n", 37, &back, NULL),
		ERR_INVALID);
	assert_int_equal(journal_parse("lockstep-journal 1 3\nburn x\nend 1\n", 35, &back, NULL),
		ERR_INVALID);
	journal_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manifest_there_and_back),
		cmocka_unit_test(test_manifest_cut_short),
		cmocka_unit_test(test_manifest_absent_is_empty),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
