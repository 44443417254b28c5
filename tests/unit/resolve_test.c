/*
 * resolve_test.c - what is remembered, for how long, and how long anybody waits
 *
 * A made-up name server: it counts, and can be held or changed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/resolve.h"

#include "lib/base/str.h"
#include "lib/os/clock.h"
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LONG_MS 600000

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned asked, inside;
	bool held;
	int rc;
	const char *address;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct resolve *names;
static struct arena *arena;

static int look_up(void *ctx, const char *host, char out[RESOLVE_TEXT])
{
	int rc;

	(void)ctx;
	(void)host;
	pthread_mutex_lock(&server.lock);
	server.asked++;
	server.inside++;
	pthread_cond_broadcast(&server.changed);
	while (server.held)
		pthread_cond_wait(&server.changed, &server.lock);
	rc = server.rc;
	if (rc == 0)
		snprintf(out, RESOLVE_TEXT, "%s", server.address);
	server.inside--;
	pthread_cond_broadcast(&server.changed);
	pthread_mutex_unlock(&server.lock);
	return rc;
}

static void serve(bool held, int rc, const char *address)
{
	pthread_mutex_lock(&server.lock);
	server.held = held;
	server.rc = rc;
	server.address = address;
	pthread_cond_broadcast(&server.changed);
	pthread_mutex_unlock(&server.lock);
}

static unsigned asked(void)
{
	unsigned n;

	pthread_mutex_lock(&server.lock);
	n = server.asked;
	pthread_mutex_unlock(&server.lock);
	return n;
}

static void make(struct resolve_options opt)
{
	opt.look_up = look_up;
	resolve_free(&names);
	names = resolve_new(&opt);
	pthread_mutex_lock(&server.lock);
	server.asked = 0;
	pthread_mutex_unlock(&server.lock);
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	serve(false, 0, "10.0.0.1");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	serve(false, 0, "10.0.0.1");
	resolve_free(&names);
	arena_free(&arena);
	/* What is under way uses our server to its end. */
	pthread_mutex_lock(&server.lock);
	while (server.inside > 0)
		pthread_cond_wait(&server.changed, &server.lock);
	pthread_mutex_unlock(&server.lock);
	return 0;
}

static void says(const char *host, const char *address)
{
	const char *is = resolve_address(names, host, arena);

	if (!str_eq(is, address))
		fail_msg("%s: %s, not %s", host, is ? is : "(none)", address ? address : "(none)");
}

/* Until the answer is that; each try asks. */
static void comes_to_say(const char *host, const char *address)
{
	int64_t end = clock_mono_us() + 20000000;

	while (!str_eq(resolve_address(names, host, arena), address))
		if (clock_mono_us() > end)
			fail_msg("%s never becomes %s", host, address ? address : "(none)");
}

