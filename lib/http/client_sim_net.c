/*
 * client_sim_net.c - the simulated network: who listens where, who is frozen, who has gone
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/client_sim.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/http/client_sim_internal.h"
#include "lib/http/http_internal.h"

#define LATENCY_MIN_US 100
#define LATENCY_SPREAD_US 301

int64_t sim_latency(struct sim_net *net)
{
	return LATENCY_MIN_US + (int64_t)rand_below(&net->rand, LATENCY_SPREAD_US);
}

struct sim_host *sim_host_get(struct sim_net *net, const char *host_port)
{
	struct sim_host *h;

	MAP_FIND(net->hosts, host_port, h);
	if (!h) {
		h = xcalloc(1, sizeof(*h));
		h->host_port = xstrdup(host_port);
		MAP_ADD(net->hosts, host_port, h);
	}
	return h;
}

struct sim_net *sim_net_new(struct loop *l, uint64_t seed)
{
	struct sim_net *net = xcalloc(1, sizeof(*net));

	net->l = l;
	rand_seed(&net->rand, seed);
	return net;
}

/* The process that listened is gone: its requests are nobody's, their callers see the connection
 * close. */
static void host_drop(struct sim_net *net, struct sim_host *h)
{
	struct delivery *d, *tmp;

	h->router = NULL;
	h->frozen = false;
	DL_FOREACH_SAFE(h->deliveries, d, tmp)
	{
		struct flight *f = d->flight;

		http_request_detach(d->rq);
		if (d->first && f->call)
			loop_timer_start(net->l, &f->cut, sim_latency(net));
		sim_delivery_free(d);
		sim_flight_settle(f);
	}
}

void sim_net_free(struct sim_net **net_take)
{
	struct sim_net *net = STEAL(*net_take);
	struct sim_host *h, *tmp;

	if (!net)
		return;
	ASSERT(net->n_clients == 0);
	MAP_EACH(net->hosts, h, tmp)
		host_drop(net, h);
	while (net->flights)
		sim_flight_free(net->flights);
	MAP_EACH(net->hosts, h, tmp)
	{
		MAP_DEL(net->hosts, h);
		free(h->host_port);
		free(h);
	}
	free(net);
}

void sim_net_listen(struct sim_net *net, const char *host_port, struct router *r)
{
	struct sim_host *h = sim_host_get(net, host_port);

	ASSERT(!h->router);
	h->router = r;
}

void sim_net_unlisten(struct sim_net *net, const char *host_port)
{
	struct flight *f, *tmp;

	host_drop(net, sim_host_get(net, host_port));
	DL_FOREACH_SAFE(net->flights, f, tmp)
	{
		if (!str_eq(f->host_port, host_port))
			continue;
		if ((f->request.held || f->answer.held) && f->call)
			loop_timer_start(net->l, &f->cut, sim_latency(net));
		f->request.held = f->again.held = f->answer.held = false;
		sim_flight_settle(f);
	}
}

static void moment_thaw(struct sim_net *net, struct moment *m)
{
	if (!m->held)
		return;
	m->held = false;
	loop_timer_start(net->l, &m->timer, sim_latency(net));
}

void sim_net_freeze(struct sim_net *net, const char *host_port, bool frozen)
{
	struct flight *f;

	sim_host_get(net, host_port)->frozen = frozen;
	if (frozen)
		return;
	DL_FOREACH(net->flights, f)
	{
		if (!str_eq(f->host_port, host_port))
			continue;
		moment_thaw(net, &f->request);
		moment_thaw(net, &f->again);
		moment_thaw(net, &f->answer);
	}
}

void sim_net_hook(struct sim_net *net,
	void (*hook)(void *ctx, const struct sim_call *call, struct sim_fate *fate), void *ctx)
{
	net->hook = hook;
	net->hook_ctx = ctx;
}
