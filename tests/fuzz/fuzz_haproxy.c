/*
 * fuzz_haproxy.c - any answer of HAProxy, any check output, any rendered file: understood or refused
 *
 * The first byte chooses the reader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/answer.h"
#include "agent/haproxy/config.h"
#include "agent/haproxy/proof.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_servers(const char *text, size_t n)
{
	struct arena *a = arena_new();
	struct answer_servers list;

	if (answer_servers(text, n, a, &list, NULL) == 0)
		for (size_t i = 0; i < list.n; i++)
			ASSERT(*list.items[i].name && list.items[i].port >= 0 && list.items[i].port <= 65535);
	arena_free(&a);
}

static void try_proof(const char *text, size_t n)
{
	struct arena *a = arena_new();
	struct proof_marks marks;

	proof_marks(text, n, a, &marks);
	ASSERT(marks.n <= PROOF_MARKS_MAX);
	for (size_t i = 0; i < marks.n; i++)
		ASSERT((marks.items[i].file != NULL) != (marks.items[i].name != NULL));
	(void)proof_headline(text, n, a);
	free(marks.items);
	arena_free(&a);
}

static void try_config(const char *text, size_t n)
{
	struct config *c = config_new();

	config_add(c, "f", text, n);
	for (size_t i = 0; i < c->n_servers; i++)
		ASSERT(c->servers[i].section < c->n_sections);
	(void)config_find(c, "b");
	config_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer_proc proc;
	struct answer_info info;
	enum answer_reload reload;
	char *text;
	size_t n;

	if (size == 0)
		return 0;
	n = size - 1;
	text = malloc(n + 1); /* exact, so that one byte too far is seen */
	if (n > 0)
		memcpy(text, data + 1, n);
	text = realloc(text, n ? n : 1);
	switch (*data % 6) {
	case 0:
		if (answer_proc(text, n, &proc, NULL) == 0)
			ASSERT(proc.master > 0);
		break;
	case 1:
		if (answer_info(text, n, &info, NULL) == 0)
			ASSERT(info.pid > 0 && strlen(info.marker) < sizeof(info.marker));
		break;
	case 2:
		(void)!answer_reload(text, n, &reload, NULL);
		break;
	case 3:
		try_servers(text, n);
		break;
	case 4:
		try_proof(text, n);
		break;
	case 5:
		try_config(text, n);
		break;
	}
	free(text);
	return 0;
}
