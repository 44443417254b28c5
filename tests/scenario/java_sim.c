/*
 * java_sim.c - a Java agent, as it was seen to behave: obeys whoever calls, reads first and registers later
 *
 * It applies the state before it registers, listens only after that, sets its group's node last.  A call names requests; it
 * reads them and the states of their services at once, then waits for its lock, works, and publishes, whether its caller is still
 * there or not.  It never asks which way a request has been decided.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/scenario/world.h"

#include "lib/base/life.h"
#include "lib/base/str.h"
#include "lib/http/router.h"
#include "lib/model/fold.h"
#include "lib/model/javabatch.h"
#include "lib/records/paths.h"
#include "lib/records/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_TIMEOUT LOOP_MS(5000)
#define CATCHES_UP LOOP_MS(1000) /* so long after it has registered it may be on the state as it was before */
#define POLL LOOP_MS(20) /* of who waits for the lock, or is frozen */

struct java_call { /* one POST /batch */
	struct java_call *prev, *next;
	struct java_sim *js;
	struct arena *arena;
	struct http_request *rq;
	struct java_items items;
	struct java_answer *answers;
	struct reader *states; /* of the services, two items each, in the order of the items; its `prev` has the requests */
	size_t at;
	int64_t lock_until;
	bool works; /* holds the lock */
	struct loop_timer timer;
};

struct java_sim {
	struct world_agent *a;
	struct life *life;
	struct router *router;
	struct store_listener listener;
	struct loop_timer timer;
	struct java_call *calls;
	uint64_t session; /* in which it has registered */
	bool starting, applying, ready;
	int64_t registered_at;
	bool catching_up; /* it has registered anew, and has not yet looked whether the state is another one */
	char node[200];
	char last[64]; /* mostRecentRequestId */
};

/* --- what the host runs ---------------------------------------------------------------------------- */

static bool differs(const struct world_agent *a, const char *service, const struct target_service *t)
{
	struct run *r;

	MAP_FIND(a->host.runs, service, r);
	return r == NULL ? t != NULL : t == NULL || strcmp(r->digest, t->digest) != 0;
}

static void publish(struct world_agent *a, const char *service, const struct target_service *t)
{
	char before[65] = "";
	struct run *r;

	if (!differs(a, service, t))
		return;
	MAP_FIND(a->host.runs, service, r);
	if (r != NULL) {
		memcpy(before, r->digest, sizeof(before));
		MAP_DEL(a->host.runs, r);
		free(r->id);
		free(r->addresses);
		free(r);
	}
	a->host.publications++;
	if (t != NULL) {
		r = xcalloc(1, sizeof(*r));
		r->id = xstrdup(service);
		r->addresses = host_addresses(t);
		memcpy(r->digest, t->digest, sizeof(r->digest));
		MAP_ADD(a->host.runs, id, r);
	}
	world_say(a->w, "%s runs %s: %s", a->name, service, t != NULL ? r->addresses : "nothing");
	check_publication(a, service, before, t != NULL ? t->digest : "");
}

/* NULL: nothing of it belongs here. */
static struct target_service *target_here(const struct world_agent *a, const struct service_state *s)
{
	if (s->service == NULL || !strings_have(&s->service->groups, a->group))
		return NULL;
	return target_service_new(s);
}

/* --- start, and a new session ------------------------------------------------------------------------- */

static void on_written(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	(void)err;
}

static void on_registered(void *ctx, const struct store_result *res, const struct error *err)
{
	struct world_agent *a = ctx;
	AUTO(arena_free) struct arena *scratch = arena_new();
	struct store_txn *t;

	if (err != NULL || !a->alive || a->java_sim == NULL)
		return;
	a->java_sim->registered_at = loop_now(a->w->loop);
	snprintf(a->java_sim->node, sizeof(a->java_sim->node), "%s", res->created[0]);
	t = store_txn_new(a->process.store);
	store_txn_set(t, path_group(scratch, a->group), "{}", 2, -1);
	store_txn_commit(&t, on_written, NULL);
	if (!a->java_sim->ready)
		sim_net_listen(a->w->net, a->address, a->java_sim->router);
	a->java_sim->ready = true;
	a->java_sim->starting = false;
}

