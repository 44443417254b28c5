/*
 * purge_test.c - the pattern of a cache's URL, and ends of a purge that nobody waits for
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/purge.h"

#include "lib/base/log.h"
#include "lib/http/client_sim.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static void formats(void **state)
{
	static const char *const bad[] = { "", "http://c/purge", "http://c/%d", "http://c/%s/%s", "http://c/%s%", "http://c/%%s" };
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(purge_check_format(bad[i], &err), ERR_INVALID);
	assert_int_equal(purge_check_format("http://c/%s", &err), 0);
	assert_int_equal(purge_check_format("http://127.0.0.1:8082/purge/%s*", &err), 0);
}

struct heard {
	unsigned lines;
	char last[512];
};

static void hear(void *ctx, enum log_level level, const char *line)
{
	struct heard *h = ctx;

	(void)level;
	h->lines++;
	snprintf(h->last, sizeof(h->last), "%s", line);
}

static void on_purged(void *ctx, int status, const char *body, size_t n)
{
	assert_int_equal(n, strlen(body));
	*(int *)ctx = status;
}

static void nobody_answers(void **state)
{
	struct loop *l = loop_sim_new(1);
	struct sim_net *net = sim_net_new(l, 1);
	struct client *c = client_sim_new(net, "agent");
	struct purger *p = purger_new(c, "http://nobody:1/%s");
	struct heard h = { 0 };
	int status = 0;

	(void)state;
	log_set_sink(hear, &h);
	purger_run(p, "s", on_purged, &status);
	assert_int_equal(status, 0); /* never inside the call */
	assert_true(loop_sim_run_for(l, LOOP_MS(11000), 1000));
	assert_int_equal(status, 500);
	purger_run(p, "shop", NULL, NULL);
	assert_true(loop_sim_run_for(l, LOOP_MS(11000), 1000));
	assert_int_equal(h.lines, 2);
	assert_non_null(strstr(h.last, "shop"));
	status = 0;
	purger_run(p, "s", on_purged, &status);
	for (int i = 0; i < 200; i++)
		purger_run(p, "s", NULL, NULL); /* more than may be open */
	assert_int_equal(h.lines, 2 + 101);
	purger_free(&p); /* ends what is open */
	assert_int_equal(status, 500);
	client_free(&c);
	sim_net_free(&net);
	loop_free(&l);
	log_set_sink(NULL, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
