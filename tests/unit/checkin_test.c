/*
 * checkin_test.c - whom the agent calls at its start and end, how often, and when it gives up
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/checkin.h"

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/http/client_sim.h"
#include "lib/store/store_mem.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct store *st;
	struct sim_net *net;
	struct client *client;
	struct router *router;
	struct checkin *ci;
	struct agentinfo info;
	const char *key;
	/* the service */
	const char *answers[8]; /* "500" is a status; the last one stays */
	int calls;
	char seen[8][200];      /* path?query as the handler saw them */
	/* the end */
	int ends;
	enum checkin_end end;
	int64_t ended_at;
};

static void handle(struct http_request *rq, void *app)
{
	struct box *b = app;
	int n = b->calls < 8 ? b->calls : 7, at = n;
	const char *status = http_query(rq, "status"), *key = http_query(rq, "authkey");
	struct buf body = BUF_INIT;

	b->calls++;
	assert_non_null(strstr(http_body(rq).p, "\"agentId\":\"lb1:1\""));
	snprintf(b->seen[n], sizeof(b->seen[n]), "%s status=%s key=%s", http_path(rq),
		status != NULL ? status : "-", key != NULL ? key : "-");
	while (b->answers[at] == NULL)
		at--;
	if (str_eq(b->answers[at], "500")) {
		http_reply_error(&rq, 500, "no");
		return;
	}
	buf_str(&body, b->answers[at]);
	http_reply(&rq, 200, "application/json", &body);
}

static const struct route routes[] = {
	{ "POST", "/checkin/{group}/{kind}", handle, ROLE_OPEN, 100000, "" },
};

static const char *any_key(void *ctx)
{
	return ((struct box *)ctx)->key;
}

static void no_log(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static int setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	const struct router_options ro = { .context_path = "/b", .routes = routes, .n_routes = 1, .app = b };
	const struct checkin_options opt = { .group_name = "web", .info = &b->info, .attempts = 3,
		.timeout_ms = 20000, .key = any_key, .ctx = b };

	log_set_sink(no_log, NULL);
	b->info = (struct agentinfo){ .base_uri = "http://lb1:1/a", .agent_id = "lb1:1" };
	b->l = loop_sim_new(1);
	b->srv = mem_server_new(b->l, 1);
	b->st = store_mem_new(b->srv, "a", 6000);
	b->net = sim_net_new(b->l, 1);
	b->client = client_sim_new(b->net, "a");
	b->router = router_new(&ro);
	sim_net_listen(b->net, "s1:80", b->router);
	b->ci = checkin_new(b->l, b->st, b->client, &opt);
	b->answers[0] = "{\"state\":\"DONE\",\"exceptionMessage\":null,\"waitTime\":0}";
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	checkin_free(&b->ci);
	router_free(&b->router);
	client_free(&b->client);
	sim_net_free(&b->net);
	store_free(&b->st);
	mem_server_free(&b->srv);
	loop_free(&b->l);
	log_set_sink(NULL, NULL);
	free(b);
	return 0;
}

static void on_end(void *ctx, enum checkin_end end)
{
	struct box *b = ctx;

	b->ends++;
	b->end = end;
	b->ended_at = loop_now(b->l);
}

static void services(struct box *b)
{
	mem_server_put(b->srv, "/workers/_c_x-latch-0000000012", "http://s2:80/b");
	mem_server_put(b->srv, "/workers/_c_z-latch-0000000007", "http://s1:80/b");
}

/* Seconds from the start to the end. */
static int64_t run(struct box *b, enum checkin_kind kind)
{
	int64_t start = loop_now(b->l);

	checkin_start(b->ci, kind, on_end, b);
	for (int i = 0; i < 1000 && b->ends == 0; i++)
		assert_true(loop_sim_run_for(b->l, LOOP_MS(100), 100000));
	assert_int_equal(b->ends, 1);
	return (b->ended_at - start) / 1000000;
}

static void connected(struct box *b)
{
	assert_true(loop_sim_run_for(b->l, LOOP_MS(1000), 100000));
	assert_int_equal(store_link(b->st), STORE_LINK_UP);
}

