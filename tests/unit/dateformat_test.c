/*
 * dateformat_test.c - civil time, and SimpleDateFormat's patterns
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/dateformat.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static void as_libc(void **state)
{
	static const int64_t rows[] = { 0, -1, 1, 951782399, 951782400, 951868800, 1421852640, 1709164800, 1709251199,
		-2203891200, -62135596800, -62135596801, -62167219200, -62167219201, 253402300800, 4102444800,
		INT64_MAX / 1000, INT64_MIN / 1000 };

	(void)state;
	for (int64_t step = 0; step < 3000; step++) {
		int64_t at = step < (int64_t)ARRAY_LEN(rows) ? rows[step] : (step - 1500) * 86400 * 97 + step * 3671;
		time_t t = (time_t)at;
		struct tm want, got = { 0 };

		assert_non_null(gmtime_r(&t, &want));
		dateformat_utc(at, &got);
		if (want.tm_year != got.tm_year || want.tm_mon != got.tm_mon || want.tm_mday != got.tm_mday ||
			want.tm_hour != got.tm_hour || want.tm_min != got.tm_min || want.tm_sec != got.tm_sec ||
			want.tm_wday != got.tm_wday || want.tm_yday != got.tm_yday)
			fail_msg("%lld: %d-%d-%d", (long long)at, got.tm_year + 1900, got.tm_mon + 1, got.tm_mday);
	}
}

static void check(const char *pattern, int64_t at, const char *want)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;
	struct tm tm;

	dateformat_utc(at, &tm);
	if (dateformat_print(pattern, &tm, 7, &out, &err) != 0)
		fail_msg("%s: %s", pattern, err.text);
	if (strcmp(buf_cstr(&out), want) != 0)
		fail_msg("%s: '%s', not '%s'", pattern, buf_cstr(&out), want);
}

static void patterns(void **state)
{
	const int64_t at = 1421852640; /* Wednesday 2015-01-21 15:04:00 */

	(void)state;
	check(DATEFORMAT_DEFAULT, at, "2015-01-21 03:04 PM");
	check("yyyy-MM-dd", at, "2015-01-21");
	check("y yy yyy yyyyy Y YY", at, "2015 15 2015 02015 2015 15");
	check("M MM MMM MMMM L LLLL", at, "1 01 Jan January 1 January");
	check("E EEE EEEE u", at, "Wed Wed Wednesday 3");
	check("H HH k K h hh m mm s ss S SSS a", at, "15 15 15 3 3 03 4 04 0 00 7 007 PM");
	check("D DDD d w W F G", at, "21 021 21 4 4 3 AD");
	check("z zzzz Z X XX XXX", at, "UTC Coordinated Universal Time +0000 Z Z Z");
	check("yyyy-MM-dd'T'HH:mm:ss.SSSX", at, "2015-01-21T15:04:00.007Z");
	check("'at' h 'o''clock', '''' ''", at, "at 3 o'clock, '' '");
	check("", at, "");
	check("k K h", 0, "24 0 12");
	check("u EEEE", 3 * 86400, "7 Sunday");
	/* 2023-12-31 is a Sunday, in the week of January 1, 2024; 2024-12-28 a Saturday, in the last one */
	check("yyyy YYYY w W", 1703980800, "2023 2024 1 6");
	check("yyyy YYYY w W", 1735344000, "2024 2024 52 4");
	check("yyyy G", -62167219201, "0002 BC");
}

static void zones(void **state)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct tm tm;

	(void)state;
	dateformat_utc(0, &tm);
	tm.tm_gmtoff = -(5 * 3600 + 30 * 60);
	tm.tm_zone = "XST";
	assert_int_equal(dateformat_print("z zzzz Z X XX XXX", &tm, 0, &out, NULL), 0);
	assert_string_equal(buf_cstr(&out), "XST XST -0530 -05 -0530 -05:30");
	buf_clear(&out);
	tm.tm_gmtoff = 3600;
	tm.tm_zone = NULL;
	assert_int_equal(dateformat_print("z|X", &tm, 0, &out, NULL), 0);
	assert_string_equal(buf_cstr(&out), "GMT+01:00|+01");
}

static void bad_patterns(void **state)
{
	static const struct {
		const char *pattern, *error;
	} rows[] = { { "yyyy b", "the letter 'b' means nothing" }, { "T", "'T'" }, { "yyyy 'x", "a quote is not closed" },
		{ "'''", "a quote is not closed" }, { "XXXX", "at most three X" } };
	AUTO(buf_release) struct buf out = BUF_INIT;
	char text[DATEFORMAT_MAX + 2];
	struct error err = ERROR_INIT;

	(void)state;
	buf_str(&out, "kept");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tm tm;

		dateformat_utc(0, &tm);
		assert_int_equal(dateformat_print(rows[i].pattern, &tm, 0, &out, &err), ERR_INVALID);
		assert_string_equal(buf_cstr(&out), "kept");
		if (strstr(err.text, rows[i].error) == NULL)
			fail_msg("%s: %s", rows[i].pattern, err.text);
		assert_int_equal(dateformat_check(rows[i].pattern, NULL), ERR_INVALID);
	}
	memset(text, '-', sizeof(text));
	text[DATEFORMAT_MAX + 1] = '\0';
	assert_int_equal(dateformat_check(text, &err), ERR_INVALID);
	text[DATEFORMAT_MAX] = '\0';
	assert_int_equal(dateformat_check(text, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_libc),
		cmocka_unit_test(patterns),
		cmocka_unit_test(zones),
		cmocka_unit_test(bad_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