static void is_remembered(void **state)
{
	(void)state;
	make((struct resolve_options){ .keep_ms = LONG_MS, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	says("a", "10.0.0.1");
	serve(false, 0, "10.0.0.2");
	says("a", "10.0.0.1");
	says("b", "10.0.0.2");
	assert_int_equal(asked(), 2);
	make((struct resolve_options){ .keep_ms = 1, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	says("a", "10.0.0.2");
	serve(false, 0, "10.0.0.3");
	comes_to_say("a", "10.0.0.3");
}

static void addresses_and_nonsense_are_not_asked(void **state)
{
	char longest[300];

	(void)state;
	make((struct resolve_options){ .max_names = 0 });
	says("192.0.2.7", "192.0.2.7");
	says("::1", "::1");
	says("", NULL);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	says(longest, NULL);
	assert_int_equal(asked(), 0);
	assert_int_equal(resolve_epoch(names), 0);
}

static void epochs(void **state)
{
	int64_t end = clock_mono_us() + 20000000;
	uint64_t first;

	(void)state;
	make((struct resolve_options){ .keep_ms = LONG_MS });
	says("a", "10.0.0.1");
	first = resolve_epoch(names);
	assert_true(first > 0);
	assert_true(resolve_epoch(names) - first <= 1);
	make((struct resolve_options){ .keep_ms = 1, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	says("a", "10.0.0.1");
	for (first = resolve_epoch(names); resolve_epoch(names) == first;)
		assert_true(clock_mono_us() < end);
}

static void failures_are_remembered_too(void **state)
{
	(void)state;
	make((struct resolve_options){ .keep_failure_ms = LONG_MS, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	serve(false, ERR_NOT_FOUND, NULL);
	says("a", NULL);
	serve(false, 0, "10.0.0.1");
	says("a", NULL);
	assert_int_equal(asked(), 1);
	make((struct resolve_options){ .keep_failure_ms = 1, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	serve(false, ERR_NOT_DONE, NULL);
	says("a", NULL);
	serve(false, 0, "10.0.0.1");
	comes_to_say("a", "10.0.0.1");
}

/* An outage of the name server takes no address away; its word that there is none does. */
static void outages_take_nothing_away(void **state)
{
	(void)state;
	make((struct resolve_options){ .keep_ms = 1, .keep_failure_ms = 1, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	says("a", "10.0.0.1");
	serve(false, ERR_NOT_DONE, NULL);
	for (unsigned n = asked(); asked() < n + 3;)
		says("a", "10.0.0.1");
	serve(false, ERR_NOT_FOUND, NULL);
	comes_to_say("a", NULL);
}

static void waiting_ends(void **state)
{
	(void)state;
	make((struct resolve_options){ .keep_ms = LONG_MS, .wait_ms = 20 });
	serve(true, 0, "10.0.0.1");
	says("a", NULL); /* returns at all: the server does not answer */
	says("a", NULL);
	assert_true(asked() <= 1); /* one look-up at a time */
	serve(false, 0, "10.0.0.1");
	comes_to_say("a", "10.0.0.1"); /* it went on */
	assert_int_equal(asked(), 1);
}

static int try(const char *host, const char *address)
{
	const char *is;
	int rc = resolve_try(names, host, arena, &is);

	assert_true(str_eq(is, address));
	return rc;
}

/* Until it says so; each try asks. */
static void comes_to(const char *host, int rc, const char *address)
{
	int64_t end = clock_mono_us() + 20000000;
	const char *is;

	while (resolve_try(names, host, arena, &is) != rc || !str_eq(is, address))
		if (clock_mono_us() > end)
			fail_msg("%s: not in time", host);
}

static void asking_without_waiting(void **state)
{
	(void)state;
	make((struct resolve_options){ .keep_ms = LONG_MS, .keep_failure_ms = LONG_MS, .wait_ms = LONG_MS });
	serve(true, 0, "10.0.0.1");
	assert_int_equal(try("a", NULL), ERR_NOT_DONE);
	assert_int_equal(try("a", NULL), ERR_NOT_DONE);
	assert_int_equal(try("192.0.2.7", "192.0.2.7"), 0);
	assert_int_equal(try("", NULL), ERR_NOT_FOUND);
	serve(false, 0, "10.0.0.1");
	comes_to("a", 0, "10.0.0.1");
	assert_int_equal(asked(), 1);
	serve(false, ERR_NOT_FOUND, NULL);
	comes_to("b", ERR_NOT_FOUND, NULL);
	serve(false, ERR_NOT_DONE, NULL); /* an outage is no answer */
	says("c", NULL);
	assert_int_equal(try("c", NULL), ERR_NOT_DONE);
	/* What was known before is told while it is looked up again. */
	make((struct resolve_options){ .keep_ms = 1, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	serve(false, 0, "10.0.0.1");
	says("a", "10.0.0.1");
	serve(true, 0, "10.0.0.2");
	comes_to("a", ERR_NOT_DONE, "10.0.0.1");
	serve(false, 0, "10.0.0.2");
	comes_to("a", 0, "10.0.0.2");
}

static void all_waiting_together_ends(void **state)
{
	int64_t start = clock_mono_us(), first;
	char host[16];

	(void)state;
	make((struct resolve_options){ .wait_ms = 50, .budget_ms = 60, .window_ms = LONG_MS });
	serve(true, 0, "10.0.0.1");
	says("a", NULL);
	says("b", NULL);
	first = clock_mono_us() - start;
	assert_true(first >= 60000);
	for (int i = 0; i < 1000; i++) { /* 50 s, if each were waited for */
		snprintf(host, sizeof(host), "h%d", i);
		says(host, NULL);
	}
	assert_true(clock_mono_us() - start < 25000000);
	/* In the end all of them are known, without any waiting. */
	serve(false, 0, "10.0.0.1");
	for (int i = 0; i < 1000; i++) {
		snprintf(host, sizeof(host), "h%d", i);
		comes_to_say(host, "10.0.0.1");
	}
	assert_int_equal(asked(), 1002);
}

static void the_least_used_goes(void **state)
{
	(void)state;
	make((struct resolve_options){ .max_names = 2, .keep_ms = LONG_MS, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	says("a", "10.0.0.1");
	says("b", "10.0.0.1");
	says("a", "10.0.0.1");
	says("c", "10.0.0.1"); /* b goes */
	says("a", "10.0.0.1");
	assert_int_equal(asked(), 3);
	says("b", "10.0.0.1");
	assert_int_equal(asked(), 4);
	/* What is just looked up cannot go: no room. */
	make((struct resolve_options){ .max_names = 1, .wait_ms = 1 });
	serve(true, 0, "10.0.0.1");
	says("a", NULL);
	says("b", NULL);
	serve(false, 0, "10.0.0.1");
	comes_to_say("a", "10.0.0.1");
	comes_to_say("b", "10.0.0.1");
}

static void *many(void *ctx)
{
	struct arena *mine = arena_new();
	char host[16];

	(void)ctx;
	for (int i = 0; i < 2000; i++) {
		snprintf(host, sizeof(host), "h%d", i % 37);
		if (!str_eq(resolve_address(names, host, mine), "10.0.0.1"))
			host[0] = '\0';
		if (host[0] == '\0')
			break;
	}
	arena_free(&mine);
	return host[0] != '\0' ? &server : NULL;
}

static void many_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	make((struct resolve_options){ .max_names = 50, .keep_ms = 1, .wait_ms = LONG_MS, .budget_ms = LONG_MS });
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *ok;

		pthread_join(threads[i], &ok);
		assert_non_null(ok);
	}
}

static void freed_while_asked(void **state)
{
	(void)state;
	make((struct resolve_options){ .wait_ms = 1 });
	serve(true, 0, "10.0.0.1");
	says("a", NULL);
	says("b", NULL);
	resolve_free(&names);
	assert_null(names);
	resolve_free(&names);
}

static void the_system_knows_us(void **state)
{
	char address[RESOLVE_TEXT];

	(void)state;
	assert_int_equal(resolve_by_system(NULL, "localhost", address), 0);
	assert_true(str_eq(address, "127.0.0.1") || str_eq(address, "::1"));
	assert_true(resolve_by_system(NULL, "no-such-host.invalid", address) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_and_nonsense_are_not_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(epochs, setup, teardown),
		cmocka_unit_test_setup_teardown(failures_are_remembered_too, setup, teardown),
		cmocka_unit_test_setup_teardown(outages_take_nothing_away, setup, teardown),
		cmocka_unit_test_setup_teardown(waiting_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(asking_without_waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(all_waiting_together_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(the_least_used_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(many_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(freed_while_asked, setup, teardown),
		cmocka_unit_test(the_system_knows_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