static void first_service_is_told(void **state)
{
	struct box *b = *state;

	services(b);
	connected(b);
	b->key = "a&b";
	run(b, CHECKIN_STARTUP);
	assert_int_equal(b->end, CHECKIN_DONE);
	assert_int_equal(b->calls, 1);
	assert_string_equal(b->seen[0], "/b/checkin/web/startup status=- key=a&b");
}

static void pending_is_asked_again(void **state)
{
	struct box *b = *state;

	services(b);
	connected(b);
	b->answers[0] = "{\"state\":\"PENDING\",\"exceptionMessage\":null,\"waitTime\":5000}";
	b->answers[1] = "{\"state\":\"ERROR\",\"exceptionMessage\":\"e\",\"waitTime\":0}";
	b->answers[2] = "{\"state\":\"DONE\"}";
	assert_int_equal(run(b, CHECKIN_SHUTDOWN), 6);
	assert_int_equal(b->end, CHECKIN_DONE);
	assert_int_equal(b->calls, 3);
	assert_string_equal(b->seen[0], "/b/checkin/web/shutdown status=- key=-");
	assert_string_equal(b->seen[1], "/b/checkin/web/shutdown status=true key=-");
	assert_string_equal(b->seen[2], "/b/checkin/web/shutdown status=true key=-");
}

static void pending_for_ever_is_given_up(void **state)
{
	struct box *b = *state;

	services(b);
	connected(b);
	b->answers[0] = "{\"state\":\"PENDING\",\"exceptionMessage\":null,\"waitTime\":3000}";
	assert_int_equal(run(b, CHECKIN_STARTUP), 18);
	assert_int_equal(b->end, CHECKIN_GIVEN_UP);
	assert_int_equal(b->calls, 7);
}

static void failures_are_bounded(void **state)
{
	struct box *b = *state;

	services(b);
	connected(b);
	b->answers[0] = "500";
	b->answers[1] = "<html>";
	assert_int_equal(run(b, CHECKIN_STARTUP), 3); /* after 0, 1 and 3 seconds */
	assert_int_equal(b->end, CHECKIN_FAILED);
	assert_int_equal(b->calls, 3);
}

static void a_failure_may_pass(void **state)
{
	struct box *b = *state;

	services(b);
	connected(b);
	b->answers[0] = "500";
	b->answers[1] = "{\"state\":\"DONE\"}";
	assert_int_equal(run(b, CHECKIN_STARTUP), 1);
	assert_int_equal(b->end, CHECKIN_DONE);
}

static void shutdown_does_not_wait_for_failures(void **state)
{
	struct box *b = *state;

	services(b);
	connected(b);
	b->answers[0] = "500";
	assert_int_equal(run(b, CHECKIN_SHUTDOWN), 0);
	assert_int_equal(b->end, CHECKIN_FAILED);
	assert_int_equal(b->calls, 1);
}

static void a_service_is_waited_for(void **state)
{
	struct box *b = *state;

	checkin_start(b->ci, CHECKIN_STARTUP, on_end, b); /* not even connected yet */
	assert_true(loop_sim_run_for(b->l, LOOP_MS(8000), 100000));
	assert_int_equal(b->ends, 0);
	services(b);
	assert_true(loop_sim_run_for(b->l, LOOP_MS(10000), 100000));
	assert_int_equal(b->ends, 1);
	assert_int_equal(b->end, CHECKIN_DONE);
}

static void but_not_for_ever(void **state)
{
	struct box *b = *state;

	assert_in_range(run(b, CHECKIN_STARTUP), 5, 20);
	assert_int_equal(b->end, CHECKIN_FAILED);
	assert_int_equal(b->calls, 0);
}

static void a_new_one_ends_the_old(void **state)
{
	struct box *b = *state;

	services(b);
	connected(b);
	checkin_start(b->ci, CHECKIN_STARTUP, on_end, b);
	assert_true(loop_sim_run_for(b->l, 1000, 100000));
	run(b, CHECKIN_SHUTDOWN); /* asserts that there was one end */
	assert_int_equal(b->end, CHECKIN_DONE);
	assert_true(loop_sim_run_for(b->l, LOOP_MS(30000), 100000));
	assert_int_equal(b->ends, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_service_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(pending_is_asked_again, setup, teardown),
		cmocka_unit_test_setup_teardown(pending_for_ever_is_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(failures_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_may_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(shutdown_does_not_wait_for_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(a_service_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(but_not_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_one_ends_the_old, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
