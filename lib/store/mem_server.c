/*
 * mem_server.c - the server of store_mem: tree, checker's looks, publishing of transactions
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/store_mem.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/store/mem_internal.h"

struct mem_server *mem_server_new(struct loop *l, uint64_t seed)
{
	struct mem_server *s = xcalloc(1, sizeof(*s));

	s->l = l;
	rand_seed(&s->rnd, seed);
	mem_tree_init(&s->tree);
	s->latency_us = 200;
	s->jitter_us = 200;
	return s;
}

void mem_server_free(struct mem_server **sp)
{
	struct mem_server *s = STEAL(*sp);
	struct store_mem *st;

	if (s == NULL)
		return;
	while ((st = s->stores) != NULL) {
		ASSERT(st->base.closed);
		DL_DELETE(s->stores, st);
		store_unref(&st->base);
	}
	mem_session_free_all(s);
	mem_tree_release(&s->tree);
	free(s->names);
	free(s);
}

void mem_server_latency(struct mem_server *s, int64_t latency_us, int64_t jitter_us)
{
	s->latency_us = latency_us;
	s->jitter_us = jitter_us;
}

int64_t mem_server_trip(struct mem_server *srv)
{
	return srv->latency_us + (int64_t)rand_below(&srv->rnd, (uint64_t)srv->jitter_us + 1);
}

void mem_server_shuffle(struct mem_server *srv, const char **names, size_t n)
{
	const char *tmp;
	size_t i, j;

	for (i = n; i > 1; i--) {
		j = (size_t)rand_below(&srv->rnd, i);
		tmp = names[i - 1];
		names[i - 1] = names[j];
		names[j] = tmp;
	}
}

void mem_server_hook(struct mem_server *s, enum mem_fault (*hook)(void *ctx, const struct mem_op *op), void *ctx)
{
	s->hook = hook;
	s->hook_ctx = ctx;
}

void mem_server_on_commit(struct mem_server *s,
	void (*fn)(void *ctx, const char *session, const struct mem_change *c, size_t n), void *ctx)
{
	s->on_commit = fn;
	s->on_commit_ctx = ctx;
}

void mem_server_publish(struct mem_server *srv, const char *session, struct mem_commit *c)
{
	struct mem_session *s;

	c->at_us = loop_now(srv->l);
	DL_FOREACH(srv->sessions, s)
		mem_session_see(s, c);
	if (srv->on_commit != NULL)
		srv->on_commit(srv->on_commit_ctx, session, c->changes, c->n);
	mem_commit_unref(c);
}

const struct store_node *mem_server_get(const struct mem_server *s, const char *path)
{
	const struct mem_node *n = mem_tree_find(&s->tree, path);

	return n != NULL ? &n->stat : NULL;
}

/* The list belongs to the server, though a look changes nothing else in it. */
size_t mem_server_children(const struct mem_server *s, const char *path, const char *const **names_out)
{
	struct mem_server *own = (struct mem_server *)(uintptr_t)s;
	const struct mem_node *n = mem_tree_find(&s->tree, path), *c;
	size_t i = 0;

	if (n == NULL)
		return SIZE_MAX;
	own->names = xrealloc(own->names, ((size_t)n->stat.num_children + 1) * sizeof(*own->names));
	DL_FOREACH(n->children, c)
		own->names[i++] = mem_node_name(c);
	if (names_out != NULL)
		*names_out = s->names;
	return i;
}

int64_t mem_server_zxid(const struct mem_server *s)
{
	return s->tree.zxid;
}

void mem_server_put(struct mem_server *s, const char *path, const char *text)
{
	struct arena *mem = arena_new();
	struct store_op *ops = arena_alloc(mem, (strlen(path) + 1) * sizeof(*ops));
	const char *e = path, *part;
	enum store_why why = STORE_WHY_NONE;
	struct mem_commit *c;
	size_t n = 0, failed = 0;

	ASSERT(store_path_error(path) == NULL);
	while (*e != '\0') {
		e = strchrnul(e + 1, '/');
		part = arena_strndup(mem, path, (size_t)(e - path));
		if (*e == '\0')
			ops[n++] = (struct store_op){mem_tree_find(&s->tree, part) != NULL ? STORE_OP_SET :
				STORE_OP_CREATE, part, text, strlen(text), -1, STORE_PERSISTENT};
		else if (mem_tree_find(&s->tree, part) == NULL)
			ops[n++] = (struct store_op){STORE_OP_CREATE, part, NULL, 0, -1, STORE_PERSISTENT};
	}
	c = mem_tree_apply(&s->tree, ops, n, 0, loop_wall_ms(s->l), &failed, &why);
	ASSERT(c != NULL);
	arena_free(&mem);
	mem_server_publish(s, "", c);
}
