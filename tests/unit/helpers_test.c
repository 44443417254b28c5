/*
 * helpers_test.c - every helper of both levels, called as the evaluator calls it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/helpers.h"

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define PRESENT(json) "{\"\\u0002\":" json "}"
#define ABSENT "{\"\\u0002\":null}"
#define UPSTREAM(address, rack) "{\"upstream\":\"" address "\",\"rackId\":" rack ",\"\\u0001\":\"" address "\"}"

static const char *const ROOT = "{\"agentProperties\":{\"ec2\":{\"availabilityZone\":\"us-east-1a\"}}}";
static const char *const ROOT_JAVA = "{\"agentProperties\":{\"ec2\":{\"availabilityZone\":" PRESENT("\"us-east-1a\"") "}}}";

static const struct value *parse(const char *text, struct arena *a)
{
	const struct value *v = NULL;
	struct error err = ERROR_INIT;

	if (value_parse(text, strlen(text), a, &v, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return v;
}

struct hosts {
	const struct value *map;
};

static const char *resolve(void *ctx, const char *host, struct arena *a)
{
	const struct hosts *hosts = ctx;
	const struct value *address = value_get(hosts->map, host);

	return address != NULL ? arena_strdup(a, address->u.s) : NULL;
}

/* Five hours and a half east of Greenwich. */
static void local_time(void *ctx, int64_t seconds, struct tm *out)
{
	time_t t = (time_t)(seconds + 19800);

	(void)ctx;
	assert_non_null(gmtime_r(&t, out));
	out->tm_gmtoff = 19800;
	out->tm_zone = "IST";
}

static const struct template_helper *row(const struct template_helper *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i].name, name))
			return &rows[i];
	fail_msg("no helper '%s'", name);
	return NULL;
}

/* The helper's value as JSON, or "!" and its error. `args` is a JSON list; what is missing is null. */
static const char *call_with(const struct helper_env *env, const char *root, const char *name, const struct value *args,
	const struct value *self, struct arena *a)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	size_t n = 0;
	const struct template_helper *rows = helpers_make(env, a, &n), *h = row(rows, n, name);
	struct template_call call = { .name = name, .args = args->u.list.items, .n_args = args->u.list.n, .self = self,
		.root = parse(root, a), .arena = a, .ctx = h->ctx };
	const struct value *v = NULL;
	struct error err = ERROR_INIT;

	assert_in_range(args->u.list.n, h->min_args, h->max_args);
	if (h->fn(&call, &v, &err) != 0)
		return arena_printf(a, "!%s", err.text);
	assert_non_null(v);
	value_write(v, false, &out);
	return arena_strdup(a, buf_cstr(&out));
}

struct expectation {
	const char *name, *args, *want; /* want "!text": an error that has the text */
};

static void check_all(const struct helper_env *env, const char *root, const struct expectation *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(arena_free) struct arena *a = arena_new();
		const char *got = call_with(env, root, rows[i].name, parse(rows[i].args, a),
			parse(UPSTREAM("self:1", "null"), a), a);
		bool ok = rows[i].want[0] == '!' ? got[0] == '!' && strstr(got, rows[i].want + 1) != NULL
						 : str_eq(got, rows[i].want);

		if (!ok)
			fail_msg("%s %s: %s, not %s", rows[i].name, rows[i].args, got, rows[i].want);
	}
}

