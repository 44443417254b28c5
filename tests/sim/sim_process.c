/*
 * sim_process.c - one service or one agent in the simulated cluster
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/sim/sim_process.h"

/* --- services --- */

void sim_service_start(struct sim_service *s, const struct sim_site *site, const struct sim_service_options *opt)
{
	*s = (struct sim_service){ .site = site, .address = opt->address };
	s->store = store_mem_new(site->server, opt->name, opt->session_ms);
	s->client = client_sim_new(site->net, opt->name);
	if (opt->api != NULL)
		s->cache = state_cache_new(site->loop, s->store);
	if (opt->leader != NULL) {
		struct leader_options lo = *opt->leader;

		if (opt->api != NULL) {
			lo.committed = api_on_committed;
			lo.ctx = s->cache;
		}
		s->leader = leader_new(site->loop, s->store, s->client, &lo);
	}
	if (opt->api != NULL) {
		struct api_options ao = *opt->api;

		ao.loop = site->loop;
		ao.store = s->store;
		ao.leader = s->leader;
		ao.cache = s->cache;
		ao.client = s->client;
		s->api = api_new(&ao);
	}
	if (s->address != NULL)
		sim_net_listen(site->net, s->address, api_router(s->api));
}

static void service_end(struct sim_service *s)
{
	if (s->address != NULL)
		sim_net_unlisten(s->site->net, s->address);
	api_free(&s->api);
	leader_free(&s->leader);
	state_cache_free(&s->cache);
	client_free(&s->client);
	store_free(&s->store);
	*s = (struct sim_service){ 0 };
}

void sim_service_stop(struct sim_service *s)
{
	if (s->store != NULL)
		service_end(s);
}

void sim_service_die(struct sim_service *s)
{
	if (s->store == NULL)
		return;
	store_mem_die(s->store);
	service_end(s);
}

/* --- agents --- */

static bool key_ok(void *ctx, const char *key, enum role role)
{
	return keyring_judge(((struct sim_agent *)ctx)->keys, key, agent_api_needs(role)) == KEY_GOOD;
}

static bool keys_known(void *ctx)
{
	return keyring_loaded(((struct sim_agent *)ctx)->keys);
}

void sim_agent_start(struct sim_agent *a, const struct sim_site *site, const struct sim_agent_options *opt)
{
	struct agent_api_options ao = *opt->api;

	*a = (struct sim_agent){ .site = site, .address = opt->address, .applier = opt->applier };
	a->store = store_mem_new(site->server, opt->name, opt->session_ms);
	if (ao.auth_enabled)
		a->keys = keyring_new(site->loop, a->store);
	a->link = agent_link_new(site->loop, a->store, a->applier, opt->link);
	ao.loop = site->loop;
	ao.link = a->link;
	ao.link_options = opt->link;
	ao.key_ok = key_ok;
	ao.keys_known = keys_known;
	ao.ctx = a;
	a->api = agent_api_new(&ao);
	sim_net_listen(site->net, a->address, agent_api_router(a->api));
}

static void agent_end(struct sim_agent *a)
{
	sim_net_unlisten(a->site->net, a->address);
	agent_api_free(&a->api);
	a->applier->free(&a->applier);
	agent_link_free(&a->link);
	keyring_free(&a->keys);
	store_free(&a->store);
	*a = (struct sim_agent){ 0 };
}

void sim_agent_stop(struct sim_agent *a)
{
	if (a->store != NULL)
		agent_end(a);
}

void sim_agent_die(struct sim_agent *a)
{
	if (a->store == NULL)
		return;
	store_mem_die(a->store);
	agent_end(a);
}

void sim_agent_freeze(struct sim_agent *a, bool frozen)
{
	sim_net_freeze(a->site->net, a->address, frozen);
	store_mem_cut(a->store, frozen ? INT64_MAX : 0);
}
