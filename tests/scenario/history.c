/*
 * history.c - seeded random histories
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/scenario/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct story {
	struct world *w;
	struct rand_state rand;
	size_t n_agents, n_services, posted;
	size_t addresses;
};

static uint64_t below(struct story *s, uint64_t n)
{
	return rand_below(&s->rand, n);
}

static struct world_agent *some_agent(struct story *s)
{
	return &s->w->agents[below(s, s->n_agents)];
}

static struct world_service *some_service(struct story *s)
{
	return &s->w->services[below(s, s->n_services)];
}

static void post(struct story *s)
{
	char id[16], service[8], add[64], path[16];
	uint64_t k = below(s, 3);
	const char *groups = s->n_agents > 3 && below(s, 3) == 0 ? "web,api" : s->n_agents > 3 && below(s, 3) == 0 ? "api" : "web";

	if (s->w->n_requests >= 24)
		return;
	snprintf(id, sizeof(id), "r%zu", ++s->posted);
	snprintf(service, sizeof(service), "s%llu", (unsigned long long)k);
	snprintf(add, sizeof(add), "10.9.%llu.%zu:80", (unsigned long long)k, ++s->addresses);
	snprintf(path, sizeof(path), "/p%llu", (unsigned long long)(below(s, 8) == 0 ? 0 : k));
	world_post(s->w, id, service, groups, add, NULL, path, below(s, 12) == 0 ? "DELETE" : NULL);
}

static void trouble_agent(struct story *s)
{
	struct world_agent *a = some_agent(s);

	switch (below(s, 9)) {
	case 0:
		agent_kill(a);
		return;
	case 1:
		if (a->java)
			agent_kill(a); /* what it had begun it would finish whenever it thaws: R5 */
		else
			agent_freeze(a, true);
		return;
	case 2:
		if (a->alive)
			store_mem_expire(a->process.store);
		return;
	case 3:
		if (a->alive && !a->frozen)
			store_mem_cut(a->process.store, LOOP_MS((int64_t)below(s, 7000)));
		return;
	case 4:
		free(a->host.refuses);
		a->host.refuses = xstrdup("refused by the history");
		return;
	case 5:
		free(a->host.fails);
		a->host.fails = xstrdup("fails by the history");
		a->host.fails_once = true;
		return;
	case 6:
		if (a->alive)
			store_mem_lag(a->process.store, LOOP_MS((int64_t)below(s, 400)));
		return;
	case 7:
		agent_stop(a, below(s, 3) == 0);
		return;
	case 8:
		agent_kill(a);
		agent_start(a);
		return;
	}
}

static void heal_agent(struct story *s)
{
	struct world_agent *a = some_agent(s);

	free(a->host.refuses);
	a->host.refuses = NULL;
	free(a->host.fails);
	a->host.fails = NULL;
	agent_freeze(a, false);
	agent_start(a);
	if (a->alive)
		store_mem_lag(a->process.store, 0);
}

static void trouble_service(struct story *s)
{
	struct world_service *sv = some_service(s);

	switch (below(s, 4)) {
	case 0:
		service_kill(sv);
		return;
	case 1:
		if (sv->alive)
			store_mem_expire(sv->process.store);
		return;
	case 2:
		if (sv->alive)
			store_mem_cut(sv->process.store, LOOP_MS((int64_t)below(s, 7000)));
		return;
	case 3:
		if (sv->alive)
			store_mem_lag(sv->process.store, LOOP_MS((int64_t)below(s, 300)));
		return;
	}
}

static void cancel(struct story *s)
{
	if (s->w->n_requests > 0)
		world_cancel(s->w, s->w->requests[below(s, s->w->n_requests)].id);
}

/* Calls are late, doubled and lost now and then, all the way. */
static void spoil_calls(struct story *s)
{
	s->w->fault = (struct fault){ .of_call = true, .number = s->w->calls + 1 + below(s, 6) };
	switch (below(s, 5)) {
	case 0:
		s->w->fault.kind = FAULT_CUT;
		break;
	case 1:
		s->w->fault.kind = FAULT_LOSE_ANSWER;
		s->w->fault.after = true;
		break;
	case 2:
		s->w->fault.kind = FAULT_DOUBLE;
		break;
	case 3:
		s->w->fault.kind = FAULT_DELAY;
		break;
	case 4:
		s->w->fault.kind = FAULT_KILL;
		s->w->fault.after = below(s, 2);
		s->w->fault.callee = below(s, 2);
		break;
	}
}

static void spoil_store(struct story *s)
{
	s->w->fault = (struct fault){ .kind = below(s, 2) ? FAULT_KILL : FAULT_CUT, .number = s->w->ops + 1 + below(s, 40),
		.after = below(s, 2) };
}