static void as_in_java(void **state)
{
	static const struct expectation rows[] = {
		{ "firstOf", "[null,55]", "\"55\"" },
		{ "firstOf", "[5,55]", "\"5\"" },
		{ "firstOf", "[\"\",55]", "\"55\"" },
		{ "firstOf", "[false,55]", "\"false\"" },
		{ "firstOf", "[0,55]", "\"0\"" },
		{ "firstOf", "[[\"x\",\"y\"],55]", "\"[x, y]\"" },
		{ "firstOf", "[null]", "\"\"" },
		{ "firstOf", "[null,null]", "\"\"" },
		{ "firstOf", "[" ABSENT ",\"none\"]", "\"none\"" },
		{ "firstOf", "[" ABSENT "]", "\"\"" },
		{ "firstOf", "[" PRESENT("\"r\"") ",\"none\"]", "\"r\"" },
		{ "firstOf", "[" PRESENT("\"\"") ",\"none\"]", "\"\"" },
		{ "ifEqual", "[\"a\",\"a\"]", "true" },
		{ "ifEqual", "[\"a\",\"b\"]", "false" },
		{ "ifEqual", "[5,7]", "true" },
		{ "ifEqual", "[5,\"5\"]", "false" },
		{ "ifEqual", "[null,null]", "true" },
		{ "ifEqual", "[null,\"x\"]", "false" },
		{ "ifEqual", "[true,\"true\"]", "false" },
		{ "ifEqual", "[" PRESENT("\"a\"") ",\"a\"]", "false" },
		{ "ifOptionalEqual", "[" PRESENT("\"a\"") "," PRESENT("\"a\"") "]", "true" },
		{ "ifOptionalEqual", "[" PRESENT("\"a\"") "," PRESENT("\"b\"") "]", "false" },
		{ "ifOptionalEqual", "[" PRESENT("\"a\"") "," ABSENT "]", "false" },
		{ "ifOptionalEqual", "[" ABSENT "," ABSENT "]", "false" },
		{ "ifOptionalEqual", "[" PRESENT("\"a\"") ",\"a\"]", "false" },
		{ "ifOptionalEqual", "[\"a\",null]", "!neither \"a\" nor null is optional" },
		{ "ifContainedIn", "[[\"d.com\"],\"d.c\"]", "true" },
		{ "ifContainedIn", "[[\"d.com\"],\"zz\"]", "false" },
		{ "ifContainedIn", "[null,\"x\"]", "false" },
		{ "ifContainedIn", "[\"x\",\"x\"]", "false" },
		{ "ifContainedIn", "[[\"d.com\"],null]", "!the text to look for is missing" },
		{ "ifContainedIn", "[[],null]", "false" },
		{ "ifContainedIn", "[[\"a\",1],\"a\"]", "true" },
		{ "ifContainedIn", "[[1,\"a\"],\"a\"]", "!1 in the list is no text" },
		{ "toNginxVar", "[\"Ab-Cd\"]", "\"ab_cd\"" },
		{ "toNginxVar", "[null]", "\"\"" },
		{ "toNginxVar", "[\"\"]", "\"\"" },
		{ "toNginxVar", "[5]", "!5 is no text" },
		{ "formatTimestamp", "[1421852640000]", "\"2015-01-21 03:04 PM\"" },
		{ "formatTimestamp", "[1421852640000,\"yyyy-MM-dd\"]", "\"2015-01-21\"" },
		{ "formatTimestamp", "[1421852640000,5]", "\"2015-01-21 03:04 PM\"" },
		{ "formatTimestamp", "[1421852640000.0,\"ss.SSS\"]", "\"00.000\"" },
		{ "formatTimestamp", "[-1,\"yyyy-MM-dd HH:mm:ss.SSS\"]", "\"1969-12-31 23:59:59.999\"" },
		{ "formatTimestamp", "[\"1421852640000\"]", "!\"1421852640000\" is no time in milliseconds" },
		{ "formatTimestamp", "[null]", "!null is no time" },
		{ "formatTimestamp", "[1e300]", "!is no time" },
		{ "formatTimestamp", "[1,\"b\"]", "!the letter 'b' means nothing" },
		{ "currentRackIsPresent", "[null]", "false" },
		{ "currentRackIsPresent", "[[]]", "false" },
		{ "currentRackIsPresent", "[[{\"rackId\":" PRESENT("\"US-east-1A\"") "}]]", "true" },
		{ "currentRackIsPresent", "[[{\"rackId\":" PRESENT("\"us-east-1\"") "},{\"rackId\":" ABSENT "}]]", "false" },
		{ "currentRackIsPresent", "[7]", "!7 is no list of upstreams" },
		{ "preferSameRackWeightingOperation", "[]", "!does nothing useful" },
		{ "getWeight", "[1]", "!does nothing useful" },
		{ "embedded", "[]", "!'embedded' is known" },
		{ "precompile", "[]", "!'precompile' is known" },
		{ "i18n", "[]", "!'i18n' is known" },
		{ "i18nJs", "[]", "!'i18nJs' is known" },
	};

	(void)state;
	check_all(&(struct helper_env){ .level = TEMPLATE_BARAGON }, ROOT_JAVA, rows, ARRAY_LEN(rows));
}

