/*
 * contract_stage.c - the cluster that the contract is asked of, in one thread
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/contract/contract_stage.h"

#include "lib/base/str.h"
#include "lib/http/gzip.h"
#include "lib/os/file.h"
#include "tests/sim/applier_here.h"
#include "tests/sim/sim_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_MS 10000
#define ANSWER_MAX ((size_t)32 << 20)
#define CONTEXT "/baragon/v2"
#define AGENT_CONTEXT "/baragon-agent/v2"
#define MASTER_KEY "the-master-key"
#define OWN_KEY "the-own-key"
#define EVENTS_MAX 1000000
#define TEMPLATE_MAX ((size_t)1 << 20)

struct stage_agent {
	const char *name, *address, *uri;
	char *root;
	struct agentinfo info;
	struct link_options link;
	struct sim_agent process;
};

struct stage {
	struct sim_site site;
	struct arena *arena;
	char *folder;
	struct renderer *renderer;
	struct sim_service services[2];
	struct stage_agent agents[2];
	bool frozen, asked;
};

static const char *const service_addresses[] = { "10.0.0.1:8080", "10.0.0.2:8080" };
static const char *const service_uris[] = { "http://10.0.0.1:8080" CONTEXT, "http://10.0.0.2:8080" CONTEXT };

bool stage_run(struct stage *s, int64_t ms)
{
	return loop_sim_run_for(s->site.loop, LOOP_MS(ms), EVENTS_MAX);
}

/* --- services --- */

/* The one name there is, known when it is asked for a second time; an address is its own. */
static int resolve(void *ctx, const char *host, struct arena *a, const char **address_out)
{
	bool *asked = ctx;

	if (!str_eq(host, "localhost") && !str_eq(host, "127.0.0.1"))
		return ERR_NOT_FOUND;
	if (!*asked && str_eq(host, "localhost")) {
		*asked = true;
		*address_out = NULL;
		return ERR_NOT_DONE;
	}
	*address_out = arena_strdup(a, "127.0.0.1");
	return 0;
}

static void service_options(struct stage *s, size_t i, struct leader_options *lead, struct api_options *api)
{
	*lead = (struct leader_options){ .base_uri = service_uris[i],
		.version = "1",
		.enabled = true,
		.seed = 100 + i,
		.worker = { .rules = RULES_ON,
			.prepare_deadline_ms = 30000,
			.apply_deadline_ms = 60000,
			.revert_deadline_ms = 60000,
			.call_timeout_ms = 15000,
			.absent_grace_ms = 300000,
			.batch_max = 50,
			.limits = { false, 1 },
			.auth_key = OWN_KEY } };
	*api = (struct api_options){ .context_path = CONTEXT,
		.rules = RULES_ON,
		.auth_enabled = i == 1,
		.cors = i == 1,
		.admin_path = "/admin",
		.auth_key = OWN_KEY,
		.master_key = MASTER_KEY,
		.default_target_count = 1,
		.resolve = resolve,
		.resolve_ctx = &s->asked,
		.seed = 200 + i };
	if (i == 0) {
		strings_add(&api->purge_templates, s->arena, "purged");
		strings_add(&api->purge_excluded, s->arena, "never-purged");
	}
}

static bool start_services(struct stage *s)
{
	struct leader_options lead;
	struct api_options api;

	for (size_t i = 0; i < ARRAY_LEN(s->services); i++) {
		const struct sim_service_options opt = { .name = service_addresses[i],
			.address = service_addresses[i],
			.session_ms = SESSION_MS,
			.leader = &lead,
			.api = &api };

		service_options(s, i, &lead, &api);
		sim_service_start(&s->services[i], &s->site, &opt);
		for (int k = 0; k < 100 && !leader_ready(s->services[i].leader); k++)
			stage_run(s, 100);
	}
	stage_run(s, 1000);
	return leader_leads(s->services[0].leader) && leader_ready(s->services[1].leader);
}

/* --- agents --- */

/* The shipped templates, as the cluster over HTTP has them. */
static int make_renderer(struct stage *s, const char *templates, struct error *err)
{
	static const char *const names[] = { "backends.cfg", "routes.map" };
	struct template_source rows[ARRAY_LEN(names)] = { { 0 } };
	const struct renderer_config cfg = { .templates = rows, .n_templates = ARRAY_LEN(rows) };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO(buf_release) struct buf text = BUF_INIT;
		int rc = file_read(arena_printf(s->arena, "%s/%s.hbs", templates, names[i]), TEMPLATE_MAX, &text, err);

		if (rc != 0)
			return rc;
		rows[i] = (struct template_source){ .filename = names[i],
			.text = arena_strdup(s->arena, buf_cstr(&text)),
			.scope = SCOPE_COLLECTED };
	}
	return renderer_new(&cfg, &s->renderer, err);
}

