/*
 * addresses_test.c - requests whose host names become addresses before they are stored, or are refused
 *
 * The resolver is made up: a table of names, which a test may change while a request waits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#define BODY(id, resolve, upstreams)                                                                              \
	"{\"loadBalancerRequestId\":\"" id "\",\"loadBalancerService\":{\"serviceId\":\"s1\",\"owners\":[],"      \
	"\"serviceBasePath\":\"/s1\",\"loadBalancerGroups\":[\"g\"],\"preResolveUpstreamDNS\":" resolve "}," upstreams "}"
#define ADD(id, list) BODY(id, "true", "\"addUpstreams\":[" list "],\"removeUpstreams\":[]")
#define LIST_HEAD(id)                                                                                             \
	"{\"loadBalancerRequestId\":\"" id "\",\"loadBalancerService\":{\"serviceId\":\"s1\",\"owners\":[],"      \
	"\"serviceBasePath\":\"/s1\",\"loadBalancerGroups\":[\"g\"],\"preResolveUpstreamDNS\":true},"           \
	"\"removeUpstreams\":[],\"addUpstreams\":["
#define ABSENT "No address found for upstream hosts (preResolveUpstreamDNS): "
#define LATE "Upstream hosts could not be resolved in time (preResolveUpstreamDNS), not done, ask again: "

static struct {
	int rc; /* for the host "late.x" */
	const char *old;
	unsigned asked;
} server;

static int known(void *ctx, const char *host, struct arena *a, const char **address_out)
{
	static const struct {
		const char *host, *address;
	} table[] = { { "a.x", "10.0.0.1" }, { "b.x", "10.0.0.2" }, { "six.x", "2001:db8::1" }, { "10.9.9.9", "10.9.9.9" } };

	assert_ptr_equal(ctx, &server);
	server.asked++;
	*address_out = NULL;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(table[i].host, host))
			*address_out = arena_strdup(a, table[i].address);
	if (str_eq(host, "late.x")) {
		*address_out = server.rc == 0 ? "10.0.0.9" : server.old;
		return server.rc;
	}
	return *address_out != NULL ? 0 : ERR_NOT_FOUND;
}

static void start(struct box *x)
{
	server.rc = ERR_NOT_DONE;
	server.old = NULL;
	server.asked = 0;
	x->options.resolve = known;
	x->options.resolve_ctx = &server;
	box_start(x, false);
	mem_server_put(x->srv, "/load-balancer/g", "{\"name\":\"g\"}");
}

static void stored(struct box *x, const char *id, const char *want)
{
	AUTO(xfree_p) char *path = xasprintf("/request/%s", id);
	const struct store_node *node = mem_server_get(x->srv, path);

	assert_non_null(node);
	if (memmem(node->data, node->len, want, strlen(want)) == NULL)
		fail_msg("%.*s", (int)node->len, node->data);
}

static void addresses_are_stored(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	got = ask(&x, "POST", "/request",
		ADD("r1", "{\"upstream\":\"a.x:80\"},{\"upstream\":\"six.x:81\"},{\"upstream\":\"10.9.9.9:82\"},"
			  "{\"upstream\":\"a.x:83\",\"requestId\":\"q\",\"resolvedUpstream\":\"10.7.7.7:83\"}"));
	assert_int_equal(got->status, 200);
	assert_non_null(strstr(buf_cstr(&got->body), "\"loadBalancerState\":\"WAITING\""));
	assert_non_null(strstr(buf_cstr(&got->body), "\"resolvedUpstream\":\"10.0.0.1:80\""));
	stored(&x, "r1", "\"upstream\":\"a.x:80\",\"requestId\":\"r1\",\"rackId\":null,\"group\":\"default\",\"resolvedUpstream\":\"10.0.0.1:80\"");
	stored(&x, "r1", "\"resolvedUpstream\":\"[2001:db8::1]:81\"");
	stored(&x, "r1", "\"resolvedUpstream\":\"10.9.9.9:82\"");
	stored(&x, "r1", "\"resolvedUpstream\":\"10.7.7.7:83\"");
	got = ask(&x, "POST", "/request", BODY("r2", "true", "\"addUpstreams\":[],\"removeUpstreams\":[],\"replaceUpstreams\":"
								"[{\"upstream\":\"b.x:80\"}]"));
	assert_int_equal(got->status, 200);
	stored(&x, "r2", "\"resolvedUpstream\":\"10.0.0.2:80\"");
	/* What the service does not ask for, and what is only removed, stays a name. */
	server.asked = 0;
	ask(&x, "POST", "/request", BODY("r3", "false", "\"addUpstreams\":[{\"upstream\":\"a.x:80\"}],\"removeUpstreams\":[]"));
	stored(&x, "r3", "\"resolvedUpstream\":null");
	ask(&x, "POST", "/request", BODY("r4", "true", "\"addUpstreams\":[],\"removeUpstreams\":[{\"upstream\":\"gone.x:80\"}]"));
	stored(&x, "r4", "\"resolvedUpstream\":null");
	assert_int_equal(server.asked, 0);
	box_stop(&x);
}

