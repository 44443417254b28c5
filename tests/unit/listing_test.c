/*
 * listing_test.c - lists of requests: queued ones first, ended ones newest first, each once; filters
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/listing.h"

#include "lib/records/paths.h"
#include "tests/unit/store_sample.h"

struct reading {
	struct sample s;
	struct buf got; /* "r1 WAITING Queued as …;" … then "| " and ended ones, or "s/r1;" */
	unsigned calls;
};

#define REQUEST(id, group)                                                                                                   \
	"{\"loadBalancerRequestId\":\"" id "\",\"loadBalancerService\":{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":" \
	"\"/p\",\"loadBalancerGroups\":[\"" group "\"]},\"addUpstreams\":[],\"removeUpstreams\":[]}"

static void put(struct reading *x, const char *path, const char *text)
{
	mem_server_put(x->s.server, path, text);
}

static void queue(struct reading *x, const char *node, const char *id, const char *json, const char *status)
{
	struct arena *a = x->s.arena;

	put(x, path_queue_item(a, node), "");
	put(x, path_request(a, id), json);
	put(x, path_status(a, id), status);
}

static void end(struct reading *x, const char *id, const char *state)
{
	put(x, path_history_entry(x->s.arena, "s", id),
		arena_printf(x->s.arena, "{\"loadBalancerRequestId\":\"%s\",\"loadBalancerState\":\"%s\",\"message\":\"m\","
					 "\"agentResponses\":{},\"request\":null}", id, state));
}

static void begin(struct reading *x)
{
	memset(x, 0, sizeof(*x));
	sample_begin(&x->s);
	put(x, PATH_QUEUE, "");
	put(x, PATH_REQUESTS, "");
}

static void finish(struct reading *x)
{
	buf_release(&x->got);
	sample_end(&x->s);
}

static void on_history(void *ctx, const struct listing *h, const struct error *err)
{
	struct reading *x = ctx;

	x->calls++;
	if (err == NULL) {
		for (size_t i = 0; i < h->n_live; i++)
			buf_printf(&x->got, "%s %s %s;", h->live[i].request_id, public_state_names[h->live[i].state],
				h->live[i].message);
		buf_str(&x->got, "| ");
		for (size_t i = 0; i < h->n_past; i++) {
			struct response *past;

			assert_int_equal(response_decode(h->past[i].p, h->past[i].n, x->s.arena, &past, NULL), 0);
			buf_printf(&x->got, "%s %s;", past->request_id, public_state_names[past->state]);
		}
	}
	sample_on_done(&x->s, err);
}

static const char *list(struct reading *x, size_t max)
{
	buf_clear(&x->got);
	listing_of_service(x->s.st, x->s.life, "s", max, on_history, x);
	sample_wait(&x->s);
	assert_int_equal(x->s.code, 0);
	return buf_cstr(&x->got);
}

static void queued_then_ended(void **state)
{
	struct reading x;

	(void)state;
	begin(&x);
	assert_string_equal(list(&x, 10), "| ");
	end(&x, "old", "SUCCESS");
	end(&x, "mid", "FAILED");
	end(&x, "new", "CANCELED");
	put(&x, path_history_entry(x.s.arena, "s", "torn"), "{\"loadBal");
	queue(&x, "s|r2|0000000007", "r2", REQUEST("r2", "g"), "\"CANCELLED_SEND_REVERT_REQUESTS\"");
	put(&x, path_message(x.s.arena, "r2"), "\"going back\"");
	queue(&x, "s|r1|0000000003", "r1", REQUEST("r1", "g"), "\"PENDING\"");
	queue(&x, "other|r3|0000000004", "r3", REQUEST("r3", "g"), "\"PENDING\"");
	queue(&x, "s|new|0000000001", "new", REQUEST("new", "g"), "\"PENDING\""); /* seen queued, and ended since */
	queue(&x, "s|done|0000000002", "done", REQUEST("done", "g"), "\"COMPLETED\""); /* not queued any more in truth */
	put(&x, path_queue_item(x.s.arena, "s|gone|0000000009"), "");
	assert_string_equal(list(&x, 10),
		"r1 WAITING Queued as QueuedRequestId{serviceId=s, requestId=r1, index=3};r2 CANCELING going back;"
		"| new CANCELED;mid FAILED;old SUCCESS;");
	assert_non_null(strstr(list(&x, 1), "| new CANCELED;"));
	assert_null(strstr(list(&x, 1), "mid"));
	finish(&x);
}

