/*
 * agent_api_test.c - the agent's HTTP side over a real link, a store in memory and an applier that obeys
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/store/store_mem.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <string.h>

#define SVC(id)                                                                                    \
	"{\"serviceId\":\"" id "\",\"owners\":[],\"serviceBasePath\":\"/" id                       \
	"\",\"loadBalancerGroups\":[\"web\"]}"
#define KNOWN "k1"

/* Says yes to everything, a millisecond later; or no, with a reason. */
struct yes {
	struct applier applier;
	struct loop *l;
	struct loop_timer timer;
	enum work_kind kind;
	const char *refusal;
	void (*done)(void *ctx, struct report **r_take);
	void *ctx;
};

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct store *st;
	struct yes yes;
	struct agent_link *link;
	struct agent_api *api;
	struct agentinfo info;
	struct arena *arena;
	struct link_options lo;
	struct renderer *renderer;
	char *dir;
	bool keys_known;
	/* the answer */
	int status;
	char *body, *headers;
};

static void yes_done(void *ctx)
{
	struct yes *y = ctx;
	struct report *r = report_new(y->kind);

	r->ok = y->refusal == NULL;
	if (!r->ok)
		error_set(&r->error, ERR_REFUSED, "%s", y->refusal);
	y->done(y->ctx, &r);
	report_free(&r);
}

static void yes_start(struct applier *ap, struct work_item **item_take,
	void (*done)(void *ctx, struct report **r_take), void *ctx)
{
	struct yes *y = CONTAINER_OF(ap, struct yes, applier);

	y->kind = (*item_take)->kind;
	y->done = done;
	y->ctx = ctx;
	work_item_free(item_take);
	loop_timer_start(y->l, &y->timer, 1000);
}

static bool key_ok(void *ctx, const char *key, enum role role)
{
	(void)ctx;
	return str_eq(key, KNOWN) || (role == ROLE_READ && str_eq(key, "reads"));
}

static bool keys_known(void *ctx)
{
	return ((struct box *)ctx)->keys_known;
}

static void no_log(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static void make_renderer(struct box *b)
{
	const struct template_source sources[] = {
		{ .filename = "svc/%s.cfg", .text = "is {{service.serviceId}}\n" },
		{ .filename = "all.cfg", .text = "a {{service.serviceId}}\nb {{service.serviceId}}\n",
			.scope = SCOPE_COLLECTED, .header = "# all\n" },
		{ .filename = "time.cfg", .text = "{{{service.serviceId}}} {{timestamp}}\n", .scope = SCOPE_COLLECTED },
		{ .filename = "named.cfg", .named = &(struct template_text){ "other", "x\n" }, .n_named = 1,
			.scope = SCOPE_COLLECTED, .header = "# none\n" },
	};
	const struct renderer_config cfg = { .templates = sources, .n_templates = ARRAY_LEN(sources) };

	assert_int_equal(renderer_new(&cfg, &b->renderer, NULL), 0);
}

static int setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	struct value *extra;

	log_set_sink(no_log, NULL);
	b->arena = arena_new();
	extra = value_map(b->arena);
	value_map_put(b->arena, extra, "lockstep", value_string(b->arena, "1"));
	b->info = (struct agentinfo){ .base_uri = "http://lb1:1/a", .agent_id = "lb1:1", .extra = extra,
		.batch_enabled = true };
	b->lo = (struct link_options){ .rules = RULES_ON, .group_name = "web", .info = &b->info, .seed = 1 };
	b->dir = scratch_new();
	make_renderer(b);
	b->keys_known = true;
	b->l = loop_sim_new(1);
	b->srv = mem_server_new(b->l, 1);
	mem_server_put(b->srv, "/state/s1", SVC("s1"));
	b->st = store_mem_new(b->srv, "a", 6000);
	b->yes = (struct yes){ .applier = { .start = yes_start }, .l = b->l,
		.timer = { .fn = yes_done, .ctx = &b->yes } };
	*state = b;
	return 0;
}

