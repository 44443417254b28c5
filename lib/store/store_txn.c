/*
 * store_txn.c - the transaction builder: paths and sizes are checked here, reported at commit
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/store/store_internal.h"

struct store_txn *store_txn_new(struct store *st)
{
	struct store_txn *t = xcalloc(1, sizeof(*t));

	t->st = st;
	store_ref(st);
	t->mem = arena_new();
	return t;
}

void store_txn_free(struct store_txn **tp)
{
	struct store_txn *t = STEAL(*tp);

	if (t == NULL)
		return;
	store_unref(t->st);
	arena_free(&t->mem);
	free(t->ops);
	free(t);
}

static void bad(struct store_txn *t, const char *path, const char *why)
{
	if (t->bad.code == 0)
		error_set(&t->bad, ERR_INVALID, "operation %zu: path '%.200s': %s", t->n, path, why);
}

/* Nothing is copied once the transaction is bad: it cannot grow without bound. */
static void add(struct store_txn *t, enum store_op_kind kind, const char *path, const void *p, size_t n,
	int32_t version, unsigned flags)
{
	struct store_op *op;
	const char *wrong = store_path_error(path);
	char *copy = NULL;

	if (wrong == NULL && path[1] == '\0' && (kind == STORE_OP_CREATE || kind == STORE_OP_DELETE))
		wrong = "the root cannot be created or deleted";
	t->bytes += strlen(path) + n + STORE_OP_BYTES;
	if (wrong != NULL)
		bad(t, path, wrong);
	else if (n > STORE_VALUE_MAX)
		bad(t, path, "the value is larger than 900000 bytes");
	else if (t->bytes > STORE_TXN_MAX && t->bad.code == 0)
		error_set(&t->bad, ERR_INVALID, "the transaction is larger than %d bytes", STORE_TXN_MAX);
	if (t->bad.code != 0) {
		t->n++;
		return;
	}
	if (n > 0) {
		copy = arena_alloc(t->mem, n);
		memcpy(copy, p, n);
	}
	GROW(t->ops, t->n, t->cap);
	op = &t->ops[t->n++];
	*op = (struct store_op){kind, arena_strdup(t->mem, path), copy, n, version, flags};
}

void store_txn_check(struct store_txn *t, const char *path, int32_t version)
{
	add(t, STORE_OP_CHECK, path, NULL, 0, version, 0);
}

void store_txn_create(struct store_txn *t, const char *path, const void *p, size_t n, unsigned flags)
{
	add(t, STORE_OP_CREATE, path, p, n, -1, flags);
}

void store_txn_set(struct store_txn *t, const char *path, const void *p, size_t n, int32_t version)
{
	add(t, STORE_OP_SET, path, p, n, version, 0);
}

void store_txn_delete(struct store_txn *t, const char *path, int32_t version)
{
	add(t, STORE_OP_DELETE, path, NULL, 0, version, 0);
}

size_t store_txn_bytes(const struct store_txn *t)
{
	return t->bytes;
}

size_t store_txn_count(const struct store_txn *t)
{
	return t->n;
}

void store_txn_commit(struct store_txn **t_take, store_commit_fn *done, void *ctx)
{
	struct store_txn *t = STEAL(*t_take);
	struct store_call *c = store_call_new(t->st, STORE_CALL_COMMIT, ctx);

	c->txn = t;
	c->done.commit = done;
	store_call_send(c);
}

/* --- what a refusal says --- */

static const char *op_name(enum store_op_kind kind)
{
	switch (kind) {
	case STORE_OP_CHECK:
		return "check";
	case STORE_OP_CREATE:
		return "create";
	case STORE_OP_SET:
		return "set";
	case STORE_OP_DELETE:
		return "delete";
	}
	return "?";
}

const char *store_why_name(enum store_why why)
{
	switch (why) {
	case STORE_WHY_NONE:
		return "no operation is to blame";
	case STORE_WHY_EXISTS:
		return "the node exists";
	case STORE_WHY_ABSENT:
		return "the node or its parent is absent";
	case STORE_WHY_VERSION:
		return "the node has another version";
	case STORE_WHY_NOT_EMPTY:
		return "the node has children";
	case STORE_WHY_OTHER:
		return "refused";
	}
	return "?";
}

void store_conflict(struct error *err, const struct store_txn *t, size_t failed_op, enum store_why why)
{
	if (failed_op >= t->n) {
		error_set(err, ERR_CONFLICT, "transaction: %s", store_why_name(why));
		return;
	}
	error_set(err, ERR_CONFLICT, "operation %zu, %s '%.200s': %s", failed_op,
		op_name(t->ops[failed_op].kind), t->ops[failed_op].path, store_why_name(why));
}
