/*
 * api_generated_test.c - requests the service makes itself, look-ups, and what is not there, in-process
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"

#define UP(n) "/MTAuMC4wLjE6ODA=|r" n "||default|"
#define UPSTREAM(address, id)                                                                           \
	"{\"upstream\":\"" address "\",\"requestId\":" id ",\"rackId\":null,\"group\":\"default\","         \
	"\"resolvedUpstream\":null}"
#define AGENT(n) "{\"baseAgentUri\":\"http://10.0.0." n ":1/a\",\"agentId\":\"10.0.0." n ":1\",\"batchEnabled\":true}"

static void start(struct box *x)
{
	x->options.seed = 9;
	box_start(x, false);
	mem_server_put(x->srv, "/state/s1", SERVICE_JSON("s1"));
	mem_server_put(x->srv, "/state/s1" UP("1"), "");
	mem_server_put(x->srv, "/state/s2", SERVICE_JSON("s2"));
	mem_server_put(x->srv, "/state/s2/MTAuMC4wLjE6ODE=|r2||default|", "");
	mem_server_put(x->srv, "/state/s2/MTAuMC4wLjI6ODA=|r3||default|", "");
	mem_server_put(x->srv, "/state-last-updated", "1");
	run_for(x, LOOP_MS(200));
}

static void has(const struct answer *got, int status, const char *part)
{
	if (got->status != status || strstr(buf_cstr(&got->body), part) == NULL)
		fail_msg("%d %s: no '%s'", got->status, buf_cstr(&got->body), part);
}

static void test_one_upstream(void **state)
{
	struct box x = { 0 };
	const struct answer *got;
	const char *const *queue;
	char id[37];

	(void)state;
	start(&x);
	got = ask(&x, "PUT", "/request/upstreams/s1?upstream=aG9zdDo4MA%3D%3D%7Crq%7Cra%7Cgr%7C", NULL);
	has(got, 200, "\"loadBalancerState\":\"WAITING\"");
	has(got, 200,
		"\"addUpstreams\":[{\"upstream\":\"host:80\",\"requestId\":\"rq\",\"rackId\":\"ra\",\"group\":\"gr\","
		"\"resolvedUpstream\":null}],\"removeUpstreams\":[],\"replaceUpstreams\":[],\"replaceServiceId\":null,"
		"\"action\":null,\"noValidate\":true,\"noReload\":false,\"upstreamUpdateOnly\":true,");
	has(got, 200, "\"loadBalancerService\":" SERVICE_JSON("s1"));
	/* A random UUID, and its own id for an upstream without one. */
	memcpy(id, buf_cstr(&got->body) + strlen("{\"loadBalancerRequestId\":\""), 36);
	id[36] = '\0';
	assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
	assert_int_equal(mem_server_children(x.srv, "/queue", &queue), 1);
	assert_non_null(strstr(queue[0], id));
	got = ask(&x, "PUT", "/request/upstreams/s1?upstream=10.0.0.7:80", NULL);
	assert_null(strstr(buf_cstr(&got->body), id));
	has(got, 200, "\"upstream\":\"10.0.0.7:80\",\"requestId\":\"");
	has(ask(&x, "DELETE", "/request/upstreams/s1?upstream=10.0.0.1:80", NULL), 200,
		"\"addUpstreams\":[],\"removeUpstreams\":[{\"upstream\":\"10.0.0.1:80\",");
	has(ask(&x, "PUT", "/request/upstreams/none?upstream=10.0.0.7:80", NULL), 400,
		"{\"code\":400,\"message\":\"Service none not found\"}");
	has(ask(&x, "PUT", "/request/upstreams/s1", NULL), 400, "upstream must not be null");
	has(ask(&x, "PUT", "/request/upstreams/s1?upstream=localhost:8080", NULL), 400, "upstream: ");
	has(ask(&x, "PUT", "/request/upstreams/s1?upstream=10.0.0.7", NULL), 422,
		"{\"errors\":[\"addUpstreams[0].upstream is not valid: ");
	assert_int_equal(count(&x, "/queue"), 3);
	box_stop(&x);
}

