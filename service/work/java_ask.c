/*
 * java_ask.c - asking the Java members of a flight, as often as a Java service would
 *
 * They take no PREPARE.  APPLY may fail agentMaxAttempts times, but a missing template is final; REVERT and CANCEL are asked
 * until the deadline, and until an answer can be believed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/java_call.h"

#include "lib/base/str.h"

#include <string.h>

#define RETRY_FIRST LOOP_MS(250)
#define RETRY_MAX LOOP_MS(2000)
#define CALL_LEAST LOOP_MS(1000) /* a call that is cut short leaves doubts for much longer */

struct java_ask { /* one process that was asked by one flight */
	struct java_ask *next;
	struct flight *flight;
	const char *group, *agent_id, *incarnation, *url;
	enum call_type type;
	int64_t number;
	enum call_type asked; /* what the run in progress asks */
	int64_t asked_number;
	struct java_run *run;
	int64_t attempts, retry_at, pause;
};

static struct java_ask *ask_for(struct flight *f, const struct member *m, enum call_type type, int64_t number)
{
	struct java_ask *a;

	for (a = f->java_asks; a != NULL; a = a->next)
		if (str_eq(a->group, m->group) && str_eq(a->agent_id, m->agent_id) && str_eq(a->incarnation, m->incarnation))
			break;
	if (a == NULL) {
		a = arena_alloc(f->arena, sizeof(*a));
		*a = (struct java_ask){ .flight = f, .type = type, .number = -2, .next = f->java_asks };
		a->group = arena_strdup(f->arena, m->group);
		a->agent_id = arena_strdup(f->arena, m->agent_id);
		a->incarnation = arena_strdup(f->arena, m->incarnation);
		f->java_asks = a;
	}
	if (a->type != type || a->number != number) {
		a->type = type;
		a->number = number;
		a->attempts = 0;
		a->retry_at = 0;
		a->pause = RETRY_FIRST;
	}
	return a;
}

/* What the tally is told. Only the last failure of APPLY is one for good. */
static void take(const struct java_ask *a, const struct java_result *res, struct answer *out)
{
	const struct java_options *opt = &a->flight->w->opt.java;
	bool for_good = a->asked == CALL_APPLY && (res->said.template_missing || a->attempts >= opt->max_attempts);

	out->status_code = res->said.status_code;
	out->message = res->said.content;
	out->exception = res->said.exception;
	if (res->tentative)
		out->message = "it answered, but an earlier call that it did not answer may still be carried out: it is asked again";
	else if (res->said.ok || for_good)
		out->number = a->asked_number;
	if (!res->tentative && (res->said.ok || for_good))
		out->outcome = res->said.ok ? OUTCOME_APPLIED : OUTCOME_FAILED;
}

static void on_result(void *ctx, const struct java_result *res)
{
	struct java_ask *a = ctx;
	struct flight *f = a->flight;
	struct answer ans = { .type = a->asked, .group = a->group, .agent_id = a->agent_id, .incarnation = a->incarnation,
		.url = res->url, .number = -2, .outcome = -1, .java = true };

	a->run = NULL;
	take(a, res, &ans);
	tally_add(f->tally, &ans);
	if (a->asked != a->type || a->asked_number != a->number)
		return; /* of the former question */
	/* Who answers may be asked soon; one that cannot be reached may just be starting. */
	a->retry_at = res->tentative ? res->ask_at : loop_now(f->w->loop) + (res->said.exception != NULL ? RETRY_MAX : a->pause);
	a->pause = a->pause * 2 < RETRY_MAX ? a->pause * 2 : RETRY_MAX;
	/* Who called advances all flights. */
}

static bool reloads(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->rq[i].plan.request->no_reload)
			return true;
	return false;
}

static enum call_type call_of(enum direction dir)
{
	switch (dir) {
	case DIR_FORWARD:
		return CALL_APPLY;
	case DIR_BACK:
		return CALL_REVERT;
	case DIR_CANCEL:
		return CALL_CANCEL;
	}
	return CALL_APPLY;
}

static void send(struct java_ask *a, const struct member *m)
{
	struct flight *f = a->flight;
	const struct java_options *opt = &f->w->opt.java;
	AUTO(arena_free) struct arena *scratch = arena_new();
	const struct request **requests = arena_alloc(scratch, f->n * sizeof(struct request *));
	enum call_type *types = arena_alloc(scratch, f->n * sizeof(*types));
	struct java_order order = { .base_uri = m->base_uri, .batch = m->batch, .name = f->name, .type = a->type, .n = f->n };
	int64_t left = flight_deadline(f) - loop_now(f->w->loop);

	for (size_t i = 0; i < f->n; i++) {
		requests[i] = f->rq[i].plan.request;
		types[i] = call_of((enum direction)f->rq[i].dir);
	}
	order.requests = requests;
	order.types = types;
	order.timeout_us = LOOP_MS(opt->timeout_ms < f->w->opt.call_timeout_ms ? opt->timeout_ms : f->w->opt.call_timeout_ms);
	if (left < order.timeout_us)
		order.timeout_us = left > CALL_LEAST ? left : CALL_LEAST;
	/* A REVERT whose reload failed has put the files back: the next one would change nothing, and not reload. */
	order.reload = reloads(f) && (f->n > 1 || (a->type != CALL_APPLY && a->attempts > 0));
	a->attempts++;
	a->asked = a->type;
	a->asked_number = a->number;
	a->run = java_call(f->w->java, &order, on_result, a);
}

void java_ask(struct flight *f, const struct member *m, enum call_type type, int64_t number)
{
	struct java_ask *a = ask_for(f, m, type, number);

	if (a->run != NULL || java_calls_busy(f->w->java, m->base_uri) || loop_now(f->w->loop) < a->retry_at)
		return;
	send(a, m);
}

int64_t java_retry_at(const struct flight *f)
{
	int64_t at = INT64_MAX, now = loop_now(f->w->loop);

	for (const struct java_ask *a = f->java_asks; a != NULL; a = a->next)
		if (a->run == NULL && a->retry_at > now && a->retry_at < at)
			at = a->retry_at;
	return at;
}

void java_detach(struct flight *f)
{
	for (struct java_ask *a = f->java_asks; a != NULL; a = a->next)
		java_call_forget(&a->run);
}

void java_adopted(struct flight *f)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct request **requests = arena_alloc(a, f->n * sizeof(struct request *));

	for (size_t i = 0; i < f->n; i++)
		requests[i] = f->rq[i].plan.request;
	java_calls_doubt(f->w->java, f->name, CALL_APPLY, requests, f->n);
	if (f->phase == PHASE_BACK)
		java_calls_doubt(f->w->java, f->name, CALL_REVERT, requests, f->n);
}

/* Nobody has the template: a rule, not a failure of theirs. */
bool java_template_missing(const struct flight *f, const struct member *const *members, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct answer *ans = tally_get(f->tally, CALL_APPLY, members[i]->group, members[i]->agent_id);

		if (members[i]->excluded)
			continue;
		if (!member_is_java(members[i]) || ans == NULL || ans->message == NULL ||
			strstr(ans->message, "MissingTemplateException") == NULL)
			return false;
		any = true;
	}
	return any;
}
