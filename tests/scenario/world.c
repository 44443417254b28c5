/*
 * world.c - processes of the simulated cluster: started, killed, frozen
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/scenario/world.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/model/javabatch.h"
#include "lib/records/paths.h"
#include "lib/records/requests.h"
#include "lib/records/roster.h"
#include "lib/store/latch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const txn_names[] = { "OTHER", "ENQUEUE", "DECIDE", "COMMIT", "TURN", "END", "CANCEL", "JOIN", "TAKEOVER" };

static void on_revive(void *ctx);
static enum mem_fault on_op(void *ctx, const struct mem_op *op);
static void on_call(void *ctx, const struct sim_call *call, struct sim_fate *fate);

void world_say(struct world *w, const char *fmt, ...)
{
	va_list ap;
	char text[600];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&w->story, "%9.3f  %s\n", (double)loop_now(w->loop) / 1e6, text);
}

void world_break(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->broken[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(w->broken, sizeof(w->broken), fmt, ap);
	va_end(ap);
	world_say(w, "BROKEN: %s", w->broken);
}

static void on_log(void *ctx, enum log_level level, const char *line)
{
	(void)level;
	world_say(ctx, "log: %s", line);
}

struct world *world_new(uint64_t seed, const struct rules *rules)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->seed = seed;
	rand_seed(&w->rand, seed * 2 + 1);
	w->loop = loop_sim_new(seed);
	w->server = mem_server_new(w->loop, seed);
	w->net = sim_net_new(w->loop, seed);
	w->site = (struct sim_site){ w->loop, w->server, w->net };
	w->rules = *rules;
	w->grace_ms = 300000;
	w->prepare_ms = 30000;
	w->apply_ms = 60000;
	w->revert_ms = 60000;
	w->story = (struct buf)BUF_LIMITED(1u << 20);
	w->revive = (struct loop_timer){ .fn = on_revive, .ctx = w };
	w->paths = arena_new();
	w->checker = checker_new(w);
	mem_server_hook(w->server, on_op, w);
	sim_net_hook(w->net, on_call, w);
	log_set_sink(on_log, w);
	log_set_level(LOG_LEVEL_INFO);
	return w;
}

void world_free(struct world **wp)
{
	struct world *w = STEAL(*wp);

	if (w == NULL)
		return;
	mem_server_hook(w->server, NULL, NULL);
	sim_net_hook(w->net, NULL, NULL);
	world_foreign(w, false);
	for (size_t i = 0; i < WORLD_SERVICES; i++)
		service_kill(&w->services[i]);
	for (size_t i = 0; i < WORLD_AGENTS; i++) {
		agent_kill(&w->agents[i]);
		host_clear(&w->agents[i].host);
	}
	for (size_t i = 0; i < w->n_requests; i++) {
		free(w->requests[i].id);
		free(w->requests[i].service);
		free(w->requests[i].body);
		free(w->requests[i].message);
	}
	for (size_t i = 0; i < w->n_triggers; i++)
		free(w->triggers[i].action);
	for (size_t i = 0; i < ARRAY_LEN(w->pending); i++) {
		loop_timer_stop(w->loop, &w->pending[i].timer);
		free(w->pending[i].action);
	}
	loop_timer_stop(w->loop, &w->revive);
	checker_free(&w->checker);
	sim_net_free(&w->net);
	mem_server_free(&w->server);
	loop_free(&w->loop);
	arena_free(&w->paths);
	buf_release(&w->story);
	log_set_sink(NULL, NULL);
	free(w);
}

/* --- services ------------------------------------------------------------------------------------------------ */

void world_add_service(struct world *w)
{
	for (size_t i = 0; i < WORLD_SERVICES; i++) {
		struct world_service *s = &w->services[i];

		if (s->used)
			continue;
		s->w = w;
		s->used = true;
		snprintf(s->name, sizeof(s->name), "service%zu", i + 1);
		snprintf(s->uri, sizeof(s->uri), "http://10.0.0.%zu:8080/baragon/v2", i + 1);
		return;
	}
}

