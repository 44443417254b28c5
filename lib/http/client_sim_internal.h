/*
 * client_sim_internal.h - the net between simulated processes
 *
 * A call of a client is one `flight` of the net: it outlives its caller (the packet is on the wire)
 * and ends when nothing more can come of it.  A request in a router's hands is a `delivery`; a flight
 * that is delivered twice has two.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_CLIENT_SIM_INTERNAL_H
#define LIB_HTTP_CLIENT_SIM_INTERNAL_H

#include "lib/base/map.h"
#include "lib/base/rand.h"
#include "lib/http/client_internal.h"
#include "lib/http/client_sim.h"

struct sim_host {
	char *host_port;
	struct router *router; /* NULL: nobody listens */
	bool frozen;
	struct delivery *deliveries;
	UT_hash_handle hh;
};

struct sim_net {
	struct loop *l;
	struct rand_state rand;
	struct sim_host *hosts;
	struct flight *flights;
	size_t n_clients;
	uint64_t n_calls;
	void (*hook)(void *ctx, const struct sim_call *call, struct sim_fate *fate);
	void *hook_ctx;
};

struct sim_client {
	struct client base;
	struct sim_net *net;
	char *name;
	struct sim_client_call *calls;
};

/* The caller's end. */
struct sim_client_call {
	struct call base;
	struct sim_client *client;
	struct flight *flight;
	call_fn *done;
	void *ctx;
	struct sim_client_call *prev, *next;
};

/* A moment of a flight: a timer, and whether it waits for a frozen host instead. */
struct moment {
	struct loop_timer timer;
	bool held;
	bool asked; /* the hook has had its say */
};

struct flight {
	struct sim_net *net;
	struct sim_client_call *call; /* NULL: the caller is no longer interested */
	char *from, *url, *host_port;
	const char *target; /* NULL: a bad URL */
	struct buf body;
	const char *method; /* a literal */
	bool fresh, has_body;
	uint64_t number;
	int64_t deadline_us;
	struct moment request, again, answer;
	struct loop_timer deadline, cut;
	size_t n_deliveries;
	int status;
	struct buf answer_body;
	struct flight *prev, *next;
};

struct delivery {
	struct sim_host *host;
	struct flight *flight;
	struct http_request *rq; /* the handler's; valid until it replies or we detach it */
	bool first;
	struct loop_timer gone;
	struct delivery *prev, *next;
};

int64_t sim_latency(struct sim_net *net);
struct sim_host *sim_host_get(struct sim_net *net, const char *host_port);

void sim_flight_free(struct flight *f);
/* Frees the flight when nothing more can come of it. */
void sim_flight_settle(struct flight *f);
void sim_delivery_free(struct delivery *d);

#endif