static void step(struct story *s)
{
	switch (below(s, 16)) {
	case 0: case 1: case 2: case 3: case 4:
		post(s);
		return;
	case 5: case 6:
		trouble_agent(s);
		return;
	case 7: case 8:
		heal_agent(s);
		return;
	case 9:
		trouble_service(s);
		return;
	case 10:
		service_start(some_service(s));
		return;
	case 11:
		cancel(s);
		return;
	case 12: case 13:
		spoil_calls(s);
		return;
	case 14:
		spoil_store(s);
		return;
	case 15:
		if (below(s, 4) == 0)
			world_remove_member(s->w, some_agent(s)->name);
		return;
	}
}

static int64_t pause_ms(struct story *s)
{
	static const int64_t scales[] = { 1, 5, 20, 100, 1000, 8000 };

	return 1 + (int64_t)below(s, (uint64_t)scales[below(s, 6)]);
}

static void no_action(struct world *w, const char *action)
{
	(void)w;
	(void)action;
}

static void build(struct story *s)
{
	struct world *w = s->w;

	w->run_action = no_action;
	w->grace_ms = below(s, 4) == 0 ? 20000 : 300000;
	w->prepare_ms = 5000 + (int64_t)below(s, 10000);
	w->apply_ms = 5000 + (int64_t)below(s, 15000);
	w->revert_ms = 20000;
	w->history_max = 2;
	s->n_services = 1 + below(s, 2);
	for (size_t i = 0; i < s->n_services; i++)
		world_add_service(w);
	world_add_agent(w, "a1", "web");
	world_add_agent(w, "a2", "web");
	s->n_agents = 2;
	if (below(s, 2)) {
		world_add_agent(w, "a3", below(s, 2) ? "web" : "api");
		s->n_agents++;
	}
	if (below(s, 3) == 0) {
		world_add_agent(w, "b1", "api");
		s->n_agents = 4;
		if (!w->agents[3].used) {
			world_add_agent(w, "b2", "api");
		}
	}
	for (size_t i = s->n_agents; i-- > 0 && !w->agents[i].used;)
		s->n_agents = i;
	/* In some of them Java agents, also beside ours. */
	for (size_t i = 0; s->w->seed % 4 == 3 && i < s->n_agents; i++)
		w->agents[i].java = (s->w->seed / 4 + i) % 3 != 0;
	world_start(w);
}

static void heal_all(struct story *s)
{
	s->w->fault.kind = FAULT_NONE;
	for (size_t i = 0; i < s->n_agents; i++) {
		struct world_agent *a = &s->w->agents[i];

		free(a->host.refuses);
		a->host.refuses = NULL;
		free(a->host.fails);
		a->host.fails = NULL;
		agent_freeze(a, false);
		agent_start(a);
		store_mem_lag(a->process.store, 0);
	}
	for (size_t i = 0; i < s->n_services; i++) {
		service_start(&s->w->services[i]);
		store_mem_lag(s->w->services[i].process.store, 0);
	}
}

bool history_run(uint64_t seed, const struct rules *rules, bool story, char broken[512])
{
	struct story s = { .w = world_new(seed, rules) };
	size_t steps;

	rand_seed(&s.rand, seed ^ 0x5eed);
	build(&s);
	steps = 8 + below(&s, 40);
	for (size_t i = 0; i < steps && s.w->broken[0] == '\0'; i++) {
		step(&s);
		world_run(s.w, pause_ms(&s));
	}
	heal_all(&s);
	/* Each service's requests one after the other: three stages each, at the worst. */
	if (s.w->broken[0] == '\0' && !world_settle(s.w, 60000 + (int64_t)s.w->n_requests * 60000) && s.w->broken[0] == '\0')
		world_break(s.w, "L1: not at rest in time after the faults had stopped");
	check_quiet(s.w);
	snprintf(broken, 512, "%s", s.w->broken);
	if (story)
		fputs(buf_cstr(&s.w->story), stdout);
	world_free(&s.w);
	return broken[0] == '\0';
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int history_many(unsigned long count, unsigned seconds, uint64_t first_seed)
{
	static const struct rules on = RULES_ON;
	double end = now() + seconds;
	unsigned long done = 0, failed = 0;
	char broken[512];

	for (; done < count && (now() < end || done < 2000) && failed < 5; done++) {
		uint64_t seed = first_seed + done;

		if (history_run(seed, &on, false, broken))
			continue;
		failed++;
		printf("FAILED history of seed %llu: %s\n", (unsigned long long)seed, broken);
	}
	printf("histories: seeds %llu to %llu\n", (unsigned long long)first_seed, (unsigned long long)(first_seed + done - 1));
	printf("histories: %lu passed, %lu failed\n", done - failed, failed);
	return failed != 0;
}
