/*
 * api_batch_test.c - POST /lockstep/batch: bad bodies are refused by name, good ones answered when they are done
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "tests/unit/link_sample.h"

struct posting {
	struct linked x;
	struct agent_api *api;
	unsigned answers;
	int status;
	const char *body, *headers;
};

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct posting *p = ctx;

	p->answers++;
	p->status = a->status;
	p->body = arena_strndup(p->x.s.arena, a->body.n > 0 ? a->body.p : "", a->body.n);
	p->headers = arena_strdup(p->x.s.arena, a->headers);
}

static void begin(struct posting *p)
{
	memset(p, 0, sizeof(*p));
	linked_begin(&p->x);
	mem_server_put(p->x.s.server, "/request/r1", REQUEST("r1", "s", ""));
	linked_join(&p->x);
	p->api = agent_api_new(&(struct agent_api_options){ .loop = p->x.s.loop, .link = p->x.link, .context_path = "/a",
		.link_options = &p->x.opt });
	buf_clear(&p->x.obeyer.told);
}

static void end(struct posting *p)
{
	agent_api_free(&p->api);
	linked_end(&p->x);
}

static void post(struct posting *p, const char *body)
{
	const struct slice s = { body, strlen(body) };

	p->status = 0;
	p->answers = 0;
	router_dispatch(agent_api_router(p->api), http_request_local("POST", "/a/lockstep/batch", "application/json", s, on_answer, p));
}

static void expect_refused(struct posting *p, const char *body, const char *field)
{
	post(p, body);
	sample_settle(&p->x.s, 10);
	assert_int_equal(p->answers, 1);
	assert_int_equal(p->status, 400);
	if (strstr(p->body, field) == NULL)
		fail_msg("'%s' does not name %s", p->body, field);
}

static const char *release(struct posting *p)
{
	return arena_printf(p->x.s.arena,
		"{\"batch\":\"b1\",\"type\":\"RELEASE\",\"number\":-1,\"epoch\":3,\"incarnation\":\"%s\",\"items\":[]}",
		linked_status(&p->x).incarnation);
}

static const char *prepare(struct posting *p)
{
	struct request *rq;
	char digest[65];

	assert_int_equal(request_decode(REQUEST("r1", "s", ""), strlen(REQUEST("r1", "s", "")), p->x.s.arena, &rq, NULL), 0);
	batch_digest((const struct request *const *)&rq, 1, digest);
	return arena_printf(p->x.s.arena,
		"{\"batch\":\"b1\",\"type\":\"PREPARE\",\"number\":-1,\"epoch\":3,\"incarnation\":\"%s\",\"digest\":\"%s\","
		"\"items\":[{\"requestId\":\"r1\",\"serviceId\":\"s\"}]}",
		linked_status(&p->x).incarnation, digest);
}

static void bad_bodies_name_the_field(void **state)
{
	struct posting p;

	(void)state;
	begin(&p);
	expect_refused(&p, "", "");
	expect_refused(&p, "no JSON", "");
	expect_refused(&p, "[]", "");
	expect_refused(&p, "{}", "batch");
	expect_refused(&p, "{\"batch\":\"b\",\"number\":1,\"epoch\":1,\"incarnation\":\"i\",\"items\":[]}", "type");
	expect_refused(&p, "{\"batch\":\"b\",\"type\":\"EAT\",\"number\":1,\"epoch\":1,\"incarnation\":\"i\",\"items\":[]}", "type");
	expect_refused(&p, "{\"batch\":\"b\",\"type\":\"APPLY\",\"number\":\"x\",\"epoch\":1,\"incarnation\":\"i\",\"items\":[]}", "number");
	expect_refused(&p, "{\"batch\":\"b\",\"type\":\"APPLY\",\"number\":1,\"incarnation\":\"i\",\"items\":[]}", "epoch");
	expect_refused(&p, "{\"batch\":\"b\",\"type\":\"APPLY\",\"number\":1,\"epoch\":1,\"items\":[]}", "incarnation");
	expect_refused(&p, "{\"batch\":\"b\",\"type\":\"APPLY\",\"number\":1,\"epoch\":1,\"incarnation\":null,\"items\":[]}",
		"incarnation");
	expect_refused(&p, "{\"batch\":\"b\",\"type\":\"APPLY\",\"number\":1,\"epoch\":1,\"incarnation\":\"i\",\"items\":[{\"requestId\":\"r\"}]}",
		"serviceId");
	assert_string_equal(buf_cstr(&p.x.obeyer.told), ""); /* nobody was bothered */
	end(&p);
}

static void answered_when_it_is_done(void **state)
{
	struct posting p;

	(void)state;
	begin(&p);
	p.x.obeyer.frozen = true;
	post(&p, prepare(&p));
	sample_settle(&p.x.s, 500);
	assert_int_equal(p.answers, 0);
	obeyer_thaw(&p.x.obeyer);
	sample_settle(&p.x.s, 100);
	assert_int_equal(p.answers, 1);
	assert_int_equal(p.status, 200);
	assert_non_null(strstr(p.body, "\"outcome\":\"prepared\""));
	assert_non_null(strstr(p.body, linked_status(&p.x).incarnation));
	post(&p, release(&p));
	sample_settle(&p.x.s, 100);
	assert_int_equal(p.status, 200);
	assert_non_null(strstr(p.body, "\"outcome\":\"released\""));
	end(&p);
}

static void refusals_have_their_status(void **state)
{
	struct posting p;
	const char *good;

	(void)state;
	begin(&p);
	good = release(&p);
	post(&p, "{\"batch\":\"b1\",\"type\":\"RELEASE\",\"number\":-1,\"epoch\":3,\"incarnation\":\"else\",\"items\":[]}");
	sample_settle(&p.x.s, 100);
	assert_int_equal(p.status, 409);
	store_mem_cut(p.x.s.st, INT64_MAX);
	sample_settle(&p.x.s, 10);
	post(&p, good);
	sample_settle(&p.x.s, 100);
	assert_int_equal(p.status, 503);
	assert_non_null(strstr(p.headers, "Retry-After: 1"));
	end(&p);
}

static void stopping_answers_what_is_open(void **state)
{
	struct posting p;

	(void)state;
	begin(&p);
	p.x.obeyer.frozen = true;
	post(&p, prepare(&p));
	sample_settle(&p.x.s, 100);
	assert_int_equal(p.answers, 0);
	agent_api_free(&p.api);
	sample_settle(&p.x.s, 10);
	assert_int_equal(p.answers, 1);
	assert_int_equal(p.status, 503);
	obeyer_thaw(&p.x.obeyer); /* and it ends without anybody to tell */
	sample_settle(&p.x.s, 100);
	assert_int_equal(p.answers, 1);
	end(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_bodies_name_the_field),
		cmocka_unit_test(answered_when_it_is_done),
		cmocka_unit_test(refusals_have_their_status),
		cmocka_unit_test(stopping_answers_what_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