static void test_all_upstreams(void **state)
{
	struct box x = { 0 };

	(void)state;
	start(&x);
	has(ask(&x, "POST", "/request/upstreams/s1", "[\"10.0.0.9:80\",{\"upstream\":\"10.0.0.8:80\"}]"), 200,
		"\"replaceUpstreams\":[" UPSTREAM("10.0.0.9:80", "null") "," UPSTREAM("10.0.0.8:80", "null") "]");
	has(ask(&x, "POST", "/request/upstreams/s1", "[]"), 200, "\"replaceUpstreams\":[],");
	has(ask(&x, "POST", "/request/upstreams/s1", NULL), 200, "\"replaceUpstreams\":[],");
	assert_int_equal(count(&x, "/queue"), 3);
	has(ask(&x, "POST", "/request/upstreams/s1", "{}"), 400, "must be an array");
	has(ask(&x, "POST", "/request/upstreams/s1", "[\"10.0.0.9\"]"), 422, "replaceUpstreams[0].upstream");
	has(ask(&x, "POST", "/request/upstreams/none", "[]"), 400, "Service none not found");
	assert_int_equal(count(&x, "/queue"), 3);
	box_stop(&x);
}

static void test_a_host(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	expect(&x, "DELETE", "/request/upstream?host=10.0.0", NULL, 200, "[]");
	has(ask(&x, "DELETE", "/request/upstream", NULL), 400, "host must not be null");
	assert_int_equal(ask(&x, "GET", "/request/upstream", NULL)->status, 405);
	assert_int_equal(count(&x, "/queue"), 0);
	got = ask(&x, "DELETE", "/request/upstream?host=10.0.0.1", NULL);
	assert_int_equal(buf_cstr(&got->body)[0], '[');
	has(got, 200, "\"removeUpstreams\":[" UPSTREAM("10.0.0.1:80", "\"r1\"") "]");
	has(got, 200, "\"removeUpstreams\":[" UPSTREAM("10.0.0.1:81", "\"r2\"") "]");
	assert_int_equal(count(&x, "/queue"), 2);
	store_mem_cut(x.st, INT64_MAX);
	run_for(&x, LOOP_MS(10));
	assert_int_equal(ask(&x, "DELETE", "/request/upstream?host=10.0.0.1", NULL)->status, 504);
	box_stop(&x);
}

static void test_hundred_services(void **state)
{
	struct box x = { 0 };
	const struct answer *got;
	const char *at;
	size_t n = 0;

	(void)state;
	start(&x);
	for (int i = 0; i < 100; i++) {
		AUTO(xfree_p) char *service = xasprintf("/state/many%d", i);
		AUTO(xfree_p) char *upstream = xasprintf("%s/MTAuMC4wLjM6ODA=|r||default|", service);
		AUTO(xfree_p) char *json = xasprintf("{\"serviceId\":\"many%d\",\"owners\":[],\"serviceBasePath\":\"/\","
						     "\"loadBalancerGroups\":[\"g\"]}", i);

		mem_server_put(x.srv, service, json);
		mem_server_put(x.srv, upstream, "");
	}
	mem_server_put(x.srv, "/state-last-updated", "2");
	run_for(&x, LOOP_MS(500));
	got = ask(&x, "DELETE", "/request/upstream?host=10.0.0.3", NULL);
	for (at = buf_cstr(&got->body); (at = strstr(at, "\"WAITING\"")) != NULL; at++)
		n++;
	assert_int_equal(n, 100);
	assert_int_equal(count(&x, "/queue"), 100);
	box_stop(&x);
}

static void test_purge(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	has(ask(&x, "POST", "/purgeCache/none", NULL), 200,
		"-PURGE_CACHE\",\"loadBalancerState\":\"INVALID_REQUEST_NOOP\",\"message\":\"Service none not found\"");
	got = ask(&x, "POST", "/purgeCache/s1", NULL);
	has(got, 200, "\"s1-");
	has(got, 200, "-PURGE_CACHE\",\"loadBalancerState\":\"WAITING\"");
	has(got, 200, "\"action\":\"PURGE_CACHE\"");
	assert_int_equal(count(&x, "/queue"), 1);
	box_stop(&x);
}

static void test_lookup(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	expect(&x, "GET", "/service-lookup?hostPort=10.0.0.2", NULL, 200, "[]");
	got = ask(&x, "GET", "/service-lookup?hostPort=10.0.0.2%3A80", NULL);
	has(got, 200, "[{\"service\":" SERVICE_JSON("s2") ",\"upstreams\":[");
	assert_null(strstr(buf_cstr(&got->body), "\"s1\""));
	has(ask(&x, "GET", "/service-lookup", NULL), 400, "hostPort must not be null");
	box_stop(&x);
}

/* --- rendered configs: agents that know the service, fail, or are away --- */

static unsigned asked, failing;
static char asked_path[100];

static void rendered(struct http_request *rq, void *app)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	asked++;
	assert_null(http_query(rq, "authkey"));
	snprintf(asked_path, sizeof(asked_path), "%s", http_path(rq));
	if (failing > 0) {
		failing--;
		http_reply_error(&rq, 500, "no");
		return;
	}
	buf_str(&b, app);
	http_reply(&rq, 200, "application/json", &b);
}

