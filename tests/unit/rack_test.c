/*
 * rack_test.c - weights of upstreams by racks, against what the Java agent says
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/rack.h"

#include "lib/base/buf.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPSTREAMS_MAX 40

/* The weights of upstreams in racks "aabce" ('-': none) as "1 2 0". */
static void weights(const char *racks, char zone, char *out, size_t size)
{
	static const char names[256][2] = { ['a'] = "a", ['b'] = "b", ['c'] = "c", ['d'] = "d", ['e'] = "e", ['f'] = "f" };
	const char *all[UPSTREAMS_MAX];
	size_t n = 0, at = 0;

	for (size_t i = 0; racks[i] != '\0'; i++)
		if (racks[i] != '-')
			all[n++] = names[(unsigned char)racks[i]];
	for (size_t i = 0; racks[i] != '\0'; i++) {
		const char *own = racks[i] != '-' ? names[(unsigned char)racks[i]] : NULL;
		struct error err = ERROR_INIT;
		int64_t w = -1;

		if (rack_weight(zone != '-' ? names[(unsigned char)zone] : NULL, all, n, own, &w, &err) != 0)
			fail_msg("%s/%c: %s", racks, zone, err.text);
		at += (size_t)snprintf(out + at, size - at, "%s%d", i > 0 ? " " : "", (int)w);
		assert_true(at < size);
	}
}

static void as_java(void **state)
{
	static const struct {
		const char *racks;
		char zone;
		const char *want;
	} rows[] = {
		{ "aabce", 'a', "1 1 0 0 0" },
		{ "aabce", 'b', "2 2 16 0 0" },
		{ "aabce", 'c', "2 2 0 16 0" },
		{ "aabce", 'e', "2 2 0 0 16" },
		{ "aabce", 'd', "1 1 1 1 1" },
		{ "aabbbbccccee", 'a', "16 16 2 2 2 2 2 2 2 2 0 0" },
		{ "aabbbbccccee", 'b', "0 0 1 1 1 1 0 0 0 0 0 0" },
		{ "aabbbbccccee", 'c', "0 0 0 0 0 0 1 1 1 1 0 0" },
		{ "aabbbbccccee", 'd', "1 1 1 1 1 1 1 1 1 1 1 1" },
		{ "aabbbbccccee", 'e', "0 0 2 2 2 2 2 2 2 2 16 16" },
		{ "----", 'd', "1 1 1 1" },
		{ "bbeeeaaa", 'b', "9 9 1 1 1 1 1 1" },
		{ "bbeeeaaa", 'e', "0 0 1 1 1 0 0 0" },
		{ "bbeeeaaa", 'a', "0 0 0 0 0 1 1 1" },
		/* beyond Java's own tests */
		{ "aab", 'b', "1 1 5" },
		{ "aaab", 'b', "2 2 2 4" },
		{ "aabbc", 'c', "2 2 2 2 9" },
		{ "aaaabbc", 'c', "3 3 3 3 0 0 10" },
		{ "abc", 'a', "9 0 0" },
		{ "ab", 'a', "4 0" },
		{ "aabb", 'a', "4 4 0 0" },
		{ "a", 'a', "1" },
		/* the tenth decimal rounds up: one more than the square of the number of racks */
		{ "aaaaaa", 'a', "2 2 2 2 2 2" },
		{ "aabb--", 'a', "4 4 0 0 1 1" },
		{ "aab", '-', "1 1 1" },
		{ "", 'a', "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char got[4 * UPSTREAMS_MAX] = "";

		weights(rows[i].racks, rows[i].zone, got, sizeof(got));
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s in %c: %s, not %s", rows[i].racks, rows[i].zone, got, rows[i].want);
	}
}

static void rounding_shows(void **state)
{
	static const struct {
		const char *racks;
		int own;
	} rows[] = { { "abb", 5 }, { "abbbbbbbbbbb", 5 }, { "abbcccc", 10 }, { "abbcccccccccc", 10 }, { "abbccd", 17 },
		{ "abbccdddddddd", 17 }, { "abbccde", 26 }, { "abbccddef", 37 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char got[4 * UPSTREAMS_MAX];

		weights(rows[i].racks, 'a', got, sizeof(got));
		if ((int)strtol(got, NULL, 10) != rows[i].own)
			fail_msg("%s: %s, not %d", rows[i].racks, got, rows[i].own);
	}
}

static void refused(void **state)
{
	static const char *const racks[] = { "a", "b", "b", "b" };
	struct error err = ERROR_INIT;
	int64_t w = 77;

	(void)state;
	assert_int_equal(rack_weight("a", racks, ARRAY_LEN(racks), "x", &w, &err), ERR_INVALID);
	assert_string_equal(err.text, "no upstream of the list is in rack 'x'");
	assert_int_equal(rack_weight("a", racks, RACK_UPSTREAMS_MAX + 1, "b", &w, &err), ERR_INVALID);
	assert_int_equal(w, 77);
	/* the own rack carries all it gets: nobody asks how much room there is elsewhere */
	assert_int_equal(rack_weight("b", racks, ARRAY_LEN(racks), "x", &w, &err), 0);
	assert_int_equal(w, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_java),
		cmocka_unit_test(rounding_shows),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
