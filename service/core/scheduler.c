/*
 * scheduler.c - what a scheduler's requests need beyond Baragon's rules
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/scheduler.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"

#include <string.h>

/* Not "Invalid request due to": the scheduler takes that for the end of a removal. */
#define MALFORMED "Malformed request: "

/* "<something><kind><digits>" */
static bool is_kind(const char *id, const char *kind)
{
	const char *end = id + strlen(id), *digits = end;
	const size_t n = strlen(kind);

	while (digits > id && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	return digits < end && (size_t)(digits - id) > n && strncmp(digits - n, kind, n) == 0;
}

static bool is_update(const struct request *rq)
{
	return rq->action == ACTION_NONE || rq->action == ACTION_UPDATE;
}

bool scheduler_removes_task(const struct request *rq)
{
	return is_kind(rq->id, "-REMOVE-") && is_update(rq) && rq->remove.n > 0 && rq->add.n == 0 &&
	       rq->replace.n == 0;
}

static const char *group_of(const struct upstream *u)
{
	return u->group != NULL && *u->group != '\0' ? u->group : "default";
}

static bool is_there(const struct upstream *u, const struct service_state *now)
{
	for (size_t i = 0; now != NULL && i < now->upstreams.n; i++)
		if (str_eq(now->upstreams.items[i].address, u->address) &&
			str_eq(group_of(&now->upstreams.items[i]), group_of(u)))
			return true;
	return false;
}

bool scheduler_adds_again(
	const struct request *rq, const struct response *past, const struct service_state *now)
{
	if (!is_kind(rq->id, "-ADD-") || !is_update(rq) || rq->add.n == 0 || rq->remove.n > 0 ||
		rq->replace.n > 0)
		return false;
	if (past->state != STATE_SUCCESS || past->request == NULL || !request_same(rq, past->request))
		return false;
	for (size_t i = 0; i < rq->add.n; i++)
		if (!is_there(&rq->add.items[i], now))
			return true;
	return false;
}

const char *scheduler_malformed_text(const struct strings *problems, struct arena *a)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	buf_str(&text, MALFORMED);
	for (size_t i = 0; i < problems->n; i++)
		buf_printf(&text, "%s%s", i > 0 ? "; " : "", problems->items[i]);
	return arena_strdup(a, buf_cstr(&text));
}

bool scheduler_is_malformed(const struct response *past)
{
	return past->state == STATE_FAILED && past->request == NULL && past->message != NULL &&
	       str_starts(past->message, MALFORMED);
}
