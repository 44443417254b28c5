/*
 * template_partials_test.c - partials: named, inline, with blocks; what they see and how they are indented
 *
 * The rows that say nothing else print what handlebars.js 4.7.7 prints with `compat`.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/template_rows.h"

static void contexts_and_hashes(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "{{#each l}}{{> p}}{{/each}}{{> p this x=\"1\"}}{{> p x=\"2\" y=\"3\"}}",
			"{\"x\":\"X\",\"y\":\"Y\",\"l\":[{\"x\":\"l\"}]}", "<lYY><1YY><23Y>",
			{ { "p", "<{{x}}{{y}}{{../y}}>" } } },
		{ "{{#with o}}{{> p}}{{> p this}}{{> p ../o2}}{{/with}}",
			"{\"x\":\"r\",\"o\":{\"x\":\"1\"},\"o2\":{\"y\":\"2\"}}", "1r;1r;121;",
			{ { "p", "{{x}}{{y}}{{../x}};" } } },
		{ "{{> p m}}{{> p null}}{{> p \"s\"}}{{> p l}}",
			"{\"x\":\"x\",\"l\":[\"a\",\"b\"]}", "[x][x][sx][a,bx]",
			{ { "p", "[{{.}}{{x}}]" } } },
		{ "{{#each l}}{{> i this q=@index}}{{/each}}",
			"{\"l\":[{\"a\":\"1\"},{\"a\":\"2\"}]}", "100;211;",
			{ { "i", "{{a}}{{q}}{{@index}}{{../l.length}};" } } },
		{ "{{> t}}",
			"{\"n\":\"r\",\"c\":[{\"n\":\"a\",\"c\":[{\"n\":\"b\",\"c\":[]}]},{\"n\":\"d\",\"c\":[]}]}",
			"r(a(b())d())", { { "t", "{{n}}({{#each c}}{{> t}}{{/each}})" } } },
		{ "{{#each l as |v|}}{{> p v}}{{/each}}", "{\"l\":[{\"x\":\"1\"}]}", "1[]",
			{ { "p", "{{x}}[{{v}}]" } } },
		{ "{{> p l a=\"x\"}}{{> p \"uv\" a=\"x\"}}{{> p 5 a=\"x\"}}", "{\"l\":[\"1\",\"2\"]}",
			"x10=1;1=2;a=x;xu0=u;1=v;a=x;xa=x;",
			{ { "p", "{{a}}{{[0]}}{{#each this}}{{@key}}={{.}};{{/each}}" } } },
	};
	/* clang-format on */

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
}

static void indents(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "x\n{{> p}}\ny", "{}", "x\ny", { { "p", "" } } },
		{ "x\n {{> p}}\ny", "{}", "x\n \ny", { { "p", "\n" } } },
		{ "x\n {{> p}}\ny", "{}", "x\n a\n \n by", { { "p", "a\n\nb" } } },
		{ "a\n  {{> p}}\nb", "{\"x\":\"X\"}", "a\n  1\n  \n  2X\nb",
			{ { "p", "1\n\n2{{x}}\n" } } },
		{ "a\n  {{> p}}\nb", "{\"x\":\"X\"}", "a\n  1\n   q1\n   q23b",
			{ { "p", "1\n {{> q}}\n3" }, { "q", "q1\nq2" } } },
		{ "  {{> p}}\n  {{> q}}", "{\"l\":[\"1\",\"2\"]}", "  1\n  2\n    1\n    2\n  z",
			{ { "p", "{{#each l}}\n{{this}}\n{{/each}}\n" }, { "q", "  {{> p}}\nz" } } },
		{ "	{{> p}}\n{{x}}", "{\"x\":\"X\"}", "	X\nX",
			{ { "p", "{{x}}{{none}}\n{{none}}" } } },
	};
	/* clang-format on */

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
}

