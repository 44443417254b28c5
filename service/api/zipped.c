/*
 * zipped.c - the whole state as gzip
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/api/zipped.h"

#include "lib/http/gzip.h"

#include <stdlib.h>

#define AT_ONCE ((size_t)64 * 1024)  /* a millisecond's work */
#define PER_TURN ((size_t)128 * 1024)
#define PAUSE_US LOOP_MS(500) /* between large ones: a state that changes all the time must not eat the loop */

struct zipped {
	struct loop *loop;
	struct loop_timer timer;
	struct cached_state *of; /* that `text` is of; NULL = none */
	struct zipped_text *text;
	struct cached_state *next; /* being made */
	struct gzip *gzip;
	size_t at;
	int64_t not_before;
};

void zipped_text_unref(void *text)
{
	struct zipped_text *t = text;

	if (t == NULL || --t->refs > 0)
		return;
	buf_release(&t->bytes);
	free(t);
}

static void forget(struct cached_state **s)
{
	if (*s != NULL)
		cached_state_unref(*s);
	*s = NULL;
}

static void made(struct zipped *z)
{
	zipped_text_unref(z->text);
	forget(&z->of);
	z->text = xcalloc(1, sizeof(*z->text));
	z->text->refs = 1;
	gzip_take(z->gzip, &z->text->bytes);
	gzip_free(&z->gzip);
	z->of = STEAL(z->next);
}

static void make_some(void *ctx)
{
	struct zipped *z = ctx;
	const struct cached_state *s = z->next;
	size_t n = s->json_len - z->at < PER_TURN ? s->json_len - z->at : PER_TURN;
	bool last = z->at + n == s->json_len;

	gzip_add(z->gzip, s->json + z->at, n, last);
	z->at += n;
	if (last)
		made(z);
	else
		loop_timer_start(z->loop, &z->timer, 0);
}

static void begin(struct zipped *z, struct cached_state *state)
{
	state->refs++;
	z->next = state;
	z->at = 0;
	z->gzip = gzip_new();
	if (state->json_len > AT_ONCE)
		z->not_before = loop_now(z->loop) + PAUSE_US;
	if (state->json_len > AT_ONCE)
		loop_timer_start(z->loop, &z->timer, 0);
	else
		make_some(z);
}

struct zipped_text *zipped_get(struct zipped *z, struct cached_state *state)
{
	bool due = state->json_len <= AT_ONCE || loop_now(z->loop) >= z->not_before;

	if (z->of != state && z->next == NULL && due)
		begin(z, state);
	if (z->of != state)
		return NULL;
	z->text->refs++;
	return z->text;
}

struct zipped *zipped_new(struct loop *l)
{
	struct zipped *z = xcalloc(1, sizeof(*z));

	z->loop = l;
	z->timer = (struct loop_timer){ .fn = make_some, .ctx = z };
	return z;
}

void zipped_free(struct zipped **zp)
{
	struct zipped *z = STEAL(*zp);

	if (z == NULL)
		return;
	loop_timer_stop(z->loop, &z->timer);
	gzip_free(&z->gzip);
	forget(&z->next);
	forget(&z->of);
	zipped_text_unref(z->text);
	free(z);
}
