/*
 * context_upstreams.c - the upstreams of a service as templates see them, and their names
 *
 * There are many: texts are borrowed, maps have their size from the start, and an address that is made of
 * plain characters, as nearly all are, is looked at once.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/context_internal.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define UPSTREAM_MEMBERS 12 /* with its text */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool plain_char(char c)
{
	return is_digit(c) || c == '.' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static void escape_name(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (plain_char(s[i]))
			buf_char(out, s[i]);
		else
			buf_printf(out, ":%02X", (unsigned)(unsigned char)s[i]);
	}
}

void context_backend_name(const char *service_id, struct buf *out)
{
	escape_name(out, service_id, strlen(service_id));
}

/* Three families that cannot meet: s_<host>_<port>, s6_<IPv6 address>_<port>, t_<any other text>. */
void context_server_name(const char *address, struct buf *out)
{
	const char *colon = strrchr(address, ':');
	size_t host = colon != NULL ? (size_t)(colon - address) : 0;

	if (host > 2 && address[0] == '[' && address[host - 1] == ']' &&
		strspn(address + 1, "0123456789abcdefABCDEF:.") == host - 2 &&
		colon[1] != '\0' && colon[1 + strspn(colon + 1, "0123456789")] == '\0') {
		buf_str(out, "s6_");
		buf_append(out, address + 1, host - 2);
		buf_printf(out, "_%s", colon + 1);
	} else if (host > 0 && memchr(address, ':', host) == NULL && colon[1] != '\0' &&
		colon[1 + strspn(colon + 1, "0123456789")] == '\0') {
		buf_str(out, "s_");
		escape_name(out, address, host);
		buf_printf(out, "_%s", colon + 1);
	} else {
		buf_str(out, "t_");
		escape_name(out, address, strlen(address));
	}
}

/* host:port of plain characters: the length of the host. 0: something else. */
static size_t plain_host(const char *address)
{
	size_t host = 0, end;

	while (plain_char(address[host]))
		host++;
	if (host == 0 || host > 300 || address[host] != ':')
		return 0;
	for (end = host + 1; is_digit(address[end]); end++)
		;
	return address[end] == '\0' && end > host + 1 && end <= host + 6 ? host : 0;
}

static const char *name_of(const char *address, size_t host, struct arena *a)
{
	AUTO(buf_release) struct buf name = BUF_INIT;
	size_t n = strlen(address);
	char *text;

	if (host == 0) {
		context_server_name(address, &name);
		return arena_strdup(a, name.data);
	}
	text = arena_alloc(a, n + 3);
	memcpy(text, "s_", 2);
	memcpy(text + 2, address, n);
	text[2 + host] = '_';
	return text;
}

static const char *address_of(const struct upstream *u)
{
	return u->resolved != NULL ? u->resolved : u->address;
}