static int start_agent(struct stage *s, struct stage_agent *a, bool auth, struct error *err)
{
	static const struct agent_ec2 ec2 = { 0 };
	static const struct group group = { .name = STAGE_GROUP, .min_healthy_agents = 1 };
	const struct apply_options ao = { .root_path = a->root, .renderer = s->renderer, .no_view = true };
	const struct agent_api_options api = { .context_path = AGENT_CONTEXT, .auth_enabled = auth, .renderer = s->renderer,
		.root_path = a->root, .admin_path = "/admin", .cors = auth };
	struct sim_agent_options opt = { .name = a->name, .address = a->address, .session_ms = SESSION_MS, .link = &a->link,
		.api = &api };
	struct value *extra = value_map(s->arena);
	struct apply *apply;
	int rc = apply_new(&ao, &apply, err);

	if (rc != 0)
		return rc;
	value_map_put(s->arena, extra, "lockstep", value_string(s->arena, "1"));
	a->info = (struct agentinfo){ .base_uri = a->uri, .agent_id = a->address, .ec2 = &ec2, .extra = extra, .batch_enabled = true };
	a->link = (struct link_options){ .rules = RULES_ON, .group_name = STAGE_GROUP, .info = &a->info, .group = &group,
		.heartbeat_ms = 15000, .seed = auth ? 302 : 301 };
	opt.applier = applier_here_new(s->site.loop, &apply, 2000);
	sim_agent_start(&a->process, &s->site, &opt);
	return 0;
}

static bool agents_ready(const struct stage *s)
{
	struct link_status st;

	for (size_t i = 0; i < ARRAY_LEN(s->agents); i++) {
		agent_link_status(s->agents[i].process.link, &st);
		if (st.phase != LINK_READY || !st.settled)
			return false;
	}
	return true;
}

static int start_agents(struct stage *s, const char *templates, struct error *err)
{
	int rc = make_renderer(s, templates, err);

	s->agents[0] = (struct stage_agent){ .name = "agent1", .address = "10.1.0.1:8882",
		.uri = "http://10.1.0.1:8882" AGENT_CONTEXT, .root = xasprintf("%s/1", s->folder) };
	s->agents[1] = (struct stage_agent){ .name = "agent2", .address = "10.1.0.2:8882",
		.uri = "http://10.1.0.2:8882" AGENT_CONTEXT, .root = xasprintf("%s/2", s->folder) };
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(s->agents); i++)
		rc = start_agent(s, &s->agents[i], i == 1, err);
	for (int i = 0; rc == 0 && i < 100 && !agents_ready(s); i++)
		stage_run(s, 100);
	if (rc == 0)
		stage_run(s, 1000);
	if (rc == 0 && !agents_ready(s))
		rc = error_set(err, ERR_NOT_DONE, "the agents do not join");
	return rc;
}

/* --- all of it --- */

struct stage *stage_new(const char *templates, struct error *err)
{
	const char *tmp = getenv("TMPDIR");
	struct stage *s = xcalloc(1, sizeof(*s));

	s->folder = xasprintf("%s/lockstep-contract-XXXXXX", tmp != NULL ? tmp : "/tmp");
	ASSERT(mkdtemp(s->folder) != NULL);
	s->arena = arena_new();
	s->site.loop = loop_sim_new(5);
	s->site.server = mem_server_new(s->site.loop, 5);
	s->site.net = sim_net_new(s->site.loop, 5);
	mem_server_put(s->site.server, "/auth/" OWN_KEY,
		"{\"value\":\"" OWN_KEY "\",\"owner\":\"baragon\",\"createdAt\":0,\"expiredAt\":null}");
	if (!start_services(s))
		error_set(err, ERR_NOT_DONE, "the first service does not lead");
	else if (start_agents(s, templates, err) == 0)
		return s;
	stage_free(&s);
	return NULL;
}

void stage_free(struct stage **sp)
{
	struct stage *s = STEAL(*sp);

	if (s == NULL)
		return;
	stage_freeze(s, false);
	for (size_t i = 0; i < ARRAY_LEN(s->agents); i++) {
		sim_agent_stop(&s->agents[i].process);
		free(s->agents[i].root);
	}
	for (size_t i = 0; i < ARRAY_LEN(s->services); i++)
		sim_service_stop(&s->services[i]);
	renderer_free(&s->renderer);
	sim_net_free(&s->site.net);
	mem_server_free(&s->site.server);
	loop_free(&s->site.loop);
	arena_free(&s->arena);
	if (file_remove_tree(s->folder, NULL) != 0)
		fprintf(stderr, "%s could not be removed\n", s->folder);
	free(s->folder);
	free(s);
}

