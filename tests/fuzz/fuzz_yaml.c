/*
 * fuzz_yaml.c - any bytes as a YAML file, against the tables of both programs
 *
 * What is taken must print as YAML that, read again, prints the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_settings.h"
#include "service/service_settings.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t longest_key;

/* Weight and height are what readers rely on for their own bounds. */
static void check_tree(const struct yaml_node *node, int depth)
{
	int height = 1;

	ASSERT(depth <= YAML_DEPTH_MAX && node->line >= 1 && node->weight >= 1);
	ASSERT((node->kind == YAML_SCALAR) == (node->text != NULL));
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_item *it = &node->items[i];

		ASSERT((node->kind == YAML_MAP) == (it->key != NULL));
		if (it->key && strlen(it->key) > longest_key)
			longest_key = strlen(it->key);
		check_tree(it->value, depth + 1);
		if (it->value->height >= height)
			height = it->value->height + 1;
	}
	ASSERT(node->n == 0 || node->height == height);
}

static bool read_with(const struct setting *rows, size_t conf_size, const char *text, size_t n,
	struct buf *dump)
{
	AUTO(arena_free) struct arena *arena = arena_new();
	AUTO(settings_report_release) struct settings_report rep = SETTINGS_REPORT_INIT;
	const struct yaml_node *root = NULL;
	struct error err = ERROR_INIT;
	void *conf = arena_alloc(arena, conf_size);
	int rc = settings_parse(rows, "fuzz", text, n, arena, conf, &root, &rep, &err);

	ASSERT((rc == 0) == (rep.errors == 0));
	ASSERT((rc == 0) == (root != NULL));
	ASSERT(rc == 0 || err.text[0] != '\0');
	if (rc != 0)
		return false;
	check_tree(root, 1);
	settings_dump(rows, conf, dump);
	return true;
}

static void check(const struct setting *rows, size_t conf_size, const char *text, size_t n)
{
	AUTO(buf_release) struct buf first = BUF_INIT, again = BUF_INIT;

	longest_key = 0;
	if (!read_with(rows, conf_size, text, n, &first))
		return;
	/* In one line YAML takes keys of 1024 bytes; each may have become six. */
	if (longest_key > 170 || first.len > YAML_BYTES_MAX)
		return;
	ASSERT(read_with(rows, conf_size, buf_cstr(&first), first.len, &again));
	ASSERT(strcmp(buf_cstr(&first), buf_cstr(&again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = size > 0 ? (const char *)data : "";

	check(service_settings, sizeof(struct service_conf), text, size);
	check(agent_settings, sizeof(struct agent_conf), text, size);
	return 0;
}
