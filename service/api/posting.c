/*
 * posting.c - a request on its way to the queue: what the aliases and groups that it names add to it
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/api/job.h"
#include "service/core/expand.h"

struct posting {
	const struct request *posted;
	struct expand_facts facts;
	struct job *job;
	uint64_t stamp;
	bool aliases; /* names that were posted; false: groups that aliases lead to */
	struct strings names;
};

/* Node 0 of a name is the group of that name, node 1 the alias. */
static const char *fact_path(struct arena *a, const struct strings *names, size_t i)
{
	const char *name = names->items[i / 2];

	return i % 2 == 0 ? path_group(a, name) : path_join(a, PATH_ALIASES, name);
}

static void keep_facts(struct posting *p, const struct slice *nodes)
{
	struct arena *a = p->job->arena;
	struct expand_facts *out = &p->facts;
	struct expand_fact *items =
		arena_alloc(a, (out->n + p->names.n + 1) * sizeof(*items));

	for (size_t i = 0; i < out->n; i++)
		items[i] = out->items[i];
	for (size_t i = 0; i < p->names.n; i++) {
		struct slice group = nodes[2 * i], alias = nodes[2 * i + 1];
		struct expand_fact *f = &items[out->n++];
		struct group *g;
		struct group_alias *al;

		f->name = p->names.items[i];
		if (group.n > 0 && group_decode(group.p, group.n, a, &g, NULL) == 0)
			f->group = g;
		if (p->aliases && alias.n > 0 &&
			record_decode(&group_alias_record, alias.p, alias.n, a, &al, NULL) == 0)
			f->alias = al;
	}
	out->items = items;
}

/* An alias or a service by hand may name what no node can be called. */
static void drop_no_names(struct strings *names)
{
	for (size_t i = names->n; i-- > 0;)
		if (!path_name_ok(names->items[i]))
			names->items[i] = names->items[--names->n];
}

static void look_up(struct posting *p);

static void have_facts(struct posting *p, const struct slice *nodes)
{
	struct strings more = { NULL, 0 };

	keep_facts(p, nodes);
	if (p->aliases)
		expand_more_groups(p->posted, &p->facts, p->job->arena, &more);
	drop_no_names(&more);
	if (more.n == 0) {
		enqueue(p->job, expand_request(p->posted, &p->facts, p->job->arena));
		return;
	}
	p->aliases = false;
	p->names = more;
	look_up(p);
}

/* For the next post. Names that mean nothing get no watch: anybody may invent them. */
static void watch_those_there(const struct posting *p, const struct slice *nodes)
{
	AUTO(arena_free) struct arena *a = arena_new();

	for (size_t i = 0; i < 2 * p->names.n; i++)
		if (nodes[i].p != NULL || nodes[i ^ 1].p != NULL)
			known_watch(p->job->api->known, fact_path(a, &p->names, i));
}

static void on_facts(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct posting *p = ctx;
	struct slice *nodes = arena_alloc(r->arena, (2 * p->names.n + 1) * sizeof(*nodes));

	if (err != NULL) {
		job_trouble(p->job, err);
		return;
	}
	for (size_t i = 0; i < 2 * p->names.n; i++) {
		const struct store_node *node = reader_node(r, i);

		if (node != NULL)
			nodes[i] = (struct slice){ node->data, node->len };
		known_put(p->job->api->known, fact_path(r->arena, &p->names, i), p->stamp, node);
	}
	watch_those_there(p, nodes);
	have_facts(p, nodes);
}

static void look_up(struct posting *p)
{
	struct known *known = p->job->api->known;
	struct arena *a = p->job->arena;
	struct slice *nodes = arena_alloc(a, (2 * p->names.n + 1) * sizeof(*nodes));
	size_t n = 2 * p->names.n, found = 0;
	struct reader *r;

	while (found < n && known_get(known, fact_path(a, &p->names, found), &nodes[found]))
		found++;
	if (found == n) {
		have_facts(p, nodes);
		return;
	}
	r = reader_new(p->job->api->opt.store, p->job->life);
	p->stamp = known_stamp(known);
	for (size_t i = 0; i < n; i++)
		reader_get(r, fact_path(r->arena, &p->names, i));
	reader_run(&r, on_facts, p);
}

void enqueue_posted(struct job *job, const struct request *posted)
{
	const struct api_options *opt = &job->api->opt;
	struct posting *p = arena_alloc(job->arena, sizeof(*p));

	*p = (struct posting){ .posted = posted, .job = job, .aliases = true };
	p->facts.purge_templates = opt->purge_templates;
	p->facts.purge_excluded = opt->purge_excluded;
	for (size_t i = 0; i < posted->service->groups.n; i++)
		strings_add(&p->names, job->arena, posted->service->groups.items[i]);
	drop_no_names(&p->names);
	look_up(p);
}
