/*
 * error_test.c - texts of errors stay one line, whole characters, and keep the cause
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/error.h"

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

static void set_and_context(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(error_set(&err, ERR_INVALID, "port %d is out of range", 70000), ERR_INVALID);
	assert_int_equal(err.code, ERR_INVALID);
	error_in(&err, "request %s", "r7");
	assert_string_equal(err.text, "request r7: port 70000 is out of range");
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(error_set(&err, ERR_CONFLICT, "again: %s", err.text), ERR_CONFLICT);
	assert_string_equal(err.text, "again: request r7: port 70000 is out of range");
}

static void null_gives_the_code(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, ERR_REFUSED, "x"), ERR_REFUSED);
	assert_int_equal(error_errno(NULL, ENOENT, "x"), ERR_SYSTEM);
	error_in(NULL, "x");
}

static void errno_text(void **state)
{
	struct error err = ERROR_INIT;
	char path[1000];

	(void)state;
	assert_int_equal(error_errno(&err, ENOSPC, "cannot write '%s'", "/a"), ERR_SYSTEM);
	assert_string_equal(err.text, "cannot write '/a': No space left on device");
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	error_errno(&err, ENOSPC, "cannot write '%s'", path);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_true(str_ends(err.text, "p: No space left on device"));
}

static void stays_one_line(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, ERR_REFUSED, "haproxy said: %s", "[ALERT]\nline\r2\x7f\x01" "end");
	assert_string_equal(err.text, "haproxy said: [ALERT] line 2  end");
}

/* Whatever the length, a cut never leaves half a character. */
static void cut_between_characters(void **state)
{
	static const char *const chars[] = { "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	struct error err = ERROR_INIT;
	char text[700];

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(chars); c++) {
		for (size_t shift = 0; shift < 4; shift++) {
			size_t len = strlen(chars[c]), n = 0;

			memset(text, 'a', shift);
			for (n = shift; n + len < sizeof(text); n += len)
				memcpy(text + n, chars[c], len);
			text[n] = '\0';
			error_set(&err, ERR_INVALID, "%s", text);
			assert_true(utf8_valid(err.text, strlen(err.text)));
			assert_true(strlen(err.text) > sizeof(err.text) - 5);
			error_in(&err, "%s", text);
			assert_true(utf8_valid(err.text, strlen(err.text)));
			error_errno(&err, EIO, "%s", text);
			assert_true(utf8_valid(err.text, strlen(err.text)));
			assert_true(str_ends(err.text, ": Input/output error"));
		}
	}
}

static void context_keeps_the_cause(void **state)
{
	struct error err = ERROR_INIT;
	char context[1000];

	(void)state;
	memset(context, 'c', sizeof(context) - 1);
	context[sizeof(context) - 1] = '\0';
	error_set(&err, ERR_INVALID, "the cause");
	error_in(&err, "%s", context);
	assert_true(str_ends(err.text, "c: the cause"));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(error_code_name(ERR_CONFLICT), "conflict");
	assert_string_equal(error_code_name(ERR_MAYBE_DONE), "maybe done");
	assert_string_equal(error_code_name(ERR_SYSTEM), "system");
	for (int code = ERR_SYSTEM; code <= ERR_INVALID; code++)
		assert_string_not_equal(error_code_name((enum error_code)code), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_and_context),
		cmocka_unit_test(null_gives_the_code),
		cmocka_unit_test(errno_text),
		cmocka_unit_test(stays_one_line),
		cmocka_unit_test(cut_between_characters),
		cmocka_unit_test(context_keeps_the_cause),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