void service_start(struct world_service *s)
{
	struct world *w = s->w;
	struct leader_options opt = { .base_uri = s->uri, .version = "sim", .enabled = true, .seed = rand_u64(&w->rand) | 1 };
	const struct sim_service_options process = { .name = s->name, .session_ms = SESSION_MS, .leader = &opt };

	if (s->alive)
		return;
	opt.worker = (struct worker_options){ .rules = w->rules, .prepare_deadline_ms = w->prepare_ms, .apply_deadline_ms = w->apply_ms,
		.revert_deadline_ms = w->revert_ms, .call_timeout_ms = 15000, .absent_grace_ms = w->grace_ms, .tick_ms = 5000,
		.batch_max = 50, .history_max = w->history_max, .history_spared_ms = 1, .limits = { .default_target_count = 1 } };
	s->alive = true;
	s->life = life_new();
	sim_service_start(&s->process, &w->site, &process);
	world_say(w, "%s starts", s->name);
}

void service_kill(struct world_service *s)
{
	if (!s->alive)
		return;
	world_say(s->w, "%s dies", s->name);
	s->alive = false;
	life_end(&s->life);
	sim_service_die(&s->process);
}

/* --- agents ---------------------------------------------------------------------------------------------------- */

void world_add_agent(struct world *w, const char *name, const char *group)
{
	for (size_t i = 0; i < WORLD_AGENTS; i++) {
		struct world_agent *a = &w->agents[i];
		static struct agent_ec2 ec2;

		if (a->used)
			continue;
		a->w = w;
		a->used = true;
		snprintf(a->name, sizeof(a->name), "%s", name);
		snprintf(a->group, sizeof(a->group), "%s", group);
		snprintf(a->address, sizeof(a->address), "10.1.0.%zu:8882", i + 1);
		snprintf(a->uri, sizeof(a->uri), "http://10.1.0.%zu:8882/baragon-agent/v2", i + 1);
		a->info = (struct agentinfo){ .base_uri = a->uri, .agent_id = a->address, .ec2 = &ec2, .batch_enabled = true };
		return;
	}
}

void world_add_java_agent(struct world *w, const char *name, const char *group)
{
	struct world_agent *a;

	world_add_agent(w, name, group);
	a = world_agent(w, name);
	if (a != NULL)
		a->java = true;
}

struct world_agent *world_agent(struct world *w, const char *name)
{
	for (size_t i = 0; i < WORLD_AGENTS; i++)
		if (w->agents[i].used && strcmp(w->agents[i].name, name) == 0)
			return &w->agents[i];
	return NULL;
}

void agent_start(struct world_agent *a)
{
	static struct value_member lockstep = { "lockstep", NULL };
	static struct value one = { .kind = VALUE_STRING }, extra = { .kind = VALUE_MAP };
	struct world *w = a->w;
	const struct agent_api_options api = { .context_path = "/baragon-agent/v2" };
	struct sim_agent_options process = { .name = a->name, .address = a->address, .session_ms = SESSION_MS, .link = &a->options,
		.api = &api };

	if (a->alive)
		return;
	if (a->java) {
		a->alive = true;
		a->frozen = false;
		a->process = (struct sim_agent){ .site = &w->site, .address = a->address,
			.store = store_mem_new(w->server, a->name, SESSION_MS) };
		a->java_sim = java_sim_new(a);
		world_say(w, "%s (Java) starts", a->name);
		return;
	}
	one.u.s = "1";
	lockstep.value = &one;
	extra.u.map.members = &lockstep;
	extra.u.map.n = 1;
	a->info.extra = &extra;
	a->options = (struct link_options){ .rules = w->rules, .group_name = a->group, .info = &a->info, .heartbeat_ms = 15000,
		.seed = rand_u64(&w->rand) | 1 };
	a->alive = true;
	a->frozen = false;
	process.applier = applier_sim_new(a);
	sim_agent_start(&a->process, &w->site, &process);
	world_say(w, "%s starts", a->name);
}

static void java_end(struct world_agent *a)
{
	sim_net_unlisten(a->w->net, a->address);
	java_sim_free(&a->java_sim);
	store_free(&a->process.store);
	a->process = (struct sim_agent){ 0 };
}

void agent_kill(struct world_agent *a)
{
	if (!a->alive)
		return;
	world_say(a->w, "%s dies", a->name);
	if (a->frozen)
		sim_net_freeze(a->w->net, a->address, false);
	a->alive = a->frozen = false;
	if (a->java) {
		store_mem_die(a->process.store);
		java_end(a);
		return;
	}
	sim_agent_die(&a->process);
}

static void on_left(void *ctx)
{
	bool *left = ctx;

	*left = true;
}

