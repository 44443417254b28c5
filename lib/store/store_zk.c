/*
 * store_zk.c - the store over ZooKeeper: calls, answers, and what ZooKeeper's codes mean
 *
 * A completion's data dies when the completion returns; ours is handed on inside it.  Operations,
 * result rows and path buffers of a transaction must live until its completion: they sit in one
 * arena with it.
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/store_zk.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/zk_internal.h"

/* Of 1,048,575: the server cuts the connection above. */
#define REQUEST_MAX 1040000
/* Bytes of a create beside path and data: headers, lengths, the open ACL. */
#define OP_OVERHEAD 52
#define SEQUENCE_DIGITS 11

static struct store_zk *zk_of(struct store *st)
{
	return CONTAINER_OF(st, struct store_zk, base);
}

char *zk_path(const struct store_zk *z, const char *path)
{
	if (path[1] == '\0')
		return xstrdup(z->ns_len > 0 ? z->ns : "/");
	return xasprintf("%s%s", z->ns, path);
}

zhandle_t *zk_handle(struct store_zk *z)
{
	return z->sess != NULL ? zk_session_handle(z->sess) : NULL;
}

/* --- codes --- */

/* What a code means for a call that was sent (or, `sent` false, refused by the library). */
static enum error_code meaning(int rc, bool write, bool sent)
{
	switch (rc) {
	case ZNONODE:
		return ERR_NOT_FOUND;
	case ZBADARGUMENTS:
		return ERR_INVALID;
	case ZTHROTTLEDOP: /* "not executed at all" */
		return ERR_NOT_DONE;
	case ZNOAUTH:
	case ZINVALIDACL:
		return ERR_INVALID;
	/* Connection lost, timed out, handle closed or expired, session moved: no answer is known. */
	default:
		return write && sent ? ERR_MAYBE_DONE : ERR_NOT_DONE;
	}
}

static enum store_why why_of(int rc)
{
	switch (rc) {
	case ZOK:
		return STORE_WHY_NONE;
	case ZNODEEXISTS:
		return STORE_WHY_EXISTS;
	case ZNONODE:
		return STORE_WHY_ABSENT;
	case ZBADVERSION:
		return STORE_WHY_VERSION;
	case ZNOTEMPTY:
		return STORE_WHY_NOT_EMPTY;
	default:
		return STORE_WHY_OTHER;
	}
}

/* A verdict of the server on an operation, as against trouble with the connection or session. */
static bool is_verdict(int rc)
{
	return rc == ZNODEEXISTS || rc == ZNONODE || rc == ZBADVERSION || rc == ZNOTEMPTY ||
		rc == ZNOCHILDRENFOREPHEMERALS || rc == ZNOAUTH || rc == ZINVALIDACL ||
		rc == ZEPHEMERALONLOCALSESSION || rc == ZUNIMPLEMENTED || rc == ZBADARGUMENTS;
}

static void set_error(struct error *err, const struct store_call *c, int rc, bool sent)
{
	error_set(err, meaning(rc, store_call_is_write(c), sent), "zookeeper: %s%s%s%s", zerror(rc),
		c->path != NULL ? " (node '" : "", c->path != NULL ? c->path : "",
		c->path != NULL ? "')" : "");
}

static struct store_node node_of(const struct Stat *stat, const char *value, int len)
{
	return (struct store_node){
		.data = len > 0 ? value : NULL,
		.len = len > 0 ? (size_t)len : 0,
		.version = stat->version,
		.children_version = stat->cversion,
		.num_children = stat->numChildren,
		.created_zxid = stat->czxid,
		.modified_zxid = stat->mzxid,
		.modified_ms = stat->mtime,
		.ephemeral = stat->ephemeralOwner != 0,
	};
}

/* --- reads --- */

struct read {
	struct store_zk *z;
	struct store_call *c;
	uint64_t arm; /* the watch that travels with it; 0 = none */
};

