/*
 * api_body.c - bodies that are one record, and what is said of those that are none
 *
 * Java's validator speaks of what is missing (422), its parser of everything else (400).
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/api/job.h"
#include "service/core/locate.h"

void api_reply_problem(struct http_request **rq, const char *text)
{
	const char *items[] = { text };

	api_reply_problems(rq, &(struct strings){ items, 1 });
}

static void reply_undecodable(struct http_request **rq, struct slice body, const struct strings *missing,
	const struct error *err, struct arena *a)
{
	AUTO(buf_release) struct buf where = BUF_INIT;

	if (missing->n > 0) {
		api_reply_problems(rq, missing);
		return;
	}
	if (locate_nul(body.p, body.n, &where))
		buf_str(&where, ": ");
	http_reply_error(rq, 400,
		arena_printf(a, "Unable to process JSON: %s%s", buf_cstr(&where), err->text));
}

bool api_body(struct http_request **rq, const struct record *as, struct arena *a, void *obj_out_pp)
{
	struct slice body = http_body(*rq);
	struct error err = ERROR_INIT;
	struct strings missing;

	if (api_body_is_blank(body)) {
		api_reply_problem(rq, "The request body may not be null");
		return false;
	}
	if (record_decode_all(as, body.p, body.n, a, obj_out_pp, &missing, &err) == 0)
		return true;
	reply_undecodable(rq, body, &missing, &err, a);
	return false;
}
