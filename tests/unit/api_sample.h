/*
 * api_sample.h - a service without sockets: the api on the memory store and virtual time, asked
 * directly
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_API_SAMPLE_H
#define TESTS_UNIT_API_SAMPLE_H

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "tests/sim/sim_process.h"

#define JSON_TYPE "application/json"
#define SERVICE_JSON(id)                                                                                                  \
	"{\"serviceId\":\"" id "\",\"owners\":[],\"serviceBasePath\":\"/" id                                              \
	"\",\"additionalPaths\":[],\"loadBalancerGroups\":[\"g\"],\"options\":null,\"templateName\":null,\"domains\":[]," \
	"\"edgeCacheDNS\":null,\"edgeCacheDomains\":[],\"preResolveUpstreamDNS\":false}"

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct sim_net *net;
	struct sim_site site;
	struct sim_service process;
	struct store *st; /* of the process, as the next ones */
	struct client *client;
	struct leader *leader;
	struct state_cache *cache;
	struct api *api;
	struct api_options options;
	size_t history_max, history_total; /* of the leader */
	int64_t history_age_ms;
};

struct answer {
	bool done;
	int status;
	char type[40], headers[300];
	struct buf body;
};

static UNUSED void run_for(struct box *x, int64_t us)
{
	assert_true(loop_sim_run_for(x->l, us, 1000000));
}

static UNUSED void box_start(struct box *x, bool leads)
{
	static const char *const folders[] = { "/queue", "/request", "/state", "/load-balancer",
		"/workers", "/responseHistory/requestIdMapping" };

	const struct leader_options lead = { .base_uri = "http://me:1/x",
		.version = "1",
		.enabled = true,
		.seed = 1,
		.worker = { .rules = RULES_ON,
			.prepare_deadline_ms = 2000,
			.apply_deadline_ms = 2000,
			.revert_deadline_ms = 2000,
			.call_timeout_ms = 500,
			.absent_grace_ms = 1000,
			.batch_max = 10,
			.history_max = x->history_max,
			.history_total = x->history_total,
			.history_age_ms = x->history_age_ms,
			.metrics = x->options.metrics,
			.limits = { false, 1 } } };
	const struct sim_service_options opt = { .name = "service",
		.session_ms = 4000,
		.leader = leads ? &lead : NULL,
		.api = &x->options };

	x->l = loop_sim_new(5);
	x->srv = mem_server_new(x->l, 5);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		mem_server_put(x->srv, folders[i], "");
	x->net = sim_net_new(x->l, 5);
	x->site = (struct sim_site){ x->l, x->srv, x->net };
	x->options.context_path = "/v2";
	x->options.rules = (struct rules)RULES_ON;
	x->options.default_target_count = 1;
	sim_service_start(&x->process, &x->site, &opt);
	x->st = x->process.store;
	x->client = x->process.client;
	x->leader = x->process.leader;
	x->cache = x->process.cache;
	x->api = x->process.api;
	run_for(x, LOOP_MS(500));
	assert_int_equal(store_link(x->st), STORE_LINK_UP);
}

static UNUSED void box_stop(struct box *x)
{
	x->process.leader = STEAL(x->leader); /* a test may have made one itself */
	sim_service_stop(&x->process);
	sim_net_free(&x->net);
	mem_server_free(&x->srv);
	loop_free(&x->l);
}

static UNUSED void on_answer(void *ctx, const struct http_answer *a)
{
	struct answer *got = ctx;

	assert_false(got->done);
	got->done = true;
	got->status = a->status;
	snprintf(
		got->type, sizeof(got->type), "%s", a->content_type != NULL ? a->content_type : "");
	snprintf(got->headers, sizeof(got->headers), "%s", a->headers);
	buf_clear(&got->body);
	buf_append(&got->body, a->body.p, a->body.n);
}

/* Sent; the answer comes into `got` by and by. */
static UNUSED void send_bytes(struct box *x, struct answer *got, const char *method,
	const char *path, const char *type, struct slice body)
{
	AUTO(xfree_p) char *full = xasprintf("/v2%s", path);
	struct http_request *rq = http_request_local(method, full, type, body, on_answer, got);

	got->done = false;
	router_dispatch(api_router(x->api), rq);
}

/* The body is good until the next call. */
static UNUSED const struct answer *ask(
	struct box *x, const char *method, const char *path, const char *body)
{
	static struct answer got;
	struct slice s = { body != NULL ? body : "", body != NULL ? strlen(body) : 0 };

	send_bytes(x, &got, method, path, body != NULL ? JSON_TYPE : NULL, s);
	for (int i = 0; i < 3000 && !got.done; i++)
		run_for(x, LOOP_MS(1));
	assert_true(got.done);
	return &got;
}

static UNUSED void expect(struct box *x, const char *method, const char *path, const char *body,
	int status, const char *want)
{
	const struct answer *got = ask(x, method, path, body);

	assert_string_equal(buf_cstr(&got->body), want);
	assert_int_equal(got->status, status);
	assert_string_equal(got->type, *want != '\0' ? JSON_TYPE : "");
}

static UNUSED size_t count(struct box *x, const char *path)
{
	const char *const *names;
	size_t n = mem_server_children(x->srv, path, &names);

	return n == SIZE_MAX ? 0 : n;
}

#endif