void agent_stop(struct world_agent *a, bool leave)
{
	bool left = false;

	if (!a->alive)
		return;
	world_say(a->w, "%s stops%s", a->name, leave ? " and leaves" : "");
	if (leave && !a->java) {
		agent_link_leave(a->process.link, on_left, &left);
		for (int i = 0; i < 10000 && !left && a->alive; i++)
			loop_sim_step(a->w->loop);
	}
	if (a->alive) {
		a->alive = a->frozen = false;
		if (a->java)
			java_end(a);
		else
			sim_agent_stop(&a->process);
	}
}

/* As SIGSTOP: nothing is heard or answered, what was begun stands still, the session runs out. */
void agent_freeze(struct world_agent *a, bool frozen)
{
	if (!a->alive || a->frozen == frozen)
		return;
	world_say(a->w, "%s %s", a->name, frozen ? "freezes" : "thaws");
	a->frozen = frozen;
	sim_agent_freeze(&a->process, frozen);
	if (!a->java)
		applier_sim_freeze(a->process.applier, frozen);
}

/* --- the client --------------------------------------------------------------------------------------------------- */

struct world_request *world_request(struct world *w, const char *id)
{
	for (size_t i = 0; i < w->n_requests; i++)
		if (strcmp(w->requests[i].id, id) == 0)
			return &w->requests[i];
	return NULL;
}

static struct world_service *live_service(struct world *w)
{
	size_t first = rand_below(&w->rand, WORLD_SERVICES);

	for (size_t i = 0; i < WORLD_SERVICES; i++) {
		struct world_service *s = &w->services[(first + i) % WORLD_SERVICES];

		if (s->used && s->alive && leader_ready(s->process.leader))
			return s;
	}
	return NULL;
}

/* The scheduler's view: it repeats until somebody has said that it is queued. */
static void on_put(void *ctx, int64_t index, const struct error *err)
{
	const struct world_try *t = ctx;
	struct worker *worker = leader_worker(t->service->process.leader);
	AUTO(arena_free) struct arena *a = arena_new();
	struct request *rq;

	if (err == NULL || (err->code == ERR_CONFLICT && !t->request->again))
		t->request->wanted = false; /* queued now, or by an earlier try */
	if (err == NULL && worker != NULL && request_decode(t->request->body, strlen(t->request->body), a, &rq, NULL) == 0)
		worker_put(worker, rq, index);
}

/* As the api posts an id anew that has ended (T0a). */
static void on_ended(void *ctx, const struct requests_found *found, const struct error *err)
{
	struct world_try *t = ctx;
	struct world_service *s = t->service;
	AUTO(arena_free) struct arena *a = arena_new();
	struct request *rq;

	if (err != NULL || found->resp == NULL || !t->request->wanted)
		return;
	if (t->request->accepted)
		t->request->wanted = false; /* by an earlier try, whose answer was lost */
	else if (found->mapping_version >= 0 && request_decode(t->request->body, strlen(t->request->body), a, &rq, NULL) == 0)
		requests_put_again(s->process.store, s->life, rq, found, on_put, t);
}

static void post_wanted(struct world *w)
{
	for (size_t i = 0; i < w->n_requests; i++) {
		struct world_request *r = &w->requests[i];
		struct world_service *s = live_service(w);
		AUTO(arena_free) struct arena *a = arena_new();
		struct request *rq;

		if (!r->wanted || s == NULL || request_decode(r->body, strlen(r->body), a, &rq, NULL) != 0)
			continue;
		r->tries[s - w->services] = (struct world_try){ r, s };
		if (r->again)
			requests_look(s->process.store, s->life, r->id, on_ended, &r->tries[s - w->services]);
		else
			requests_put(s->process.store, s->life, rq, on_put, &r->tries[s - w->services]);
	}
}

static void json_upstreams(struct buf *out, const char *list)
{
	const char *p = list;

	buf_char(out, '[');
	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, ",");

		buf_printf(out, "%s{\"upstream\":\"%.*s\"}", p == list ? "" : ",", (int)n, p);
		p += n + (p[n] == ',');
	}
	buf_char(out, ']');
}

