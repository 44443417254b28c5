/*
 * upstream.c - upstreams as objects, as texts and as node names
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/upstream.h"

#include <string.h>

#include "lib/base/str.h"

#define TEXT_PARTS 5 /* address | request id | rack | group | resolved */

static int upstream_rules(void *obj, struct arena *a, struct error *err)
{
	struct upstream *u = obj;

	(void)a;
	(void)err;
	if (u->request_id != NULL && u->request_id[0] == '\0')
		u->request_id = NULL;
	if (u->rack_id != NULL && u->rack_id[0] == '\0')
		u->rack_id = NULL;
	return 0;
}

static int upstream_string_form(const char *s, struct arena *a, void *obj, struct error *err)
{
	return upstream_from_text(s, a, obj, err);
}

#define UPSTREAM(json, kind_, c)                                                                   \
	.name = (json), .kind = (kind_), .offset = offsetof(struct upstream, c)
static const struct field upstream_fields[] = {
	{ UPSTREAM("upstream", FIELD_STRING, address) },
	{ UPSTREAM("requestId", FIELD_STRING, request_id) },
	{ UPSTREAM("rackId", FIELD_STRING, rack_id) },
	{ UPSTREAM("group", FIELD_STRING, group), .missing = "default" },
	{ UPSTREAM("resolvedUpstream", FIELD_STRING, resolved) },
	{ UPSTREAM("original", FIELD_MEMORY_STRING, original) },
};
const struct record upstream_record = {
	.name = "UpstreamInfo",
	.size = sizeof(struct upstream),
	.fields = upstream_fields,
	.n_fields = ARRAY_LEN(upstream_fields),
	.from_string = upstream_string_form,
	.after = upstream_rules,
};

bool upstream_same(const struct upstream *x, const struct upstream *y)
{
	return str_eq(x->address, y->address) && str_eq(x->group, y->group);
}

static int compare_part(const char *x, const char *y)
{
	return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

int upstream_compare(const struct upstream *x, const struct upstream *y)
{
	int c = compare_part(x->address, y->address);

	if (c == 0)
		c = compare_part(x->group, y->group);
	if (c == 0)
		c = compare_part(x->rack_id, y->rack_id);
	if (c == 0)
		c = compare_part(x->request_id, y->request_id);
	if (c == 0)
		c = compare_part(x->resolved, y->resolved);
	return c;
}

void upstream_node_name(const struct upstream *u, struct buf *out)
{
	const char *const rest[] = {
		u->request_id, u->rack_id, u->group != NULL ? u->group : "default", u->resolved};
	size_t i;

	if (u->address != NULL)
		b64url_encode(out, u->address, strlen(u->address));
	for (i = 0; i < ARRAY_LEN(rest); i++) {
		buf_char(out, '|');
		buf_str(out, rest[i] != NULL ? rest[i] : "");
	}
}

/* Pieces between bars; what follows the fifth is dropped, as Java does. */
static size_t split_bars(const char *text, struct slice parts[TEXT_PARTS])
{
	size_t n = 0;

	for (;;) {
		size_t len = strcspn(text, "|");

		if (n < TEXT_PARTS)
			parts[n++] = (struct slice){ text, len };
		if (text[len] == '\0')
			return n;
		text += len + 1;
	}
}

static const char *piece(const struct slice *s, struct arena *a)
{
	return s->n > 0 ? arena_strndup(a, s->p, s->n) : NULL;
}

static int decode_address(
	const struct slice *s, struct arena *a, const char **out, struct error *err)
{
	AUTO(buf_release) struct buf address = BUF_INIT;

	if (!b64url_decode(&address, s->p, s->n))
		return error_set(err, ERR_INVALID,
			"upstream '%.*s' is neither host:port with a dot nor base64url",
			s->n > 100 ? 100 : (int)s->n, s->p);
	if (memchr(buf_cstr(&address), '\0', address.len) != NULL ||
		!utf8_valid(buf_cstr(&address), address.len))
		return error_set(err, ERR_INVALID, "upstream '%.*s' does not decode to text",
			s->n > 100 ? 100 : (int)s->n, s->p);
	*out = arena_strndup(a, buf_cstr(&address), address.len);
	return 0;
}

int upstream_from_text(const char *text, struct arena *a, struct upstream *u, struct error *err)
{
	struct slice parts[TEXT_PARTS];
	struct upstream read = { .group = "default" };
	size_t n;

	if (!utf8_valid(text, strlen(text)))
		return error_set(err, ERR_INVALID, "upstream is not valid UTF-8");
	memset(parts, 0, sizeof(parts));
	n = split_bars(text, parts);
	read.original = arena_strdup(a, text);
	if (n == 1 && strchr(text, '.') != NULL) { /* the form of old versions and of people */
		read.address = read.original;
		*u = read;
		return 0;
	}
	if (decode_address(&parts[0], a, &read.address, err) != 0)
		return ERR_INVALID;
	read.request_id = piece(&parts[1], a);
	read.rack_id = piece(&parts[2], a);
	if (parts[3].n > 0)
		read.group = piece(&parts[3], a);
	read.resolved = piece(&parts[4], a);
	*u = read;
	return 0;
}
