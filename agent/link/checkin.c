/*
 * checkin.c - look for the first service in /workers, call it, and again while it says PENDING
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/checkin.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/http/query.h"
#include "lib/model/record.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>
#include <string.h>

#define CALL_TIME LOOP_MS(10000)
#define SHUTDOWN_CALL_TIME LOOP_MS(3000)
#define RETRY_MIN LOOP_MS(1000)
#define RETRY_MAX LOOP_MS(15000)
#define WAIT_MIN_MS 1000 /* an ERROR comes with a wait of 0 */
#define WAIT_MAX_MS 60000

struct answer {
	const char *state, *exception;
	int64_t wait_ms;
};
static const struct field answer_fields[] = {
	{ .name = "state", .kind = FIELD_STRING, .offset = offsetof(struct answer, state), .required = true },
	{ .name = "exceptionMessage", .kind = FIELD_STRING, .offset = offsetof(struct answer, exception) },
	{ .name = "waitTime", .kind = FIELD_INT, .offset = offsetof(struct answer, wait_ms) },
};
static const struct record answer_record = {
	.name = "AgentCheckInResponse",
	.size = sizeof(struct answer),
	.fields = answer_fields,
	.n_fields = ARRAY_LEN(answer_fields),
};

struct checkin {
	struct loop *loop;
	struct store *st;
	struct client *client;
	struct checkin_options opt;
	struct life *life; /* of the check-in in progress; NULL = none */
	enum checkin_kind kind;
	void (*done)(void *ctx, enum checkin_end end);
	void *ctx;
	struct loop_timer timer;
	struct call *call;
	int64_t deadline, pause;
	int failures;
	bool polling, told; /* told: a failure was logged */
};

static const char *kind_name(enum checkin_kind kind)
{
	return kind == CHECKIN_STARTUP ? "startup" : "shutdown";
}

static void look(void *ctx);

static void stop(struct checkin *ci)
{
	life_end(&ci->life);
	call_cancel(&ci->call);
	loop_timer_stop(ci->loop, &ci->timer);
}

static void finish(struct checkin *ci, enum checkin_end end)
{
	void (*done)(void *, enum checkin_end) = STEAL(ci->done);

	stop(ci);
	if (done != NULL)
		done(ci->ctx, end);
}

static bool late(const struct checkin *ci, int64_t wait)
{
	return loop_now(ci->loop) + wait > ci->deadline;
}

/* It was called and failed, or (`called` false) there was nobody to call. */
static void failed(struct checkin *ci, bool called, const char *why)
{
	if (!ci->told)
		log_warn(NULL, "check-in failed", "kind", kind_name(ci->kind), "reason", why);
	ci->told = true;
	ci->failures += called;
	if (ci->kind == CHECKIN_SHUTDOWN || ci->failures >= ci->opt.attempts || late(ci, ci->pause)) {
		log_warn(NULL, "no check-in", "kind", kind_name(ci->kind), "reason", why);
		finish(ci, CHECKIN_FAILED);
		return;
	}
	loop_timer_start(ci->loop, &ci->timer, ci->pause);
	ci->pause = ci->pause * 2 < RETRY_MAX ? ci->pause * 2 : RETRY_MAX;
}

static void wait_more(struct checkin *ci, const struct answer *ans)
{
	int64_t ms = ans->wait_ms;

	ms = ms < WAIT_MIN_MS ? WAIT_MIN_MS : ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
	if (ans->exception != NULL && !ci->told) {
		log_warn(NULL, "the service has trouble with the check-in", "kind", kind_name(ci->kind), "reason", ans->exception);
		ci->told = true;
	}
	if (late(ci, LOOP_MS(ms))) {
		log_info(NULL, "the check-in is still pending: not waiting longer", "kind", kind_name(ci->kind));
		finish(ci, CHECKIN_GIVEN_UP);
		return;
	}
	ci->polling = true;
	loop_timer_start(ci->loop, &ci->timer, LOOP_MS(ms));
}

