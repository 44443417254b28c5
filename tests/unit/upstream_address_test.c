/*
 * upstream_address_test.c - the grammar of addresses; IPv6 against inet_pton as the judge
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include <arpa/inet.h>

#include "lib/base/rand.h"
#include "lib/model/upstream.h"

static void strict(void **state)
{
	static const char *const good[] = {"10.0.0.5:31001", "host:80", "host.example:1",
		"a-b_c.d:65535", "localhost:8080", "[::1]:80", "[2001:db8::a:b]:443",
		"[::ffff:1.2.3.4]:80", "0.0.0.0:1", "1a:80", "h1.2x:80",
		"xn--bcher-kva.example:80"};
	static const char *const bad[] = {"", "host", "host:", ":80", "host:0", "host:65536",
		"host:080", "host:+80", "host: 80", "host:8a", "host:80 ", " host:80", "-a:80",
		"a-:80", "a..b:80", ".a:80", "a.:80", "1.2.3:80", "1.2.3.4.5:80", "256.1.1.1:80",
		"01.2.3.4:80", "123:80", "a:b:80", "::1:80", "[::1]", "[::1]80", "[]:80",
		"[::1%eth0]:80", "[1.2.3.4]:80", "[::1:80", "h\xc3\xb6st:80", "host:80\n", "h'x:80",
		"host:80;", "host:80 check", "a/b:80", "host:999999999999999999999"};
	struct error err = ERROR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++) {
		if (upstream_check_address(good[i], UPSTREAM_STRICT, &err) != 0)
			fail_msg("%s", err.text);
	}
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		if (upstream_check_address(bad[i], UPSTREAM_STRICT, &err) != ERR_INVALID)
			fail_msg("accepted '%s'", bad[i]);
	}
	assert_int_equal(upstream_check_address(NULL, UPSTREAM_STRICT, &err), ERR_INVALID);
	assert_string_equal(err.text, "upstream is missing");
}

static void lengths(void **state)
{
	char text[300];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + 63, ":80", 4);
	assert_int_equal(upstream_check_address(text, UPSTREAM_STRICT, NULL), 0);
	memset(text, 'a', sizeof(text));
	memcpy(text + 64, ":80", 4);
	assert_int_equal(upstream_check_address(text, UPSTREAM_STRICT, NULL), ERR_INVALID);
	memset(text, 'a', sizeof(text));
	text[60] = text[120] = text[180] = text[240] = '.';
	memcpy(text + 253, ":80", 4);
	assert_int_equal(upstream_check_address(text, UPSTREAM_STRICT, NULL), 0);
	text[253] = 'a';
	memcpy(text + 254, ":80", 4);
	assert_int_equal(upstream_check_address(text, UPSTREAM_STRICT, NULL), ERR_INVALID);
}

static void ipv6_as_inet_pton(void **state)
{
	static const char alphabet[] = "::::::1fF0g.12";
	struct rand_state r;
	int i, agreed_valid = 0;

	(void)state;
	rand_seed(&r, 7);
	for (i = 0; i < 300000; i++) {
		char host[24], text[32];
		struct in6_addr out;
		size_t n = 2 + rand_below(&r, 17), k;
		bool theirs, ours;

		for (k = 0; k < n; k++)
			host[k] = alphabet[rand_below(&r, sizeof(alphabet) - 1)];
		host[n] = '\0';
		snprintf(text, sizeof(text), "[%s]:80", host);
		theirs = inet_pton(AF_INET6, host, &out) == 1;
		ours = upstream_check_address(text, UPSTREAM_STRICT, NULL) == 0;
		if (ours != theirs)
			fail_msg("%s: inet_pton says %d, we say %d", host, theirs, ours);
		agreed_valid += ours;
	}
	assert_true(agreed_valid > 1000);
}

static void token(void **state)
{
	static const char *const good[] = {
		"host", "unix:/run/app.sock", "10.0.0.1:80,backup", "a=b&c|d"};
	static const char *const bad[] = {"", "a b", "a\tb", "a'b", "a\"b", "a#b", "a;b", "a{b",
		"a}b", "a\\b", "a$b", "a`b", "h\xc3\xb6st", "a\x7f"};
	char text[600];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(upstream_check_address(good[i], UPSTREAM_TOKEN, NULL), 0);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(upstream_check_address(bad[i], UPSTREAM_TOKEN, NULL), ERR_INVALID);
	memset(text, 'a', sizeof(text));
	text[512] = '\0';
	assert_int_equal(upstream_check_address(text, UPSTREAM_TOKEN, NULL), 0);
	text[512] = 'a';
	text[513] = '\0';
	assert_int_equal(upstream_check_address(text, UPSTREAM_TOKEN, NULL), ERR_INVALID);
}

static void split(void **state)
{
	const char *host = "untouched";
	int port = -1;

	assert_false(upstream_split("nonsense", *state, &host, &port));
	assert_false(upstream_split(NULL, *state, &host, &port));
	assert_string_equal(host, "untouched");
	assert_true(upstream_split("host.example:31001", *state, &host, &port));
	assert_string_equal(host, "host.example");
	assert_int_equal(port, 31001);
	assert_true(upstream_split("[2001:db8::1]:443", *state, &host, &port));
	assert_string_equal(host, "2001:db8::1");
	assert_int_equal(port, 443);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(strict), TEST(lengths), TEST(ipv6_as_inet_pton), TEST(token), TEST(split)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
