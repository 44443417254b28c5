/*
 * contract_names.h - what $name stands for in the files of the contract
 *
 * The newest value of a name counts, so those of a case lie above those of its file; a mark takes back what came after it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_CONTRACT_CONTRACT_NAMES_H
#define TESTS_CONTRACT_CONTRACT_NAMES_H

#include "lib/base/mem.h"

struct name_value {
	const char *name, *value;
};
struct names {
	struct arena *arena; /* owns the texts */
	struct name_value *items;
	size_t n, cap;
};

void names_put(struct names *ns, const char *name, const char *value); /* copied */
void names_put_n(struct names *ns, const char *name, size_t name_len, const char *value, size_t n);
const char *names_get(const struct names *ns, const char *name, size_t n); /* NULL: none */
void names_back(struct names *ns, size_t mark); /* mark: an earlier ns->n */
void names_release(struct names *ns); /* not the arena */

/* $name, ${name}, ${name*3}; what stands for nothing stays. In the arena of `a`. NULL: names stand for each other. */
char *names_expand(const struct names *ns, const char *text, struct arena *a);

#endif