static void open_api(struct box *b, bool auth)
{
	const struct agent_api_options ao = { .loop = b->l, .context_path = "/a", .admin_path = "/admin", .link_options = &b->lo,
		.auth_enabled = auth, .key_ok = key_ok, .keys_known = keys_known, .ctx = b,
		.renderer = b->renderer, .root_path = b->dir };

	b->api = agent_api_new(&ao);
}

static void join(struct box *b)
{
	b->link = agent_link_new(b->l, b->st, &b->yes.applier, &b->lo);
	agent_api_attach(b->api, b->link, "proved");
}

static int teardown(void **state)
{
	struct box *b = *state;

	agent_api_free(&b->api);
	loop_timer_stop(b->l, &b->yes.timer);
	agent_link_free(&b->link);
	renderer_free(&b->renderer);
	store_free(&b->st);
	mem_server_free(&b->srv);
	loop_free(&b->l);
	scratch_free(&b->dir);
	arena_free(&b->arena);
	log_set_sink(NULL, NULL);
	free(b->body);
	free(b->headers);
	free(b);
	return 0;
}

static void run(struct box *b, int64_t ms)
{
	assert_true(loop_sim_run_for(b->l, LOOP_MS(ms), 100000));
}

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct box *b = ctx;

	b->status = a->status;
	b->body = xstrndup(a->body.n > 0 ? a->body.p : "", a->body.n);
	b->headers = xstrdup(a->headers);
}

static int ask(struct box *b, const char *method, const char *path)
{
	const struct slice none = { "{}", 2 };

	free(b->body);
	free(b->headers);
	b->status = 0;
	router_dispatch(agent_api_router(b->api),
		http_request_local(method, path, "application/json", none, on_answer, b));
	for (int i = 0; i < 100 && b->status == 0; i++)
		run(b, 1);
	return b->status;
}

static const struct value *get(struct box *b, const char *path)
{
	const struct value *v;

	assert_int_equal(ask(b, "GET", path), 200);
	assert_int_equal(value_parse(b->body, strlen(b->body), b->arena, &v, NULL), 0);
	return v;
}

static void starting_puts_off(void **state)
{
	struct box *b = *state;

	open_api(b, false);
	assert_int_equal(ask(b, "GET", "/a/status"), 503);
	assert_non_null(strstr(b->headers, "Retry-After: 1"));
	assert_int_equal(ask(b, "POST", "/a/lockstep/batch"), 503);
}

static void status_has_the_fields_of_java(void **state)
{
	static const char *const keys[] = { "group", "validConfigs", "errorMessage", "leader", "mostRecentRequestId",
		"zookeeperState", "agentInfo", "agentState", "stateErrors", "directoryWatcherError", "lockstep" };
	struct box *b = *state;
	const struct value *v;

	open_api(b, false);
	join(b);
	v = get(b, "/a/status");
	assert_int_equal(v->u.map.n, ARRAY_LEN(keys));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_string_equal(v->u.map.members[i].key, keys[i]);
	assert_string_equal(value_get(v, "group")->u.s, "web");
	assert_string_equal(value_get(v, "zookeeperState")->u.s, "UNKNOWN");
	assert_string_equal(value_get(v, "agentState")->u.s, "BOOTSTRAPING");
	assert_string_equal(value_get(value_get(v, "agentInfo"), "agentId")->u.s, "lb1:1");
	assert_int_equal(value_get(v, "mostRecentRequestId")->kind, VALUE_NULL);
}

