/*
 * fold_test.c - the rules one by one, and against a second, slower implementation on random
 * requests
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/base/rand.h"
#include "lib/model/fold.h"

static struct request *request(struct arena *a, const char *action, const char *more)
{
	struct error err = ERROR_INIT;
	struct request *r = NULL;
	const char *text = arena_printf(a,
		"{\"loadBalancerRequestId\":\"r\",\"loadBalancerService\":{\"serviceId\":\"s\","
		"\"owners\":[\"new\"],"
		"\"serviceBasePath\":\"/\",\"loadBalancerGroups\":[\"g\"]},%s,\"action\":%s}",
		more, action);

	if (request_decode(text, strlen(text), a, &r, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return r;
}

static struct service_state *state_of(struct arena *a, const char *upstreams)
{
	return read_record(&service_state_record, a,
		arena_printf(a,
			"{\"service\":{\"serviceId\":\"s\",\"owners\":[\"old\"],"
			"\"serviceBasePath\":\"/\","
			"\"loadBalancerGroups\":[\"g\"]},\"upstreams\":[%s]}",
			upstreams));
}

static struct service_state folded(
	struct arena *a, const struct service_state *base, const struct request *r)
{
	struct service_state out;

	fold(base, &r, 1, a, &out);
	return out;
}

/* "address/rack/request" with "-" for none, in the order of the result. */
static void expect_upstreams(const struct service_state *s, const char *want)
{
	struct buf got = BUF_INIT;
	size_t i;

	for (i = 0; i < s->upstreams.n; i++) {
		const struct upstream *u = &s->upstreams.items[i];

		buf_printf(&got, "%s%s/%s/%s", i > 0 ? " " : "", u->address,
			u->rack_id != NULL ? u->rack_id : "-",
			u->request_id != NULL ? u->request_id : "-");
		if (strcmp(u->group, "default") != 0)
			buf_printf(&got, "@%s", u->group);
	}
	assert_string_equal(buf_cstr(&got), want);
	buf_release(&got);
}

#define STORED                                                                                     \
	"{\"upstream\":\"a:1\",\"requestId\":\"q\",\"rackId\":\"k\"},{\"upstream\":\"b:1\","       \
	"\"requestId\":\"q\"}"
#define LISTS(add, remove, replace)                                                                \
	"\"addUpstreams\":[" add "],\"removeUpstreams\":[" remove                                  \
	"],\"replaceUpstreams\":[" replace "]"
#define U(address) "{\"upstream\":\"" address "\"}"

static void update(void **state)
{
	static const struct {
		const char *lists, *want;
	} rows[] = {
		{LISTS("", "", ""), "a:1/k/q b:1/-/q"},
		{LISTS(U("c:1"), "", ""), "a:1/k/q b:1/-/q c:1/-/r"},
		{LISTS("", U("a:1"), ""), "b:1/-/q"},
		{LISTS("", U("z:1"), ""), "a:1/k/q b:1/-/q"},
		{LISTS(U("a:1"), "", ""), "a:1/-/r b:1/-/q"},
		{LISTS(U("a:1"), U("a:1"), ""), "a:1/-/r b:1/-/q"},
		{LISTS("{\"upstream\":\"a:1\",\"group\":\"x\"}", U("b:1"), ""),
			"a:1/k/q a:1/-/r@x"},
		{LISTS("", "{\"upstream\":\"a:1\",\"group\":\"x\"}", ""), "a:1/k/q b:1/-/q"},
		{LISTS("{\"upstream\":\"c:1\",\"rackId\":\"1\"},{\"upstream\":\"c:1\",\"rackId\":"
		       "\"0\"}",
			 "", ""),
			"a:1/k/q b:1/-/q c:1/0/r"},
		{LISTS(U("c:1") "," U("c:1"), "", ""), "a:1/k/q b:1/-/q c:1/-/r"},
		{LISTS("{\"upstream\":\"a:1\",\"group\":\"\"}", "", ""), "a:1/-/r b:1/-/q"},
		{LISTS("", "", U("z:1")), "z:1/-/-"},
		{LISTS("", "",
			 U("z:1") "," U("z:1") ","
					       "{\"upstream\":\"a:1\",\"requestId\":\"q\"}"),
			"a:1/-/q z:1/-/-"},
		{LISTS(U("c:1"), U("a:1"), U("z:1")), "z:1/-/-"},
	};
	const struct service_state *base = state_of(*state, STORED);
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct service_state out = folded(*state, base,
			request(*state, i % 2 ? "null" : "\"UPDATE\"", rows[i].lists));

		expect_upstreams(&out, rows[i].want);
		assert_string_equal(out.service->owners.items[0], "new");
	}
}

