/*
 * mem_tree.c - ZooKeeper's tree and transaction rules, without time or sessions
 *
 * Layer: lib/store, private to store_mem.  Threads: none shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/mem_tree.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* How to take one applied operation back. */
struct undo {
	enum store_op_kind kind;
	struct mem_node *node; /* of a delete: the detached node */
	char *data;            /* of a set: what was there */
	struct store_node stat;
};

struct work {
	struct mem_tree *t;
	struct mem_commit *c;
	struct undo *undo;
	size_t n_undo;
};

/* --- commits --- */

static struct mem_commit *commit_new(const struct mem_tree *t, size_t n, uint64_t owner, int64_t wall_ms)
{
	struct mem_commit *c = xcalloc(1, sizeof(*c));

	c->refs = 1;
	c->mem = arena_new();
	c->zxid = t->zxid + 1;
	c->wall_ms = wall_ms;
	c->owner = owner;
	c->changes = arena_alloc(c->mem, (n + 1) * sizeof(*c->changes));
	c->ephemeral = arena_alloc(c->mem, (n + 1) * sizeof(*c->ephemeral));
	c->created = arena_alloc(c->mem, (n + 1) * sizeof(*c->created));
	c->ops = n;
	return c;
}

struct mem_commit *mem_commit_ref(struct mem_commit *c)
{
	c->refs++;
	return c;
}

void mem_commit_unref(struct mem_commit *c)
{
	if (--c->refs > 0)
		return;
	arena_free(&c->mem);
	free(c);
}

static struct mem_change *record(struct mem_commit *c, const char *path, const void *data, size_t len)
{
	struct mem_change *ch = &c->changes[c->n++];
	void *copy = NULL;

	if (len > 0) {
		copy = arena_alloc(c->mem, len);
		memcpy(copy, data, len);
	}
	*ch = (struct mem_change){.path = arena_strdup(c->mem, path), .data = copy, .len = len, .zxid = c->zxid};
	return ch;
}

/* --- nodes --- */

const char *mem_node_name(const struct mem_node *n)
{
	return strrchr(n->path, '/') + 1;
}

struct mem_node *mem_tree_find(const struct mem_tree *t, const char *path)
{
	struct mem_node *n;

	MAP_FIND(t->nodes, path, n);
	return n;
}

static struct mem_node *find_parent(const struct mem_tree *t, const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);
	AUTO(xfree_p) char *up = n > 0 ? xstrndup(path, n) : xstrdup("/");

	return mem_tree_find(t, up);
}

static void count_children(struct mem_node *parent, int by)
{
	parent->stat.num_children += by;
	/* What the C client sees: creates plus deletes. */
	parent->stat.children_version = (int32_t)(parent->creates * 2) - parent->stat.num_children;
}

static void attach(struct mem_tree *t, struct mem_node *n)
{
	MAP_ADD(t->nodes, path, n);
	DL_APPEND(n->parent->children, n);
}

static void detach(struct mem_tree *t, struct mem_node *n)
{
	MAP_DEL(t->nodes, n);
	DL_DELETE(n->parent->children, n);
}

static void node_free(struct mem_node *n)
{
	free(n->path);
	free(n->data);
	free(n);
}

static void node_put_data(struct mem_node *n, const void *data, size_t len)
{
	n->data = NULL;
	if (len > 0) {
		n->data = xmalloc(len);
		memcpy(n->data, data, len);
	}
	n->stat.data = n->data;
	n->stat.len = len;
}

static struct mem_node *node_create(struct mem_tree *t, const struct mem_commit *c, const char *path,
	struct mem_node *parent, const void *data, size_t len, bool ephemeral)
{
	struct mem_node *n = xcalloc(1, sizeof(*n));

	n->path = xstrdup(path);
	n->parent = parent;
	node_put_data(n, data, len);
	n->stat.created_zxid = n->stat.modified_zxid = c->zxid;
	n->stat.modified_ms = c->wall_ms;
	n->stat.ephemeral = ephemeral;
	n->owner = ephemeral ? c->owner : 0;
	parent->creates++;
	attach(t, n);
	count_children(parent, 1);
	return n;
}

/* The old data is the caller's. */
static void node_set(const struct mem_commit *c, struct mem_node *n, const void *data, size_t len)
{
	node_put_data(n, data, len);
	n->stat.version++;
	n->stat.modified_zxid = c->zxid;
	n->stat.modified_ms = c->wall_ms;
}

static void node_delete(struct mem_tree *t, struct mem_node *n)
{
	detach(t, n);
	count_children(n->parent, -1);
}

/* --- one operation --- */

static enum store_why do_create(struct work *w, const struct store_op *op, size_t i)
{
	struct mem_node *parent = find_parent(w->t, op->path), *n;
	bool ephemeral = (op->flags & STORE_EPHEMERAL) != 0;
	const char *path = op->path;

	if (parent == NULL)
		return STORE_WHY_ABSENT;
	if (parent->owner != 0)
		return STORE_WHY_OTHER; /* ephemerals have no children */
	if ((op->flags & STORE_SEQUENCE) != 0)
		path = arena_printf(w->c->mem, "%s%010d", op->path, (int)parent->creates);
	if (mem_tree_find(w->t, path) != NULL)
		return STORE_WHY_EXISTS;
	n = node_create(w->t, w->c, path, parent, op->data, op->len, ephemeral);
	w->undo[w->n_undo++] = (struct undo){.kind = STORE_OP_CREATE, .node = n};
	w->c->ephemeral[w->c->n] = ephemeral;
	w->c->created[i] = arena_strdup(w->c->mem, path);
	record(w->c, path, op->data, op->len)->created = true;
	return STORE_WHY_NONE;
}

