/*
 * store_sample.h - a store in memory on virtual time, for what reads and writes records
 *
 * A test embeds `struct sample`, calls sample_begin() and sample_end(), and sets x->done in its callbacks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_STORE_SAMPLE_H
#define TESTS_UNIT_STORE_SAMPLE_H

#include "tests/unit/cmocka_all.h"

#include "lib/base/life.h"
#include "lib/base/str.h"
#include "lib/store/store_mem.h"

#include <string.h>

struct sample {
	struct loop *loop;
	struct mem_server *server;
	struct store *st;
	struct life *life;
	struct arena *arena;
	bool done;
	int code; /* of the last answer */
};

static UNUSED void sample_settle(struct sample *x, int64_t ms)
{
	assert_true(loop_sim_run_for(x->loop, LOOP_MS(ms), 100000));
}

static UNUSED void sample_begin(struct sample *x)
{
	memset(x, 0, sizeof(*x));
	x->loop = loop_sim_new(3);
	x->server = mem_server_new(x->loop, 3);
	x->st = store_mem_new(x->server, "st", 6000);
	x->life = life_new();
	x->arena = arena_new();
	sample_settle(x, 10);
	assert_int_equal(store_link(x->st), STORE_LINK_UP);
}

static UNUSED void sample_end(struct sample *x)
{
	store_free(&x->st);
	life_end(&x->life);
	mem_server_free(&x->server);
	loop_free(&x->loop);
	arena_free(&x->arena);
}

/* Until the callback has come. */
static UNUSED void sample_wait(struct sample *x)
{
	assert_false(x->done); /* never inside the call that asked */
	for (int i = 0; i < 100000 && !x->done; i++)
		assert_true(loop_sim_step(x->loop));
	assert_true(x->done);
	x->done = false;
}

static UNUSED void sample_on_done(void *ctx, const struct error *err)
{
	struct sample *x = ctx;

	x->done = true;
	x->code = err != NULL ? (int)err->code : 0;
}

static UNUSED const char *sample_text(const struct sample *x, const char *path)
{
	const struct store_node *node = mem_server_get(x->server, path);

	return node != NULL ? arena_strndup(x->arena, node->len > 0 ? node->data : "", node->len) : NULL;
}

static UNUSED void expect_node(const struct sample *x, const char *path, const char *want)
{
	const char *text = sample_text(x, path);

	if (text == NULL)
		fail_msg("no node %s", path);
	assert_string_equal(text, want);
}

#endif