static int order(const char *x, const char *y)
{
	return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

/* By address and group; the rest only so that equal pairs have an order, too. */
static int compare_upstreams(const void *px, const void *py)
{
	const struct upstream *x = *(const struct upstream *const *)px, *y = *(const struct upstream *const *)py;
	int c = order(x->address, y->address);

	if (c == 0)
		c = order(x->group, y->group);
	if (c == 0)
		c = order(x->request_id, y->request_id);
	if (c == 0)
		c = order(x->rack_id, y->rack_id);
	if (c == 0)
		c = order(x->resolved, y->resolved);
	return c != 0 ? c : order(x->original, y->original);
}

/* What is the same for all upstreams of a service. */
struct build {
	struct arena *arena;
	enum template_level level;
	const struct value *weights; /* of the options; may be NULL */
};

/* As text, so that {{#if weight}} is true for 0. */
static const struct value *weight_of(const struct build *b, const char *address)
{
	const struct value *w = b->weights != NULL && address != NULL ? value_get(b->weights, address) : NULL;

	if (w == NULL || w->kind != VALUE_INT || w->u.i < 0 || w->u.i > 256)
		return value_null();
	return value_text(b->arena, arena_printf(b->arena, "%d", (int)w->u.i));
}

static void add_text(const struct build *b, struct value *map, const char *key, const char *s)
{
	value_map_add(b->arena, map, key, value_text(b->arena, s));
}

static void add_optional(const struct build *b, struct value *map, const char *key, const char *s)
{
	value_map_add(b->arena, map, key, context_optional(b->arena, value_text(b->arena, s), b->level));
}

/* What is made of the address; the same members, null, where there is none. */
static void add_address(const struct build *b, struct value *v, const char *address, const char *weighed)
{
	const char *host = NULL;
	size_t plain = address != NULL ? plain_host(address) : 0;
	int port = 0;
	bool split = address != NULL && upstream_split(address, b->arena, &host, &port);

	add_text(b, v, "name", address != NULL ? name_of(address, plain, b->arena) : NULL);
	add_text(b, v, "address", address);
	add_text(b, v, "host", split ? host : NULL);
	value_map_add(b->arena, v, "port", split ? value_int(b->arena, port) : value_null());
	value_map_add(b->arena, v, "weight", weight_of(b, weighed));
}

static int check_address(const char *address, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc;

	if (address == NULL || plain_host(address) > 0)
		return 0;
	rc = upstream_check_address(address, UPSTREAM_TOKEN, err);
	if (rc != 0) {
		str_escape(&text, address, strlen(address), 80);
		error_in(err, "upstream '%s'", buf_cstr(&text));
	}
	return rc;
}

static int upstream_value(const struct build *b, const struct upstream *u, const struct value **v_out,
	struct error *err)
{
	struct value *v;
	const struct value *text;
	int rc = check_address(u->address, err);

	if (rc == 0)
		rc = check_address(u->resolved, err);
	if (rc == 0 && u->group != NULL &&
		(str_eq(u->group, TEMPLATE_TEXT_KEY) || str_eq(u->group, TEMPLATE_OPTIONAL_KEY)))
		rc = error_set(err, ERR_INVALID, "upstream '%s': its group is named by the control character 0x%02x",
			u->address != NULL ? u->address : "", (unsigned)u->group[0]);
	if (rc != 0)
		return rc;
	v = value_map_sized(b->arena, UPSTREAM_MEMBERS);
	text = value_text(b->arena, u->address);
	value_map_add(b->arena, v, "upstream", text);
	add_text(b, v, "group", u->group);
	add_optional(b, v, "requestId", u->request_id);
	add_optional(b, v, "rackId", u->rack_id);
	add_optional(b, v, "resolvedUpstream", u->resolved);
	add_optional(b, v, "originalPath", u->original);
	add_address(b, v, address_of(u), u->address);
	value_map_add(b->arena, v, TEMPLATE_TEXT_KEY, text);
	*v_out = v;
	return 0;
}

/* A group's name with its upstream, for sorting by group. */
struct grouped {
	const char *group;
	size_t place; /* in the order of addresses */
	const struct value *upstream;
};

static int compare_grouped(const void *px, const void *py)
{
	const struct grouped *x = px, *y = py;
	int c = order(x->group, y->group);

	return c != 0 ? c : (x->place > y->place) - (x->place < y->place);
}

/* Most services have one group: nothing to sort then. */
static const struct value *groups_value(struct grouped *all, size_t n, const struct value *whole, struct arena *a)
{
	struct value *groups = value_map(a), *list = NULL;
	size_t same = 0;

	while (same < n && order(all[same].group, all[0].group) == 0)
		same++;
	if (same == n) {
		if (n > 0)
			value_map_add(a, groups, all[0].group != NULL ? all[0].group : "default", whole);
		return groups;
	}
	qsort(all, n, sizeof(*all), compare_grouped);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || order(all[i].group, all[i - 1].group) != 0) {
			list = value_list(a);
			value_map_put(a, groups, all[i].group != NULL ? all[i].group : "default", list);
		}
		value_list_add(a, list, all[i].upstream);
	}
	return groups;
}

/* The first of each address is a server.  Without resolved ones equal addresses are neighbours. */
static const struct value *servers_value(const struct upstream *const *us, size_t n, const struct value *all,
	struct arena *a)
{
	struct value *servers = value_list_sized(a, n), *seen = NULL;
	const char *last = NULL;

	for (size_t i = 0; seen == NULL && i < n; i++)
		if (us[i]->resolved != NULL)
			seen = value_map_sized(a, n);
	for (size_t i = 0; i < n; i++) {
		const char *address = address_of(us[i]);

		if (address == NULL || (seen == NULL ? str_eq(address, last) : value_get(seen, address) != NULL))
			continue;
		if (seen != NULL)
			value_map_add(a, seen, address, value_null());
		last = address;
		value_list_add(a, servers, all->u.list.items[i]);
	}
	return servers;
}

static const struct upstream **sort_upstreams(const struct upstreams *us, struct arena *a)
{
	const struct upstream **sorted = arena_alloc(a, (us->n + 1) * sizeof(*sorted));

	for (size_t i = 0; i < us->n; i++)
		sorted[i] = &us->items[i];
	if (us->n > 1)
		qsort(sorted, us->n, sizeof(*sorted), compare_upstreams);
	return sorted;
}

int context_put_upstreams(struct value *root, const struct service_state *s, enum template_level level,
	struct arena *a, struct error *err)
{
	struct build b = { a, level, s->service->options != NULL ? value_get(s->service->options, "weights") : NULL };
	size_t n = s->upstreams.n;
	const struct upstream **sorted = sort_upstreams(&s->upstreams, a);
	struct grouped *grouped = arena_alloc(a, (n + 1) * sizeof(*grouped));
	struct value *all = value_list_sized(a, n);

	for (size_t i = 0; i < n; i++) {
		const struct value *v;
		int rc = upstream_value(&b, sorted[i], &v, err);

		if (rc != 0)
			return rc;
		value_list_add(a, all, v);
		grouped[i] = (struct grouped){ sorted[i]->group, i, v };
	}
	value_map_add(a, root, "upstreams", all);
	value_map_add(a, root, "upstreamGroups", groups_value(grouped, n, all, a));
	value_map_add(a, root, "servers", servers_value(sorted, n, all, a));
	return 0;
}