static void inline_partials_and_blocks(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "{{#*inline \"i\"}}[{{x}}{{y}}]{{/inline}}{{> i}}{{> i y=\"2\"}}{{#with z}}{{> i}}{{/with}}",
			"{\"x\":\"1\",\"z\":{\"x\":\"3\"}}", "[1][12][3]" },
		{ "{{#*inline \"x\"}}{{outer}}[{{../outer}}]{{/inline}}{{#each items}}{{> x}}{{/each}}",
			"{\"outer\":\"O\",\"items\":[{}]}", "[]" },
		{ "{{#if a}}{{#*inline \"k\"}}1{{/inline}}{{> k}}{{/if}}{{> k}}{{#*inline \"k\"}}2{{/inline}}",
			"{\"a\":true}", "12" },
		{ "{{#*inline \"a\"}}A{{> b}}{{/inline}}{{#*inline \"b\"}}B{{/inline}}{{> a}}",
			"{}", "AB" },
		{ "{{> p}}", "{\"x\":\"1\"}", "[z1]",
			{ { "p", "{{#*inline \"z\"}}z{{x}}{{/inline}}{{> q}}" }, { "q", "[{{> z}}]" } } },
		{ "{{#with a}}{{#*inline \"z\"}}<{{x}}{{../x}}>{{/inline}}{{#with b}}{{> z}}{{/with}}{{/with}}",
			"{\"x\":\"r\",\"a\":{\"x\":\"a\",\"b\":{\"x\":\"b\"}}}", "<br>" },
		{ "{{#*inline \"x\"}}1{{/inline}}{{#*inline \"x\"}}2{{/inline}}{{> x}}", "{}", "2",
			{ { "x", "file" } } },
		{ "{{#> lay title=\"T\"}}{{#*inline \"head\"}}H{{title}}{{/inline}}body{{title}}{{/lay}}",
			"{\"title\":\"R\"}", "<HT|T|bodyT>",
			{ { "lay", "<{{> head}}|{{title}}|{{> @partial-block}}>" } } },
		{ "{{#> none}}fb{{x}}{{#*inline \"k\"}}K{{/inline}}{{> k}}{{/none}}",
			"{\"x\":\"X\"}", "fbXK" },
		{ "{{#> outer}}{{#> inner}}X{{/inner}}{{/outer}}", "{}", "o[i[X]]",
			{ { "outer", "o[{{> @partial-block}}]" }, { "inner", "i[{{> @partial-block}}]" } } },
		{ "{{#> p}}A{{/p}}", "{}", "[AA]",
			{ { "p", "{{#> q}}{{> @partial-block}}{{/q}}" }, { "q", "[{{> @partial-block}}{{> @partial-block}}]" } } },
		{ "{{#with o}}{{#> a q}}{{x}}{{../x}};{{/a}}{{/with}}",
			"{\"x\":\"R\",\"o\":{\"x\":\"O\",\"q\":{\"x\":\"Q\"}}}", "QO:QO;QO;OO;",
			{ { "a", "{{x}}{{../x}}:{{> @partial-block}}{{> @partial-block this}}{{> @partial-block ../o}}" } } },
		{ "{{#each l}}{{#> a}}{{@index}}{{@../index}}{{.}},{{/a}}{{/each}}",
			"{\"l\":[\"x\",\"y\"],\"m\":[\"k\",\"n\"]}", "00k,11n,00k,11n,",
			{ { "a", "{{#each ../m}}{{> @partial-block}}{{/each}}" } } },
		{ "{{#if @partial-block}}y{{else}}n{{/if}}{{> p}}{{#> p}}b{{/p}}", "{}", "nNY",
			{ { "p", "{{#if @partial-block}}Y{{else}}N{{/if}}" } } },
	};
	/* clang-format on */

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
}

static int pick(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = value_get(call->self, "which") != NULL ? value_get(call->self, "which") : value_null();
	return 0;
}

static const struct template_helper helpers[] = { { "pick", pick, 0, 0, HELPER_VALUE, NULL } };
static const struct template_options picking = { .helpers = helpers, .n_helpers = ARRAY_LEN(helpers) };