void world_post(struct world *w, const char *id, const char *service, const char *groups, const char *add, const char *remove,
	const char *path, const char *action)
{
	struct world_request *r, *before = world_request(w, id);
	struct buf body = BUF_INIT;
	const char *p = groups;

	if (before != NULL && before->terminal < 0) {
		world_say(w, "%s has not ended: it is not posted again", id);
		return;
	}
	if (before != NULL) {
		free(before->id);
		before->id = xasprintf("%s, before", id);
	}
	r = &w->requests[w->n_requests++];
	ASSERT(w->n_requests <= WORLD_REQUESTS);
	buf_printf(&body, "{\"loadBalancerRequestId\":\"%s\",\"loadBalancerService\":{\"serviceId\":\"%s\",\"owners\":[],"
		"\"serviceBasePath\":\"%s\",\"loadBalancerGroups\":[", id, service, path);
	while (*p != '\0') {
		size_t n = strcspn(p, ",");

		buf_printf(&body, "%s\"%.*s\"", p == groups ? "" : ",", (int)n, p);
		p += n + (p[n] == ',');
	}
	buf_str(&body, "],\"options\":{}},\"addUpstreams\":");
	json_upstreams(&body, add);
	buf_str(&body, ",\"removeUpstreams\":");
	json_upstreams(&body, remove);
	if (action != NULL)
		buf_printf(&body, ",\"action\":\"%s\"", action);
	buf_char(&body, '}');
	*r = (struct world_request){ .id = xstrdup(id), .service = xstrdup(service), .body = buf_steal(&body, NULL), .wanted = true,
		.again = before != NULL, .terminal = -1, .index = -1 };
	world_say(w, "client posts %s for %s: +%s -%s", id, service, add != NULL ? add : "", remove != NULL ? remove : "");
	post_wanted(w);
}

static void on_cancelled(void *ctx, const struct error *err)
{
	(void)ctx;
	(void)err; /* the checker sees what was written */
}

static void on_look(void *ctx, const struct requests_found *found, const struct error *err)
{
	struct world_service *s = ctx;

	if (err != NULL || found->resp == NULL || !found->live || found->resp->state != STATE_WAITING)
		return;
	requests_cancel(s->process.store, s->life, found->resp->request_id, found->status_version, on_cancelled, s);
	if (leader_worker(s->process.leader) != NULL)
		worker_cancelled(leader_worker(s->process.leader), found->resp->request_id);
}

void world_cancel(struct world *w, const char *id)
{
	struct world_service *s = live_service(w);

	world_say(w, "client cancels %s", id);
	if (s != NULL)
		requests_look(s->process.store, s->life, id, on_look, s);
}

static void on_member_removed(void *ctx, const struct error *err)
{
	struct world_agent *a = ctx;

	world_say(a->w, "removal of %s: %s", a->name, err != NULL ? err->text : "done");
}

void world_remove_member(struct world *w, const char *name)
{
	struct world_agent *a = world_agent(w, name);
	struct world_service *s = live_service(w);

	world_say(w, "operator removes %s", name);
	if (s != NULL && a != NULL)
		roster_remove(s->process.store, s->life, &w->rules, a->group, a->info.agent_id, on_member_removed, a);
}

static void on_entry_dropped(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)res;
	world_say(ctx, "history entry dropped by hand: %s", err == NULL ? "done" : err->text);
}

void world_drop_entry(struct world *w, const char *service, const char *id)
{
	struct world_service *s = live_service(w);
	AUTO(arena_free) struct arena *a = arena_new();
	struct store_txn *t;

	if (s == NULL)
		return;
	t = store_txn_new(s->process.store);
	store_txn_delete(t, path_history_entry(a, service, id), -1);
	store_txn_delete(t, path_mapping(a, id), -1);
	store_txn_commit(&t, on_entry_dropped, w);
}

static void foreign_changed(void *ctx)
{
	(void)ctx;
}

void world_foreign(struct world *w, bool joins)
{
	if (joins == (w->foreign != NULL))
		return;
	world_say(w, "a foreign service %s", joins ? "joins" : "leaves");
	if (!joins) {
		latch_free(&w->foreign_latch);
		store_free(&w->foreign);
		return;
	}
	w->foreign = store_mem_new(w->server, "foreign", SESSION_MS);
	w->foreign_latch = latch_new(w->loop, w->foreign, PATH_WORKERS, "00000000-0000-4000-8000-000000000000",
		"http://10.9.0.1:8080/baragon/v2", foreign_changed, w);
}

/* --- faults and triggers ----------------------------------------------------------------------------------------------- */

static void run_pending(void *ctx);

static void act_soon(struct world *w, const char *action)
{
	for (size_t i = 0; i < ARRAY_LEN(w->pending); i++) {
		if (w->pending[i].used)
			continue;
		free(w->pending[i].action);
		w->pending[i].action = xstrdup(action);
		w->pending[i].used = true;
		w->pending[i].timer = (struct loop_timer){ .fn = run_pending, .ctx = w };
		loop_timer_start(w->loop, &w->pending[i].timer, 0);
		return;
	}
}

