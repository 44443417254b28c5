/*
 * schedule_test.c - who starts now, who shares a batch, who waits for whom
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/cmocka_all.h"

#include "lib/base/buf.h"
#include "lib/base/rand.h"
#include "service/core/schedule.h"

#include <stdio.h>
#include <string.h>

static const struct strings g1 = { (const char *[]){ "g1" }, 1 };
static const struct strings g2 = { (const char *[]){ "g2" }, 1 };
static const struct strings g12 = { (const char *[]){ "g1", "g2" }, 2 };
static const struct strings g21 = { (const char *[]){ "g2", "g1" }, 2 };
static struct plan_path path_a_items[] = { { .group = "g1", .key = "/a" } };
static struct plan_path path_a2_items[] = { { .group = "g2", .key = "/a" } };
static struct plan_path path_b_items[] = { { .group = "g1", .key = "/b" }, { .group = "g1", .key = "/a" } };
static const struct plan_paths no_path;
static const struct plan_paths path_a = { path_a_items, 1 }, path_a2 = { path_a2_items, 1 }, path_ba = { path_b_items, 2 };

static struct schedule_item item(const char *service, const struct strings *groups, const struct plan_paths *wanted)
{
	return (struct schedule_item){ .service = service, .groups = groups, .wanted = wanted, .startable = true };
}

/* "0 0 - 1": the batch of each item. */
static void expect(struct schedule_item *items, size_t n, size_t batch_max, const char *want)
{
	AUTO(buf_release) struct buf got = BUF_INIT;
	const struct schedule_limits limits = { batch_max, 1000 };
	int batches = schedule(items, n, &limits), highest = -1;

	for (size_t i = 0; i < n; i++) {
		buf_str(&got, i > 0 ? " " : "");
		if (items[i].batch < 0)
			buf_str(&got, "-");
		else
			buf_printf(&got, "%d", items[i].batch);
		highest = items[i].batch > highest ? items[i].batch : highest;
	}
	assert_string_equal(buf_cstr(&got), want);
	assert_int_equal(batches, highest + 1);
}

static void one_per_service_in_order(void **state)
{
	struct schedule_item it[] = { item("s", &g1, &no_path), item("s", &g1, &no_path), item("s", &g2, &no_path),
		item("t", &g1, &no_path) };

	(void)state;
	expect(it, 4, 10, "0 - - 0");
	it[0].startable = false; /* not known yet: its service waits all the same */
	expect(it, 4, 10, "- - - 0");
	it[0].flying = true;
	expect(it, 4, 10, "- - - -");
	expect(it, 0, 10, "");
}

static void batches_reach_disjoint_groups(void **state)
{
	struct schedule_item same[] = { item("a", &g12, &no_path), item("b", &g21, &no_path), item("c", &g1, &no_path) };
	struct schedule_item apart[] = { item("a", &g1, &no_path), item("b", &g2, &no_path), item("c", &g12, &no_path),
		item("d", &g2, &no_path) };

	(void)state;
	expect(same, 3, 10, "0 0 -");
	expect(apart, 4, 10, "0 1 - 1");
	apart[0].flying = true;
	expect(apart, 4, 10, "- 0 - 0");
	apart[2].flying = true; /* wherever it stands in the queue */
	apart[0].flying = false;
	expect(apart, 4, 10, "- - - -");
}

static void a_path_is_wanted_by_one_at_a_time(void **state)
{
	struct schedule_item it[] = { item("a", &g1, &path_a), item("b", &g1, &path_ba), item("c", &g2, &path_a2) };

	(void)state;
	expect(it, 3, 10, "0 - 1");
	it[0].flying = true;
	expect(it, 3, 10, "- - 0");
	it[0].flying = false;
	it[0].startable = false; /* it cannot start, so it holds nothing */
	expect(it, 3, 10, "- 0 1");
}

static void batches_have_a_size(void **state)
{
	struct schedule_item it[] = { item("a", &g1, &no_path), item("b", &g1, &no_path), item("c", &g1, &no_path) };

	(void)state;
	expect(it, 3, 2, "0 0 -");
	expect(it, 3, 1, "0 - -");
}

static void one_that_waits_long_keeps_its_groups(void **state)
{
	struct schedule_item it[] = { item("fly", &g2, &no_path), item("both", &g12, &no_path), item("a", &g1, &no_path),
		item("b", &g2, &no_path), item("both", &g1, &no_path) };

	(void)state;
	it[0].flying = true;
	expect(it, 5, 10, "- - 0 - -"); /* overtaken */
	it[1].overdue = true;
	expect(it, 5, 10, "- - - - -");
	it[0].flying = false;
	it[0].startable = false;
	expect(it, 5, 10, "- 0 - - -");
	it[1].startable = false; /* it waits for something else: nobody waits for it */
	expect(it, 5, 10, "- - 0 1 -");
	/* Nor while its own service is not through with the one before: that may take long. */
	it[1] = item("x", &g2, &no_path);
	it[4] = item("x", &g12, &no_path);
	it[4].overdue = true;
	expect(it, 5, 10, "- 0 1 0 -");
}