static struct read *read_of(const void *data)
{
	return (struct read *)(uintptr_t)data;
}

static void end_read(struct read *r, const struct store_answer *a, int rc)
{
	struct error err = ERROR_INIT;

	if (rc != ZOK)
		set_error(&err, r->c, rc, true);
	store_call_end(r->c, a, rc != ZOK ? &err : NULL);
	free(r);
}

static void got(int rc, const char *value, int len, const struct Stat *stat, const void *data)
{
	struct store_answer a = {.n = 0};

	if (rc == ZOK)
		a.node = node_of(stat, value, len);
	end_read(read_of(data), &a, rc);
}

static void listed(int rc, const struct String_vector *v, const void *data)
{
	struct read *r = read_of(data);
	struct store_answer a = {.n = 0};

	if (rc == ZOK) {
		a.names = (const char *const *)v->data;
		a.n = (size_t)v->count;
	}
	if (r->arm != 0)
		zk_arm_answered(r->z, r->arm, rc);
	end_read(r, &a, rc);
}

static void synced(int rc, const char *value, const void *data)
{
	struct store_answer a = {.n = 0};

	(void)value;
	end_read(read_of(data), &a, rc);
}

static int send_read(struct store_zk *z, zhandle_t *zh, struct store_call *c)
{
	AUTO(xfree_p) char *path = zk_path(z, c->path);
	struct read *r = xcalloc(1, sizeof(*r));
	int rc;

	*r = (struct read){z, c, 0};
	if (c->kind == STORE_CALL_GET) {
		rc = zoo_aget(zh, path, 0, got, r);
	} else if (c->kind == STORE_CALL_SYNC) {
		rc = zoo_async(zh, path, synced, r);
	} else {
		r->arm = zk_arm_for_children(z, c->path);
		rc = zoo_awget_children(zh, path, r->arm != 0 ? zk_arm_event : NULL, zk_arm_ctx(r->arm),
			listed, r);
		if (rc != ZOK && r->arm != 0)
			zk_arm_answered(z, r->arm, rc);
	}
	if (rc != ZOK)
		free(r);
	return rc;
}

/* --- transactions --- */

struct multi {
	struct store_zk *z;
	struct store_call *c;
	struct arena *mem;
	zoo_op_t *ops;
	zoo_op_result_t *results;
	size_t n;
};

static void multi_free(struct multi *m)
{
	arena_free(&m->mem);
	free(m);
}

static const char *arena_path(const struct store_zk *z, struct arena *mem, const char *path)
{
	return arena_printf(mem, "%s%s", z->ns, path[1] == '\0' && z->ns_len > 0 ? "" : path);
}

static void build_op(struct multi *m, size_t i)
{
	const struct store_op *op = &m->c->txn->ops[i];
	const char *path = arena_path(m->z, m->mem, op->path);
	int flags = 0, room = (int)strlen(path) + SEQUENCE_DIGITS + 1;
	const char *data = op->len > 0 ? op->data : "";

	switch (op->kind) {
	case STORE_OP_CHECK:
		zoo_check_op_init(&m->ops[i], path, op->version);
		break;
	case STORE_OP_CREATE:
		flags |= (op->flags & STORE_EPHEMERAL) != 0 ? ZOO_EPHEMERAL : 0;
		flags |= (op->flags & STORE_SEQUENCE) != 0 ? ZOO_SEQUENCE : 0;
		zoo_create_op_init(&m->ops[i], path, data, (int)op->len, &ZOO_OPEN_ACL_UNSAFE, flags,
			arena_alloc(m->mem, (size_t)room), room);
		break;
	case STORE_OP_SET:
		zoo_set_op_init(&m->ops[i], path, data, (int)op->len, op->version,
			arena_alloc(m->mem, sizeof(struct Stat)));
		break;
	case STORE_OP_DELETE:
		zoo_delete_op_init(&m->ops[i], path, op->version);
		break;
	}
}

