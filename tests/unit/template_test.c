/*
 * template_test.c - the template language: what it prints, and where it says that something is wrong
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/template.h"

#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* clang-format off */
static const char *const DATA =
	"{\"service\":{\"serviceId\":\"svc-1\",\"owners\":[\"o1\",\"o2\"],\"serviceBasePath\":\"/p\",\"templateName\":null,"
	"\"options\":{\"str\":\"a<b>&\\\"c'`d\",\"n\":5,\"z\":0,\"d\":1.5,\"big\":1e10,\"t\":true,\"f\":false,"
	"\"list\":[\"x\",\"y\"],\"elist\":[],\"emap\":{},\"map\":{\"k1\":\"v1\",\"k2\":2},\"nul\":null,\"es\":\"\","
	"\"odd key\":\"ok\",\"bad\":\"a\\nb\",\"del\":\"\\u007f\",\"deep\":{\"a\":{\"b\":\"c\"}},\"mixed\":[1,null,[2.0]]}},"
	"\"upstreams\":[{\"upstream\":\"10.0.0.1:80\",\"group\":\"default\",\"rackId\":\"r1\",\"\\u0001\":\"10.0.0.1:80\"},"
	"{\"upstream\":\"10.0.0.2:80\",\"group\":\"g2\",\"rackId\":null,\"\\u0001\":\"10.0.0.2:80\"}],"
	"\"timestamp\":1421852640000,\"agentProperties\":{\"agentId\":\"lb1:8882\"}}";
/* clang-format on */

/* A helper that joins its arguments with the hash value "by". */
static int join(const struct template_call *call, const struct value **out, struct error *err)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *by = call->n_hash > 0 ? call->hash[0].value->u.s : ",";

	for (size_t i = 0; i < call->n_args; i++) {
		if (call->args[i]->kind != VALUE_STRING)
			return error_set(err, ERR_INVALID, "parameter %zu is no string", i + 1);
		buf_printf(&b, "%s%s", i > 0 ? by : "", call->args[i]->u.s);
	}
	*out = value_string(call->arena, buf_cstr(&b));
	return 0;
}

static int same(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = value_bool(value_equal(call->args[0], call->args[1]));
	return 0;
}

static const struct template_helper HELPERS[] = {
	{ "join", join, 1, 9, HELPER_VALUE, NULL },
	{ "ifSame", same, 2, 2, HELPER_BLOCK, NULL },
};

static int run(const char *text, const struct template_options *opt, struct buf *out, struct error *err)
{
	struct template_options o = { .helpers = HELPERS, .n_helpers = ARRAY_LEN(HELPERS) };
	AUTO(template_free) struct template *t = NULL;
	AUTO(arena_free) struct arena *a = arena_new();
	const struct value *data;
	int rc;

	assert_int_equal(value_parse(DATA, strlen(DATA), a, &data, err), 0);
	rc = template_compile("t", text, strlen(text), opt != NULL ? opt : &o, &t, err);
	return rc != 0 ? rc : template_render(t, data, out, err);
}

struct row {
	const char *text, *want;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct error err = ERROR_INIT;

		if (run(rows[i].text, NULL, &out, &err) != 0)
			fail_msg("%s: %s", rows[i].text, err.text);
		if (!str_eq(buf_cstr(&out), rows[i].want))
			fail_msg("%s\n gives: [%s]\n wanted: [%s]", rows[i].text, buf_cstr(&out), rows[i].want);
	}
}

static void check_errors(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct error err = ERROR_INIT;

		buf_str(&out, "before");
		if (run(rows[i].text, NULL, &out, &err) == 0)
			fail_msg("%s: no error, but [%s]", rows[i].text, buf_cstr(&out));
		assert_string_equal(err.text, rows[i].want);
		assert_string_equal(buf_cstr(&out), "before");
	}
}