static void on_parent(void *ctx, const struct error *err)
{
	struct world_agent *a = ctx;
	AUTO(arena_free) struct arena *scratch = arena_new();
	AUTO(buf_release) struct buf json = BUF_INIT, name = BUF_INIT;
	char guid[37];
	struct store_txn *t;

	if (err != NULL || !a->alive || a->java_sim == NULL)
		return;
	rand_uuid(&a->w->rand, guid);
	buf_printf(&name, "_c_%s-latch-", guid);
	record_encode(&agentinfo_record, &a->info, &json);
	t = store_txn_new(a->process.store);
	store_txn_create(t, path_host(scratch, a->group, buf_cstr(&name)), json.data, json.len, STORE_EPHEMERAL | STORE_SEQUENCE);
	store_txn_commit(&t, on_registered, a);
}

static void register_now(struct java_sim *js)
{
	AUTO(arena_free) struct arena *scratch = arena_new();

	js->session = store_session(js->a->process.store);
	js->registered_at = loop_now(js->a->w->loop); /* and again when it is known */
	store_ensure(js->a->process.store, path_hosts(scratch, js->a->group), on_parent, js->a);
}

/* Is this service to be here, by what was read? */
static bool here(const struct java_sim *js, const struct reader *r, const char *service)
{
	size_t n;
	const char *const *ids = reader_names(r->prev, 0, &n);

	for (size_t i = 0; i < n; i++) {
		struct service_state s;

		if (strcmp(ids[i], service) == 0)
			return services_take(r->arena, r, 2 * i, &s, NULL) == 0 && s.service != NULL &&
			       strings_have(&s.service->groups, js->a->group);
	}
	return false;
}

/* Never takes away what the state has not: as Java. */
static void on_states(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct java_sim *js = ctx;
	struct run *run, *tmp;
	size_t n;
	const char *const *ids;

	js->applying = false;
	if (err != NULL)
		return; /* when the connection is back */
	js->catching_up = false;
	MAP_EACH(js->a->host.runs, run, tmp)
		run->fell_back |= !here(js, r, run->id); /* it stays */
	ids = reader_names(r->prev, 0, &n);
	for (size_t i = 0; i < n; i++) {
		struct service_state s;
		struct target_service *t;
		bool fell_back;
		char target[65];

		if (services_take(r->arena, r, 2 * i, &s, NULL) != 0 || (t = target_here(js->a, &s)) == NULL)
			continue;
		fell_back = strcmp(t->digest, check_target(js->a->w, ids[i], target)) != 0;
		publish(js->a, ids[i], t);
		MAP_FIND(js->a->host.runs, ids[i], run);
		if (run != NULL)
			run->fell_back |= fell_back;
		target_service_unref(&t);
	}
	if (js->starting)
		register_now(js);
}

static void on_services(void *ctx, struct reader **r_take, const struct error *err)
{
	struct java_sim *js = ctx;
	struct reader *r;
	size_t n;
	const char *const *ids;

	if (err != NULL) {
		js->applying = false;
		reader_free(r_take);
		return;
	}
	r = reader_next(r_take);
	ids = reader_names(r->prev, 0, &n);
	for (size_t i = 0; i < n; i++)
		services_read(r, ids[i]);
	if (n == 0)
		reader_get(r, PATH_STATE);
	reader_run(&r, on_states, js);
}

static void apply_state(struct java_sim *js)
{
	struct reader *r;

	if (js->applying)
		return;
	js->applying = true;
	r = reader_new(js->a->process.store, js->life);
	reader_children(r, PATH_STATE);
	reader_run(&r, on_services, js);
}

static void on_last_request(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct java_sim *js = ctx;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;
	const char *last = "";

	if (node != NULL)
		(void)!json_string_decode(node->data, node->len, r->arena, &last, NULL);
	if (err == NULL && strcmp(last, js->last) != 0)
		apply_state(js);
	else if (err == NULL)
		js->catching_up = false;
}

static void on_timer(void *ctx)
{
	struct java_sim *js = ctx;

	if (js->a->frozen)
		loop_timer_start(js->a->w->loop, &js->timer, POLL);
	else if (store_link(js->a->process.store) == STORE_LINK_UP && js->starting)
		apply_state(js);
}

static void on_link(void *ctx, enum store_link link)
{
	struct java_sim *js = ctx;
	struct reader *r;

	if (link != STORE_LINK_UP)
		return;
	js->applying = false;
	if (js->starting) {
		loop_timer_start(js->a->w->loop, &js->timer, LOOP_MS(20));
		return;
	}
	if (js->session != store_session(js->a->process.store)) {
		js->catching_up = true;
		register_now(js);
	}
	r = reader_new(js->a->process.store, js->life);
	reader_get(r, path_last_request(r->arena, js->a->group));
	reader_run(&r, on_last_request, js);
}

