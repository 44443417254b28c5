/*
 * gzip_test.c - what comes out is what went in, in pieces of any size; who takes it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/base/rand.h"
#include "lib/http/gzip.h"

static void expect_back(const struct buf *zipped, const struct buf *want)
{
	AUTO(xfree_p) char *back = xmalloc(want->len + 1);
	z_stream z = { .next_in = (unsigned char *)zipped->data,
		.avail_in = (uInt)zipped->len,
		.next_out = (unsigned char *)back,
		.avail_out = (uInt)want->len + 1 };

	assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, want->len);
	if (want->len > 0)
		assert_memory_equal(back, want->data, want->len);
	inflateEnd(&z);
}

static void expect_unpacked(const struct buf *zipped, const struct buf *want)
{
	AUTO(buf_release) struct buf back = BUF_INIT;

	if (want->len > 0)
		assert_int_equal(gzip_unpack(zipped->data, zipped->len, want->len - 1, &back), ERR_REFUSED);
	assert_int_equal(back.len, 0);
	assert_int_equal(gzip_unpack(zipped->data, zipped->len, want->len, &back), 0);
	assert_int_equal(back.len, want->len);
	if (want->len > 0)
		assert_memory_equal(back.data, want->data, want->len);
}

static void test_there_and_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 65536, 700001 }, pieces[] = { 7, 4096, 1000000 };
	struct rand_state r;

	(void)state;
	rand_seed(&r, 3);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		AUTO(buf_release) struct buf text = BUF_INIT;

		while (text.len < sizes[i]) /* half noise, half the same again */
			buf_char(&text, (char)(rand_below(&r, 2) ? 'a' : rand_below(&r, 256)));
		for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
			AUTO(gzip_free) struct gzip *g = gzip_new();
			AUTO(buf_release) struct buf out = BUF_INIT;
			size_t at = 0;

			for (; text.len - at > pieces[k]; at += pieces[k])
				gzip_add(g, text.data + at, pieces[k], false);
			gzip_add(g, text.len > 0 ? text.data + at : "", text.len - at, true);
			gzip_take(g, &out);
			expect_back(&out, &text);
			expect_unpacked(&out, &text);
		}
	}
}

static void test_what_is_none(void **state)
{
	static const char text[] = "the same, the same, the same, the same, the same";
	unsigned char zlib[128], more[129];
	uLongf n = sizeof(zlib);
	AUTO(buf_release) struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(compress(zlib, &n, (const unsigned char *)text, sizeof(text)), Z_OK);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(gzip_unpack(zlib, cut, 1000, &out), ERR_INVALID);
	memcpy(more, zlib, n);
	more[n] = 'x';
	assert_int_equal(gzip_unpack(more, n + 1, 1000, &out), ERR_INVALID);
	assert_int_equal(gzip_unpack(text, sizeof(text), 1000, &out), ERR_INVALID);
	assert_int_equal(out.len, 0);
	assert_int_equal(gzip_unpack(zlib, n, 1000, &out), 0);
	assert_int_equal(out.len, sizeof(text));
	assert_string_equal(out.data, text);
}

static void test_who_takes_it(void **state)
{
	static const char *const yes[] = { "gzip", "snappy,gzip,deflate", "deflate, gzip;q=0.5", "x-gzip", "gzip ; q=0.001" };
	static const char *const no[] = { "", "identity", "gzip;q=0", "gzip; q=0.0", "gzip;q=0, deflate", "GZIP" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(gzip_accepted(yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(gzip_accepted(no[i]));
	assert_false(gzip_accepted(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_who_takes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