static void one_that_was_refused_flies_alone(void **state)
{
	struct schedule_item it[] = { item("a", &g1, &no_path), item("b", &g1, &no_path), item("c", &g1, &no_path) };

	(void)state;
	it[1].alone = true;
	expect(it, 3, 10, "0 - 0");
	it[1].alone = false;
	it[0].alone = true;
	expect(it, 3, 10, "0 - -");
}

static void more_batches_than_one_round_holds(void **state)
{
	enum { N = 70 };
	static char names[N][16];
	static const char *lists[N][1];
	static struct strings groups[N];
	struct schedule_item it[N];
	int started = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		lists[i][0] = names[i];
		groups[i] = (struct strings){ lists[i], 1 };
		it[i] = item(names[i], &groups[i], &no_path);
	}
	assert_int_equal(schedule(it, N, &(struct schedule_limits){ 10, 1000 }), 64);
	for (int i = 0; i < N; i++)
		started += it[i].batch >= 0;
	assert_int_equal(started, 64);
	assert_true(it[N - 1].batch < 0);
}

static bool share_a_group(const struct strings *x, const struct strings *y)
{
	for (size_t i = 0; i < x->n; i++)
		if (strings_have(y, x->items[i]))
			return true;
	return false;
}

/* What must hold of any two that are in flight after the round. */
static void check_pair(const struct schedule_item *x, const struct schedule_item *y)
{
	bool together = x->batch >= 0 && x->batch == y->batch;

	assert_string_not_equal(x->service, y->service);
	assert_true(together || !share_a_group(x->groups, y->groups));
	assert_true(!together || (!x->alone && !y->alone));
	assert_false(x->wanted != &no_path && y->wanted != &no_path && share_a_group(x->groups, y->groups));
}

static void random_queues_keep_the_rules(void **state)
{
	static const char *const services[] = { "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7" };
	struct rand_state rand;
	size_t started = 0;

	(void)state;
	rand_seed(&rand, 11);
	for (int round = 0; round < 2000; round++) {
		struct schedule_item it[12];
		bool group_flies[3] = { false }, service_flies[8] = { false };

		for (size_t i = 0; i < ARRAY_LEN(it); i++) {
			static const struct strings *const sets[] = { &g1, &g2, &g12 };
			size_t s = (size_t)rand_below(&rand, 8), g = (size_t)rand_below(&rand, 3);
			bool wants = g == 0 && rand_below(&rand, 2) == 0;

			it[i] = item(services[s], sets[g], wants ? &path_ba : &no_path);
			it[i].startable = rand_below(&rand, 5) != 0;
			it[i].alone = rand_below(&rand, 5) == 0;
			it[i].overdue = rand_below(&rand, 4) == 0;
			if (rand_below(&rand, 6) == 0 && !service_flies[s] && !group_flies[g] && !group_flies[2] &&
				(g != 2 || (!group_flies[0] && !group_flies[1]))) {
				it[i].flying = true;
				group_flies[g] = service_flies[s] = true;
			}
		}
		schedule(it, ARRAY_LEN(it), &(struct schedule_limits){ 3, 1000 });
		for (size_t i = 0; i < ARRAY_LEN(it); i++) {
			assert_true(it[i].batch < 0 || (it[i].startable && !it[i].flying));
			started += it[i].batch >= 0;
			for (size_t k = 0; k < i; k++)
				if ((it[i].batch >= 0 || it[i].flying) && (it[k].batch >= 0 || it[k].flying))
					check_pair(&it[i], &it[k]);
				else if (it[i].batch >= 0) /* nobody of its service is ahead */
					assert_string_not_equal(it[i].service, it[k].service);
		}
	}
	assert_in_range(started, 500, SIZE_MAX);
}

static void a_batch_fits_one_transaction(void **state)
{
	struct strings groups = { (const char *[]){ "web" }, 1 };
	struct plan_paths none = { NULL, 0 };
	struct schedule_item it[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(it); i++)
		it[i] = (struct schedule_item){ .service = (const char *[]){ "s1", "s2", "s3", "s4" }[i], .groups = &groups, .wanted = &none,
			.startable = true, .bytes = (const size_t[]){ 400, 500, 200, 5000 }[i] };
	assert_int_equal(schedule(it, ARRAY_LEN(it), &(struct schedule_limits){ 50, 1000 }), 1);
	assert_int_equal(it[0].batch, 0);
	assert_int_equal(it[1].batch, 0);
	assert_int_equal(it[2].batch, -1);
	assert_int_equal(it[3].batch, -1);
	assert_int_equal(schedule(&it[3], 1, &(struct schedule_limits){ 50, 1000 }), 1); /* alone it flies */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_fits_one_transaction),
		cmocka_unit_test(one_per_service_in_order),
		cmocka_unit_test(batches_reach_disjoint_groups),
		cmocka_unit_test(a_path_is_wanted_by_one_at_a_time),
		cmocka_unit_test(batches_have_a_size),
		cmocka_unit_test(one_that_waits_long_keeps_its_groups),
		cmocka_unit_test(one_that_was_refused_flies_alone),
		cmocka_unit_test(more_batches_than_one_round_holds),
		cmocka_unit_test(random_queues_keep_the_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
