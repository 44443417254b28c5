/*
 * known.c - nodes that each post needs and that seldom change: aliases, groups
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/api/known.h"

#include "lib/base/map.h"
#include "lib/base/mem.h"

#include <stdlib.h>

#define KNOWN_PATHS 256 /* watches cost at each reconnect */
#define KNOWN_BYTES 65536 /* of one node */

struct known_node {
	UT_hash_handle hh;
	char *path;
	struct store_watch *watch;
	uint64_t changed; /* stamp since which reads are good */
	bool valid, exists;
	char *data;
	size_t len;
	struct known *known;
};

struct known {
	struct store *st;
	struct known_node *nodes;
	uint64_t stamp;
};

static void on_changed(void *ctx)
{
	struct known_node *n = ctx;

	n->valid = false;
	n->changed = ++n->known->stamp; /* a read on its way may be older than what the watch now sees */
}

static void node_free(struct known *k, struct known_node *n)
{
	MAP_DEL(k->nodes, n);
	store_watch_free(&n->watch);
	free(n->data);
	free(n->path);
	free(n);
}

struct known *known_new(struct store *st)
{
	struct known *k = xcalloc(1, sizeof(*k));

	k->st = st;
	return k;
}

void known_free(struct known **kp)
{
	struct known *k = STEAL(*kp);
	struct known_node *n, *tmp;

	if (k == NULL)
		return;
	MAP_EACH(k->nodes, n, tmp)
		node_free(k, n);
	free(k);
}

bool known_get(const struct known *k, const char *path, struct slice *out)
{
	const struct known_node *n;

	MAP_FIND(k->nodes, path, n);
	if (n == NULL || !n->valid || store_link(k->st) != STORE_LINK_UP)
		return false;
	*out = n->exists ? (struct slice){ n->data, n->len } : (struct slice){ NULL, 0 };
	return true;
}

uint64_t known_stamp(const struct known *k)
{
	return k->stamp;
}

void known_watch(struct known *k, const char *path)
{
	struct known_node *n;

	MAP_FIND(k->nodes, path, n);
	if (n != NULL || MAP_COUNT(k->nodes) >= KNOWN_PATHS)
		return;
	n = xcalloc(1, sizeof(*n));
	n->known = k;
	n->path = xstrdup(path);
	n->changed = ++k->stamp;
	n->watch = store_watch_new(k->st, path, STORE_WATCH_DATA, on_changed, n);
	MAP_ADD(k->nodes, path, n);
}

void known_put(struct known *k, const char *path, uint64_t stamp, const struct store_node *node)
{
	struct known_node *n;

	MAP_FIND(k->nodes, path, n);
	if (n == NULL || stamp < n->changed || (node != NULL && node->len > KNOWN_BYTES))
		return;
	free(n->data);
	n->exists = node != NULL;
	n->len = node != NULL ? node->len : 0;
	n->data = xstrndup(n->len > 0 ? node->data : "", n->len);
	n->valid = true;
}