void stage_names(const struct stage *s, struct names *ns)
{
	names_put(ns, "web", STAGE_GROUP);
	names_put(ns, "master", MASTER_KEY);
	names_put(ns, "own", OWN_KEY);
	names_put(ns, "u1", STAGE_UPSTREAM_1);
	names_put(ns, "u2", STAGE_UPSTREAM_2);
	names_put(ns, "context", CONTEXT);
	names_put(ns, "agentcontext", AGENT_CONTEXT);
	names_put(ns, "base1", service_uris[0]);
	names_put(ns, "base2", service_uris[1]);
	names_put(ns, "agent1", s->agents[0].address);
	names_put(ns, "agent2", s->agents[1].address);
	names_put(ns, "agenturl1", s->agents[0].uri);
	names_put(ns, "agenturl2", s->agents[1].uri);
}

void stage_put(struct stage *s, const char *path, const char *text)
{
	mem_server_put(s->site.server, path, text);
}

bool stage_get(const struct stage *s, const char *path, struct buf *out)
{
	const struct store_node *node = mem_server_get(s->site.server, path);

	if (node != NULL)
		buf_append(out, node->data, node->len);
	return node != NULL;
}

void stage_freeze(struct stage *s, bool frozen)
{
	struct sim_agent *a = &s->agents[0].process;

	if (s->frozen == frozen)
		return;
	s->frozen = frozen;
	sim_agent_freeze(a, frozen);
	applier_here_freeze(a->applier, frozen);
}

/* --- calls --- */

struct exchange {
	struct contract_answer *out;
	bool done;
};

static void add_header(struct contract_answer *a, const char *name, size_t n, const char *value, size_t value_len)
{
	GROW(a->headers.items, a->headers.n, a->headers.cap);
	a->headers.items[a->headers.n++] = (struct case_header){ xstrndup(name, n), xstrndup(value, value_len) };
}

static bool is_gzip(const struct contract_answer *a)
{
	for (size_t i = 0; i < a->headers.n; i++)
		if (str_eq(a->headers.items[i].name, "Content-Encoding"))
			return str_eq(a->headers.items[i].value, "gzip");
	return false;
}

static void on_answer(void *ctx, const struct http_answer *got)
{
	struct exchange *x = ctx;
	struct contract_answer *a = x->out;

	ASSERT(!x->done);
	x->done = true;
	a->status = got->status;
	if (got->content_type != NULL)
		add_header(a, "Content-Type", strlen("Content-Type"), got->content_type, strlen(got->content_type));
	for (const char *line = got->headers; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t name = strcspn(line, ":"), n = strcspn(line, "\n");

		add_header(a, line, name, line + name + 2, n - name - 2);
	}
	if (!is_gzip(a))
		buf_append(&a->body, got->body.p, got->body.n);
	else if (gzip_unpack(got->body.p, got->body.n, ANSWER_MAX, &a->body) != 0)
		buf_str(&a->body, "(no gzip)");
}

static struct router *router_of(struct stage *s, const char *target, const char **context)
{
	*context = str_starts(target, "agent") ? AGENT_CONTEXT : CONTEXT;
	if (str_eq(target, ""))
		return api_router(s->services[0].api);
	if (str_eq(target, "auth"))
		return api_router(s->services[1].api);
	if (str_eq(target, "agent"))
		return agent_api_router(s->agents[0].process.api);
	return str_eq(target, "agent-auth") ? agent_api_router(s->agents[1].process.api) : NULL;
}

bool stage_ask(struct stage *s, const struct stage_call *call, struct contract_answer *out)
{
	AUTO(arena_free) struct arena *arena = arena_new();
	struct exchange x = { .out = out };
	const char *context;
	struct router *router = router_of(s, call->target, &context);
	const char *path = *call->path == '!' ? call->path + 1 : arena_printf(arena, "%s%s", context, call->path);
	int64_t end = loop_now(s->site.loop) + LOOP_MS(120000);
	struct http_request *rq;

	*out = (struct contract_answer){ 0 };
	if (router == NULL)
		return false;
	rq = http_request_local(call->method, path, NULL, call->body, on_answer, &x);
	for (size_t i = 0; i < call->n_headers; i++)
		http_request_local_header(rq, call->headers[i].name, call->headers[i].value);
	router_dispatch(router, rq);
	while (!x.done && loop_now(s->site.loop) < end && loop_sim_step(s->site.loop))
		;
	ASSERT(x.done); /* two minutes without an answer: it may still come, to an `x` that is gone */
	return true;
}

void stage_answer_release(struct contract_answer *a)
{
	for (size_t i = 0; i < a->headers.n; i++) {
		xfree_p(&a->headers.items[i].name);
		xfree_p(&a->headers.items[i].value);
	}
	free(a->headers.items);
	buf_release(&a->body);
	*a = (struct contract_answer){ 0 };
}
