/*
 * client_sim.c - the way of one call between simulated processes, there and back
 *
 * Whatever may end a process (the hook, a handler, a callback) is called last, or only the net's own
 * objects are touched after it.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/client_sim.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/http/client_sim_internal.h"
#include "lib/http/http_internal.h"

static bool moment_open(const struct moment *m)
{
	return m->held || loop_timer_running(&m->timer);
}

void sim_flight_free(struct flight *f)
{
	struct loop *l = f->net->l;

	loop_timer_stop(l, &f->request.timer);
	loop_timer_stop(l, &f->again.timer);
	loop_timer_stop(l, &f->answer.timer);
	loop_timer_stop(l, &f->deadline);
	loop_timer_stop(l, &f->cut);
	DL_DELETE(f->net->flights, f);
	free(f->from);
	free(f->url);
	free(f->host_port);
	buf_release(&f->body);
	buf_release(&f->answer_body);
	free(f);
}

void sim_flight_settle(struct flight *f)
{
	if (!f->call && f->n_deliveries == 0 && !moment_open(&f->request) &&
		!moment_open(&f->again))
		sim_flight_free(f);
}

/* The caller's client tears its connection down: whoever still works on it will notice. */
static void flight_abandon(struct flight *f)
{
	struct sim_host *h = sim_host_get(f->net, f->host_port);
	struct delivery *d;

	loop_timer_stop(f->net->l, &f->deadline);
	loop_timer_stop(f->net->l, &f->cut);
	loop_timer_stop(f->net->l, &f->answer.timer);
	f->answer.held = false;
	f->call = NULL;
	DL_FOREACH(h->deliveries, d)
		if (d->flight == f)
			loop_timer_start(f->net->l, &d->gone, sim_latency(f->net));
	sim_flight_settle(f);
}

static void call_forget(struct sim_client_call *call)
{
	DL_DELETE(call->client->calls, call);
	free(call);
}

/* Must be the last thing its caller does. Takes the bytes of `text`. */
static void flight_end(struct flight *f, enum call_end end, struct buf *text)
{
	AUTO(buf_release) struct buf held_text = *text;
	AUTO(buf_release) struct buf body = f->answer_body;
	struct call_result res = { .end = end, .text = buf_cstr(&held_text) };
	struct sim_client_call *call = f->call;
	call_fn *done = call->done;
	void *ctx = call->ctx;

	*text = (struct buf)BUF_INIT;
	f->answer_body = (struct buf)BUF_INIT;
	if (end == CALL_ANSWERED) {
		res.text = NULL;
		res.status = f->status;
		res.body = buf_cstr(&body);
		res.len = body.len;
	}
	call_forget(call);
	flight_abandon(f);
	done(ctx, &res);
}

static void on_deadline(void *ctx)
{
	struct flight *f = ctx;
	struct buf text = BUF_INIT;

	client_text_timeout(&text, f->host_port, f->deadline_us);
	flight_end(f, CALL_MAYBE_DELIVERED, &text);
}

static void on_cut(void *ctx)
{
	struct flight *f = ctx;
	struct buf text = BUF_INIT;

	client_text_closed(&text, f->host_port);
	flight_end(f, CALL_MAYBE_DELIVERED, &text);
}

static void ask_hook(struct flight *f, bool answer, struct sim_fate *fate)
{
	struct sim_call seen = { .from = f->from, .to = f->host_port, .url = f->url,
		.body = { buf_cstr(&f->body), f->body.len }, .number = f->number,
		.answer = answer };

	if (f->net->hook)
		f->net->hook(f->net->hook_ctx, &seen, fate);
}

static void on_answer(void *ctx)
{
	struct flight *f = ctx;
	struct buf none = BUF_INIT;

	if (!f->answer.asked) {
		struct sim_fate fate = { 0 };

		f->answer.asked = true;
		/* Held over the hook, which may end the caller: settle only afterwards. */
		f->n_deliveries++;
		ask_hook(f, true, &fate);
		f->n_deliveries--;
		if (!f->call) {
			sim_flight_settle(f);
			return;
		}
		if (fate.lose_answer)
			return; /* the deadline will end it */
		if (fate.answer_delay_us > 0) {
			loop_timer_start(f->net->l, &f->answer.timer, fate.answer_delay_us);
			return;
		}
	}
	flight_end(f, CALL_ANSWERED, &none);
}

void sim_delivery_free(struct delivery *d)
{
	loop_timer_stop(d->flight->net->l, &d->gone);
	DL_DELETE(d->host->deliveries, d);
	d->flight->n_deliveries--;
	free(d);
}

/* The handler has replied: possibly deep inside the process's own code, so only take notes. */
static void on_reply(void *ctx, const struct http_answer *a)
{
	struct delivery *d = ctx;
	struct flight *f = d->flight;
	bool frozen = d->host->frozen;

	if (d->first && f->call) {
		f->status = a->status;
		buf_append(&f->answer_body, a->body.p, a->body.n);
		f->answer.held = frozen;
		if (!frozen)
			loop_timer_start(f->net->l, &f->answer.timer, sim_latency(f->net));
	}
	sim_delivery_free(d);
	sim_flight_settle(f);
}