static void status_follows_the_link(void **state)
{
	struct box *b = *state;
	const struct value *v;

	open_api(b, false);
	join(b);
	run(b, 3000);
	v = get(b, "/a/status");
	assert_string_equal(value_get(v, "agentState")->u.s, "ACCEPTING");
	assert_string_equal(value_get(v, "zookeeperState")->u.s, "CONNECTED");
	assert_true(value_get(v, "leader")->u.b);
	assert_true(value_get(v, "validConfigs")->u.b);
	assert_int_equal(value_get(v, "stateErrors")->u.list.n, 0);
	assert_true(value_get(value_get(v, "lockstep"), "settled")->u.b);
	assert_int_equal(value_get(value_get(v, "lockstep"), "services")->u.i, 1);
	assert_string_equal(value_get(value_get(v, "lockstep"), "proof")->u.s, "proved");
	store_mem_cut(b->st, INT64_MAX);
	run(b, 100);
	v = get(b, "/a/status");
	assert_string_equal(value_get(v, "agentState")->u.s, "DISCONNECTED");
	assert_string_equal(value_get(v, "zookeeperState")->u.s, "SUSPENDED");
}

static void status_says_the_trouble(void **state)
{
	struct box *b = *state;
	const struct value *v;

	open_api(b, false);
	b->yes.refusal = "haproxy \"x\" does not run";
	join(b);
	run(b, 3010);
	for (int i = 0; i < 100; i++) {
		v = get(b, "/a/status");
		if (!str_eq(value_get(v, "agentState")->u.s, "APPLYING"))
			break;
	}
	assert_string_equal(value_get(v, "agentState")->u.s, "BOOTSTRAPING");
	assert_false(value_get(v, "validConfigs")->u.b);
	assert_string_equal(value_get(v, "errorMessage")->u.s, "haproxy \"x\" does not run");
	assert_string_equal(value_get(v, "stateErrors")->u.list.items[0]->u.s, "haproxy \"x\" does not run");
	b->yes.refusal = NULL;
	run(b, 3000);
	assert_true(value_get(get(b, "/a/status"), "validConfigs")->u.b);
}

static void health(void **state)
{
	struct box *b = *state;

	open_api(b, true); /* it wants no key */
	assert_int_equal(ask(b, "GET", "/admin/ping"), 200);
	assert_int_equal(ask(b, "GET", "/admin/healthcheck"), 500);
	assert_string_equal(b->body, "{\"LoadBalancerHealthcheck\":{\"healthy\":false,\"message\":\"the agent is starting\"},"
				     "\"ZooKeeperHealthcheck\":{\"healthy\":false,\"message\":\"Connection state is null\"}}");
	b->yes.refusal = "haproxy does not run";
	join(b);
	run(b, 3010);
	assert_int_equal(ask(b, "GET", "/admin/healthcheck"), 500);
	assert_string_equal(b->body, "{\"LoadBalancerHealthcheck\":{\"healthy\":false,\"message\":\"haproxy does not run\"},"
				     "\"ZooKeeperHealthcheck\":{\"healthy\":true,\"message\":\"CONNECTED\"}}");
	b->yes.refusal = NULL;
	run(b, 3000);
	assert_int_equal(ask(b, "GET", "/admin/healthcheck"), 200);
	assert_string_equal(b->body, "{\"LoadBalancerHealthcheck\":{\"healthy\":true},"
				     "\"ZooKeeperHealthcheck\":{\"healthy\":true,\"message\":\"CONNECTED\"}}");
	store_mem_cut(b->st, INT64_MAX);
	run(b, 100);
	assert_int_equal(ask(b, "GET", "/admin/healthcheck"), 500);
	assert_non_null(strstr(b->body, "\"ZooKeeperHealthcheck\":{\"healthy\":false,\"message\":\"SUSPENDED\"}"));
}

static void one_service(void **state)
{
	struct box *b = *state;
	const struct value *v;

	open_api(b, false);
	join(b);
	run(b, 3000);
	v = get(b, "/a/status/s1");
	assert_string_equal(value_get(value_get(v, "service"), "serviceId")->u.s, "s1");
	assert_int_equal(value_get(v, "upstreams")->u.list.n, 0);
	assert_int_equal(value_get(v, "timestamp")->kind, VALUE_INT);
	assert_int_equal(ask(b, "GET", "/a/status/s2"), 404);
}

