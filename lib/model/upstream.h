/*
 * upstream.h - one server behind a service: text form, node name, sameness
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_UPSTREAM_H
#define LIB_MODEL_UPSTREAM_H

#include "lib/model/record.h"

struct upstream {
	const char *address;    /* "upstream": host:port; may be NULL as in Java */
	const char *request_id; /* NULL = absent; "" reads as absent */
	const char *rack_id;
	const char *group;      /* never NULL: "default" */
	const char *resolved;   /* "resolvedUpstream" */
	const char *original;   /* the node name or text it was read from; never written */
};
struct upstreams {
	struct upstream *items;
	size_t n;
};
extern const struct record upstream_record;

/* "Same" for add, remove and merge: equal address and equal group. */
bool upstream_same(const struct upstream *x, const struct upstream *y);

/* Total order by address, group, rack, request id, resolved (NULL as ""); 0 = the same node. */
int upstream_compare(const struct upstream *x, const struct upstream *y);

/* b64url(address)|requestId|rackId|group|resolved and back (also the legacy bare form). */
void upstream_node_name(const struct upstream *u, struct buf *out);
int upstream_from_text(
	const char *text, struct arena *a, struct upstream *u, struct error *err) MUST_CHECK;

/* What may be stored. STRICT: host:port, a.b.c.d:port, [v6]:port, port 1-65535. TOKEN: any run of
 * printable characters without space, quotes, #;{}\$ and backtick. */
enum upstream_syntax { UPSTREAM_STRICT, UPSTREAM_TOKEN };
int upstream_check_address(
	const char *address, enum upstream_syntax syntax, struct error *err) MUST_CHECK;

/* Host and port of a strict address; host without brackets. false: no such form. */
bool upstream_split(const char *address, struct arena *a, const char **host, int *port);

#endif