/* --- POST /batch ------------------------------------------------------------------------------------------ */

static void call_free(struct java_call *c)
{
	struct buf none = BUF_INIT;

	DL_DELETE(c->js->calls, c);
	loop_timer_stop(c->js->a->w->loop, &c->timer);
	if (c->rq != NULL)
		http_reply(&c->rq, 503, NULL, &none);
	reader_free(&c->states);
	arena_free(&c->arena);
}

static void next_item(struct java_call *c);

static void item_done(struct java_call *c, int64_t status, const char *message)
{
	const struct java_item *it = &c->items.items[c->at];

	c->works = false;
	c->answers[c->at] = (struct java_answer){ .request_id = it->request_id, .status_code = status, .message = message,
		.type = it->type };
	c->at++;
	next_item(c);
}

/* What the item wants here, from what was read when the call came. */
static struct target_service *wanted(struct java_call *c, const struct request *rq, struct service_state *base)
{
	const struct java_item *it = &c->items.items[c->at];
	struct request as = *rq;
	const struct request *const list[] = { &as };
	struct service_state next;

	(void)!services_take(c->arena, c->states, 2 * c->at, base, NULL);
	if (it->type != JAVA_APPLY)
		return target_here(c->js->a, base);
	as.action = it->action;
	fold(base, list, 1, c->arena, &next);
	return target_here(c->js->a, &next);
}

static bool refuses(struct world_host *h, struct arena *a, const char **words_out)
{
	char **words = h->refuses != NULL ? &h->refuses : &h->fails;

	if (*words == NULL)
		return false;
	*words_out = arena_strdup(a, *words);
	if (h->fails_once && words == &h->fails) {
		free(h->fails);
		h->fails = NULL;
	}
	return true;
}

static const struct request *request_of(struct java_call *c, size_t i)
{
	const struct store_node *node = reader_node(c->states->prev, i);
	struct request *rq;

	if (node == NULL || request_decode(node->data, node->len, c->arena, &rq, NULL) != 0)
		return NULL;
	return rq;
}

static void work(struct java_call *c)
{
	struct world_agent *a = c->js->a;
	const struct request *rq = request_of(c, c->at);
	const struct java_item *it = &c->items.items[c->at];
	struct service_state base;
	struct target_service *t;
	const char *words;

	t = it->action == ACTION_RELOAD && it->type == JAVA_APPLY ? NULL : wanted(c, rq, &base);
	if (it->action == ACTION_RELOAD && it->type == JAVA_APPLY) {
		item_done(c, 200, NULL);
		return;
	}
	if (it->type == JAVA_APPLY && differs(a, rq->service->id, t) && refuses(&a->host, c->arena, &words)) {
		target_service_unref(&t);
		item_done(c, 500, arena_printf(c->arena, "Caught exception while UPDATEING for request %s: %s", rq->id, words));
		return;
	}
	publish(a, rq->service->id, t);
	target_service_unref(&t);
	if (it->type == JAVA_APPLY)
		snprintf(c->js->last, sizeof(c->js->last), "%s", rq->id);
	item_done(c, 200, NULL);
}

static bool locked(const struct java_sim *js)
{
	const struct java_call *c;

	DL_FOREACH(js->calls, c)
		if (c->works)
			return true;
	return false;
}

static void on_item_timer(void *ctx)
{
	struct java_call *c = ctx;
	struct world_agent *a = c->js->a;

	if (a->frozen) {
		loop_timer_start(a->w->loop, &c->timer, POLL);
	} else if (c->works) {
		work(c);
	} else if (!locked(c->js)) {
		c->works = true;
		loop_timer_start(a->w->loop, &c->timer, a->host.slow_us != 0 ? a->host.slow_us : 500 + (int64_t)rand_below(&a->w->rand, 20000));
	} else if (loop_now(a->w->loop) >= c->lock_until) {
		item_done(c, 409, arena_printf(c->arena, "Couldn't acquire agent lock for %s in 5000 ms. Lock Info: ",
			c->items.items[c->at].request_id));
	} else {
		loop_timer_start(a->w->loop, &c->timer, POLL);
	}
}

