/*
 * link_sample.h - an agent's link over a store in memory, with an applier that does what the test says
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_LINK_SAMPLE_H
#define TESTS_UNIT_LINK_SAMPLE_H

#include "tests/unit/store_sample.h"

#include "agent/link/link.h"
#include "lib/base/log.h"
#include "lib/records/paths.h"

/* Obeys after a while; notes what it was given: "PREPARE s(1) [s]" = kind, services (upstreams), suspects. */
struct obeyer {
	struct applier applier;
	struct loop *loop;
	struct loop_timer timer;
	struct work_item *item;
	void (*done)(void *ctx, struct report **r_take);
	void *ctx;
	struct buf told;
	const char *refuses[5]; /* per kind; NULL = obeys */
	const char *blames;     /* service, with the refusal */
	const char *hates;      /* a target with this service is refused */
	bool wedges;            /* and not taken back */
	bool frozen;
};

struct linked {
	struct sample s;
	struct obeyer obeyer;
	struct agentinfo info;
	struct link_options opt;
	struct agent_link *link;
	/* the last answer */
	bool answered;
	int status, outcome;
	int64_t number;
	const char *message, *incarnation, *base_digest, *blames;
};

static const char *const work_names[] = { "RECOVER", "PREPARE", "RELEASE", "CONVERGE", "LOOK" };

static UNUSED void obeyer_done(void *ctx)
{
	struct obeyer *o = ctx;
	struct work_item *it = STEAL(o->item);
	struct report *r = report_new(it->kind);

	r->ok = o->refuses[it->kind] == NULL;
	if (!r->ok)
		error_set(&r->error, ERR_REFUSED, "%s", o->refuses[it->kind]);
	for (size_t i = 0; o->hates != NULL && i < it->n; i++)
		if (strcmp(it->services[i]->id, o->hates) == 0)
			r->ok = error_set(&r->error, ERR_REFUSED, "I hate %s", o->hates) == 0;
	r->undone = !o->wedges;
	if (!r->ok && o->blames != NULL) {
		r->blames = xcalloc(1, sizeof(*r->blames));
		r->blames[0] = (struct blame){ o->blames, "it is the one" };
		r->n_blames = 1;
	}
	memcpy(r->base_digest, "base", 5);
	work_item_free(&it);
	o->done(o->ctx, &r);
	report_free(&r);
}

static UNUSED void obeyer_start(struct applier *ap, struct work_item **item_take, void (*done)(void *ctx, struct report **r_take),
	void *ctx)
{
	struct obeyer *o = CONTAINER_OF(ap, struct obeyer, applier);
	struct work_item *it = o->item = STEAL(*item_take);

	o->done = done;
	o->ctx = ctx;
	buf_printf(&o->told, "%s", work_names[it->kind]);
	for (size_t i = 0; i < it->n; i++)
		buf_printf(&o->told, " %s(%zu)", it->services[i]->id, it->services[i]->state.upstreams.n);
	for (size_t i = 0; i < it->n_suspects; i++)
		buf_printf(&o->told, " [%s]", it->suspects[i]);
	buf_printf(&o->told, "%s%s\n", it->no_reload ? " files only" : "", it->force_reload ? " reload" : "");
	if (!o->frozen)
		loop_timer_start(o->loop, &o->timer, 5000);
}

static UNUSED void obeyer_thaw(struct obeyer *o)
{
	o->frozen = false;
	if (o->item != NULL)
		loop_timer_start(o->loop, &o->timer, 0);
}

/* What it was told since the last look. */
static UNUSED void expect_told(struct linked *x, const char *want)
{
	assert_string_equal(buf_cstr(&x->obeyer.told), want);
	buf_clear(&x->obeyer.told);
}

static UNUSED void quiet(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static UNUSED void linked_begin(struct linked *x)
{
	struct value *extra;

	log_set_sink(quiet, NULL);
	memset(x, 0, sizeof(*x));
	sample_begin(&x->s);
	extra = value_map(x->s.arena);
	value_map_put(x->s.arena, extra, "lockstep", value_string(x->s.arena, "1"));
	x->info = (struct agentinfo){ .base_uri = "http://a1/x", .agent_id = "a1", .extra = extra, .batch_enabled = true };
	x->opt = (struct link_options){ .rules = RULES_ON, .group_name = "g", .info = &x->info, .seed = 5 };
	x->obeyer = (struct obeyer){ .applier = { .start = obeyer_start }, .loop = x->s.loop,
		.timer = { .fn = obeyer_done, .ctx = &x->obeyer } };
}

static UNUSED void linked_join(struct linked *x)
{
	x->link = agent_link_new(x->s.loop, x->s.st, &x->obeyer.applier, &x->opt);
	sample_settle(&x->s, 500);
}

static UNUSED void linked_end(struct linked *x)
{
	loop_timer_stop(x->s.loop, &x->obeyer.timer);
	agent_link_free(&x->link);
	work_item_free(&x->obeyer.item);
	buf_release(&x->obeyer.told);
	sample_end(&x->s);
	log_set_sink(NULL, NULL);
}

static UNUSED struct link_status linked_status(const struct linked *x)
{
	struct link_status st;

	agent_link_status(x->link, &st);
	return st;
}

#define SERVICE(id, group)                                                                                              \
	"{\"serviceId\":\"" id "\",\"owners\":[],\"serviceBasePath\":\"/" id "\",\"loadBalancerGroups\":[\"" group "\"]}"
#define REQUEST(id, service, more)                                                                                      \
	"{\"loadBalancerRequestId\":\"" id "\",\"loadBalancerService\":" SERVICE(service, "g")                           \
	",\"addUpstreams\":[{\"upstream\":\"a.x:1\"}],\"removeUpstreams\":[]" more "}"

static UNUSED int setup(void **state)
{
	struct linked *x = xcalloc(1, sizeof(*x));

	linked_begin(x);
	*state = x;
	return 0;
}

static UNUSED int teardown(void **state)
{
	struct linked *x = *state;

	linked_end(x);
	free(x);
	return 0;
}

static UNUSED void put_decision(struct linked *x, enum direction dir)
{
	mem_server_put(x->s.server, path_decision(x->s.arena, "b1"),
		arena_printf(x->s.arena,
			"{\"v\":1,\"requests\":[{\"id\":\"r1\",\"service\":\"s\",\"dir\":\"%s\",\"sv\":-1,\"digest\":\"\",\"paths\":[]}],"
			"\"members\":[],\"tenures\":1,\"since\":1}",
			direction_names[dir]));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
