/*
 * work_test.c - targets: equal states are equal whatever their order; copies are deep
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/work.h"

#include "lib/model/digest.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static struct target_service *target_of(const char *json)
{
	struct arena *a = arena_new();
	struct service_state *s = NULL;
	struct target_service *t;

	assert_int_equal(record_decode(&service_state_record, json, strlen(json), a, &s, NULL), 0);
	t = target_service_new(s);
	arena_free(&a); /* the target has copies of its own */
	return t;
}

#define SERVICE "{\"service\":{\"serviceId\":\"s1\",\"owners\":[],\"serviceBasePath\":\"%s\",\"loadBalancerGroups\":[\"g\"]},\"upstreams\":["

static struct target_service *with(const char *path, const char *upstreams)
{
	AUTO(xfree_p) char *json = NULL;

	json = xasprintf(SERVICE "%s]}", path, upstreams);
	return target_of(json);
}

static void test_digest(void **state)
{
	struct target_service *t[4] = {
		with("/", "{\"upstream\":\"a:1\"},{\"upstream\":\"b:2\"}"),
		with("/", "{\"upstream\":\"b:2\"},{\"upstream\":\"a:1\"}"),
		with("/", "{\"upstream\":\"b:2\"}"),
		with("/x", "{\"upstream\":\"b:2\"}"),
	};

	(void)state;
	assert_string_equal(t[0]->id, "s1");
	assert_int_equal(strlen(t[0]->digest), DIGEST_HEX - 1);
	assert_string_equal(t[0]->digest, t[1]->digest);
	assert_string_not_equal(t[1]->digest, t[2]->digest);
	assert_string_not_equal(t[2]->digest, t[3]->digest);
	assert_int_equal(t[0]->state.upstreams.n, 2);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		target_service_unref(&t[i]);
}

static void test_references(void **state)
{
	struct target_service *t = with("/", ""), *again = target_service_ref(t);
	struct work_item *w = work_item_new(WORK_PREPARE);

	(void)state;
	w->services = xcalloc(1, sizeof(struct target_service *));
	w->services[w->n++] = again;
	work_item_free(&w);
	assert_null(w);
	assert_string_equal(t->id, "s1"); /* still ours */
	target_service_unref(&t);
	assert_null(t);
	target_service_unref(&t);
	work_item_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
