/*
 * services_test.c - a service as it is committed: present, absent, unreadable, with names that are nobody's
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/services.h"

#include "lib/store/store_mem.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>

static int rc;
static size_t n_upstreams;
static bool found, called;
static char address[64];

static void on_read(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct service_state s;

	(void)ctx;
	assert_null(err);
	rc = services_take(r->arena, r, 0, &s, NULL);
	found = s.service != NULL;
	n_upstreams = s.upstreams.n;
	if (n_upstreams > 0)
		snprintf(address, sizeof(address), "%s", s.upstreams.items[0].address);
	called = true;
}

static void take(const char *id)
{
	struct loop *l = loop_sim_new(1);
	struct mem_server *server = mem_server_new(l, 1);
	struct store *st;
	struct life *life = life_new();
	struct reader *r;

	mem_server_put(server, "/state/shop", "{\"serviceId\":\"shop\",\"owners\":[],\"serviceBasePath\":\"/\","
		"\"loadBalancerGroups\":[\"web\"]}");
	mem_server_put(server, "/state/shop/MTAuMC4wLjE6ODA4MA==|r1||default|", "");
	mem_server_put(server, "/state/shop/nobodys", "");
	mem_server_put(server, "/state/torn", "{\"serviceId\":");
	st = store_mem_new(server, "a", 4000);
	assert_true(loop_sim_run_for(l, LOOP_MS(100), 10000));
	called = false;
	r = reader_new(st, life);
	assert_int_equal(services_read(r, id), 0);
	reader_run(&r, on_read, NULL);
	assert_true(loop_sim_run_for(l, LOOP_MS(100), 10000));
	assert_true(called);
	life_end(&life);
	store_free(&st);
	mem_server_free(&server);
	loop_free(&l);
}

static void as_committed(void **state)
{
	(void)state;
	take("shop");
	assert_int_equal(rc, 0);
	assert_true(found);
	assert_int_equal(n_upstreams, 1);
	assert_string_equal(address, "10.0.0.1:8080");
	take("absent");
	assert_int_equal(rc, 0);
	assert_false(found);
	take("torn");
	assert_int_equal(rc, ERR_INVALID);
	assert_false(found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(as_committed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
