/*
 * sim_process.h - one service or one agent in the simulated cluster: made in the order of the daemons, taken apart likewise
 *
 * Shared by the scenarios, the contract and the unit tests of the api.  What a process needs from outside is a sim_site: the
 * loop of virtual time, the store's server, the network.  Options are the daemons' own; what is made here is filled in.
 *
 * Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SIM_SIM_PROCESS_H
#define TESTS_SIM_SIM_PROCESS_H

#include "agent/api/agent_api.h"
#include "agent/link/link.h"
#include "lib/http/client_sim.h"
#include "lib/records/keyring.h"
#include "lib/store/store_mem.h"
#include "service/api/api.h"

struct sim_site {
	struct loop *loop;
	struct mem_server *server;
	struct sim_net *net;
};

struct sim_service {
	const struct sim_site *site;
	const char *address; /* it listens there; NULL = nowhere */
	struct store *store;
	struct client *client;
	struct state_cache *cache;
	struct leader *leader;
	struct api *api;
};

/* Borrowed, with all that they point to. */
struct sim_service_options {
	const char *name; /* of its session and its calls */
	const char *address; /* host:port; needs an api */
	int64_t session_ms;
	const struct leader_options *leader; /* NULL: it takes no part in the election */
	const struct api_options *api; /* NULL: it has none, and no cache */
};
void sim_service_start(struct sim_service *s, const struct sim_site *site, const struct sim_service_options *opt);
void sim_service_stop(struct sim_service *s); /* as SIGTERM; one that is not there is fine */
void sim_service_die(struct sim_service *s);  /* as SIGKILL: its session runs out */

struct sim_agent {
	const struct sim_site *site;
	const char *address;
	struct store *store;
	struct applier *applier;
	struct keyring *keys;
	struct agent_link *link;
	struct agent_api *api;
};

struct sim_agent_options {
	const char *name, *address;
	int64_t session_ms;
	struct applier *applier; /* goes into its ownership */
	const struct link_options *link;
	const struct agent_api_options *api; /* its keys are those of the store where it has auth_enabled */
};
void sim_agent_start(struct sim_agent *a, const struct sim_site *site, const struct sim_agent_options *opt);
void sim_agent_stop(struct sim_agent *a);
void sim_agent_die(struct sim_agent *a);
/* As SIGSTOP: nothing is heard or answered, the session runs out. What the applier does is its own matter. */
void sim_agent_freeze(struct sim_agent *a, bool frozen);

#endif