static void on_answer(void *ctx, const struct call_result *res)
{
	struct checkin *ci = ctx;
	AUTO(arena_free) struct arena *a = arena_new();
	struct error err = ERROR_INIT;
	struct answer *ans;

	ci->call = NULL;
	if (res->end != CALL_ANSWERED) {
		failed(ci, true, res->text);
		return;
	}
	if (res->status < 200 || res->status >= 300) {
		failed(ci, true, arena_printf(a, "the service answered %d", res->status));
		return;
	}
	if (record_decode(&answer_record, res->body, res->len, a, &ans, &err) != 0) {
		failed(ci, true, err.text);
		return;
	}
	if (!str_eq(ans->state, "DONE")) {
		wait_more(ci, ans);
		return;
	}
	log_info(NULL, "checked in", "kind", kind_name(ci->kind));
	finish(ci, CHECKIN_DONE);
}

static void call(struct checkin *ci, const char *base)
{
	AUTO(buf_release) struct buf url = BUF_INIT, body = BUF_INIT;
	const char *key = ci->opt.key != NULL ? ci->opt.key(ci->opt.ctx) : NULL;
	int64_t time = ci->kind == CHECKIN_STARTUP ? CALL_TIME : SHUTDOWN_CALL_TIME;
	struct slice sent;

	buf_str(&url, base);
	buf_str(&url, "/checkin/");
	percent_encode(&url, ci->opt.group_name);
	buf_printf(&url, "/%s", kind_name(ci->kind));
	if (ci->polling)
		buf_str(&url, "?status=true");
	if (key != NULL) {
		buf_str(&url, ci->polling ? "&authkey=" : "?authkey=");
		percent_encode(&url, key);
	}
	record_encode(&agentinfo_record, ci->opt.info, &body);
	sent = (struct slice){ body.data, body.len };
	ci->call = client_call(ci->client, buf_cstr(&url), &sent, time, on_answer, ci);
}

static void on_base(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct checkin *ci = ctx;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;

	if (err != NULL)
		failed(ci, false, err->text);
	else if (node == NULL || node->len == 0)
		failed(ci, false, "the service has just gone");
	else
		call(ci, arena_strndup(r->arena, node->data, node->len));
}

/* "…-latch-0000000007": by the number, which is as long in all. */
static bool comes_before(const char *x, const char *y)
{
	const char *a = strrchr(x, '-'), *b = strrchr(y, '-');

	return strcmp(a != NULL ? a : x, b != NULL ? b : y) < 0;
}

static void on_workers(void *ctx, struct reader **r_take, const struct error *err)
{
	struct checkin *ci = ctx;
	const char *const *names = NULL, *first = NULL;
	struct reader *r;
	size_t n = 0;

	if (err == NULL)
		names = reader_names(*r_take, 0, &n);
	for (size_t i = 0; i < n; i++)
		if (first == NULL || comes_before(names[i], first))
			first = names[i];
	if (first == NULL) {
		failed(ci, false, err != NULL ? err->text : "no service is registered");
		reader_free(r_take);
		return;
	}
	r = reader_next(r_take);
	reader_get(r, path_join(r->arena, PATH_WORKERS, first));
	reader_run(&r, on_base, ci);
}

static void look(void *ctx)
{
	struct checkin *ci = ctx;
	struct reader *r = reader_new(ci->st, ci->life);

	reader_children(r, PATH_WORKERS);
	reader_run(&r, on_workers, ci);
}

struct checkin *checkin_new(struct loop *l, struct store *st, struct client *c, const struct checkin_options *opt)
{
	struct checkin *ci = xcalloc(1, sizeof(*ci));

	ci->loop = l;
	ci->st = st;
	ci->client = c;
	ci->opt = *opt;
	ci->timer = (struct loop_timer){ .fn = look, .ctx = ci };
	return ci;
}

void checkin_free(struct checkin **cip)
{
	struct checkin *ci = STEAL(*cip);

	if (ci == NULL)
		return;
	stop(ci);
	free(ci);
}

void checkin_start(struct checkin *ci, enum checkin_kind kind, void (*done)(void *ctx, enum checkin_end end), void *ctx)
{
	stop(ci);
	ci->life = life_new();
	ci->kind = kind;
	ci->done = done;
	ci->ctx = ctx;
	ci->deadline = loop_now(ci->loop) + LOOP_MS(ci->opt.timeout_ms);
	ci->pause = RETRY_MIN;
	ci->failures = 0;
	ci->polling = ci->told = false;
	loop_timer_start(ci->loop, &ci->timer, 0);
}
