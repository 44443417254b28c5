/*
 * contract_stage.h - the cluster that the contract is asked of, in one thread: as tests/integration/test_contract.py has it
 *
 * Two services and two agents with the real api, worker, link and pipeline (templates, files) on the memory store, the
 * simulated network and virtual time.  "" is the leading service, "auth" one with auth.enabled; "agent" and "agent-auth".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CONTRACT_CONTRACT_STAGE_H
#define TESTS_CONTRACT_CONTRACT_STAGE_H

#include "tests/contract/contract_match.h"

#define STAGE_GROUP "web"
#define STAGE_UPSTREAM_1 "127.0.0.1:31001"
#define STAGE_UPSTREAM_2 "127.0.0.1:31002"

struct stage;
/* `templates`: the folder of the shipped ones for HAProxy. NULL: it does not come up. */
struct stage *stage_new(const char *templates, struct error *err);
void stage_free(struct stage **s);

/* What a case may say: where everything is, and the keys. */
void stage_names(const struct stage *s, struct names *ns);

struct stage_call {
	const char *target, *method;
	const char *path; /* below the context, or "!" and from the root */
	const struct case_header *headers;
	size_t n_headers;
	struct slice body;
};
/* False: no such target. An answer that takes two minutes of virtual time ends the program. */
bool stage_ask(struct stage *s, const struct stage_call *call, struct contract_answer *out);
void stage_answer_release(struct contract_answer *a);

bool stage_run(struct stage *s, int64_t ms); /* time goes on */
void stage_put(struct stage *s, const char *path, const char *text);
bool stage_get(const struct stage *s, const char *path, struct buf *out); /* false: no node */
void stage_freeze(struct stage *s, bool frozen); /* the first agent; as it was is fine */

#endif