static struct router *agent(const char *answer)
{
	static const struct route rows[] = { { "GET", "/renderedConfigs/{id}", rendered, ROLE_OPEN, 0, "" } };

	return router_new(&(struct router_options){
		.context_path = "/a", .routes = rows, .n_routes = 1, .app = (void *)(uintptr_t)answer });
}

static void test_rendered(void **state)
{
	static const char files[] = "[{\"fullPath\":\"/x\",\"content\":\"a\\nb\"}]";
	struct box x = { 0 };
	struct router *good = agent(files), *bad = agent("{\"no\":\"list\"}");
	const struct answer *got;

	(void)state;
	start(&x);
	got = ask(&x, "GET", "/renderedConfigs/none", NULL);
	assert_int_equal(got->status, 500);
	assert_string_equal(got->type, "text/plain");
	assert_string_equal(buf_cstr(&got->body), "Service with id=none could not be found");
	has(ask(&x, "GET", "/renderedConfigs/s1", NULL), 500, "{\"code\":500,\"message\":\"no agent of service s1 is registered\"}");
	mem_server_put(x.srv, "/load-balancer/g/hosts/_c_a-latch-0000000000", AGENT("1"));
	mem_server_put(x.srv, "/load-balancer/g/hosts/_c_b-latch-0000000001", AGENT("2"));
	has(ask(&x, "GET", "/renderedConfigs/s1", NULL), 500, "agent http://10.0.0.");
	sim_net_listen(x.net, "10.0.0.1:1", good);
	sim_net_listen(x.net, "10.0.0.2:1", good);
	asked = 0;
	expect(&x, "GET", "/renderedConfigs/s1", NULL, 200, files);
	assert_string_equal(asked_path, "/a/renderedConfigs/s1");
	assert_int_equal(asked, 1);
	failing = 1; /* the other one is asked */
	expect(&x, "GET", "/renderedConfigs/s1", NULL, 200, files);
	failing = 2;
	has(ask(&x, "GET", "/renderedConfigs/s1", NULL), 500, "answered 500");
	sim_net_unlisten(x.net, "10.0.0.1:1");
	sim_net_unlisten(x.net, "10.0.0.2:1");
	sim_net_listen(x.net, "10.0.0.1:1", bad);
	has(ask(&x, "GET", "/renderedConfigs/s1", NULL), 500, "agent http://10.0.0.");
	sim_net_unlisten(x.net, "10.0.0.1:1");
	router_free(&good);
	router_free(&bad);
	box_stop(&x);
}

/* --- AWS --- */

static void test_aws(void **state)
{
	static const char absent[] = "ElbSync and related actions are not currently enabled";
	static const struct {
		const char *method, *path;
		int status;
		const char *body;
	} rows[] = {
		{ "GET", "/elbs", 500, absent },
		{ "GET", "/elbs/n", 500, absent },
		{ "GET", "/elbs/n/instances", 500, absent },
		{ "DELETE", "/elbs/n/update?instanceId=i", 500, absent },
		{ "POST", "/albs", 500, absent },
		{ "GET", "/albs/load-balancers/n/listeners", 500, absent },
		{ "POST", "/albs/listeners/arn:aws:x:listener/app/n/1/2", 500, absent },
		{ "GET", "/albs/listeners/rules/arn:aws:x:listener/app/n/1/2", 500, absent },
		{ "DELETE", "/albs/rules/arn:aws:x", 500, absent },
		{ "POST", "/albs/target-group/t/targets", 500, "Must provide instance ID to add target to group" },
		{ "POST", "/albs/target-group/t/targets?instanceId=i", 500, absent },
		{ "DELETE", "/albs/target-groups/t/targets/i", 500,
			"{\"code\":500,\"message\":\"ElbSync and related actions not currently enabled\"}" },
		{ "POST", "/albs/target-groups", 405, "{\"code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}" },
	};
	struct box x = { 0 };

	(void)state;
	start(&x);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct answer *got = ask(&x, rows[i].method, rows[i].path, NULL);

		assert_string_equal(buf_cstr(&got->body), rows[i].body);
		assert_int_equal(got->status, rows[i].status);
		assert_string_equal(got->type, rows[i].body[0] == '{' ? JSON_TYPE : "text/plain");
	}
	box_stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_upstream),
		cmocka_unit_test(test_all_upstreams),
		cmocka_unit_test(test_a_host),
		cmocka_unit_test(test_hundred_services),
		cmocka_unit_test(test_purge),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_rendered),
		cmocka_unit_test(test_aws),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