/* Java loses the second of two arguments that are one object. */
static void one_object_twice(void **state)
{
	struct helper_env java = { .level = TEMPLATE_BARAGON }, ours = { .level = TEMPLATE_LOCKSTEP };
	AUTO(arena_free) struct arena *a = arena_new();
	struct value *twice = value_list(a), *optionals = value_list(a), *unwrapped = value_list(a);
	const struct value *text = value_string(a, "a"), *optional = parse(PRESENT("\"a\""), a);

	(void)state;
	for (int i = 0; i < 2; i++) {
		value_list_add(a, twice, text);
		value_list_add(a, optionals, optional);
	}
	assert_string_equal(call_with(&java, ROOT, "ifEqual", twice, text, a), "false");
	assert_string_equal(call_with(&ours, ROOT, "ifEqual", twice, text, a), "true");
	assert_string_equal(call_with(&java, ROOT, "ifOptionalEqual", optionals, text, a), "false");
	assert_string_equal(call_with(&ours, ROOT, "ifOptionalEqual", twice, text, a), "true");
	/* firstOf makes a new text */
	value_list_add(a, unwrapped, text);
	value_list_add(a, unwrapped, parse(call_with(&java, ROOT, "firstOf", unwrapped, text, a), a));
	assert_string_equal(call_with(&java, ROOT, "ifEqual", unwrapped, text, a), "true");
}

static void mended(void **state)
{
	static const struct expectation rows[] = {
		{ "firstOf", "[null,\"\",0,1]", "0" },
		{ "firstOf", "[null,\"\"]", "null" },
		{ "firstOf", "[[1],2]", "[1]" },
		{ "firstOf", "[false,2]", "false" },
		{ "ifEqual", "[\"a\",\"a\"]", "true" },
		{ "ifEqual", "[7,7]", "true" },
		{ "ifEqual", "[5,7]", "false" },
		{ "ifEqual", "[5,\"5\"]", "true" },
		{ "ifEqual", "[true,\"true\"]", "true" },
		{ "ifEqual", "[null,null]", "true" },
		{ "ifEqual", "[null,\"\"]", "false" },
		{ "ifEqual", "[null,\"null\"]", "false" },
		{ "ifEqual", "[[1,2],[1,2]]", "true" },
		{ "ifEqual", "[[1],\"1\"]", "false" },
		{ "ifEqual", "[{\"a\":1},{\"a\":1}]", "true" },
		{ "ifEqual", "[{\"a\":1},\"x\"]", "false" },
		{ "ifEqual", "[" UPSTREAM("h:1", "null") ",\"h:1\"]", "true" },
		{ "ifOptionalEqual", "[\"a\",\"a\"]", "true" },
		{ "ifOptionalEqual", "[\"a\",\"b\"]", "false" },
		{ "ifOptionalEqual", "[\"a\",null]", "false" },
		{ "ifOptionalEqual", "[null,null]", "false" },
		{ "ifOptionalEqual", "[\"\",\"\"]", "false" },
		{ "ifContainedIn", "[[\"d.com\"],\"d.c\"]", "true" },
		{ "ifContainedIn", "[[\"d.com\"],\"zz\"]", "false" },
		{ "ifContainedIn", "[[null,{\"a\":1},80],8]", "true" },
		{ "ifContainedIn", "[[null],null]", "false" },
		{ "ifContainedIn", "[[\"null\"],null]", "false" },
		{ "ifContainedIn", "[null,\"x\"]", "false" },
		{ "ifContainedIn", "[[\"x\"],{}]", "!has no text" },
		{ "toNginxVar", "[\"Ab-Cd\"]", "\"ab_cd\"" },
		{ "toNginxVar", "[5]", "\"5\"" },
		{ "toNginxVar", "[[]]", "![] is no text" },
		{ "formatTimestamp", "[1421852640000]", "\"2015-01-21 03:04 PM\"" },
		{ "formatTimestamp", "[1421852640000,null]", "\"2015-01-21 03:04 PM\"" },
		{ "formatTimestamp", "[1421852640000,5]", "!5 is no date pattern" },
		{ "currentRackIsPresent", "[[" UPSTREAM("h:1", "\"US-EAST-1A\"") "]]", "true" },
		{ "currentRackIsPresent", "[[" UPSTREAM("h:1", "null") "]]", "false" },
	};

	(void)state;
	check_all(&(struct helper_env){ .level = TEMPLATE_LOCKSTEP }, ROOT, rows, ARRAY_LEN(rows));
}