static void names_without_address_are_refused(void **state)
{
	static const char refused[] = "{\"loadBalancerRequestId\":\"r1\",\"loadBalancerState\":\"FAILED\",\"message\":\"" ABSENT
				      "[no.x, nor.x]\",\"agentResponses\":null,\"request\":null}";
	struct box x = { 0 };
	AUTO(buf_release) struct buf many = BUF_INIT;
	const struct answer *got;

	(void)state;
	start(&x);
	expect(&x, "POST", "/request",
		ADD("r1", "{\"upstream\":\"a.x:80\"},{\"upstream\":\"no.x:1\"},{\"upstream\":\"nor.x:1\"},{\"upstream\":\"no.x:2\"}"), 200,
		refused);
	expect(&x, "GET", "/request/r1", NULL, 200, refused);
	assert_int_equal(count(&x, "/queue"), 0);
	buf_str(&many, LIST_HEAD("r2"));
	for (int i = 0; i < 12; i++)
		buf_printf(&many, "%s{\"upstream\":\"no%d.x:80\"}", i > 0 ? "," : "", i);
	buf_str(&many, "]}");
	got = ask(&x, "POST", "/request", buf_cstr(&many));
	assert_non_null(strstr(buf_cstr(&got->body), "[no0.x, no1.x, no2.x, no3.x, no4.x, no5.x, no6.x, no7.x, no8.x, no9.x, ...]"));
	box_stop(&x);
}

static void waits_for_the_resolver(void **state)
{
	struct box x = { 0 };
	struct answer got = { .done = false };
	const char *body = ADD("r1", "{\"upstream\":\"late.x:80\"}");

	(void)state;
	start(&x);
	send_bytes(&x, &got, "POST", "/request", JSON_TYPE, (struct slice){ body, strlen(body) });
	run_for(&x, LOOP_MS(300));
	assert_false(got.done);
	assert_true(server.asked > 1);
	server.rc = 0;
	run_for(&x, LOOP_MS(100));
	assert_true(got.done);
	assert_int_equal(got.status, 200);
	stored(&x, "r1", "\"resolvedUpstream\":\"10.0.0.9:80\"");
	buf_release(&got.body);
	box_stop(&x);
}

/* 504, for FAILED would be final; nothing is stored. One that is known already is told as it is. */
static void does_not_wait_for_ever(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	expect(&x, "POST", "/request", ADD("r1", "{\"upstream\":\"late.x:80\"},{\"upstream\":\"a.x:80\"}"), 504,
		"{\"code\":504,\"message\":\"" LATE "[late.x]\"}");
	assert_int_equal(count(&x, "/queue"), 0);
	assert_int_equal(count(&x, "/responseHistory/requestIdMapping"), 0);
	server.rc = 0;
	ask(&x, "POST", "/request", ADD("r1", "{\"upstream\":\"late.x:80\"}"));
	stored(&x, "r1", "10.0.0.9:80");
	server.rc = ERR_NOT_DONE;
	got = ask(&x, "POST", "/request", ADD("r1", "{\"upstream\":\"late.x:80\"}"));
	assert_int_equal(got->status, 200);
	assert_non_null(strstr(buf_cstr(&got->body), "WAITING"));
	/* The same, though the address is another one by now. */
	server.old = "10.0.0.10";
	got = ask(&x, "POST", "/request", ADD("r1", "{\"upstream\":\"late.x:80\"}"));
	assert_non_null(strstr(buf_cstr(&got->body), "WAITING"));
	assert_int_equal(count(&x, "/queue"), 1);
	/* An old address is better than none. */
	ask(&x, "POST", "/request", ADD("r2", "{\"upstream\":\"late.x:80\"}"));
	stored(&x, "r2", "\"resolvedUpstream\":\"10.0.0.10:80\"");
	box_stop(&x);
}

static void not_too_many_names(void **state)
{
	struct box x = { 0 };
	AUTO(buf_release) struct buf body = BUF_INIT;
	const struct answer *got;

	(void)state;
	start(&x);
	buf_str(&body, LIST_HEAD("r1"));
	for (int i = 0; i < 1500; i++)
		buf_printf(&body, "%s{\"upstream\":\"no%d.x:80\"}", i > 0 ? "," : "", i);
	buf_str(&body, "]}");
	got = ask(&x, "POST", "/request", buf_cstr(&body));
	assert_int_equal(got->status, 200);
	assert_non_null(strstr(buf_cstr(&got->body), "More than 1000 host names to resolve in one request (preResolveUpstreamDNS)"));
	assert_int_equal(server.asked, 1001);
	box_stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_stored),
		cmocka_unit_test(names_without_address_are_refused),
		cmocka_unit_test(waits_for_the_resolver),
		cmocka_unit_test(does_not_wait_for_ever),
		cmocka_unit_test(not_too_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
