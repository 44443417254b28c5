/*
 * digest_test.c - the published test vectors of SHA-256
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "lib/model/digest.h"

static void known_vectors(void **state)
{
	char hex[DIGEST_HEX];

	(void)state;
	digest_hex("", 0, hex);
	assert_string_equal(
		hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_hex("abc", 3, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void pieces_equal_the_whole(void **state)
{
	static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	struct digest *d = digest_new();
	char hex[DIGEST_HEX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text) - 1; i++)
		digest_add(d, text + i, 1);
	digest_add(d, NULL, 0);
	digest_finish(&d, hex);
	assert_null(d);
	assert_string_equal(
		hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_vectors),
		cmocka_unit_test(pieces_equal_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
