/*
 * contract_cases.h - reads the files of the contract; their format is told in README.md beside this file
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CONTRACT_CONTRACT_CASES_H
#define TESTS_CONTRACT_CONTRACT_CASES_H

#include "lib/base/error.h"
#include "tests/contract/contract_names.h"

struct case_header {
	const char *name, *value; /* "-": there is none */
};
struct case_headers {
	struct case_header *items;
	size_t n, cap;
};

struct case_step {
	int line;
	const char *command; /* its line and those below; NULL: a call */
	bool again;          /* until it is as expected */
	const char *target;  /* "", "auth", ... */
	const char *method, *path, *body; /* body NULL: none is sent */
	struct case_headers headers;
	int status; /* expected; 0: nothing was said */
	struct case_headers want_headers;
	const char *want_body; /* NULL: there is none */
};

struct contract_case {
	const char *file; /* "request.txt" */
	int line;
	const char *title;
	const char *http_only; /* why it cannot run in-process; NULL = it can */
	struct case_step *steps;
	size_t n, cap;
};

struct case_file {
	struct arena *arena;
	const char *name;
	struct names names; /* of this file, above those of common.txt */
	struct contract_case *cases;
	size_t n, cap;
};

/* `common`: whose names it may use, NULL = none. */
int case_file_load(const char *folder, const char *name, const struct case_file *common, struct case_file **out,
	struct error *err) MUST_CHECK;
void case_file_free(struct case_file **f);

#endif
