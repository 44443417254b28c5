/*
 * schema_test.c - a record's schema says what its table says, and what is written fits it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/schema.h"

#include "lib/model/response.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static void expect(const struct record *r, const char *want)
{
	AUTO(buf_release) struct buf out = BUF_INIT;

	schema_write(&r, 1, &out);
	if (strstr(buf_cstr(&out), want) == NULL)
		fail_msg("'%s' is not in %s", want, buf_cstr(&out));
}

struct thing {
	const char *name, *kind, *secret;
	int64_t count;
	struct opt_int limit;
	bool on;
	int colour;
	struct strings tags;
	const struct thing *next;
	struct records all;
	struct record_map by_name;
	const struct value *labels, *any;
};
static const char *const colours[] = { "RED", "BLUE", NULL };
static const struct record thing_record;
#define ROW(json, kind_, c) .name = (json), .kind = (kind_), .offset = offsetof(struct thing, c)
static const struct field fields[] = {
	{ ROW("name", FIELD_STRING, name), .required = true, .max_bytes = 9 },
	{ ROW("kind", FIELD_STRING, kind), .missing = "plain" },
	{ ROW("secret", FIELD_MEMORY_STRING, secret) },
	{ ROW("count", FIELD_INT, count) },
	{ ROW("limit", FIELD_OPT_INT, limit) },
	{ ROW("on", FIELD_BOOL, on) },
	{ ROW("colour", FIELD_ENUM, colour), .names = colours },
	{ ROW("tags", FIELD_STRING_SET, tags), .max_bytes = 3 },
	{ ROW("next", FIELD_RECORD, next), .of = &thing_record },
	{ ROW("all", FIELD_RECORDS, all), .of = &upstream_record },
	{ ROW("byName", FIELD_RECORD_MAP, by_name), .of = &agent_response_record },
	{ ROW("labels", FIELD_STRING_MAP, labels) },
	{ ROW("any", FIELD_VALUE, any) },
};
static const struct record thing_record = { .name = "Thing", .size = sizeof(struct thing), .fields = fields,
	.n_fields = ARRAY_LEN(fields), .strict = true };

static void every_kind(void **state)
{
	(void)state;
	expect(&thing_record,
		"\"Thing\":{\"type\":\"object\",\"properties\":{"
		"\"name\":{\"type\":\"string\",\"maxLength\":9},"
		"\"kind\":{\"type\":\"string\"},"
		"\"count\":{\"type\":\"integer\",\"format\":\"int64\"},"
		"\"limit\":{\"type\":\"integer\",\"format\":\"int64\",\"nullable\":true},"
		"\"on\":{\"type\":\"boolean\"},"
		"\"colour\":{\"type\":\"string\",\"enum\":[\"RED\",\"BLUE\",null],\"nullable\":true},"
		"\"tags\":{\"type\":\"array\",\"maxItems\":3,\"items\":{\"type\":\"string\"}},"
		"\"next\":{\"allOf\":[{\"$ref\":\"#/components/schemas/Thing\"}],\"nullable\":true},"
		"\"all\":{\"type\":\"array\",\"maxItems\":10000,\"items\":{\"$ref\":\"#/components/schemas/UpstreamInfo\"}},"
		"\"byName\":{\"type\":\"object\",\"nullable\":true,\"additionalProperties\":{\"type\":\"array\",\"maxItems\":10000,"
		"\"items\":{\"$ref\":\"#/components/schemas/AgentResponse\"}}},"
		"\"labels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
		"\"any\":{\"type\":\"object\",\"nullable\":true}},"
		"\"required\":[\"name\"],\"additionalProperties\":false}");
}

static void what_is_held_is_told_once(void **state)
{
	static const struct record *const two[] = { &response_record, &request_record };
	AUTO(buf_release) struct buf out = BUF_INIT;
	const char *first;

	(void)state;
	schema_write(two, 2, &out);
	first = strstr(buf_cstr(&out), "\"UpstreamInfo\":{\"anyOf\":[{\"type\":\"object\"");
	assert_non_null(first);
	assert_null(strstr(first + 1, "\"UpstreamInfo\":"));
	expect(&request_record,
		"\"required\":[\"loadBalancerRequestId\",\"loadBalancerService\",\"addUpstreams\",\"removeUpstreams\"]");
	expect(&response_record, "\"request\":{\"allOf\":[{\"$ref\":\"#/components/schemas/BaragonRequest\"}],\"nullable\":true}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(what_is_held_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