static void prints_values(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "plain } }} { text", "plain } }} { text" },
		{ "{{service.options.str}}|{{{service.options.str}}}|{{&service.options.str}}",
			"a<b>&\"c'`d|a<b>&\"c'`d|a<b>&\"c'`d" },
		{ "{{service.options.big}} {{service.options.list}} {{service.options.map.k2}} [{{service.options.nul}}]",
			"10000000000 x,y 2 []" },
		{ "{{service/options/deep/a/b}} {{service.options.d}} {{service.options.t}} {{timestamp}}",
			"c 1.5 true 1421852640000" },
		{ "{{service.options.mixed}}", "1,,2" },
		{ "[{{missing}}{{service.missing.x}}{{service.owners.x}}]", "[]" },
		{ "{{service.options.list.[0]}}[{{service.options.list.[5]}}][{{service.options.list.x}}]", "x[][]" },
		{ "{{service.options.[odd key]}}", "ok" },
		{ "\\{{service}} \\{{{x}}} {{timestamp}}", "{{service}} {{{x}}} 1421852640000" },
		{ "{{ timestamp }}{{\n\ttimestamp\n}}", "14218526400001421852640000" },
		{ "{{service.options.elist.length}} {{#if upstreams.length}}N{{else}}E{{/if}}", "0 N" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void blocks(void **state)
{
	static const struct row rows[] = {
		{ "{{#each upstreams}}{{#if rackId}}T{{else}}F{{/if}}{{/each}}", "TF" },
		{ "{{#each upstreams}}{{rackId}},{{group}},{{{this}}},{{@index}}{{@first}}{{@last}}{{@odd}}{{@even}};{{/each}}",
			"r1,default,10.0.0.1:80,0truefalsefalsetrue;,g2,10.0.0.2:80,1falsetruetruefalse;" },
		{ "{{#each upstreams}}{{service.serviceId}}/{{#if group}}{{../timestamp}}{{/if}};{{/each}}",
			"svc-1/1421852640000;svc-1/1421852640000;" },
		{ "{{#each service.options.elist}}x{{else}}E{{/each}}|{{#each service.options.nul}}x{{else}}E{{/each}}|"
		  "{{#each missing}}x{{else}}E{{/each}}|{{#each service.options.emap}}x{{else}}E{{/each}}", "E|E|E|E" },
		{ "{{#each service.options.map}}{{@key}}={{this}}{{@last}},{{/each}}[{{@key}}]", "k1=v1false,k2=2true,[]" },
		{ "{{#each upstreams.[0]}}{{@key}} {{/each}}", "upstream group rackId " },
		{ "{{#service.options.list}}<{{.}}>{{/service.options.list}}", "<x><y>" },
		{ "{{#service.options.missing}}x{{else}}no{{/service.options.missing}}", "no" },
		{ "{{#service.options.t}}{{timestamp}}{{/service.options.t}}", "1421852640000" },
		{ "{{^service.options.t}}a{{else}}b{{/service.options.t}}{{^missing}}c{{/missing}}", "bc" },
		{ "{{#with agentProperties}}{{agentId}} {{timestamp}}{{/with}}", "lb1:8882 1421852640000" },
		{ "{{#with missing}}x{{else}}none{{/with}}", "none" },
		{ "{{#unless missing}}u{{else}}v{{/unless}}", "u" },
		{ "{{#if missing}}a{{^}}b{{/if}}", "b" },
		{ "{{#each service.options.list}}{{#each ../upstreams}}{{../this}}{{@index}};{{/each}}{{/each}}",
			"x0;x1;y0;y1;" },
		{ "{{#each upstreams}}{{@root.service.serviceId}}{{this.service}}{{./service}}{{../../x}};{{/each}}",
			"svc-1;svc-1;" },
		{ "{{#with service}}{{#with options}}{{../../timestamp}} {{../serviceId}} {{#with deep.a}}{{b}}{{n}}{{/with}}"
		  "{{/with}}{{/with}}", "1421852640000 svc-1 c5" },
	};
	static const char *const truth[] = { "z", "n", "emap", "elist", "es", "f", "nul", "missing", "d", "t", "str" };
	AUTO(buf_release) struct buf text = BUF_INIT, out = BUF_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(truth); i++)
		buf_printf(&text, "{{#if service.options.%s}}T{{else}}F{{/if}}", truth[i]);
	assert_int_equal(run(text.data, NULL, &out, &err), 0);
	assert_string_equal(out.data, "FTTFFFFFTTT");
}

