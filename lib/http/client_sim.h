/*
 * client_sim.h - HTTP on virtual time: a network of routers, with calls late, doubled, lost or cut
 *
 * A sim_net maps "host:port" to a router.  Each simulated process has a client of its own on the net.
 * A hook decides what becomes of each call.
 *
 * A process that ends: unlisten, answer what its handlers still hold (http_reply; dropped then), free
 * its router and its client.  All clients go before the net, the net before the loop.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_CLIENT_SIM_H
#define LIB_HTTP_CLIENT_SIM_H

#include "lib/http/client.h"
#include "lib/http/router.h"

struct sim_net;
struct sim_net *sim_net_new(struct loop *l, uint64_t seed);
void sim_net_free(struct sim_net **net);

/* Nobody at an address: calls end CALL_NOT_SENT. Requests already handed to a router that goes away
 * end CALL_MAYBE_DELIVERED at the caller (its process died). */
void sim_net_listen(struct sim_net *net, const char *host_port, struct router *r);
void sim_net_unlisten(struct sim_net *net, const char *host_port);
/* Frozen: calls are delivered only when it thaws; callers meanwhile time out. */
void sim_net_freeze(struct sim_net *net, const char *host_port, bool frozen);

struct client *client_sim_new(struct sim_net *net, const char *name);

/* Fate of one call. Delays are added to the ordinary latency. */
struct sim_fate {
	bool lose_request, lose_answer, twice; /* twice: delivered again `again_us` later, second answer dropped */
	int64_t delay_us, answer_delay_us, again_us;
};
struct sim_call {
	const char *from, *to, *url; /* names; to = host:port */
	struct slice body;
	uint64_t number; /* counts the net's calls from 1 */
	bool answer;     /* false: about to be delivered; true: about to be answered */
};
/* Called twice per call (request and answer moment); the second time only lose_answer and
 * answer_delay_us are looked at. The hook may end processes. */
void sim_net_hook(struct sim_net *net, void (*hook)(void *ctx, const struct sim_call *call, struct sim_fate *fate),
	void *ctx);

#endif
