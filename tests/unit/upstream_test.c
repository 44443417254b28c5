/*
 * upstream_test.c - upstreams as objects, texts and node names
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/upstream.h"

static void objects(void **state)
{
	expect_record(&upstream_record, read_record(&upstream_record, *state, "{}"),
		"{\"upstream\":null,\"requestId\":null,\"rackId\":null,\"group\":\"default\","
		"\"resolvedUpstream\":null}");
	expect_record(&upstream_record,
		read_record(&upstream_record, *state,
			"{\"upstream\":\"h:1\",\"requestId\":\"\",\"rackId\":\"\",\"rack\":\"r\","
			"\"group\":\"\",\"originalPath\":\"p\"}"),
		"{\"upstream\":\"h:1\",\"requestId\":null,\"rackId\":null,\"group\":\"\","
		"\"resolvedUpstream\":null}");
}

static void node_names(void **state)
{
	static const struct {
		struct upstream u;
		const char *name;
	} rows[] = {
		{{.address = "10.0.0.5:31001",
			 .request_id = "req-1",
			 .rack_id = "us-east-1a",
			 .group = "default"},
			"MTAuMC4wLjU6MzEwMDE=|req-1|us-east-1a|default|"},
		{{.address = "10.0.0.1:8080",
			 .request_id = "req-7",
			 .rack_id = "us-east-1a",
			 .group = "default"},
			"MTAuMC4wLjE6ODA4MA==|req-7|us-east-1a|default|"},
		{{.address = "h:1", .group = "g", .resolved = "1.2.3.4:1"}, "aDox|||g|1.2.3.4:1"},
		{{.group = "default"}, "|||default|"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = BUF_INIT;
		struct upstream u;

		upstream_node_name(&rows[i].u, &out);
		assert_string_equal(buf_cstr(&out), rows[i].name);
		assert_int_equal(upstream_from_text(rows[i].name, *state, &u, NULL), 0);
		assert_int_equal(upstream_compare(&u, &rows[i].u), 0);
		assert_string_equal(u.original, rows[i].name);
		buf_release(&out);
	}
}

static void texts(void **state)
{
	struct upstream u;

	assert_int_equal(upstream_from_text("10.0.0.5:31001", *state, &u, NULL), 0);
	assert_string_equal(u.address, "10.0.0.5:31001");
	assert_string_equal(u.original, "10.0.0.5:31001");
	assert_string_equal(u.group, "default");
	assert_null(u.request_id);
	assert_int_equal(
		upstream_from_text("aG9zdDo4MA|req|rack|grp|1.2.3.4:80|more|and", *state, &u, NULL),
		0);
	assert_string_equal(u.address, "host:80");
	assert_string_equal(u.request_id, "req");
	assert_string_equal(u.rack_id, "rack");
	assert_string_equal(u.group, "grp");
	assert_string_equal(u.resolved, "1.2.3.4:80");
	assert_int_equal(upstream_from_text("aG9zdDo4MA==|req", *state, &u, NULL), 0);
	assert_string_equal(u.group, "default");
	assert_null(u.rack_id);
	assert_int_equal(upstream_from_text("", *state, &u, NULL), 0);
	assert_string_equal(u.address, "");
}

static void undecodable_texts(void **state)
{
	static const char *const bad[] = {"localhost:8080", "10.0.0.5:80|req", "a+b", "a/b", "a b",
		"_w==", "AA==", "10.0.0.\xff:80"};
	struct error err = ERROR_INIT;
	struct upstream u = { .group = "untouched" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(upstream_from_text(bad[i], *state, &u, &err), ERR_INVALID);
	assert_string_equal(u.group, "untouched");
	refuse_record(&upstream_record, *state, "\"host:80\"",
		"upstream 'host:80' is neither host:port with a dot nor base64url");
}

static void same_and_order(void **state)
{
	const struct upstream a = { .address = "a:1", .group = "g", .rack_id = "r" };
	const struct upstream b = { .address = "a:1", .group = "g", .request_id = "q" };
	const struct upstream c = { .address = "a:1", .group = "h" };
	const struct upstream none = { .group = "g" };

	(void)state;
	assert_true(upstream_same(&a, &b));
	assert_false(upstream_same(&a, &c));
	assert_false(upstream_same(&a, &none));
	assert_true(upstream_same(&none, &none));
	assert_true(upstream_compare(&b, &a) < 0); /* no rack before "r" */
	assert_true(upstream_compare(&a, &b) > 0);
	assert_true(upstream_compare(&b, &c) < 0);
	assert_true(upstream_compare(&none, &a) < 0);
	assert_int_equal(upstream_compare(&a, &a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(objects), TEST(node_names), TEST(texts),
		TEST(undecodable_texts), TEST(same_and_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
