/*
 * scheduler.h - what a scheduler's requests need beyond Baragon's rules
 *
 * Singularity names them by what they do: "<task>-ADD-1" puts a task in, "<task>-REMOVE-<n>" takes it out, each with the
 * definition of the task's own deploy. A deploy it believes only when GET answers.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_SCHEDULER_H
#define SERVICE_CORE_SCHEDULER_H

#include "lib/model/response.h"

/* Takes a task out, and does nothing else: the definition in its body may be an old one, or that of a deploy that failed. */
bool scheduler_removes_task(const struct request *rq);

/* A task that was thought lost is back: its addition, which has ended, is posted once more under its old id. True: it succeeded,
 * is the same, and what it added has been taken out since. `now`: the state of its service; NULL: none. */
bool scheduler_adds_again(const struct request *rq, const struct response *past, const struct service_state *now);

/* A request that breaks rules of form is remembered, so that GET does not answer "unknown", which a scheduler takes for "wait".
 * Its id stays free for a body that is right. */
const char *scheduler_malformed_text(const struct strings *problems, struct arena *a);
bool scheduler_is_malformed(const struct response *past);

#endif