/* Of a refused transaction: 0 before the operation to blame, its code, -2 after it. */
static void find_culprit(const struct multi *m, int rc, struct store_result *res)
{
	size_t i;

	res->failed_why = why_of(rc);
	for (i = 0; i < m->n; i++)
		if (m->results[i].err != ZOK && m->results[i].err != ZRUNTIMEINCONSISTENCY) {
			res->failed_op = i;
			res->failed_why = why_of(m->results[i].err);
			return;
		}
}

static void committed(int rc, const void *data)
{
	struct multi *m = (struct multi *)(uintptr_t)data;
	struct store_answer a = {.res = {SIZE_MAX, STORE_WHY_NONE, NULL, m->n}};
	struct error err = ERROR_INIT;
	const char **created = arena_alloc(m->mem, (m->n + 1) * sizeof(*created));
	size_t i;

	a.res.created = created;
	if (rc == ZOK) {
		for (i = 0; i < m->n; i++)
			if (m->c->txn->ops[i].kind == STORE_OP_CREATE)
				created[i] = m->results[i].value + m->z->ns_len;
	} else if (is_verdict(rc)) {
		find_culprit(m, rc, &a.res);
		store_conflict(&err, m->c->txn, a.res.failed_op, a.res.failed_why);
	} else {
		set_error(&err, m->c, rc, true);
	}
	store_call_end(m->c, &a, rc != ZOK ? &err : NULL);
	multi_free(m);
}

static int send_commit(struct store_zk *z, zhandle_t *zh, struct store_call *c)
{
	struct multi *m = xcalloc(1, sizeof(*m));
	const struct store_txn *t = c->txn;
	size_t i;
	int rc;

	*m = (struct multi){.z = z, .c = c, .mem = arena_new(), .n = t->n};
	m->ops = arena_alloc(m->mem, (t->n + 1) * sizeof(*m->ops));
	m->results = arena_alloc(m->mem, (t->n + 1) * sizeof(*m->results));
	for (i = 0; i < t->n; i++)
		build_op(m, i);
	rc = zoo_amulti(zh, (int)t->n, m->ops, m->results, committed, m);
	if (rc != ZOK)
		multi_free(m);
	return rc;
}

static bool too_large(const struct store_zk *z, const struct store_txn *t)
{
	return t->bytes + t->n * (z->ns_len + OP_OVERHEAD - STORE_OP_BYTES) > REQUEST_MAX;
}

static void zk_start(struct store *st, struct store_call *c)
{
	struct store_zk *z = zk_of(st);
	zhandle_t *zh = zk_handle(z);
	int rc = ZINVALIDSTATE;

	if (c->txn != NULL && (z->read_only || too_large(z, c->txn))) {
		error_set(&c->err, ERR_INVALID, z->read_only ? "zookeeper is only read here" :
			"the transaction is too large for zookeeper");
		store_call_refuse(c);
		return;
	}
	if (zh != NULL)
		rc = c->txn != NULL ? send_commit(z, zh, c) : send_read(z, zh, c);
	if (rc == ZOK) {
		zk_session_kick(z->sess);
		return;
	}
	set_error(&c->err, c, rc, false);
	store_call_refuse(c);
}

/* --- the link --- */

static void come_up(struct store_zk *z, bool lost)
{
	zk_arms_up(z, lost);
	store_set_link(&z->base, STORE_LINK_UP);
}

struct ns_part {
	struct store_zk *z;
	bool last;
};

static void ns_made(int rc, const char *value, const void *data)
{
	struct ns_part *p = (struct ns_part *)(uintptr_t)data;
	struct store_zk *z = p->z;
	bool last = p->last;

	(void)value;
	free(p);
	if (!last || z->base.closed)
		return;
	/* Not allowed to make it: then it is there, or the calls will say why nothing works. */
	if (rc != ZOK && !is_verdict(rc))
		return; /* connection lost: again at the next up */
	z->ns_ready = true;
	come_up(z, true);
}

