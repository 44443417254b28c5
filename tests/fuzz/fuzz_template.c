/*
 * fuzz_template.c - any bytes as a template: no crash, no endless loop, no control character from a value
 *
 * make fuzz-template searches; make fuzz-replay runs the seeds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/template.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* clang-format off */
static const char *const DATA =
	"{\"service\":{\"id\":\"svc\",\"list\":[\"x\",1,null,2.5,true],\"bad\":\"a\\nb\",\"map\":{\"k\":\"v\",\"empty\":0}},"
	"\"upstreams\":[{\"a\":\"10.0.0.1:80\",\"\\u0001\":\"text\"},{\"a\":null}],\"n\":0,\"e\":[]}";
/* clang-format on */

static int echo(const struct template_call *call, const struct value **out, struct error *err)
{
	if (call->n_args == 2 && call->n_hash == 1)
		return error_set(err, ERR_INVALID, "refused");
	*out = call->n_args > 0 ? call->args[0] : call->self;
	return 0;
}

static const struct template_helper HELPERS[] = {
	{ "h", echo, 0, 3, HELPER_VALUE, NULL },
	{ "b", echo, 0, 3, HELPER_BLOCK, NULL },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct template_options opt = { .helpers = HELPERS, .n_helpers = ARRAY_LEN(HELPERS), .max_depth = 20,
		.max_text = 65536, .max_output = 65536, .max_turns = 20000 };
	AUTO(template_free) struct template *t = NULL;
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;
	const struct value *v;
	int rc;

	opt.level = size > 0 && (data[0] & 1) != 0 ? TEMPLATE_BARAGON : TEMPLATE_LOCKSTEP;
	rc = value_parse(DATA, strlen(DATA), a, &v, &err);
	ASSERT(rc == 0);
	rc = template_compile("fuzz", (const char *)data, size, &opt, &t, &err);
	if (rc == 0) {
		size_t lines = 0;

		rc = template_render(t, v, &out, &err);
		ASSERT(out.len <= opt.max_output && (rc == 0 || out.len == 0));
		/* without a loop, a line break can only come from the template */
		for (size_t i = 0; i < size; i++)
			lines += data[i] == '\n';
		for (size_t i = 0; lines == 0 && i < out.len; i++)
			ASSERT(out.data[i] != '\n');
	}
	if (rc != 0)
		ASSERT(strncmp(err.text, "fuzz:", 5) == 0);
	return 0;
}
