/*
 * words_test.c - command lines become words
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/proc.h"

#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static void expect(const char *command, const char *joined)
{
	AUTO(proc_words_free) char **argv = NULL;
	AUTO(buf_release) struct buf b = BUF_INIT;

	assert_int_equal(proc_split(command, &argv, NULL), 0);
	for (size_t i = 0; argv[i] != NULL; i++)
		buf_printf(&b, "[%s]", argv[i]);
	assert_string_equal(buf_cstr(&b), joined);
}

static void refuse(const char *command, const char *why)
{
	struct error err = ERROR_INIT;
	char **argv = NULL;

	assert_int_equal(proc_split(command, &argv, &err), ERR_INVALID);
	assert_string_equal(err.text, why);
	assert_null(argv);
}

static void words(void **state)
{
	(void)state;
	expect("haproxy -c -f /etc/haproxy.cfg", "[haproxy][-c][-f][/etc/haproxy.cfg]");
	expect("  a \t b\n", "[a][b]");
	expect("/bin/sh -c \"echo 'a b' > c\"", "[/bin/sh][-c][echo 'a b' > c]");
	expect("a'b c'd\"e\"", "[ab cde]");
	expect("a '' \"\"", "[a][][]");
	expect("a \\b $HOME `x` *", "[a][\\b][$HOME][`x`][*]"); /* nothing is expanded */
	expect("caf\xc3\xa9 x", "[caf\xc3\xa9][x]");
}

static void refused(void **state)
{
	char *long_one = malloc(40000);

	(void)state;
	refuse("", "command is empty");
	refuse(" \n", "command is empty");
	refuse("a 'b", "command: the quote ' at character 3 is not closed");
	refuse("a \"b' c", "command: the quote \" at character 3 is not closed");
	for (size_t i = 0; i < 39999; i++)
		long_one[i] = i % 2 == 0 ? 'a' : ' ';
	long_one[39999] = '\0';
	refuse(long_one, "command is longer than 32768 bytes");
	long_one[3000] = '\0';
	refuse(long_one, "command has more than 1024 words");
	free(long_one);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words), cmocka_unit_test(refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
