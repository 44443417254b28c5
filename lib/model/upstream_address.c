/*
 * upstream_address.c - which addresses may be stored: they end up in configuration files
 *
 * The grammar is ours, without a resolver: host:port, a.b.c.d:port, [v6]:port.  A host whose last
 * label is all digits is meant as an IPv4 address and must be one.
 *
 * Layer: lib/base.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/upstream.h"

#include <string.h>

#define MAX_HOST 253
#define MAX_LABEL 63
#define MAX_TOKEN 512

struct address {
	const char *host;
	size_t host_len;
	int port;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Decimal without leading zeros, 0..max, over all n characters; -1 = none such. */
static int small_number(const char *s, size_t n, int max)
{
	int v = 0;
	size_t i;

	if (n == 0 || n > 5 || (n > 1 && s[0] == '0'))
		return -1;
	for (i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v <= max ? v : -1;
}

static bool is_ipv4(const char *s, size_t n)
{
	const char *end = s + n;
	int i;

	for (i = 0; i < 4; i++) {
		const char *dot = i < 3 ? memchr(s, '.', (size_t)(end - s)) : end;

		if (dot == NULL || small_number(s, (size_t)(dot - s), 255) < 0)
			return false;
		s = dot + 1;
	}
	return true;
}

/* One group of hex digits; 0 = none. */
static size_t hex_group(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && n < 5 && is_hex(s[n]))
		n++;
	return n <= 4 ? n : 0;
}

/* Eight groups, "::" once for one or more of them, and perhaps an IPv4 address for the last two. */
static bool is_ipv6(const char *s, size_t n)
{
	const char *end = s + n;
	bool gap = false;
	int groups = 0;

	if (n < 2 || (s[0] == ':' && s[1] != ':'))
		return false;
	while (s < end) {
		size_t len;

		if (s[0] == ':' && s + 1 < end && s[1] == ':') {
			if (gap)
				return false;
			gap = true;
			s += 2;
			if (s >= end)
				break;
		} else if (s[0] == ':' && ++s >= end) {
			return false;
		}
		if (memchr(s, '.', (size_t)(end - s)) != NULL &&
			memchr(s, ':', (size_t)(end - s)) == NULL) {
			groups += 2;
			if (!is_ipv4(s, (size_t)(end - s)))
				return false;
			break;
		}
		len = hex_group(s, end);
		if (len == 0 || (s + len < end && s[len] != ':'))
			return false;
		groups++;
		s += len;
	}
	return gap ? groups <= 7 : groups == 8;
}

static bool is_label(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > MAX_LABEL || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (i = 0; i < n; i++) {
		if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '_')
			return false;
	}
	return true;
}

static bool all_digits(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!is_digit(s[i]))
			return false;
	}
	return true;
}

static bool is_host(const char *s, size_t n)
{
	const char *end = s + n, *dot;

	if (n == 0 || n > MAX_HOST)
		return false;
	if (is_ipv4(s, n))
		return true;
	for (; (dot = memchr(s, '.', (size_t)(end - s))) != NULL; s = dot + 1) {
		if (!is_label(s, (size_t)(dot - s)))
			return false;
	}
	return is_label(s, (size_t)(end - s)) && !all_digits(s, (size_t)(end - s));
}

static int parse_address(const char *text, struct address *out, struct error *err)
{
	const char *colon = strrchr(text, ':');
	struct address a = { text, 0, 0 };
	bool host_ok;

	if (colon == NULL)
		return error_set(err, ERR_INVALID,
			"upstream '%.200s' has no port: host:port is wanted", text);
	a.host_len = (size_t)(colon - text);
	if (text[0] == '[') {
		host_ok = a.host_len > 2 && text[a.host_len - 1] == ']';
		a.host++;
		a.host_len = host_ok ? a.host_len - 2 : 0;
		host_ok = host_ok && is_ipv6(a.host, a.host_len);
	} else {
		host_ok = is_host(a.host, a.host_len);
	}
	if (!host_ok)
		return error_set(err, ERR_INVALID,
			"upstream '%.200s' has no valid host: a name, an IPv4 address or [IPv6] is "
			"wanted",
			text);
	a.port = small_number(colon + 1, strlen(colon + 1), 65535);
	if (a.port < 1)
		return error_set(err, ERR_INVALID,
			"upstream '%.200s' has no valid port: 1 to 65535 is wanted", text);
	*out = a;
	return 0;
}

static int check_token(const char *address, struct error *err)
{
	size_t i;

	for (i = 0; address[i] != '\0'; i++) {
		if (i == MAX_TOKEN)
			return error_set(err, ERR_INVALID,
				"upstream '%.60s...' is longer than %d bytes", address, MAX_TOKEN);
		if (address[i] <= 0x20 || address[i] >= 0x7f ||
			strchr("'\"#;{}\\$`", address[i]) != NULL)
			return error_set(err, ERR_INVALID,
				"upstream has a character at byte %zu that is not allowed", i);
	}
	return i > 0 ? 0 : error_set(err, ERR_INVALID, "upstream is empty");
}

int upstream_check_address(const char *address, enum upstream_syntax syntax, struct error *err)
{
	struct address parsed;
	int rc;

	if (address == NULL)
		return error_set(err, ERR_INVALID, "upstream is missing");
	rc = check_token(
		address, err); /* what a strict one may hold is a part of it: good errors first */
	if (rc == 0 && syntax == UPSTREAM_STRICT)
		rc = parse_address(address, &parsed, err);
	return rc;
}

bool upstream_split(const char *address, struct arena *a, const char **host, int *port)
{
	struct address parsed;

	if (address == NULL || parse_address(address, &parsed, NULL) != 0)
		return false;
	*host = arena_strndup(a, parsed.host, parsed.host_len);
	*port = parsed.port;
	return true;
}