static void keys(void **state)
{
	struct box *b = *state;

	open_api(b, true);
	join(b);
	run(b, 3000);
	assert_int_equal(ask(b, "GET", "/a/status/s1"), 403);
	assert_string_equal(b->body, "{\"code\":403,\"message\":\"HTTP 403 Forbidden\"}");
	assert_int_equal(ask(b, "GET", "/a/status/s1?authkey=k2"), 403);
	assert_int_equal(ask(b, "POST", "/a/lockstep/batch?authkey=k2"), 403);
	assert_int_equal(ask(b, "GET", "/a/status/s1?authkey=k1"), 200);
	assert_int_equal(ask(b, "POST", "/a/lockstep/batch?authkey=k1"), 400); /* it is no call, but it was let in */
	assert_int_equal(ask(b, "GET", "/a/status/s1?authkey=reads"), 200);
	assert_int_equal(ask(b, "POST", "/a/lockstep/batch?authkey=reads"), 403);
	b->keys_known = false;
	assert_int_equal(ask(b, "GET", "/a/status/s1?authkey=k1"), 503);
	assert_int_equal(ask(b, "GET", "/a/status"), 200);
	assert_int_equal(ask(b, "GET", "/a/renderedConfigs/s1"), 200);
}

static void put_file(struct box *b, const char *name, const char *text)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", b->dir, name);

	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static const char *content(struct box *b, const struct value *list, size_t i, const char *name)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", b->dir, name);

	assert_true(i < list->u.list.n);
	assert_string_equal(value_get(list->u.list.items[i], "fullPath")->u.s, path);
	return value_get(list->u.list.items[i], "content")->u.s;
}

static void rendered_is_what_is_on_disk(void **state)
{
	struct box *b = *state;
	AUTO(xfree_p) char *svc = xasprintf("%s/svc", b->dir);
	const struct value *v;

	open_api(b, false);
	join(b);
	run(b, 3000);
	assert_int_equal(get(b, "/a/renderedConfigs/s1")->u.list.n, 0); /* no file is there */
	assert_int_equal(file_make_dirs(svc, 0755, NULL), 0);
	put_file(b, "svc/s1.cfg", "as it stands\n");
	put_file(b, "all.cfg", "# all\na s0\nb s0\na s1\nb s1\na s2\nb s2\n");
	put_file(b, "time.cfg", "s0 17\ns1 17\n");
	put_file(b, "named.cfg", "# none\n");
	v = get(b, "/a/renderedConfigs/s1");
	assert_int_equal(v->u.list.n, 3); /* nothing of it is in named.cfg */
	assert_string_equal(content(b, v, 0, "all.cfg"), "a s1\nb s1\n");
	assert_string_equal(content(b, v, 1, "svc/s1.cfg"), "as it stands\n");
	assert_string_equal(content(b, v, 2, "time.cfg"), "s0 17\ns1 17\n"); /* rendered at another time: as a whole */
	assert_int_equal(get(b, "/a/renderedConfigs/s2")->u.list.n, 0);
}

static void file_that_cannot_be_read(void **state)
{
	struct box *b = *state;
	AUTO(xfree_p) char *path = xasprintf("%s/all.cfg", b->dir);

	open_api(b, false);
	join(b);
	run(b, 3000);
	assert_int_equal(file_make_dirs(path, 0755, NULL), 0);
	assert_int_equal(ask(b, "GET", "/a/renderedConfigs/s1"), 500);
	assert_non_null(strstr(b->body, "all.cfg"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(starting_puts_off, setup, teardown),
		cmocka_unit_test_setup_teardown(status_has_the_fields_of_java, setup, teardown),
		cmocka_unit_test_setup_teardown(status_follows_the_link, setup, teardown),
		cmocka_unit_test_setup_teardown(status_says_the_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(health, setup, teardown),
		cmocka_unit_test_setup_teardown(one_service, setup, teardown),
		cmocka_unit_test_setup_teardown(keys, setup, teardown),
		cmocka_unit_test_setup_teardown(rendered_is_what_is_on_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(file_that_cannot_be_read, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