/* All parts at once: the server takes them in order. */
static void make_ns(struct store_zk *z)
{
	AUTO(xfree_p) char *path = xstrdup(z->ns);
	zhandle_t *zh = zk_handle(z);
	struct ns_part *p;
	char *e = path, was;

	do {
		e = strchrnul(e + 1, '/');
		was = *e;
		*e = '\0';
		p = xcalloc(1, sizeof(*p));
		*p = (struct ns_part){z, was == '\0'};
		if (zoo_acreate(zh, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, ns_made, p) != ZOK)
			free(p);
		*e = was;
	} while (was != '\0');
	zk_session_kick(z->sess);
}

static void session_up(void *ctx, int64_t id)
{
	struct store_zk *z = ctx;
	bool fresh = id != z->session_id;

	z->base.timeout_ms = zoo_recv_timeout(zk_handle(z));
	if (fresh) {
		z->session_id = id;
		z->base.session++;
		z->ns_ready = z->ns_len == 0 || z->read_only;
	}
	if (z->ns_ready)
		come_up(z, fresh);
	else
		make_ns(z);
}

static void session_down(void *ctx)
{
	struct store_zk *z = ctx;

	if (z->base.link == STORE_LINK_UP)
		store_set_link(&z->base, STORE_LINK_SUSPECT);
}

static void session_expired(void *ctx)
{
	struct store_zk *z = ctx;

	store_set_link(&z->base, STORE_LINK_LOST);
}

static void session_gone(void *ctx)
{
	struct store_zk *z = ctx;

	store_unref(&z->base);
}

/* --- birth and death --- */

static void zk_watch_new(struct store *st, struct store_watch *w)
{
	zk_watch_added(zk_of(st), w);
}

/* Its arm goes when it fires, or serves the next watch of this path. */
static void zk_watch_free(struct store *st, struct store_watch *w)
{
	(void)st;
	(void)w;
}

static void zk_close(struct store *st)
{
	struct store_zk *z = zk_of(st);

	loop_timer_stop(st->l, &z->arm_timer);
	zk_session_free(&z->sess);
}

static void zk_release(struct store *st)
{
	struct store_zk *z = zk_of(st);

	zk_arms_release(z);
	free(z->ns);
	free(z);
}

static const struct store_ops zk_ops = {zk_start, zk_watch_new, zk_watch_free, zk_close, zk_release};
static const struct zk_session_fns zk_fns = {session_up, session_down, session_expired, session_gone};

int store_zk_new(struct loop *l, const struct store_zk_options *opt, struct store **st_out, struct error *err)
{
	AUTO(xfree_p) char *ns = NULL;
	struct store_zk *z;
	const char *wrong;
	int rc;

	ns = opt->ns == NULL || str_eq(opt->ns, "") || str_eq(opt->ns, "/") ?
		xstrdup("") : xasprintf("%s%s", opt->ns[0] == '/' ? "" : "/", opt->ns);
	wrong = ns[0] != '\0' ? store_path_error(ns) : NULL;
	if (wrong != NULL)
		return error_set(err, ERR_INVALID, "namespace '%.200s': %s", opt->ns, wrong);
	z = xcalloc(1, sizeof(*z));
	store_init(&z->base, l, &zk_ops);
	z->ns = STEAL(ns);
	z->ns_len = strlen(z->ns);
	z->read_only = opt->read_only;
	zk_arms_init(z);
	rc = zk_session_new(l, opt->quorum, opt->session_timeout_ms, opt->connect_timeout_ms, &zk_fns, z,
		&z->sess, err);
	if (rc != 0) {
		store_unref(&z->base);
		return rc;
	}
	store_ref(&z->base); /* until session_gone() */
	*st_out = &z->base;
	return 0;
}
