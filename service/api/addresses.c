/*
 * addresses.c - addresses instead of host names, for services that want them (preResolveUpstreamDNS)
 *
 * They are looked up before the request is stored: whoever reads it then, hosts and later leaders, sees the same ones.
 * What is removed needs none: it is found by its name.  The look-ups are done elsewhere; here it is only asked, again
 * and again for a short while, what is known by now.  A scheduler waits two seconds for its answer: names that take
 * longer are known when it asks again.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "service/api/job.h"

#include <string.h>

#define LOOK_US LOOP_MS(20)
#define PATIENCE_US LOOP_MS(1000) /* what remains of a job's time is for ZooKeeper */
#define HOSTS_MAX 1000
#define NAMED_MAX 10 /* in a text */

struct host {
	const char *name, *address; /* address NULL: not known */
	UT_hash_handle hh;
};
struct looking {
	struct job *job;
	struct host *hosts; /* map by name */
	struct buf absent, unknown; /* names, as texts list them */
	size_t n_absent, n_unknown;
	bool soon; /* some are still looked up; they may have an old address */
};

static void name_it(struct buf *list, size_t *n, const char *name)
{
	if (*n < NAMED_MAX)
		buf_printf(list, "%s%s", *n > 0 ? ", " : "", name);
	else if (*n == NAMED_MAX)
		buf_str(list, ", ...");
	(*n)++;
}

static struct host *look_up(struct looking *lk, const char *name)
{
	const struct api_options *opt = &lk->job->api->opt;
	struct host *h;
	int rc;

	MAP_FIND(lk->hosts, name, h);
	if (h != NULL)
		return h;
	h = arena_alloc(lk->job->arena, sizeof(*h));
	h->name = name;
	rc = opt->resolve(opt->resolve_ctx, name, lk->job->arena, &h->address);
	MAP_ADD(lk->hosts, name, h);
	lk->soon |= rc == ERR_NOT_DONE;
	if (rc == ERR_NOT_FOUND)
		name_it(&lk->absent, &lk->n_absent, name);
	else if (h->address == NULL)
		name_it(&lk->unknown, &lk->n_unknown, name);
	return h;
}

/* What the caller has resolved himself stays. */
static void resolve_all(struct looking *lk, struct upstreams *list)
{
	struct arena *a = lk->job->arena;
	struct upstream *items = arena_alloc(a, (list->n + 1) * sizeof(*items));

	for (size_t i = 0; i < list->n; i++) {
		const struct host *h;
		const char *name;
		int port;

		items[i] = list->items[i];
		if (items[i].resolved != NULL || !upstream_split(items[i].address, a, &name, &port) ||
			MAP_COUNT(lk->hosts) > HOSTS_MAX)
			continue;
		h = look_up(lk, name);
		if (h->address != NULL)
			items[i].resolved = arena_printf(a, strchr(h->address, ':') != NULL ? "[%s]:%d" : "%s:%d", h->address, port);
	}
	list->items = items;
}

static enum addresses judge(struct looking *lk, const char **text_out)
{
	struct job *job = lk->job;
	struct arena *a = job->arena;
	int64_t now = loop_now(job->api->opt.loop);

	if (MAP_COUNT(lk->hosts) > HOSTS_MAX) {
		*text_out = arena_printf(a, "More than %d host names to resolve in one request (preResolveUpstreamDNS)", HOSTS_MAX);
		return ADDRESSES_NONE;
	}
	if (lk->n_absent > 0) {
		*text_out = arena_printf(a, "No address found for upstream hosts (preResolveUpstreamDNS): [%s]", buf_cstr(&lk->absent));
		return ADDRESSES_NONE;
	}
	if (job->resolving_since == 0)
		job->resolving_since = now;
	if (lk->soon && now - job->resolving_since < PATIENCE_US) {
		job_again(job, LOOK_US);
		return ADDRESSES_SOON;
	}
	if (lk->n_unknown == 0)
		return ADDRESSES_KNOWN;
	*text_out = arena_printf(a, "Upstream hosts could not be resolved in time (preResolveUpstreamDNS), not done, ask again: [%s]",
		buf_cstr(&lk->unknown));
	return ADDRESSES_LATE;
}

enum addresses addresses_of(struct job *job, const struct request *rq, const struct request **out, const char **text_out)
{
	struct looking lk = { .job = job, .absent = BUF_INIT, .unknown = BUF_INIT };
	struct request *own;
	struct host *h, *tmp;
	enum addresses found;

	if (!rq->service->pre_resolve_dns || job->api->opt.resolve == NULL || (rq->add.n == 0 && rq->replace.n == 0) ||
		(rq->action != ACTION_NONE && rq->action != ACTION_UPDATE))
		return ADDRESSES_KNOWN;
	own = arena_alloc(job->arena, sizeof(*own));
	*own = *rq;
	resolve_all(&lk, &own->add);
	resolve_all(&lk, &own->replace);
	found = judge(&lk, text_out);
	if (found == ADDRESSES_KNOWN)
		*out = own;
	MAP_EACH(lk.hosts, h, tmp)
		MAP_DEL(lk.hosts, h);
	buf_release(&lk.absent);
	buf_release(&lk.unknown);
	return found;
}
