/*
 * contract_match.h - an answer against what a file of the contract expects
 *
 * What placeholders with a name have found comes into the names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CONTRACT_CONTRACT_MATCH_H
#define TESTS_CONTRACT_CONTRACT_MATCH_H

#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/contract/contract_cases.h"
#include "tests/contract/contract_names.h"

struct contract_answer {
	int status;
	struct case_headers headers; /* Content-Type among them */
	struct buf body;             /* unpacked */
};

/* False: `why` says what differs, in words for people. */
bool contract_check(const struct contract_answer *got, const struct case_step *want, struct names *ns, struct buf *why);

/* A body alone: `want` as in a file, names already expanded. */
bool contract_match_json(const char *want, const char *found, struct names *ns, struct buf *why);

#endif
