/*
 * java_answer.h - what a Java agent is asked, and what its answer amounts to
 *
 * A Java agent reads requests and states from ZooKeeper itself: a call only names them.  It answers per item; the call as a
 * whole is good only if every item is.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_JAVA_ANSWER_H
#define SERVICE_CORE_JAVA_ANSWER_H

#include "lib/model/batch.h"
#include "lib/model/javabatch.h"

struct java_answered {
	bool ok;
	bool template_missing; /* it has no such template, and touched nothing */
	bool doubtful;         /* who answered was between us and it: it may still be at work */
	int64_t status_code;   /* of the first item that failed, else 200; 0 = none could be read */
	const char *content;   /* the agent's words; NULL = none */
	const char *exception; /* why its answer counts for nothing; NULL = it was understood */
};

/*
 * The items of one call; types: CALL_APPLY, CALL_REVERT or CALL_CANCEL.  With `reload` one more is added that makes what the others wrote
 * live, for a Java agent reloads only after the last item, and not if that one changes no file.
 */
void java_items_make(const struct request *const *requests, const enum call_type *types, size_t n, bool reload, struct arena *a,
	struct java_items *out);

/* To POST /batch, and to a call of one request. Texts are the arena's. */
void java_batch_answered(int http_status, const char *body, size_t len, const struct java_items *asked, struct arena *a,
	struct java_answered *out);
void java_single_answered(int http_status, const char *body, size_t len, struct arena *a, struct java_answered *out);

/* Puts base and id where `format` says %s, in this order: "%s/batch", "%s/request/%s". */
void java_url(const char *format, const char *base, const char *id, struct buf *out);

#endif
