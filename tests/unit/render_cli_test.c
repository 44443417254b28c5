/*
 * render_cli_test.c - --render: which services of a state file count, and what is shown of a file
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/render_cli.h"

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

#define SERVICE(id, group)                                                                         \
	"{\"serviceId\":\"" id "\",\"owners\":[],\"serviceBasePath\":\"/" id                       \
	"\",\"loadBalancerGroups\":[\"x\",\"" group "\"]}"
#define STATE(id, group, address)                                                                  \
	"{\"service\":" SERVICE(id, group) ",\"upstreams\":[{\"upstream\":\"" address "\",\"requestId\":null," \
	"\"rackId\":null,\"group\":\"default\",\"resolvedUpstream\":null}]}"

static struct render_input in;
static struct error err;

static int setup(void **state)
{
	(void)state;
	in = (struct render_input){ .group = "web" };
	err = (struct error)ERROR_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	render_input_release(&in);
	return 0;
}

static int parse(const char *text)
{
	return render_input_parse(&in, text, strlen(text), &err);
}

static void services_of_the_group(void **state)
{
	(void)state;
	assert_int_equal(parse("[" STATE("b", "web", "10.0.0.1:80") "," STATE("c", "other", "10.0.0.2:80") ","
			       STATE("a", "web", "10.0.0.3:80") "]"), 0);
	assert_int_equal(in.n, 2);
	assert_string_equal(in.services[0]->id, "b");
	assert_int_equal(in.services[0]->state.upstreams.n, 1);
	assert_string_equal(in.services[1]->id, "a");
	render_input_release(&in);
	assert_int_equal(parse("[]"), 0);
	assert_int_equal(in.n, 0);
}

static void what_is_no_state(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "" },
		{ "{}", "" },
		{ "[" STATE("a", "web", "10.0.0.1:80"), "" },
		{ "[{\"service\":null,\"upstreams\":[]}]", "[0].service: may not be null" },
		{ "[" STATE("a", "web", "10.0.0.1:80") ",{\"service\":{\"serviceId\":\"b\"},\"upstreams\":[]}]",
			"[1].service.owners: may not be null" },
		{ "[{\"service\":" SERVICE("a", "web") ",\"upstreams\":[7]}]", "[0].upstreams[0]: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		render_input_release(&in);
		assert_int_equal(parse(cases[i].text), ERR_INVALID);
		if (!str_starts(err.text, cases[i].error))
			fail_msg("%zu: %s", i, err.text);
		assert_int_equal(in.n, 0);
	}
}

static void assert_part(const struct fileset *fs, const char *path, const char *service, const char *text)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	const struct fileset_file *f = fileset_find(fs, path);

	assert_non_null(f);
	assert_int_equal(render_cli_part(f, service, &out), text != NULL);
	assert_string_equal(buf_cstr(&out), text != NULL ? text : "");
}

static void parts_of_files(void **state)
{
	const struct template_source rows[] = {
		{ .filename = "all.txt", .text = "{{#if upstreams}}{{service.serviceId}}{{/if}}", .header = "head",
			.footer = "foot", .scope = SCOPE_COLLECTED },
		{ .filename = "group.txt", .text = "{{#each services}}{{service.serviceId}};{{/each}}",
			.scope = SCOPE_GROUP },
		{ .filename = "own/%s", .text = "{{service.serviceBasePath}}" },
	};
	const struct renderer_config cfg = { .templates = rows, .n_templates = ARRAY_LEN(rows) };
	const struct service_state *states[3];
	AUTO(renderer_free) struct renderer *r = NULL;
	AUTO(fileset_free) struct fileset *fs = NULL;

	(void)state;
	assert_int_equal(parse("[" STATE("b", "web", "10.0.0.1:80") "," STATE("a", "web", "10.0.0.3:80") ",{\"service\":"
			       SERVICE("c", "web") ",\"upstreams\":[]}]"), 0);
	for (size_t i = 0; i < 3; i++)
		states[i] = &in.services[i]->state;
	if (renderer_new(&cfg, &r, &err) != 0 || fileset_build(r, NULL, states, NULL, 3, 0, &fs, NULL, &err) != 0)
		fail_msg("%s", err.text);
	assert_part(fs, "all.txt", NULL, "head\na\nb\nfoot\n");
	assert_part(fs, "all.txt", "b", "b\n");
	assert_part(fs, "all.txt", "c", NULL);
	assert_part(fs, "group.txt", NULL, "a;b;c;");
	assert_part(fs, "group.txt", "a", NULL);
	assert_part(fs, "own/a", NULL, "/a");
	assert_part(fs, "own/a", "a", "/a");
}

static void blames(void **state)
{
	(void)state;
	render_input_blame(&in, "x", "broken");
	assert_int_equal(in.n_blames, 1);
	assert_string_equal(in.blames[0].service, "x");
	assert_string_equal(in.blames[0].reason, "broken");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(services_of_the_group, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_state, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_files, setup, teardown),
		cmocka_unit_test_setup_teardown(blames, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