static void many_waves(void **state)
{
	struct reading x;
	const char *text;
	size_t n = 0;

	(void)state;
	begin(&x);
	for (int i = 0; i < 350; i++)
		end(&x, arena_printf(x.s.arena, "r%03d", i), "SUCCESS");
	text = list(&x, 1000);
	assert_true(str_starts(text, "| r349 SUCCESS;r348 "));
	assert_true(str_ends(text, ";r000 SUCCESS;"));
	for (const char *p = text; (p = strchr(p, ';')) != NULL; p++)
		n++;
	assert_int_equal(n, 350);
	finish(&x);
}

/* --- the queue --- */

static void on_queue(void *ctx, const struct queued_id *items, size_t n, const struct error *err)
{
	struct reading *x = ctx;

	for (size_t i = 0; i < n; i++)
		buf_printf(&x->got, "%s/%s;", items[i].service_id, items[i].request_id);
	sample_on_done(&x->s, err);
}

static const char *filter(struct reading *x, const char *service, const char *group, int state, size_t limit)
{
	const struct queue_filter f = { service, group, state, limit };

	buf_clear(&x->got);
	listing_queue(x->s.st, x->s.life, &f, on_queue, x);
	sample_wait(&x->s);
	assert_int_equal(x->s.code, 0);
	return buf_cstr(&x->got);
}

static void filters(void **state)
{
	struct reading x;

	(void)state;
	begin(&x);
	assert_string_equal(filter(&x, NULL, NULL, -1, 10), "");
	assert_string_equal(filter(&x, NULL, "g", -1, 10), "");
	queue(&x, "b|r2|0000000007", "r2", REQUEST("r2", "g"), "\"CANCELLED_SEND_REVERT_REQUESTS\"");
	queue(&x, "a|r1|0000000003", "r1", REQUEST("r1", "g"), "\"PENDING\"");
	queue(&x, "a|r3|0000000009", "r3", REQUEST("r3", "h"), "\"PENDING\"");
	put(&x, "/queue/no item", "");
	put(&x, "/queue/a|..|0000000010", "");
	assert_string_equal(filter(&x, NULL, NULL, -1, 10), "a/r1;b/r2;a/r3;a/..;");
	assert_string_equal(filter(&x, NULL, NULL, -1, 1), "a/r1;");
	assert_string_equal(filter(&x, "a", NULL, -1, 2), "a/r1;a/r3;");
	assert_string_equal(filter(&x, "c", NULL, -1, 10), "");
	assert_string_equal(filter(&x, NULL, "g", -1, 10), "a/r1;b/r2;");
	assert_string_equal(filter(&x, NULL, "h", STATE_WAITING, 10), "a/r3;");
	assert_string_equal(filter(&x, NULL, NULL, STATE_CANCELING, 10), "b/r2;");
	assert_string_equal(filter(&x, NULL, NULL, STATE_WAITING, 1), "a/r1;");
	assert_string_equal(filter(&x, NULL, NULL, STATE_SUCCESS, 10), "");
	finish(&x);
}

static void over_and_away(void **state)
{
	struct reading x;

	(void)state;
	begin(&x);
	end(&x, "r1", "SUCCESS");
	listing_of_service(x.s.st, x.s.life, "s", 10, on_history, &x);
	life_end(&x.s.life);
	sample_settle(&x.s, 100);
	assert_int_equal(x.calls, 0);
	x.s.life = life_new();
	store_mem_cut(x.s.st, INT64_MAX);
	listing_of_service(x.s.st, x.s.life, "s", 10, on_history, &x);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, ERR_NOT_DONE);
	finish(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queued_then_ended),
		cmocka_unit_test(many_waves),
		cmocka_unit_test(filters),
		cmocka_unit_test(over_and_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
