/*
 * zk_hosts.c - Java's connect string, taken apart
 *
 * Layer: lib/store, private to store_zk.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/zk_hosts.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

#define HOST_LEN 256
#define PORT_DEFAULT "2181"

struct host {
	char name[HOST_LEN];
	char port[8];
};

/* One entry, n bytes at s: name[:port], an IPv6 address in brackets. */
static bool parse_host(const char *s, size_t n, struct host *h)
{
	const char *end = s + n, *name = s, *name_end, *colon;
	int64_t port;

	if (n > 0 && s[0] == '[') {
		name++;
		name_end = memchr(s, ']', n);
		if (name_end == NULL)
			return false;
		colon = name_end + 1;
		if (colon < end && *colon != ':')
			return false;
	} else {
		name_end = memchr(s, ':', n);
		if (name_end == NULL)
			name_end = end;
		colon = name_end;
	}
	if (name_end == name || name_end - name >= HOST_LEN)
		return false;
	memcpy(h->name, name, (size_t)(name_end - name));
	h->name[name_end - name] = '\0';
	memcpy(h->port, PORT_DEFAULT, sizeof(PORT_DEFAULT));
	if (colon >= end)
		return true;
	n = (size_t)(end - colon - 1);
	if (n == 0 || n >= sizeof(h->port))
		return false;
	memcpy(h->port, colon + 1, n);
	h->port[n] = '\0';
	return str_to_i64(h->port, 1, 65535, &port);
}

/* Moves *s behind the next entry; false at the end. */
static bool next_entry(const char **s, const char **entry, size_t *n)
{
	const char *p = *s;

	if (*p == '\0')
		return false;
	*s = strchrnul(p, ',');
	while (p < *s && *p == ' ')
		p++;
	*entry = p;
	*n = (size_t)(*s - p);
	while (*n > 0 && p[*n - 1] == ' ')
		--*n;
	if (**s == ',')
		++*s;
	return true;
}

int zk_hosts_check(const char *quorum, struct error *err)
{
	const char *s = quorum, *entry;
	struct host h;
	size_t n;

	if (strchr(quorum, '/') != NULL)
		return error_set(err, ERR_INVALID,
			"quorum '%.200s': a path behind the hosts is not supported, use the namespace", quorum);
	if (*quorum == '\0')
		return error_set(err, ERR_INVALID, "quorum: is empty");
	while (next_entry(&s, &entry, &n))
		if (!parse_host(entry, n, &h))
			return error_set(err, ERR_INVALID, "quorum '%.200s': '%.*s' is not host:port", quorum,
				n < 200 ? (int)n : 200, entry);
	return 0;
}

static bool is_literal(const char *name)
{
	unsigned char addr[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, addr) == 1 || inet_pton(AF_INET6, name, addr) == 1;
}

bool zk_hosts_literal(const char *quorum)
{
	const char *s = quorum, *entry;
	struct host h;
	size_t n;

	while (next_entry(&s, &entry, &n))
		if (!parse_host(entry, n, &h) || !is_literal(h.name))
			return false;
	return true;
}

static void add(struct buf *out, const char *addr, const char *port)
{
	buf_printf(out, "%s%s:%s", out->len > 0 ? "," : "", addr, port);
}

static void look_up(const struct host *h, struct buf *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL, *a;
	char text[INET6_ADDRSTRLEN];
	int rc = getaddrinfo(h->name, NULL, &hints, &list);

	for (a = list; rc == 0 && a != NULL; a = a->ai_next)
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
			add(out, text, h->port);
	if (list != NULL)
		freeaddrinfo(list);
}

bool zk_hosts_look_up(const char *quorum, struct buf *out)
{
	const char *s = quorum, *entry;
	struct host h;
	size_t n;

	while (next_entry(&s, &entry, &n)) {
		if (!parse_host(entry, n, &h))
			continue;
		if (is_literal(h.name))
			add(out, h.name, h.port);
		else
			look_up(&h, out);
	}
	return out->len > 0;
}