static void logic(void **state)
{
	static const struct expectation rows[] = {
		{ "eq", "[1,1.0]", "true" },
		{ "eq", "[1,\"1\"]", "false" },
		{ "eq", "[\"a\",\"a\"]", "true" },
		{ "eq", "[null,null]", "true" },
		{ "eq", "[null,false]", "false" },
		{ "eq", "[true,true]", "true" },
		{ "eq", "[[],[]]", "false" },
		{ "eq", "[0.0,-0.0]", "true" },
		{ "eq", "[9007199254740993,9007199254740992]", "false" },
		{ "ne", "[1,2]", "true" },
		{ "ne", "[1.0,1]", "false" },
		{ "lt", "[1,2]", "true" },
		{ "lt", "[2,1.5]", "false" },
		{ "lt", "[\"B\",\"a\"]", "true" },
		{ "lt", "[\"10\",\"9\"]", "true" },
		{ "lt", "[1,\"2\"]", "!1 and \"2\" are neither two numbers nor two texts" },
		{ "lt", "[null,2]", "!null and 2" },
		{ "lte", "[2,2]", "true" },
		{ "lte", "[3,2]", "false" },
		{ "gt", "[3,2]", "true" },
		{ "gt", "[2,2]", "false" },
		{ "gte", "[2,2.0]", "true" },
		{ "gte", "[\"a\",\"b\"]", "false" },
		{ "gte", "[true,false]", "!neither" },
		{ "and", "[1,\"a\",[1]]", "[1]" },
		{ "and", "[1,\"\",2]", "\"\"" },
		{ "and", "[0]", "0" },
		{ "or", "[0,\"\",[],{}]", "{}" },
		{ "or", "[null,7,8]", "7" },
		{ "or", "[null,false,0]", "0" },
		{ "not", "[[]]", "true" },
		{ "not", "[{}]", "false" },
		{ "not", "[0]", "true" },
		{ "not", "[\"0\"]", "false" },
		{ "lookup", "[{\"a\":1},\"a\"]", "1" },
		{ "lookup", "[{\"a\":1},\"b\"]", "null" },
		{ "lookup", "[{\"5\":\"x\"},5]", "\"x\"" },
		{ "lookup", "[[7,8],1]", "8" },
		{ "lookup", "[[7,8],\"1\"]", "8" },
		{ "lookup", "[[7,8],\"01\"]", "null" },
		{ "lookup", "[[7,8],2]", "null" },
		{ "lookup", "[[7,8],-1]", "null" },
		{ "lookup", "[[7,8],\"length\"]", "2" },
		{ "lookup", "[null,\"a\"]", "null" },
		{ "lookup", "[\"text\",\"a\"]", "null" },
		{ "lookup", "[{\"null\":1},null]", "null" },
		{ "lookup", "[" UPSTREAM("h:1", "null") ",\"\\u0001\"]", "null" },
		{ "lookup", "[" PRESENT("1") ",\"\\u0002\"]", "null" },
		{ "lookup", "[{\"a\":1},{}]", "!has no text" },
		{ "log", "[]", "null" },
		{ "log", "[1,\"a\"]", "null" },
		{ "join", "[[\"a\",1,null,true]]", "\"a,1,,true\"" },
		{ "join", "[[\"a\",\"b\"],\" or \"]", "\"a or b\"" },
		{ "join", "[[" UPSTREAM("h:1", "null") "],\" \"]", "\"h:1\"" },
		{ "join", "[[],\",\"]", "\"\"" },
		{ "join", "[null,\",\"]", "\"\"" },
		{ "join", "[\"a\",\",\"]", "!\"a\" is no list" },
		{ "join", "[[{}],\",\"]", "!has no text" },
	};

	(void)state;
	check_all(&(struct helper_env){ .level = TEMPLATE_LOCKSTEP }, ROOT, rows, ARRAY_LEN(rows));
}