static void run_pending(void *ctx)
{
	struct world *w = ctx;

	for (size_t i = 0; i < ARRAY_LEN(w->pending); i++) {
		if (!w->pending[i].used || loop_timer_running(&w->pending[i].timer))
			continue;
		w->pending[i].used = false;
		w->run_action(w, w->pending[i].action);
		return;
	}
}

static bool fire(struct world *w, int on, int what, const char *name)
{
	bool lose = false;

	for (size_t i = 0; i < w->n_triggers; i++) {
		struct trigger *t = &w->triggers[i];

		if ((int)t->on != on || t->what != what || (t->name[0] != '\0' && name != NULL && strcmp(t->name, name) != 0))
			continue;
		t->on = ON_NOTHING;
		if (t->lose_answer)
			lose = true;
		else
			act_soon(w, t->action);
	}
	return lose;
}

static void note_dead(struct world *w, bool service, size_t i)
{
	if (w->n_dead < ARRAY_LEN(w->dead)) {
		w->dead[w->n_dead].service = service;
		w->dead[w->n_dead++].i = i;
	}
	loop_timer_start(w->loop, &w->revive, LOOP_MS(800));
}

static void on_revive(void *ctx)
{
	struct world *w = ctx;

	for (size_t i = 0; i < w->n_dead; i++) {
		if (w->dead[i].service)
			service_start(&w->services[w->dead[i].i]);
		else
			agent_start(&w->agents[w->dead[i].i]);
	}
	w->n_dead = 0;
}

static bool kill_named(struct world *w, const char *name)
{
	for (size_t i = 0; i < WORLD_SERVICES; i++)
		if (w->services[i].alive && strcmp(w->services[i].name, name) == 0) {
			service_kill(&w->services[i]);
			note_dead(w, true, i);
			return true;
		}
	for (size_t i = 0; i < WORLD_AGENTS; i++)
		if (w->agents[i].alive && (strcmp(w->agents[i].name, name) == 0 || strcmp(w->agents[i].address, name) == 0)) {
			agent_kill(&w->agents[i]);
			note_dead(w, false, i);
			return true;
		}
	return false;
}

static enum mem_fault spoil_op(struct world *w, const struct mem_op *op)
{
	struct fault *f = &w->fault;
	bool after = op->moment == MEM_AFTER_APPLY;

	if (f->kind == FAULT_NONE || f->of_call || f->done || f->number != w->ops || f->after != after)
		return MEM_FAULT_NONE;
	f->done = true;
	world_say(w, "fault: %s %s %s of %s at %s", f->kind == FAULT_KILL ? "kill" : "cut", after ? "after" : "before", op->kind,
		op->session, op->path != NULL ? op->path : "");
	if (f->kind == FAULT_KILL)
		return kill_named(w, op->session) ? MEM_FAULT_HOLD : MEM_FAULT_NONE;
	return after ? MEM_FAULT_LOSE_AFTER : MEM_FAULT_LOSE_BEFORE;
}

static enum mem_fault on_op(void *ctx, const struct mem_op *op)
{
	struct world *w = ctx;
	enum mem_fault fate;

	if (op->moment == MEM_BEFORE_APPLY) {
		w->ops++;
		w->last_txn = TXN_OTHER;
	}
	fate = spoil_op(w, op);
	if (op->moment == MEM_AFTER_APPLY && op->write && fate == MEM_FAULT_NONE && fire(w, ON_TXN, (int)w->last_txn, NULL))
		fate = MEM_FAULT_LOSE_AFTER;
	return fate;
}

static int call_type_of(const struct sim_call *call, struct arena *a)
{
	struct batch_call *bc;
	struct java_items items;

	if (batch_call_decode(call->body.p, call->body.n, a, &bc, NULL) == 0)
		return bc->type;
	if (java_items_decode(call->body.p, call->body.n, a, &items, NULL) != 0 || items.n == 0)
		return -1;
	return items.items[0].type == JAVA_APPLY ? CALL_APPLY : items.items[0].type == JAVA_REVERT ? CALL_REVERT : CALL_CANCEL;
}

