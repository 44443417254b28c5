/*
 * wait.h - wait=SECONDS: an answer that is held until there is something new, so that nobody needs to poll
 *
 * A held request costs its connection and a few hundred bytes.  There is room for so many; who comes then is answered
 * at once, as without wait.  Whoever has left is forgotten within a second.
 *
 * Requests: the status node of each that somebody waits for is watched, on followers as on the leader.  A watch cannot be
 * taken back from ZooKeeper's client, so it is kept until the request has ended, and there are no more of them than
 * of requests held.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_API_WAIT_H
#define SERVICE_API_WAIT_H

#include "service/api/api.h"

#define WAIT_MAX_SECONDS 60

struct waiters;
struct waiters *waiters_new(struct api *api, size_t max); /* 0 = 1000 */
void waiters_free(struct waiters **w); /* those held are answered 503 */
void waiters_release(struct waiters *w); /* all are answered now, and nobody is held any more */
size_t waiters_count(const struct waiters *w);

/* Both answer by `answer`, which is what would be called without wait: at once, or when there is something new, or when the
 * time is over.  A bad wait= or seen= is answered 400. */
typedef void wait_answer_fn(struct http_request *rq, struct api *api);
/* GET /state: with an If-None-Match of the present version, until there is another. */
void wait_for_state(struct api *api, struct http_request *rq, wait_answer_fn *answer);
/* GET /request/{id}: until its state differs from `seen`, or without that from what it was when it was asked for. */
void wait_for_request(struct api *api, struct http_request *rq, const char *id, wait_answer_fn *answer);

#endif