static void names_may_be_values(void **state)
{
	static const struct row rows[] = {
		{ "{{#each l}}{{> (pick)}}{{> (pick) x=which}}{{/each}}", "{\"l\":[{\"which\":\"a\"},{\"which\":\"7\"},{\"which\":7}]}",
			"A[]A[a]S[]S[7]S[]S[7]", { { "a", "A[{{x}}]" }, { "7", "S[{{x}}]" } } },
		{ "{{#*inline which}}I{{/inline}}{{> i}}", "{\"which\":\"i\"}", "I" },
	};
	static const struct row bad[] = {
		{ "{{> (pick)}}", "{}", "t:1:1: the name of a partial must be a text" },
		{ "{{> (pick)}}", "{\"which\":\"none\"}", "t:1:1: there is no partial 'none'" },
		{ "\n{{> @partial-block}}", "{}", "t:2:1: there is no partial '@partial-block'" },
		{ "{{> a}}", "{}", "a:2:1: there is no partial 'b'", { { "a", "\n{{> b}}" } } },
		{ "{{> a}}", "{}", "a:1:3: the tag that begins here has no end", { { "a", "x {{x" } } },
		{ "{{> a}}", "{\"x\":{}}", "a:1:3: the value of 'x': a map has no text; name the member that is meant",
			{ { "a", "x {{x}}" } } },
	};

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), &picking);
	rows_check_errors(bad, ARRAY_LEN(bad), &picking);
}

struct set {
	struct template_partials *ps;
	struct template *t;
	struct error err;
};

static void add(struct set *s, const char *name, const char *text)
{
	if (s->ps == NULL)
		s->ps = template_partials_new(&picking);
	assert_int_equal(template_partials_add(s->ps, name, text, strlen(text), &s->err), 0);
}

static const struct template *compile(struct set *s, const char *text)
{
	struct template_options opt = picking;

	opt.partials = s->ps;
	template_free(&s->t);
	if (template_compile("t", text, strlen(text), &opt, &s->t, &s->err) != 0)
		fail_msg("%s", s->err.text);
	return s->t;
}

static void set_release(struct set *s)
{
	template_free(&s->t);
	template_partials_free(&s->ps);
}

static void what_is_missing(void **state)
{
	AUTO(set_release) struct set s = { NULL, NULL, ERROR_INIT };

	(void)state;
	add(&s, "b", "{{#> fallback}}x{{/fallback}}");
	add(&s, "a", "{{> b}}{{> @partial-block}}{{#*inline \"own\"}}{{/inline}}{{> own}}");
	assert_int_equal(template_partials_add(s.ps, "a", "", 0, &s.err), ERR_CONFLICT);
	assert_string_equal(s.err.text, "there are two partials 'a'");
	assert_int_equal(template_partials_check(s.ps, NULL, &s.err), 0);
	assert_int_equal(template_partials_check(s.ps, compile(&s, "{{> a}}{{> own}}"), &s.err), 0);
	assert_int_equal(template_partials_check(s.ps, compile(&s, "{{> a}}\n {{> x}}"), &s.err), ERR_NOT_FOUND);
	assert_string_equal(s.err.text, "t:2:2: there is no partial 'x'");
	assert_int_equal(template_partials_check(s.ps, compile(&s, "{{#if y}}{{> x}}{{#*inline 'x'}}{{/inline}}{{/if}}"),
		&s.err), 0);
	assert_int_equal(template_partials_check(NULL, s.t, &s.err), 0);
	add(&s, "c", "{{#each x}}{{> d}}{{/each}}");
	assert_int_equal(template_partials_check(s.ps, NULL, &s.err), ERR_NOT_FOUND);
	assert_string_equal(s.err.text, "c:1:12: there is no partial 'd'");
	assert_int_equal(template_partials_check(s.ps, compile(&s, "{{> c}}"), &s.err), 0);
}

static void mentions_reach_into_partials(void **state)
{
	AUTO(set_release) struct set s = { NULL, NULL, ERROR_INIT };

	(void)state;
	add(&s, "a", "{{> b}}");
	add(&s, "b", "{{> a}}{{services.x}}");
	add(&s, "c", "{{other}}{{> (pick)}}");
	assert_true(template_mentions(compile(&s, "{{> a}}"), "services"));
	assert_false(template_mentions(s.t, "other"));
	assert_false(template_mentions(compile(&s, "{{x}}"), "services"));
	assert_true(template_mentions(compile(&s, "{{> c}}"), "services"));
	assert_true(template_mentions(s.t, "other"));
	assert_false(template_mentions(s.t, "nowhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contexts_and_hashes),
		cmocka_unit_test(indents),
		cmocka_unit_test(inline_partials_and_blocks),
		cmocka_unit_test(names_may_be_values),
		cmocka_unit_test(what_is_missing),
		cmocka_unit_test(mentions_reach_into_partials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