static void names(void **state)
{
	static const struct expectation rows[] = {
		{ "serverName", "[\"10.0.0.1:80\"]", "\"s_10.0.0.1_80\"" },
		{ "serverName", "[" UPSTREAM("10.0.0.1:80", "null") "]", "\"s_10.0.0.1_80\"" },
		{ "serverName", "[{\"upstream\":\"a:1\",\"resolvedUpstream\":\"1.2.3.4:1\"}]", "\"s_1.2.3.4_1\"" },
		{ "serverName", "[null]", "!null is no upstream and no address" },
		{ "serverName", "[{\"upstream\":null}]", "!is no upstream" },
		{ "backendName", "[\"a/b\"]", "\"a:2Fb\"" },
		{ "backendName", "[7]", "\"7\"" },
		{ "backendName", "[{\"serviceId\":\"a b\"}]", "\"a:20b\"" },
		{ "backendName", "[{\"id\":\"x\"}]", "\"x\"" },
		{ "backendName", "[null]", "!null is no service and no id" },
		{ "backendName", "[{\"id\":7}]", "!is no service" },
		{ "logFormat", "[\"100% %[src] %%\"]", "\"100%% %%[src] %%%%\"" },
		{ "logFormat", "[50]", "\"50\"" },
		{ "logFormat", "[null]", "\"\"" },
		{ "logFormat", "[{}]", "!has no text" },
	};

	(void)state;
	check_all(&(struct helper_env){ .level = TEMPLATE_LOCKSTEP }, ROOT, rows, ARRAY_LEN(rows));
}

#define HOSTS "{\"a.x\":\"10.0.0.9\",\"v6.x\":\"fe80::1\",\"h\":\"10.0.0.8\",\"self\":\"10.0.0.7\"}"