static void chains_names_and_delimiters(void **state)
{
	static const struct row rows[] = {
		{ "{{#each service.options.list}}{{#ifSame this 'x'}}1{{else if @last}}2{{else}}3{{/ifSame}}{{/each}}", "12" },
		{ "{{#if missing}}a{{else with service as |s|}}{{s.serviceId}}{{else}}c{{/if}}", "svc-1" },
		{ "{{^if missing}}a{{else}}b{{/if}}{{^each service.options.elist}}none{{/each}}", "anone" },
		{ "{{#each service.options.list as |x i|}}{{#each ../upstreams as |u k|}}{{i}}{{x}}{{k}}{{u.group}};{{/each}}{{/each}}",
			"0x0default;0x1g2;1y0default;1y1g2;" },
		{ "{{#each service.options.map as |v k|}}{{k}}={{v}} {{/each}}", "k1=v1 k2=2 " },
		{ "{{#with service as |s|}}{{#with options as |s|}}{{s.n}}{{/with}}{{s.serviceId}}{{/with}}", "5svc-1" },
		{ "{{#each upstreams as |u|}}{{#with u as |v|}}{{u.group}}{{v.group}}{{this.u}}{{../u}} {{/with}}{{/each}}",
			"defaultdefault g2g2 " },
		{ "{{service.owners.1}}{{service.owners.0.length}}", "o22" },
		{ "{{{{if timestamp}}}}{{x}} {{#y}}{{{{/if}}}}", "{{x}} {{#y}}" },
		{ "{{=<< >>=}}{{<<timestamp>>}}<<={{ }}=>>{{service.options.n}}", "{{1421852640000}}5" },
		{ "location / { return {{service.options.n}}; } {{service.options.n}}}", "location / { return 5; } 5}" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
}

static void white_space(void **state)
{
	static const struct row rows[] = {
		{ "a\n{{#if upstreams}}\nb\n{{/if}}\nc", "a\nb\nc" },
		{ "a\r\n  {{#if upstreams}}  \r\nb\r\n\t{{/if}}\t\r\nc", "a\r\nb\r\nc" },
		{ "o:\n{{#each service.owners}}\n# {{{.}}}\n{{else}}\n# none\n{{/each}}\nend", "o:\n# o1\n# o2\nend" },
		{ "o:\n  {{#each service.options.elist}}\nx\n  {{ else }}\n# none\n  {{/each}}\nend", "o:\n# none\nend" },
		{ "{{! c }}\na{{! {{x }}b\n {{!-- }} {{x}} --}}\nc\n{{!--\n--}}", "ab\nc\n" },
		{ "x {{! in a line }}\ny", "x \ny" },
		{ "{{#if upstreams}} {{/if}}\n", " \n" },
		{ "{{#if upstreams}}a{{/if}}\nb", "a\nb" },
		{ "  {{timestamp}}  \n", "  1421852640000  \n" },
		{ "a \n {{~timestamp~}} \n b", "a1421852640000b" },
		{ "a {{~#if upstreams~}} \n b \n {{~/if~}} c {{~! x ~}} d", "abcd" },
		{ "{{#ifSame '}}' \"}}\"}}\ny\n{{/ifSame}}\n", "y\n" },
		{ "{{!--}}a{{!----}}b{{!-- --}}c", "abc" },
	};
	struct template_options java = { .level = TEMPLATE_BARAGON };
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
	assert_int_equal(run("a\n{{#if upstreams}}\nb\n{{/if}}\nc", &java, &out, &err), 0);
	assert_string_equal(out.data, "a\n\nb\n\nc");
}

static void helpers(void **state)
{
	static const struct row rows[] = {
		{ "{{join 'a' \"b\" service.serviceId}}", "a,b,svc-1" },
		{ "{{join 'a' (join 'b' 'c' by='-') by=\"+\"}}", "a+b-c" },
		{ "{{join 'it\\'s' \"say \\\"x\\\"\" '\\n'}}", "it's,say \"x\",\\n" },
		{ "{{#ifSame service.options.n 5}}five{{else}}other{{/ifSame}}", "five" },
		{ "{{#ifSame service.options.t false}}x{{else}}other{{/ifSame}}", "other" },
		{ "{{#if (join '')}}x{{else}}empty{{/if}}", "empty" },
		{ "{{#ifSame -5 -5}}y{{/ifSame}}", "y" },
	};
	static const struct row bad[] = {
		{ "{{service}}{{nope 'x'}}", "t:1:14: could not find helper: 'nope'" },
		{ "a\n  {{#nope x}}{{/nope}}", "t:2:6: could not find helper: 'nope'" },
		{ "{{join (nope 1)}}", "t:1:9: could not find helper: 'nope'" },
		{ "{{join}}", "t:1:3: helper 'join' takes 1 to 9 parameters, not 0" },
		{ "{{#join 'a'}}{{/join}}", "t:1:4: helper 'join' is not for blocks like {{#join}}" },
		{ "{{ifSame 1 2}}", "t:1:3: helper 'ifSame' needs a block, {{#ifSame}}" },
		{ "\n {{join 'a' 5}}", "t:2:4: helper 'join': parameter 2 is no string" },
		{ "{{join by='x' 'a'}}", "t:1:15: parameters without a name must come first" },
		{ "{{join 'a}}", "t:1:8: the string that begins here has no end" },
		{ "{{join (join 'a'}}", "t:1:8: '(' without ')'" },
		{ "{{join 'a')}}", "t:1:11: ')' without '('" },
		{ "{{join 99999999999999999999}}", "t:1:8: the number does not fit 64 bits" },
		{ "{{join 1.5}}", "t:1:3: helper 'join': parameter 1 is no string" },
		{ "{{join a=1 a=2}}", "t:1:12: 'a' is given twice" },
		{ "{{join a/b=1}}", "t:1:8: one name must stand before '='" },
		{ "{{join =1}}", "t:1:8: a name must stand before '='" },
	};

	(void)state;
	check_rows(rows, ARRAY_LEN(rows));
	check_errors(bad, ARRAY_LEN(bad));
}

static void syntax_errors(void **state)
{
	static const struct row rows[] = {
		{ "a\nb {{x", "t:2:3: the tag that begins here has no end" },
		{ "{{x y}}", "t:1:3: could not find helper: 'x'" },
		{ "{{{x}}", "t:1:5: the tag began with '{{{' and must end with '}}}'" },
		{ "{{#if x}}\n", "t:1:4: block 'if' is not closed" },
		{ "{{#if x}}\n{{/each}}", "t:2:4: 'each' closes block 'if' of line 1" },
		{ "{{#a.b}}{{/a/b}}", "t:1:12: 'a/b' closes block 'a.b' of line 1" },
		{ "x{{/if}}", "t:1:2: a closing tag without its block" },
		{ "{{#if}}{{/if}}", "t:1:4: 'if' needs a parameter" },
		{ "{{#if a b}}{{/if}}", "t:1:9: 'if' takes one parameter" },
		{ "{{if a}}", "t:1:3: 'if' needs a block, {{#if ...}}" },
		{ "{{#if a}}{{else}}{{else}}{{/if}}", "t:1:18: block 'if' has two else parts" },
		{ "{{#if a}}{{else}}{{else if b}}{{/if}}", "t:1:18: block 'if' has two else parts" },
		{ "{{#if a}}{{else if b}}{{else}}{{else}}{{/if}}", "t:1:31: block 'if' has two else parts" },
		{ "{{^if a}}{{else if b}}{{/if}}", "t:1:10: {{^...}} can have {{else}} alone" },
		{ "{{else}}", "t:1:1: else outside a block" },
		{ "{{else if x}}", "t:1:1: else outside a block" },
		{ "{{! x", "t:1:1: the comment that begins here has no end" },
		{ "{{!-- x }}", "t:1:1: the comment that begins here has no end" },
		{ "{{> a b c}}", "t:1:5: a partial takes one parameter, its context" },
		{ "{{> a as |x|}}", "t:1:7: 'as |...|' can stand in #each, #with and sections alone" },
		{ "{{#> (join 'a')}}{{/join}}", "t:1:1: a partial with a block needs a fixed name" },
		{ "{{#> a}}{{else}}{{/a}}", "t:1:9: block 'a' can have no else part" },
		{ "{{#> a}}", "t:1:6: block 'a' is not closed" },
		{ "{{#*inline 'a'}}{{else}}{{/inline}}", "t:1:17: block 'inline' can have no else part" },
		{ "{{#*inline}}{{/inline}}", "t:1:5: 'inline' takes one parameter, its name" },
		{ "{{#*other 'a'}}{{/other}}", "t:1:5: the only block of this kind is {{#*inline \"name\"}}" },
		{ "{{*inline 'a'}}", "t:1:3: unexpected '*' in a tag" },
		{ "{{=<% %>}}", "t:1:1: new delimiters are written {{=<% %>=}}: two of at most 8 punctuation characters" },
		{ "{{=<%=}}", "t:1:1: new delimiters are written {{=<% %>=}}: two of at most 8 punctuation characters" },
		{ "{{=<% %>=}}<%# x", "t:1:12: the tag that begins here has no end" },
		{ "{{{{raw}}}} {{x}}", "t:1:1: the raw block that begins here has no end" },
		{ "{{{{raw}}}} {{{{/war}}}}", "t:1:18: 'war' closes block 'raw' of line 1" },
		{ "{{{{raw}}", "t:1:8: the tag began with '{{{{' and must end with '}}}}'" },
		{ "{{#if x as |y|}}{{/if}}", "t:1:9: 'as |...|' can stand in #each, #with and sections alone" },
		{ "{{^each x as |y|}}{{/each}}", "t:1:11: 'as |...|' can stand in #each, #with and sections alone" },
		{ "{{#each x as |y z q|}}{{/each}}", "t:1:19: at most two names can stand in 'as |...|'" },
		{ "{{#with x as |y z|}}{{/with}}", "t:1:11: 'with' gives one name" },
		{ "{{#each x as ||}}{{/each}}", "t:1:15: 'as |' needs a name or two and then '|'" },
		{ "{{#each x as |a.b|}}{{/each}}", "t:1:15: one name is expected here" },
		{ "{{#each x as |if|}}{{/each}}", "t:1:15: 'if' cannot be a name of 'as |...|'" },
		{ "{{#each x as |y|}}{{y 1}}{{/each}}",
			"t:1:21: 'y' is a name that a block gives: it takes no parameters" },
		{ "{{#each x as |y|}}{{#*inline 'a'}}{{y.b}}{{/inline}}{{/each}}",
			"t:1:37: 'y' is a name of a block around the inline partial, which does not see it" },
		{ "{{#if x includeNull=true}}{{/if}}", "t:1:4: 'if' has no parameter 'includeNull='" },
		{ "{{#each x y=1}}{{/each}}", "t:1:4: 'each' has no parameter 'y='" },
		{ "{{join (if a)}}", "t:1:9: 'if' needs a block, {{#if ...}}" },
		{ "{{^nope 1}}{{/nope}}", "t:1:4: could not find helper: 'nope'" },
		{ "{{this.join 1}}", "t:1:3: could not find helper: 'this.join'" },
		{ "{{a/../b}}", "t:1:3: malformed path 'a/../b'" },
		{ "{{a.this}}", "t:1:3: malformed path 'a.this'" },
		{ "{{.a}}", "t:1:3: malformed path '.a'" },
		{ "{{../}}", "t:1:3: malformed path '../'" },
		{ "{{a[0]}}", "t:1:4: unexpected '[' in a tag" },
		{ "{{a.[]}}", "t:1:3: malformed path 'a.[]'" },
		{ "{{@}}", "t:1:3: malformed path '@'" },
		{ "{{@index.x}}", "t:1:3: there is no variable '@index.x'" },
		{ "{{}}", "t:1:3: a name is expected here" },
		{ "{{a..b}}", "t:1:3: malformed path 'a..b'" },
		{ "{{a.}}", "t:1:3: malformed path 'a.'" },
		{ "{{a.[b}}", "t:1:3: '[' without ']'" },
		{ "{{@what}}", "t:1:3: there is no variable '@what'" },
		{ "{{a|b}}", "t:1:4: unexpected '|' in a tag" },
		{ "{{a\x01}}", "t:1:4: unexpected byte 0x01 in a tag" },
	};

	(void)state;
	check_errors(rows, ARRAY_LEN(rows));
}

static void control_characters_are_refused(void **state)
{
	static const struct row rows[] = {
		{ "ok\n # {{{service.options.bad}}}",
			"t:2:4: the value of 'service.options.bad' (\"a\\nb\"): the value holds the control character 0x0a" },
		{ "{{#with service.options}}{{del}}{{/with}}",
			"t:1:26: the value of 'del' (\"\\x7f\"): the value holds the control character 0x7f" },
		{ "{{service.options}}",
			"t:1:1: the value of 'service.options': a map has no text; name the member that is meant" },
		{ "{{join service.options.bad}}", "t:1:1: the value of 'join' (\"a\\nb\"): the value holds the control character 0x0a" },
	};

	(void)state;
	check_errors(rows, ARRAY_LEN(rows));
}

static void limits(void **state)
{
	struct template_options depth = { .max_depth = 3 }, output = { .max_output = 9 }, turns = { .max_turns = 5 },
		text = { .max_text = 3 };
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(run("{{#a}}{{#b}}{{#c}}{{/c}}{{/b}}{{/a}}", &depth, &out, &err), 0);
	assert_int_equal(run("{{#a}}{{#b}}{{#c}}\n{{#d}}{{/d}}{{/c}}{{/b}}{{/a}}", &depth, &out, &err), ERR_REFUSED);
	assert_string_equal(err.text, "t:2:1: nested deeper than 3");
	assert_int_equal(run("123456789", &output, &out, &err), 0);
	assert_int_equal(run("{{timestamp}}", &output, &out, &err), ERR_REFUSED);
	assert_string_equal(err.text, "t:1:1: the output is longer than 9 bytes");
	assert_int_equal(run("{{#each upstreams}}{{#each upstreams}}x{{/each}}{{/each}}", &turns, &out, &err), ERR_REFUSED);
	assert_string_equal(err.text, "t:1:20: more than 5 turns of loops");
	assert_int_equal(run("1234", &text, &out, &err), ERR_REFUSED);
	assert_string_equal(err.text, "t:1:1: the template is longer than 3 bytes");
	assert_string_equal(out.data, "123456789");
}

static void numbers_print_as_in_java(void **state)
{
	static const struct template_options java = { .level = TEMPLATE_BARAGON };
	static const struct {
		double r;
		const char *want;
	} rows[] = { { 1.0, "1.0" }, { 0.001, "0.001" }, { 0.0001, "1.0E-4" }, { 9999999.0, "9999999.0" },
		{ 1e7, "1.0E7" }, { 123456.75, "123456.75" }, { -2.5e-7, "-2.5E-7" }, { 0.0, "0.0" }, { 1200.0, "1200.0" },
		{ 0.1, "0.1" }, { 1.7976931348623157e308, "1.7976931348623157E308" } };
	AUTO(template_free) struct template *t = NULL;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(template_compile("t", "{{.}}", 5, &java, &t, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena_free) struct arena *a = arena_new();
		AUTO(buf_release) struct buf out = BUF_INIT;

		assert_int_equal(template_render(t, value_real(a, rows[i].r), &out, &err), 0);
		assert_string_equal(out.data, rows[i].want);
	}
}

static void mentions(void **state)
{
	static const char text[] = "{{#each services}}{{id}}{{/each}}{{@root.x.y}}{{a.b}}";
	AUTO(template_free) struct template *t = NULL;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(template_compile("name", text, strlen(text), NULL, &t, &err), 0);
	assert_string_equal(template_name(t), "name");
	assert_true(template_mentions(t, "services"));
	assert_true(template_mentions(t, "x"));
	assert_true(template_mentions(t, "a"));
	assert_false(template_mentions(t, "b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_values),
		cmocka_unit_test(blocks),
		cmocka_unit_test(chains_names_and_delimiters),
		cmocka_unit_test(white_space),
		cmocka_unit_test(helpers),
		cmocka_unit_test(syntax_errors),
		cmocka_unit_test(control_characters_are_refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(numbers_print_as_in_java),
		cmocka_unit_test(mentions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