static void call_triggers(struct world *w, const struct sim_call *call)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct world_agent *ag = NULL;
	int type;

	if (call->body.p == NULL || (type = call_type_of(call, a)) < 0)
		return;
	for (size_t i = 0; i < WORLD_AGENTS; i++)
		if (w->agents[i].used && strcmp(w->agents[i].address, call->to) == 0)
			ag = &w->agents[i];
	if (!call->answer && ag != NULL)
		fire(w, ON_CALL, type, ag->name);
}

static void on_call(void *ctx, const struct sim_call *call, struct sim_fate *fate)
{
	struct world *w = ctx;
	struct fault *f = &w->fault;
	char from[32], to[32];

	if (!call->answer) {
		w->calls++;
		call_triggers(w, call);
	}
	if (f->kind == FAULT_NONE || !f->of_call || f->done || f->number != call->number || f->after != call->answer)
		return;
	f->done = true;
	snprintf(from, sizeof(from), "%s", call->from);
	snprintf(to, sizeof(to), "%s", call->to);
	world_say(w, "fault: call %s -> %s %s: %d", from, to, call->answer ? "answer" : "request", (int)f->kind);
	switch (f->kind) {
	case FAULT_NONE:
		return;
	case FAULT_KILL:
		kill_named(w, f->callee ? to : from);
		return;
	case FAULT_CUT:
		fate->lose_request = !call->answer;
		fate->lose_answer = true;
		return;
	case FAULT_LOSE_ANSWER:
		fate->lose_answer = true;
		return;
	case FAULT_DOUBLE:
		fate->twice = true;
		fate->again_us = LOOP_MS(1500);
		return;
	case FAULT_DELAY:
		fate->delay_us = LOOP_MS(3000);
		return;
	}
}

/* --- time -------------------------------------------------------------------------------------------------------------------- */

bool world_run(struct world *w, int64_t ms)
{
	for (int64_t done = 0; done < ms; done += 200) {
		if (!loop_sim_run_for(w->loop, LOOP_MS(ms - done < 200 ? ms - done : 200), 200000)) {
			world_break(w, "livelock: more than 200,000 events in 200 ms");
			return false;
		}
		post_wanted(w);
	}
	return true;
}

static bool agents_ready(const struct world *w)
{
	for (size_t i = 0; i < WORLD_AGENTS; i++) {
		struct link_status st;

		if (!w->agents[i].alive)
			continue;
		if (w->agents[i].java && (!java_sim_ready(w->agents[i].java_sim) || java_sim_busy(w->agents[i].java_sim)))
			return false;
		if (w->agents[i].java)
			continue;
		agent_link_status(w->agents[i].process.link, &st);
		if (st.phase != LINK_READY || !st.settled || st.busy)
			return false;
	}
	return true;
}

static bool requests_ended(const struct world *w)
{
	const char *const *names;
	size_t n = mem_server_children(w->server, "/queue", &names);

	for (size_t i = 0; i < w->n_requests; i++)
		if (w->requests[i].wanted || (w->requests[i].accepted && w->requests[i].terminal < 0))
			return false;
	return n == 0 || n == SIZE_MAX;
}

static bool somebody_leads(const struct world *w)
{
	for (size_t i = 0; i < WORLD_SERVICES; i++)
		if (w->services[i].alive && leader_leads(w->services[i].process.leader) && store_link(w->services[i].process.store) == STORE_LINK_UP)
			return true;
	return false;
}

static bool any_java(const struct world *w)
{
	for (size_t i = 0; i < WORLD_AGENTS; i++)
		if (w->agents[i].java)
			return true;
	return false;
}

bool world_settle(struct world *w, int64_t ms)
{
	int64_t end = loop_now(w->loop) + LOOP_MS(ms);

	while (loop_now(w->loop) < end && w->broken[0] == '\0') {
		if (requests_ended(w) && agents_ready(w) && somebody_leads(w) && w->n_dead == 0)
			return world_run(w, any_java(w) ? 22000 : 6000); /* what nobody waits for gets its time */
		if (!world_run(w, 200))
			return false;
	}
	return w->broken[0] == '\0' && requests_ended(w) && agents_ready(w);
}

void world_start(struct world *w)
{
	for (size_t i = 0; i < WORLD_SERVICES; i++)
		if (w->services[i].used)
			service_start(&w->services[i]);
	for (size_t i = 0; i < WORLD_AGENTS; i++)
		if (w->agents[i].used)
			agent_start(&w->agents[i]);
	for (int i = 0; i < 100 && !(agents_ready(w) && live_service(w) != NULL); i++)
		world_run(w, 100);
	world_run(w, 1000);
}
