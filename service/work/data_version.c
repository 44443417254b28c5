/*
 * data_version.c - /zk-data-version: what Baragon's own migrations have made of this namespace
 *
 * An empty namespace is marked as up to date, so that a Java service that comes to it later changes nothing.  One that a
 * very old Baragon wrote is read as it is: what its upstream nodes hold as data is not looked at, and that is said.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"

#include <stdlib.h>

#define CURRENT 2
#define CURRENT_TEXT "\"2\"" /* a text with a number in it: so Java has it */

static void on_marked(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	(void)err; /* somebody else did, or the next leader does */
}

static void mark(struct worker *w)
{
	struct store_txn *t = store_txn_new(w->st);

	store_txn_check(t, w->latch_node, -1);
	store_txn_create(t, PATH_DATA_VERSION, CURRENT_TEXT, strlen(CURRENT_TEXT), STORE_PERSISTENT);
	store_txn_commit(&t, on_marked, NULL);
}

static int64_t number_of(const struct store_node *node, struct arena *a)
{
	const char *text;
	int64_t n;

	if (node == NULL)
		return 0;
	if (json_string_decode(node->data, node->len, a, &text, NULL) != 0)
		text = arena_strndup(a, node->data, node->len); /* Java reads a bare number too */
	return str_to_i64(text, 0, INT32_MAX, &n) ? n : 0;
}

static void on_read(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct worker *w = ctx;
	const struct store_node *node;
	size_t n_services;

	if (err != NULL)
		return; /* the connection went: the worker starts over, and somebody may look again */
	node = reader_node(r, 0);
	reader_names(r, 1, &n_services);
	if (number_of(node, r->arena) >= CURRENT)
		return;
	if (node == NULL && n_services == 0)
		mark(w);
	else
		log_warn(NULL, "these records may be of a Baragon before 0.10: racks that it kept in the data of upstream nodes are not read; "
			       "run the Java service once, or post such services again", "zk-data-version", log_int(number_of(node, r->arena)));
}

void data_version_look(struct worker *w)
{
	struct reader *r = reader_new(w->st, w->life);

	reader_get(r, PATH_DATA_VERSION);
	reader_children(r, PATH_STATE);
	reader_run(&r, on_read, w);
}