static void on_delivery_gone(void *ctx)
{
	struct delivery *d = ctx;

	http_request_tell_gone(d->rq);
}

static void deliver(struct flight *f, struct sim_host *h, bool first)
{
	struct delivery *d = xcalloc(1, sizeof(*d));
	struct http_request *rq;

	d->host = h;
	d->flight = f;
	d->first = first;
	d->gone = (struct loop_timer){ .fn = on_delivery_gone, .ctx = d };
	DL_APPEND(h->deliveries, d);
	f->n_deliveries++;
	rq = d->rq = http_request_local(f->method, f->target,
		f->has_body ? "application/json" : NULL,
		(struct slice){ buf_cstr(&f->body), f->body.len }, on_reply, d);
	rq->peer = arena_strdup(rq->arena, f->from);
	if (!f->call)
		loop_timer_start(f->net->l, &d->gone, sim_latency(f->net));
	router_dispatch(h->router, rq);
}

/* Nobody there. */
static void refuse(struct flight *f, bool first)
{
	struct buf text = BUF_INIT;

	if (!first || !f->call) {
		sim_flight_settle(f);
		return;
	}
	if (f->target)
		client_text_refused(&text, f->host_port);
	else
		client_text_bad_url(&text, f->url);
	flight_end(f, CALL_NOT_SENT, &text);
}

static void arrive(struct flight *f, struct moment *m, bool first)
{
	struct sim_host *h = f->target ? sim_host_get(f->net, f->host_port) : NULL;

	if (!h || !h->router)
		refuse(f, first);
	else if (h->frozen)
		m->held = true;
	else
		deliver(f, h, first);
}

static void on_again(void *ctx)
{
	struct flight *f = ctx;

	arrive(f, &f->again, false);
}

static void on_request(void *ctx)
{
	struct flight *f = ctx;
	struct sim_fate fate = { 0 };

	if (!f->request.asked && f->target) {
		f->request.asked = true;
		f->n_deliveries++; /* as in on_answer */
		ask_hook(f, false, &fate);
		f->n_deliveries--;
		if (fate.twice && !f->fresh) /* curl repeats only what went over a kept connection */
			loop_timer_start(f->net->l, &f->again.timer, fate.delay_us + fate.again_us);
		if (fate.lose_request) {
			sim_flight_settle(f);
			return;
		}
		if (fate.delay_us > 0) {
			loop_timer_start(f->net->l, &f->request.timer, fate.delay_us);
			return;
		}
	}
	arrive(f, &f->request, true);
}

static struct call *sim_call_start(struct client *base, const struct call_how *how, const char *url,
	const struct slice *body, int64_t deadline_us, call_fn *done, void *ctx)
{
	struct sim_client *c = CONTAINER_OF(base, struct sim_client, base);
	struct flight *f = xcalloc(1, sizeof(*f));
	struct sim_client_call *call = xcalloc(1, sizeof(*call));
	AUTO(buf_release) struct buf host_port = BUF_INIT;

	*call = (struct sim_client_call){
		.base.client = base, .client = c, .flight = f, .done = done, .ctx = ctx
	};
	DL_APPEND(c->calls, call);
	f->net = c->net;
	f->call = call;
	f->from = xstrdup(c->name);
	f->url = xstrdup(url);
	if (!client_url_split(f->url, &host_port, &f->target))
		f->target = NULL;
	f->host_port = xstrdup(buf_cstr(&host_port));
	f->method = how->method;
	f->fresh = how->fresh;
	f->has_body = body != NULL;
	if (body)
		buf_append(&f->body, body->p, body->n);
	f->number = ++c->net->n_calls;
	f->deadline_us = deadline_us;
	f->request.timer = (struct loop_timer){ .fn = on_request, .ctx = f };
	f->again.timer = (struct loop_timer){ .fn = on_again, .ctx = f };
	f->answer.timer = (struct loop_timer){ .fn = on_answer, .ctx = f };
	f->deadline = (struct loop_timer){ .fn = on_deadline, .ctx = f };
	f->cut = (struct loop_timer){ .fn = on_cut, .ctx = f };
	DL_APPEND(c->net->flights, f);
	loop_timer_start(c->net->l, &f->request.timer, sim_latency(c->net));
	loop_timer_start(c->net->l, &f->deadline, deadline_us);
	return &call->base;
}

static void sim_call_cancel(struct call *base)
{
	struct sim_client_call *call = CONTAINER_OF(base, struct sim_client_call, base);
	struct flight *f = call->flight;

	call_forget(call);
	flight_abandon(f);
}

static void sim_client_free(struct client *base)
{
	struct sim_client *c = CONTAINER_OF(base, struct sim_client, base);

	while (c->calls)
		sim_call_cancel(&c->calls->base);
	c->net->n_clients--;
	free(c->name);
	free(c);
}

static const struct client_ops sim_ops = {
	.free = sim_client_free,
	.call = sim_call_start,
	.cancel = sim_call_cancel,
};

struct client *client_sim_new(struct sim_net *net, const char *name)
{
	struct sim_client *c = xcalloc(1, sizeof(*c));

	c->base.ops = &sim_ops;
	c->net = net;
	c->name = xstrdup(name);
	net->n_clients++;
	return &c->base;
}
