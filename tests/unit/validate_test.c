/*
 * validate_test.c - Java's rules of a posted request, and ours
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "service/core/validate.h"

struct fixture {
	struct arena *a;
	struct request *rq;
	struct service *service;
	struct strings problems;
};

static const char good[] =
	"{\"loadBalancerRequestId\":\"r1\",\"loadBalancerService\":{\"serviceId\":\"s1\",\"owners\":[],"
	"\"serviceBasePath\":\"/s1\",\"loadBalancerGroups\":[\"g\"]},\"addUpstreams\":[{\"upstream\":\"10.0.0.1:80\"}],"
	"\"removeUpstreams\":[{\"upstream\":\"old one\"}],\"replaceUpstreams\":[]}";

static struct fixture setup(void)
{
	struct fixture f = { .a = arena_new() };

	assert_int_equal(request_decode(good, strlen(good), f.a, &f.rq, NULL), 0);
	f.service = arena_alloc(f.a, sizeof(*f.service));
	*f.service = *f.rq->service;
	f.rq->service = f.service;
	return f;
}

/* The texts, joined by ';'. Ends the fixture. */
static void expect(struct fixture *f, enum upstream_syntax syntax, const char *want)
{
	AUTO(buf_release) struct buf got = BUF_INIT;

	validate_request(f->rq, syntax, f->a, &f->problems);
	for (size_t i = 0; i < f->problems.n; i++)
		buf_printf(&got, "%s%s", i > 0 ? ";" : "", f->problems.items[i]);
	assert_string_equal(buf_cstr(&got), want);
	arena_free(&f->a);
}

static void test_good(void **state)
{
	struct fixture f = setup();

	(void)state;
	expect(&f, UPSTREAM_STRICT, "");
}

static void test_ids(void **state)
{
	static const char rule[] = "loadBalancerRequestId cannot contain whitespace, '/', or '|'";
	static const char name[] =
		"loadBalancerRequestId cannot be '.' or '..' or contain control characters";
	static const struct {
		const char *id, *want;
	} rows[] = {
		{ "", rule },
		{ "a b", rule },
		{ "a/b", rule },
		{ "a|b", rule },
		{ "a\nb", rule },
		{ "a\tb", rule },
		{ "../x", rule },
		{ "..", name },
		{ ".", name },
		{ "a\x01", name },
		{ "a\x7f", name },
		{ "a\xc2\x85", name },
		{ "a\xee\x80\x80", name },
		{ "a\xef\xbf\xbf", name },
		{ "a\xf0\x9f\x98\x80", name },
		{ "...", "" },
		{ "\xc2\xa0", "" },
		{ "a:b,c@d;e%2F", "" },
		{ "\xe2\x82\xac", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f = setup();

		f.rq->id = rows[i].id;
		f.rq->add.n = 0;
		expect(&f, UPSTREAM_STRICT, rows[i].want);
	}
}

static void test_service_fields(void **state)
{
	struct fixture f = setup();
	const char *groups[] = { "g", "..", "a/b", "" }, *domains[] = { "ok.example", "a\nb" };
	char longest[300];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[299] = '\0';
	f.service->id = longest;
	f.service->groups = (struct strings){ groups, 4 };
	f.service->domains = (struct strings){ domains, 2 };
	f.service->base_path = "/a\r\n";
	expect(&f, UPSTREAM_STRICT,
		"loadBalancerService.serviceId size must be between 1 and 220 bytes;"
		"loadBalancerService.loadBalancerGroups[1] is no name of a group;"
		"loadBalancerService.loadBalancerGroups[2] is no name of a group;"
		"loadBalancerService.loadBalancerGroups[3] is no name of a group;"
		"loadBalancerService.serviceBasePath cannot contain control characters;"
		"loadBalancerService.domains[1] cannot contain control characters");
	f = setup();
	f.service->groups.n = 0;
	f.service->id = NULL;
	expect(&f, UPSTREAM_STRICT,
		"loadBalancerService.serviceId may not be null;"
		"loadBalancerService.loadBalancerGroups size must be between 1 and 2147483647");
}

static void test_upstream_fields(void **state)
{
	struct fixture f = setup();
	struct upstream *u = &f.rq->add.items[0];
	char longest[102];

	(void)state;
	memset(longest, 'x', 101);
	longest[101] = '\0';
	u->request_id = "a/b";
	u->rack_id = longest;
	u->group = "a|b";
	u->resolved = "x";
	expect(&f, UPSTREAM_STRICT,
		"addUpstreams[0].requestId cannot contain whitespace, '/', or '|';"
		"addUpstreams[0].rackId size must be between 0 and 100;"
		"addUpstreams[0].group cannot contain whitespace, '/', or '|';"
		"addUpstreams[0].resolvedUpstream is not valid: upstream 'x' has no port: host:port is wanted");
}

static void test_addresses(void **state)
{
	static const char *const bad[] = { "", "nohost", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536",
		"a b:80", "x;y:80" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct fixture f = setup();

		f.rq->add.items[0].address = bad[i];
		validate_request(f.rq, UPSTREAM_STRICT, f.a, &f.problems);
		assert_int_equal(f.problems.n, 1);
		assert_true(
			str_starts(f.problems.items[0], "addUpstreams[0].upstream is not valid: "));
		arena_free(&f.a);
	}
	{
		struct fixture f = setup();

		f.rq->add.items[0].address = "unix:/run/x.sock";
		expect(&f, UPSTREAM_TOKEN, "");
	}
	{
		struct fixture f = setup();

		f.rq->add.items[0].address = NULL;
		f.rq->remove.items[0].address = "a\nb";
		expect(&f, UPSTREAM_STRICT,
			"addUpstreams[0].upstream may not be null;"
			"removeUpstreams[0].upstream cannot contain control characters");
	}
}

static void test_many_problems_are_bounded(void **state)
{
	struct fixture f = setup();

	(void)state;
	f.rq->add.items = arena_alloc(f.a, 10000 * sizeof(struct upstream));
	f.rq->add.n = 10000;
	validate_request(f.rq, UPSTREAM_STRICT, f.a, &f.problems);
	assert_int_equal(f.problems.n, 20);
	arena_free(&f.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_service_fields),
		cmocka_unit_test(test_upstream_fields),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_many_problems_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