static void hosts(void **state)
{
	static const struct expectation both[] = {
		{ "resolveHostname", "[\"a.x:80\"]", "\"10.0.0.9:80\"" },
		{ "resolveHostname", "[\"a.x\"]", "\"10.0.0.9\"" },
		{ "resolveHostname", "[\"v6.x\"]", "\"fe80::1\"" },
		{ "resolveHostname", "[\"unknown:80\"]", "\"unknown:80\"" },
		{ "resolveHostname", "[\"10.1.2.3:80\"]", "\"10.1.2.3:80\"" },
		{ "resolveHostname", "[\"10.1.2.3\"]", "\"10.1.2.3\"" },
		{ "resolveHostname", "[\"[::1]:80\"]", "\"[::1]:80\"" },
		{ "resolveHostname", "[\"a.x:\"]", "!'a.x:' has a ':', but no valid port" },
		{ "resolveHostname", "[\"a.x:65536\"]", "!no valid port" },
		{ "resolveHostname", "[\"a.x:-1\"]", "!no valid port" },
		{ "resolveHostname", "[\"a.x:+1\"]", "!no valid port" },
		{ "resolveHostname", "[\"[::1]80\"]", "!no valid port" },
		{ "resolveHostname", "[7]", "!don't know how to process upstream 7" },
		{ "resolveHostname", "[null]", "!don't know how to process upstream null" },
		{ "resolveHostname", "[{\"id\":1}]", "!don't know how to process upstream {\"id\":1}" },
		{ "resolveHostname", "[" UPSTREAM("h:1", "null") "]", "\"10.0.0.8:1\"" },
		{ "resolveHostname", "[]", "\"10.0.0.7:1\"" },
	};
	static const struct expectation java_rows[] = {
		{ "resolveHostname", "[\"v6.x:80\"]", "\"fe80::1:80\"" },
		{ "resolveHostname", "[\"::1\"]", "!no valid port" },
		{ "resolveHostname", "[{\"upstream\":\"h:1\",\"resolvedUpstream\":" PRESENT("\"1.1.1.1:1\"") "}]",
			"\"1.1.1.1:1\"" },
		{ "resolveHostname", "[{\"upstream\":\"h:\",\"resolvedUpstream\":" PRESENT("\"1.1.1.1:1\"") "}]",
			"!no valid port" },
		{ "resolveHostname", "[{\"upstream\":\"h:1\",\"resolvedUpstream\":" ABSENT "}]", "\"10.0.0.8:1\"" },
	};
	static const struct expectation our_rows[] = {
		{ "resolveHostname", "[\"v6.x:80\"]", "\"[fe80::1]:80\"" },
		{ "resolveHostname", "[\"::1\"]", "\"::1\"" },
		{ "resolveHostname", "[{\"upstream\":\"h:\",\"resolvedUpstream\":\"1.1.1.1:1\"}]", "\"1.1.1.1:1\"" },
	};
	static const struct expectation unresolved[] = {
		{ "resolveHostname", "[\"a.x:80\"]", "\"a.x:80\"" },
		{ "resolveHostname", "[\"a.x:\"]", "!no valid port" },
	};
	AUTO(arena_free) struct arena *a = arena_new();
	struct hosts known = { parse(HOSTS, a) };
	struct helper_env java = { .level = TEMPLATE_BARAGON, .resolve = resolve, .ctx = &known };
	struct helper_env ours = { .level = TEMPLATE_LOCKSTEP, .resolve = resolve, .ctx = &known };

	(void)state;
	check_all(&java, ROOT_JAVA, both, ARRAY_LEN(both));
	check_all(&ours, ROOT, both, ARRAY_LEN(both));
	check_all(&java, ROOT_JAVA, java_rows, ARRAY_LEN(java_rows));
	check_all(&ours, ROOT, our_rows, ARRAY_LEN(our_rows));
	java.resolve = ours.resolve = NULL;
	check_all(&java, ROOT_JAVA, unresolved, ARRAY_LEN(unresolved));
	check_all(&ours, ROOT, unresolved, ARRAY_LEN(unresolved));
}

static void civil_time(void **state)
{
	static const struct expectation java[] = {
		{ "formatTimestamp", "[0]", "\"05:30 +0530 IST\"" },
		{ "formatTimestamp", "[-1,\"ss.SSS\"]", "\"59.999\"" },
	};
	static const struct expectation ours[] = { { "formatTimestamp", "[0]", "\"00:00 +0000 UTC\"" } };

	(void)state;
	check_all(&(struct helper_env){ .level = TEMPLATE_BARAGON, .date_format = "HH:mm Z z", .local_time = local_time },
		ROOT, java, ARRAY_LEN(java));
	check_all(&(struct helper_env){ .level = TEMPLATE_LOCKSTEP, .date_format = "HH:mm Z z", .local_time = local_time },
		ROOT, ours, ARRAY_LEN(ours));
}