static enum store_why do_set(struct work *w, const struct store_op *op, struct mem_node *n)
{
	w->undo[w->n_undo++] = (struct undo){STORE_OP_SET, n, n->data, n->stat};
	node_set(w->c, n, op->data, op->len);
	w->c->ephemeral[w->c->n] = n->owner != 0;
	record(w->c, op->path, op->data, op->len);
	return STORE_WHY_NONE;
}

static enum store_why do_delete(struct work *w, const struct store_op *op, struct mem_node *n)
{
	if (n->children != NULL)
		return STORE_WHY_NOT_EMPTY;
	w->undo[w->n_undo++] = (struct undo){.kind = STORE_OP_DELETE, .node = n};
	node_delete(w->t, n);
	w->c->ephemeral[w->c->n] = n->owner != 0;
	record(w->c, op->path, NULL, 0)->deleted = true;
	return STORE_WHY_NONE;
}

static enum store_why do_op(struct work *w, const struct store_op *op, size_t i)
{
	struct mem_node *n;

	if (op->kind == STORE_OP_CREATE)
		return do_create(w, op, i);
	n = mem_tree_find(w->t, op->path);
	if (n == NULL)
		return STORE_WHY_ABSENT;
	if (op->version != -1 && op->version != n->stat.version)
		return STORE_WHY_VERSION;
	if (op->kind == STORE_OP_SET)
		return do_set(w, op, n);
	if (op->kind == STORE_OP_DELETE)
		return do_delete(w, op, n);
	return STORE_WHY_NONE;
}

static void take_back(struct mem_tree *t, struct undo *u)
{
	switch (u->kind) {
	case STORE_OP_CREATE:
		detach(t, u->node);
		u->node->parent->creates--;
		count_children(u->node->parent, -1);
		node_free(u->node);
		break;
	case STORE_OP_SET:
		free(u->node->data);
		u->node->data = u->data;
		u->node->stat = u->stat;
		break;
	case STORE_OP_DELETE:
		attach(t, u->node);
		count_children(u->node->parent, 1);
		break;
	case STORE_OP_CHECK:
		break;
	}
}

static void forget(struct undo *u)
{
	if (u->kind == STORE_OP_SET)
		free(u->data);
	else if (u->kind == STORE_OP_DELETE)
		node_free(u->node);
}

struct mem_commit *mem_tree_apply(struct mem_tree *t, const struct store_op *ops, size_t n, uint64_t owner,
	int64_t wall_ms, size_t *failed, enum store_why *why)
{
	struct work w = {.t = t, .c = commit_new(t, n, owner, wall_ms)};
	size_t i;

	w.undo = arena_alloc(w.c->mem, (n + 1) * sizeof(*w.undo));
	for (i = 0; i < n; i++) {
		*why = do_op(&w, &ops[i], i);
		if (*why == STORE_WHY_NONE)
			continue;
		*failed = i;
		while (w.n_undo > 0)
			take_back(t, &w.undo[--w.n_undo]);
		mem_commit_unref(w.c);
		return NULL;
	}
	while (w.n_undo > 0)
		forget(&w.undo[--w.n_undo]);
	t->zxid = w.c->zxid;
	return w.c;
}

struct mem_commit *mem_tree_end_session(struct mem_tree *t, uint64_t owner, int64_t wall_ms)
{
	struct mem_commit *c;
	struct mem_node *n, *tmp;
	size_t count = 0;

	for (n = t->nodes; n != NULL; n = n->hh.next)
		count += n->owner == owner;
	c = commit_new(t, count, owner, wall_ms);
	MAP_EACH(t->nodes, n, tmp) {
		if (n->owner != owner)
			continue;
		node_delete(t, n);
		c->ephemeral[c->n] = true;
		record(c, n->path, NULL, 0)->deleted = true;
		node_free(n);
	}
	t->zxid = c->zxid;
	return c;
}

void mem_tree_replay(struct mem_tree *t, const struct mem_commit *c)
{
	const struct mem_change *ch;
	struct mem_node *n;
	size_t i;

	ASSERT(c->zxid == t->zxid + 1);
	for (i = 0; i < c->n; i++) {
		ch = &c->changes[i];
		if (ch->created) {
			node_create(t, c, ch->path, find_parent(t, ch->path), ch->data, ch->len,
				c->ephemeral[i]);
			continue;
		}
		n = mem_tree_find(t, ch->path);
		ASSERT(n != NULL);
		if (ch->deleted) {
			node_delete(t, n);
			node_free(n);
		} else {
			free(n->data);
			node_set(c, n, ch->data, ch->len);
		}
	}
	t->zxid = c->zxid;
}

/* --- trees --- */

void mem_tree_init(struct mem_tree *t)
{
	struct mem_node *root = xcalloc(1, sizeof(*root));

	*t = (struct mem_tree){NULL, 0};
	root->path = xstrdup("/");
	MAP_ADD(t->nodes, path, root);
}

void mem_tree_release(struct mem_tree *t)
{
	struct mem_node *n, *tmp;

	MAP_EACH(t->nodes, n, tmp) {
		MAP_DEL(t->nodes, n);
		node_free(n);
	}
}

void mem_tree_copy(struct mem_tree *to, const struct mem_tree *from)
{
	const struct mem_node *n;
	struct mem_node *c;

	mem_tree_init(to);
	to->zxid = from->zxid;
	for (n = from->nodes; n != NULL; n = n->hh.next) {
		if (n->parent != NULL) {
			c = xcalloc(1, sizeof(*c));
			c->path = xstrdup(n->path);
			c->parent = find_parent(to, n->path);
			attach(to, c);
		} else {
			c = to->nodes;
			free(c->data);
		}
		c->stat = n->stat;
		c->owner = n->owner;
		c->creates = n->creates;
		node_put_data(c, n->stat.data, n->stat.len);
	}
}
