/*
 * batch_test.c - golden texts of decision records, calls and answers; the digest against another
 * program's
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/batch.h"

static const char decided[] = "{\"v\":1,\"requests\":[{\"id\":\"r1\",\"service\":\"s1\",\"dir\":"
			      "\"F\",\"sv\":-1,\"digest\":\"ab\","
			      "\"paths\":[[\"g\",\"/a\"],[\"g\",\"x.org/"
			      "a\"]]},{\"id\":\"r2\",\"service\":\"s2\",\"dir\":\"B\",\"sv\":7,"
			      "\"digest\":\"cd\",\"paths\":[]}],\"members\":[{\"group\":\"g\","
			      "\"agent\":\"10.0.0.1:8882\",\"node\":\"n-0000000001\"}],"
			      "\"gv\":{\"g\":3,\"h\":0},\"tenures\":1,\"since\":1700000000000}";

static void decisions(void **state)
{
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;
	struct decision *d;

	if (decision_decode(decided, strlen(decided), *state, &d, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(d->requests.items[0].dir, DIR_FORWARD);
	assert_int_equal(d->requests.items[1].dir, DIR_BACK);
	assert_int_equal(d->requests.items[0].sv, -1);
	assert_string_equal(d->requests.items[0].paths.items[1].key, "x.org/a");
	assert_string_equal(d->members.items[0].node, "n-0000000001");
	assert_int_equal(value_get(d->gv, "g")->u.i, 3);
	decision_encode(d, &out);
	assert_string_equal(buf_cstr(&out), decided);
	buf_release(&out);
}

static void broken_decisions(void **state)
{
	static const char *const rows[][2] = {
		{"{}", "v: may not be null"},
		{"{\"v\":1}", "requests: may not be null"},
		{"{\"v\":1,\"requests\":[]}", "requests: may not be empty"},
		{"{\"v\":2,\"requests\":[]}", "v: format 2 is not known, only 1 is"},
		{"{\"v\":1,\"requests\":[{\"id\":\"r\",\"service\":\"s\",\"sv\":0}]}",
			"requests[0].dir: may not be null"},
		{"{\"v\":1,\"requests\":[{\"id\":\"r\",\"service\":\"s\",\"dir\":\"X\",\"sv\":0}]}",
			"requests[0].dir: must be one of F, B, C"},
		{"{\"v\":1,\"requests\":[{\"id\":\"r\",\"service\":\"s\",\"dir\":\"F\",\"sv\":0,"
		 "\"paths\":[[\"g\"]]}]}",
			"requests[0].paths[0]: must be an array of 2 elements"},
		{"{\"v\":1,\"requests\":[{\"id\":\"r\",\"service\":\"s\",\"dir\":\"F\",\"sv\":0}],"
		 "\"gv\":{\"g\":\"1\"}}",
			"gv.g: must be an integer"},
		{"{\"v\":1,\"requests\":[{\"id\":\"r\",\"service\":\"s\",\"dir\":\"F\",\"sv\":0}],"
		 "\"gv\":[]}",
			"gv: must be an object"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = ERROR_INIT;
		struct decision *d = NULL;

		assert_int_equal(decision_decode(rows[i][0], strlen(rows[i][0]), *state, &d, &err),
			ERR_INVALID);
		assert_string_equal(err.text, rows[i][1]);
		assert_null(d);
	}
}

static void calls(void **state)
{
	static const char text[] =
		"{\"batch\":\"00000000000000a1-00000003\",\"type\":\"APPLY\",\"number\":4,"
		"\"epoch\":4294967297,"
		"\"incarnation\":\"n-0000000001\",\"deadlineMs\":15000,\"digest\":\"ab\","
		"\"items\":[{\"requestId\":\"r1\",\"serviceId\":\"s1\",\"digest\":\"cd\"}]}";
	static const char *const types[] = { "PREPARE", "RELEASE", "APPLY", "REVERT", "CANCEL" };
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;
	struct batch_call *c;
	size_t i;

	if (batch_call_decode(text, strlen(text), *state, &c, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(c->type, CALL_APPLY);
	assert_true(c->epoch == 4294967297);
	batch_call_encode(c, &out);
	assert_string_equal(buf_cstr(&out), text);
	for (i = 0; i < ARRAY_LEN(types); i++)
		assert_string_equal(call_type_names[i], types[i]);
	assert_int_equal(batch_call_decode("{\"batch\":\"b\"}", 13, *state, &c, &err), ERR_INVALID);
	assert_string_equal(err.text, "type: may not be null");
	buf_release(&out);
}

static void answers(void **state)
{
	static const char *const texts[] = {
		"{\"batch\":\"b\",\"number\":-1,\"incarnation\":\"n\",\"outcome\":\"prepared\","
		"\"baseDigest\":\"ab\",\"items\":[]}",
		"{\"batch\":\"b\",\"number\":2,\"incarnation\":\"n\",\"outcome\":\"refused\","
		"\"message\":\"no\",\"items\":["
		"{\"requestId\":\"r\",\"statusCode\":400,\"message\":\"bad template\"},"
		"{\"requestId\":\"q\",\"statusCode\":200,\"message\":null}]}",
	};
	static const char *const words[] = {
		"prepared", "refused", "applied", "failed", "released", "ended", "busy"};
	struct error err = ERROR_INIT;
	struct batch_answer *ans;
	struct buf out = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++) {
		if (batch_answer_decode(texts[i], strlen(texts[i]), *state, &ans, &err) != 0)
			fail_msg("%s", err.text);
		buf_clear(&out);
		batch_answer_encode(ans, &out);
		assert_string_equal(buf_cstr(&out), texts[i]);
	}
	assert_int_equal(ans->outcome, OUTCOME_REFUSED);
	for (i = 0; i < ARRAY_LEN(words); i++)
		assert_string_equal(outcome_names[i], words[i]);
	buf_release(&out);
}

/* Digests were made with Python: sha256(json.dumps(list, sort_keys=True, separators=(',', ':'))).
 */
static void digests(void **state)
{
	static const char shape[] =
		"{\"loadBalancerRequestId\":\"%s\",\"loadBalancerService\":{\"serviceId\":\"s\","
		"\"owners\":[\"me\"],"
		"\"serviceBasePath\":\"/"
		"\",\"loadBalancerGroups\":[\"g\"],\"options\":{\"z\":1,\"a\":{\"y\":2.50,"
		"\"b\":\"\\u00e9\\\"\\n\"}}},\"addUpstreams\":[%s],\"removeUpstreams\":[],"
		"\"action\":%s}";
	const char *texts[] = { arena_printf(*state, shape, "r1", "\"10.0.0.1:80\"", "\"UPDATE\""),
		arena_printf(*state, shape, "r2", "", "null") };
	const struct request *pair[2], *turned[2];
	char hex[65];
	size_t i;

	for (i = 0; i < 2; i++)
		pair[i] = turned[1 - i] = read_record(&request_record, *state, texts[i]);
	batch_digest(pair, 2, hex);
	assert_string_equal(
		hex, "30f95ab48ac7b2fde61dacac2335f6eeedbf0caaac162adcc585e85dd65f4c51");
	batch_digest(turned, 2, hex);
	assert_string_equal(
		hex, "97722c3ba814cd2c208f3fff12f6d940fbeda8c4e72c071d78d9bbd85b8bd941");
	batch_digest(NULL, 0, hex);
	assert_string_equal(
		hex, "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(decisions), TEST(broken_decisions), TEST(calls), TEST(answers), TEST(digests)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