/* Two upstreams in the agent's rack, one in another; rack_test has the numbers. */
static void weights(void **state)
{
#define RACKS "[{\"rackId\":\"us-east-1a\"},{\"rackId\":\"b\"},{\"rackId\":\"b\"},{\"rackId\":null}]"
	static const struct expectation rows[] = {
		{ "preferSameRackWeighting", "[" RACKS ",{\"rackId\":\"us-east-1a\"}]", "\"weight=5\"" },
		{ "preferSameRackWeighting", "[" RACKS ",{\"rackId\":\"b\"}]", "\"\"" },
		{ "preferSameRackWeighting", "[" RACKS ",{\"rackId\":null}]", "\"\"" },
		{ "preferSameRackWeighting", "[[],{\"rackId\":\"b\"}]", "\"\"" },
		{ "preferSameRackWeighting", "[[{\"rackId\":\"us-east-1a\"},{\"rackId\":\"b\"}],{\"rackId\":\"b\"}]",
			"\"backup\"" },
		{ "preferSameRackWeighting", "[" RACKS ",{\"rackId\":\"c\"}]", "!no upstream of the list is in rack 'c'" },
		{ "preferSameRackWeighting", "[null,{\"rackId\":\"c\"}]", "!null is no list of upstreams" },
		{ "preferSameRackWeighting", "[[\"h:1\"],{\"rackId\":\"c\"}]", "!\"h:1\" is no upstream" },
		{ "preferSameRackWeighting", "[[],\"h:1\"]", "!\"h:1\" is no upstream" },
	};
	static const struct expectation formatted[] = {
		{ "preferSameRackWeighting", "[" RACKS ",{\"rackId\":" PRESENT("\"us-east-1a\"") "}]", "\"weight 5 50%\"" },
		{ "preferSameRackWeighting", "[[{\"rackId\":\"us-east-1a\"},{\"rackId\":\"b\"}],{\"rackId\":\"b\"}]",
			"\"weight 0\"" },
	};
	static const struct expectation nowhere[] = {
		{ "preferSameRackWeighting", "[" RACKS ",{\"rackId\":\"us-east-1a\"}]", "\"\"" },
		{ "currentRackIsPresent", "[[]]", "true" },
		{ "currentRackIsPresent", "[null]", "true" },
	};
	struct helper_env java = { .level = TEMPLATE_BARAGON }, ours = { .level = TEMPLATE_LOCKSTEP };

	(void)state;
	check_all(&java, ROOT_JAVA, rows, ARRAY_LEN(rows));
	check_all(&ours, ROOT, rows, ARRAY_LEN(rows));
	check_all(&java, "{\"agentProperties\":{\"ec2\":{\"availabilityZone\":" ABSENT "}}}", nowhere, ARRAY_LEN(nowhere));
	check_all(&ours, "{}", nowhere, ARRAY_LEN(nowhere));
	java.weighting_format = "weight %d 50%%";
	java.zero_weight = "weight 0";
	check_all(&java, ROOT_JAVA, formatted, ARRAY_LEN(formatted));
}

static void formats(void **state)
{
	static const char *const good[] = { "weight=%s", "%d", "weight %d 100%%", "%%%s" };
	static const char *const bad[] = { "", "weight", "%s%s", "%", "%5d", "%s %", "%n", "%%s" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(helpers_check_format(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(helpers_check_format(bad[i], &err), ERR_INVALID);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

static void levels_differ(void **state)
{
	static const char *const ours[] = { "eq", "ne", "lt", "lte", "gt", "gte", "and", "or", "not", "lookup", "log",
		"join", "serverName", "backendName", "logFormat" };
	AUTO(arena_free) struct arena *a = arena_new();
	struct helper_env env = { .level = TEMPLATE_BARAGON };
	const struct template_helper *rows;
	size_t n = 0;

	(void)state;
	rows = helpers_make(&env, a, &n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_LEN(ours); k++)
			assert_string_not_equal(rows[i].name, ours[k]);
	env.level = TEMPLATE_LOCKSTEP;
	rows = helpers_make(&env, a, &n);
	for (size_t k = 0; k < ARRAY_LEN(ours); k++)
		assert_non_null(row(rows, n, ours[k]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_in_java),
		cmocka_unit_test(one_object_twice),
		cmocka_unit_test(mended),
		cmocka_unit_test(logic),
		cmocka_unit_test(names),
		cmocka_unit_test(hosts),
		cmocka_unit_test(civil_time),
		cmocka_unit_test(weights),
		cmocka_unit_test(formats),
		cmocka_unit_test(levels_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