static void next_item(struct java_call *c)
{
	struct buf body = BUF_INIT;

	if (c->at == c->items.n) {
		java_answers_encode(c->answers, c->items.n, &body);
		http_reply(&c->rq, 200, "application/json", &body);
		call_free(c);
		return;
	}
	if (request_of(c, c->at) == NULL) {
		item_done(c, 404, arena_printf(c->arena, "Request %s does not exist", c->items.items[c->at].request_id));
		return;
	}
	c->lock_until = loop_now(c->js->a->w->loop) + LOCK_TIMEOUT;
	loop_timer_start(c->js->a->w->loop, &c->timer, 0);
}

static void on_call_states(void *ctx, struct reader **r_take, const struct error *err)
{
	struct java_call *c = ctx;

	c->states = STEAL(*r_take);
	if (err != NULL) {
		http_reply_error(&c->rq, 500, err->text);
		call_free(c);
		return;
	}
	next_item(c);
}

static void on_call_requests(void *ctx, struct reader **r_take, const struct error *err)
{
	struct java_call *c = ctx;
	struct reader *r;

	if (err != NULL) {
		reader_free(r_take);
		http_reply_error(&c->rq, 500, err->text);
		call_free(c);
		return;
	}
	r = reader_next(r_take);
	for (size_t i = 0; i < c->items.n; i++) {
		const struct store_node *node = reader_node(r->prev, i);
		struct request *rq;

		if (node == NULL || request_decode(node->data, node->len, c->arena, &rq, NULL) != 0)
			services_read(r, "-");
		else
			services_read(r, rq->service->id);
	}
	reader_run(&r, on_call_states, c);
}

static void batch_post(struct http_request *rq, void *app)
{
	struct java_sim *js = app;
	struct slice body = http_body(rq);
	struct arena *a = arena_new();
	struct java_call *c = arena_alloc(a, sizeof(*c));
	struct error err = ERROR_INIT;
	struct reader *r;

	*c = (struct java_call){ .js = js, .arena = a, .rq = rq };
	c->timer = (struct loop_timer){ .fn = on_item_timer, .ctx = c };
	DL_APPEND(js->calls, c);
	if (java_items_decode(body.p, body.n, a, &c->items, &err) != 0 || c->items.n == 0) {
		http_reply_error(&c->rq, 500, err.text);
		call_free(c);
		return;
	}
	world_say(js->a->w, "%s gets %s of %s", js->a->name, java_type_names[c->items.items[0].type], c->items.items[0].request_id);
	c->answers = arena_alloc(a, c->items.n * sizeof(*c->answers));
	r = reader_new(js->a->process.store, js->life);
	for (size_t i = 0; i < c->items.n; i++)
		reader_get(r, path_request(r->arena, c->items.items[i].request_id));
	reader_run(&r, on_call_requests, c);
}

/* --- life --------------------------------------------------------------------------------------------------- */

static const struct route routes[] = {
	{ "POST", "/batch", batch_post, ROLE_OPEN, 1u << 20, "what the leader wants" },
};

struct java_sim *java_sim_new(struct world_agent *a)
{
	struct java_sim *js = xcalloc(1, sizeof(*js));

	js->a = a;
	js->life = life_new();
	js->starting = true;
	js->router = router_new(&(struct router_options){ .context_path = "/baragon-agent/v2", .routes = routes,
		.n_routes = ARRAY_LEN(routes), .app = js });
	js->timer = (struct loop_timer){ .fn = on_timer, .ctx = js };
	js->listener = (struct store_listener){ .fn = on_link, .ctx = js };
	store_listen(a->process.store, &js->listener);
	return js;
}

void java_sim_free(struct java_sim **jsp)
{
	struct java_sim *js = STEAL(*jsp);

	if (js == NULL)
		return;
	store_unlisten(js->a->process.store, &js->listener);
	loop_timer_stop(js->a->w->loop, &js->timer);
	life_end(&js->life);
	while (js->calls != NULL)
		call_free(js->calls);
	router_free(&js->router);
	free(js);
}

bool java_sim_ready(const struct java_sim *js)
{
	return js->ready && !js->applying && js->session == store_session(js->a->process.store);
}

bool java_sim_catches_up(const struct java_sim *js)
{
	return js->catching_up || loop_now(js->a->w->loop) - js->registered_at < CATCHES_UP;
}

bool java_sim_busy(const struct java_sim *js)
{
	return js->calls != NULL;
}
