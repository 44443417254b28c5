/*
 * fuzz_template.c - any bytes as a template and its partials, at both levels, for every kind of file
 *
 * The input is sections (sections.h).  No crash, no endless loop, errors with their place, no control character
 * from a value.  The data is always the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/fuzz/sections.h"

#include <stdlib.h>
#include <string.h>

#define MAX_INPUT 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* clang-format off */
static const char *const DATA =
	"{\"id\":\"svc\",\"present\":true,\"timestamp\":1700000000000,\"service\":{\"id\":\"svc\",\"list\":[\"x\",1,null,2.5,true],"
	"\"bad\":\"a\\nb\",\"map\":{\"k\":\"v\",\"empty\":0},\"options\":{\"check\":true,\"maxconn\":5,\"text\":\"a b\\\"c\"}},"
	"\"upstreams\":[{\"upstream\":\"10.0.0.1:80\",\"group\":\"default\",\"rackId\":\"r1\",\"\\u0001\":\"10.0.0.1:80\"},"
	"{\"upstream\":null,\"opt\":{\"\\u0002\":\"r2\"}}],"
	"\"agentProperties\":{\"ec2\":{\"availabilityZone\":\"r1\"}},\"n\":0,\"e\":[],\"t\":\"\",\"z\":null,"
	"\"optional\":{\"\\u0002\":null},\"deep\":[[1,[2,[3]]],{\"a\":{\"b\":{\"c\":\"d\"}}}]}";
/* clang-format on */

static int render(const struct sections *s, struct template_options *opt, const struct value *v, struct buf *out,
	struct error *err)
{
	AUTO(template_partials_free) struct template_partials *ps = NULL;
	AUTO(template_free) struct template *t = NULL;
	int rc = sections_partials(s, opt, &ps, err);

	opt->partials = ps;
	if (rc == 0)
		rc = template_compile("fuzz", s->items[0].text, s->items[0].n, opt, &t, err);
	if (rc == 0)
		rc = template_partials_check(ps, t, err);
	if (rc == 0)
		rc = template_render(t, v, out, err);
	opt->partials = NULL;
	return rc;
}

static void try_one(const struct sections *s, enum template_level level, enum template_output output,
	const struct value *v)
{
	struct template_options opt = { .level = level, .output = output, .max_depth = 20, .max_text = 65536,
		.max_output = 16384, .max_turns = 2000 };
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;
	int rc;

	opt.helpers = sections_helpers(level, &opt.n_helpers);
	rc = render(s, &opt, v, &out, &err);
	ASSERT(out.len <= opt.max_output && (rc == 0 || out.len == 0));
	if (rc != 0)
		sections_check_error(s, "fuzz", &err);
	else
		sections_check_controls(s, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum template_output outputs[] = { OUTPUT_DEFAULT, OUTPUT_TEXT, OUTPUT_HAPROXY, OUTPUT_HAPROXY_MAP,
		OUTPUT_NGINX, OUTPUT_HTML };
	AUTO(arena_free) struct arena *a = arena_new();
	const struct value *v = NULL;
	struct sections s;
	unsigned sum = 0;

	if (size > MAX_INPUT)
		return 0;
	if (value_parse(DATA, strlen(DATA), a, &v, NULL) != 0)
		abort();
	sections_split((const char *)data, size, a, &s);
	/* All outputs at both levels would be twelve times the work: the text chooses, so that each is had. */
	for (size_t i = 0; i < size; i++)
		sum += data[i];
	try_one(&s, TEMPLATE_LOCKSTEP, outputs[sum % ARRAY_LEN(outputs)], v);
	try_one(&s, TEMPLATE_BARAGON, outputs[sum / 7 % ARRAY_LEN(outputs)], v);
	return 0;
}