static void service_record_rules(void **state)
{
	const struct service_state *base = state_of(*state, STORED);
	struct request *only =
		request(*state, "null", LISTS(U("c:1"), "", "") ",\"upstreamUpdateOnly\":true");
	struct service_state out = folded(*state, base, only);

	assert_ptr_equal(out.service, base->service);
	expect_upstreams(&out, "a:1/k/q b:1/-/q c:1/-/r");
	out = folded(*state, NULL, only); /* nothing stored: the request's is taken all the same */
	assert_ptr_equal(out.service, only->service);
	only->upstream_update_only = false;
	only->service = record_clone(&service_record, base->service, *state);
	out = folded(*state, base, only);
	assert_ptr_equal(out.service, base->service); /* unchanged: the stored one stays */
}

static void delete_takes_all(void **state)
{
	const struct service_state *base = state_of(*state, STORED);
	const struct request *r[] = { request(*state, "\"DELETE\"", LISTS(U("c:1"), "", U("z:1"))),
		request(*state, "null", LISTS(U("d:1"), "", "")) };
	struct service_state out;

	fold(base, r, 1, *state, &out);
	assert_null(out.service);
	assert_int_equal(out.upstreams.n, 0);
	fold(base, r, 2, *state, &out);
	assert_ptr_equal(out.service, r[1]->service);
	expect_upstreams(&out, "d:1/-/r");
	fold(NULL, r, 1, *state, &out);
	assert_null(out.service);
}

static void the_rest_changes_nothing(void **state)
{
	static const char *const actions[] = {
		"\"RELOAD\"", "\"REVERT\"", "\"PURGE_CACHE\"", "\"GET_RENDERED_CONFIG\""};
	const struct service_state *base = state_of(*state, STORED);
	size_t i;

	for (i = 0; i < ARRAY_LEN(actions); i++) {
		struct request *r = request(*state, actions[i], LISTS(U("c:1"), U("a:1"), ""));
		struct service_state out = folded(*state, base, r);

		assert_true(service_state_equal(&out, base));
		assert_ptr_equal(out.service, base->service);
		out = folded(*state, NULL, r);
		assert_null(out.service);
	}
}

static void stored_nodes_keep_their_names(void **state)
{
	const struct service_state *base = state_of(*state, "\"a.b:1\",\"Yy5kOjE=|r||default|\"");
	struct service_state out =
		folded(*state, base, request(*state, "null", LISTS(U("c.d:1"), "", "")));

	expect_upstreams(&out, "a.b:1/-/- c.d:1/-/r");
	assert_string_equal(out.upstreams.items[0].original, "a.b:1");
	assert_string_equal(out.upstreams.items[1].original, "Yy5kOjE=|r||default|");
	out = folded(*state, base, request(*state, "null", LISTS(U("a.b:1"), "", "")));
	assert_null(out.upstreams.items[0].original);
}

static void equality_of_states(void **state)
{
	const struct service_state *base = state_of(*state, STORED), none = { NULL, { NULL, 0 } };
	struct service_state *other =
		state_of(*state, "{\"upstream\":\"b:1\",\"requestId\":\"q\"},"
				 "{\"upstream\":\"a:1\",\"requestId\":\"q\",\"rackId\":\"k\"}");

	assert_true(service_state_equal(base, other));
	other->upstreams.items[0].rack_id = "x";
	assert_false(service_state_equal(base, other));
	other->upstreams.n = 1;
	assert_false(service_state_equal(base, other));
	assert_false(service_state_equal(base, &none));
	assert_true(service_state_equal(&none, &none));
}

/* ---- random requests ---- */

#define MANY 12

static struct upstream random_upstream(struct rand_state *r)
{
	static const char *const addresses[] = { "a:1", "a:2", "b:1", "c.d:80" };
	static const char *const groups[] = { "default", "default", "g", "" };
	static const char *const others[] = { NULL, "x", "y" };

	return (struct upstream){.address = addresses[rand_below(r, 4)],
		.group = groups[rand_below(r, 4)],
		.rack_id = others[rand_below(r, 3)],
		.request_id = others[rand_below(r, 3)],
		.resolved = others[rand_below(r, 3)]};
}

static struct upstreams random_list(struct rand_state *r, struct arena *a, size_t most)
{
	struct upstreams list = {
		arena_alloc(a, (most + 1) * sizeof(struct upstream)), rand_below(r, most + 1)};
	size_t i;

	for (i = 0; i < list.n; i++)
		list.items[i] = random_upstream(r);
	return list;
}

static struct request *random_request(struct rand_state *r, struct arena *a)
{
	struct request *q = request(a, "null", LISTS("", "", ""));

	q->add = random_list(r, a, 4);
	q->remove = random_list(r, a, 4);
	q->replace = random_list(r, a, rand_below(r, 4) == 0 ? 4 : 0);
	q->upstream_update_only = rand_below(r, 3) == 0;
	q->action = rand_below(r, 8) == 0 ? (int)rand_below(r, 6) : ACTION_UPDATE;
	return q;
}

/* What a list of nodes becomes, one entry after the other. */
struct naive {
	struct upstream items[64];
	size_t n;
	bool there;
};

static bool matches(const struct upstream *x, const struct upstream *y)
{
	const char *gx = x->group[0] != '\0' ? x->group : "default",
		   *gy = y->group[0] != '\0' ? y->group : "default";

	return strcmp(x->address, y->address) == 0 && strcmp(gx, gy) == 0;
}

static void naive_remove(struct naive *s, const struct upstream *u)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		if (!matches(&s->items[i], u))
			s->items[n++] = s->items[i];
	}
	s->n = n;
}

static void naive_add(struct naive *s, const struct upstream *u)
{
	naive_remove(s, u);
	s->items[s->n] = *u;
	if (s->items[s->n].group[0] == '\0')
		s->items[s->n].group = "default";
	s->n++;
}

static void naive_fold(struct naive *s, const struct request *q)
{
	const struct upstreams *adds = q->replace.n > 0 ? &q->replace : &q->add;
	size_t i;

	if (q->action == ACTION_DELETE) {
		s->n = 0;
		s->there = false;
	} else if (q->action == ACTION_UPDATE) {
		s->there = true;
		if (q->replace.n > 0)
			s->n = 0;
		for (i = 0; q->replace.n == 0 && i < q->remove.n; i++)
			naive_remove(s, &q->remove.items[i]);
		for (i = 0; i < adds->n; i++)
			naive_add(s, &adds->items[i]);
	}
}

static void check_sorted(const struct service_state *s)
{
	size_t i;

	for (i = 1; i < s->upstreams.n; i++)
		assert_true(
			upstream_compare(&s->upstreams.items[i - 1], &s->upstreams.items[i]) < 0);
}

static void check_round(struct rand_state *r, struct arena *a, uint64_t seed)
{
	const struct service_state *start = rand_below(r, 3) == 0 ? NULL : state_of(a, STORED);
	const struct request *q[MANY];
	struct naive expected = { .there = start != NULL };
	struct service_state once, twice, again, step, want;
	size_t n = rand_below(r, 4), i;

	for (i = 0; start != NULL && i < start->upstreams.n; i++)
		naive_add(&expected, &start->upstreams.items[i]);
	for (i = 0; i < n; i++) {
		q[i] = random_request(r, a);
		naive_fold(&expected, q[i]);
	}
	fold(start, q, n, a, &once);
	check_sorted(&once);
	want = (struct service_state){ once.service, { expected.items, expected.n } };
	if ((once.service != NULL) != expected.there ||
		(expected.there && !service_state_equal(&once, &want)))
		fail_msg("seed %llu: differs from the naive fold", (unsigned long long)seed);
	fold(&once, q, n, a, &twice);
	if (!service_state_equal(&once, &twice))
		fail_msg("seed %llu: not idempotent", (unsigned long long)seed);
	step = start != NULL ? *start : (struct service_state){ NULL, { NULL, 0 } };
	for (i = 0; i < n; i++) {
		fold(&step, &q[i], 1, a, &again);
		step = again;
	}
	if (!service_state_equal(&step, &once))
		fail_msg("seed %llu: folding in steps differs", (unsigned long long)seed);
}

static void random_requests(void **state)
{
	struct rand_state r;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 20000; seed++) {
		struct arena *a = arena_new();

		rand_seed(&r, seed);
		check_round(&r, a, seed);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(update), TEST(service_record_rules),
		TEST(delete_takes_all), TEST(the_rest_changes_nothing),
		TEST(stored_nodes_keep_their_names), TEST(equality_of_states),
		TEST(random_requests)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
