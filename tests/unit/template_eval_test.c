/*
 * template_eval_test.c - what values templates find and print at lockstep level
 *
 * The rows that say nothing else print what handlebars.js 4.7.7 prints with `compat`.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/template_rows.h"

static void names_are_found(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "{{a.b.c}}{{#with q}}[{{a.b.c}}{{a.x}}]{{/with}}",
			"{\"a\":{\"b\":{\"c\":\"1\"},\"x\":\"9\"},\"q\":{\"a\":{\"b\":{}}}}",
			"1[]" },
		{ "{{#with q}}{{a}}-{{b}}{{/with}}",
			"{\"a\":\"1\",\"b\":\"2\",\"q\":{\"a\":null}}", "1-2" },
		{ "{{#each l}}[{{x}}|{{../x}}|{{this.x}}]{{/each}}",
			"{\"x\":\"o\",\"l\":[{\"x\":\"i\"},{\"x\":null},{}]}",
			"[i|o|i][o|o|][o|o|]" },
		{ "{{#with a}}{{#with b}}{{../../x}}|{{../x}}|{{x}}{{/with}}{{/with}}",
			"{\"x\":\"1\",\"a\":{\"b\":{}}}", "1||1" },
		{ "{{#each l}}{{o}},{{/each}}",
			"{\"o\":\"O\",\"l\":[\"x\",false,\"\",null,{},[]]}", "O,,,O,O,O," },
		{ "{{#each l}}{{length}},{{/each}}{{l.length}}",
			"{\"length\":\"L\",\"l\":[\"\",\"ab\",[\"x\"],5,{}]}", "0,2,1,L,L,5" },
		{ "{{#each l}}{{#with this}}{{.}}{{../q}}|{{/with}}{{/each}}",
			"{\"q\":\"q\",\"l\":[\"a\",[1]]}", "aq|1q|" },
		{ "{{#each l}}{{#each .}}{{../q}}{{../../q}},{{/each}}{{/each}}",
			"{\"q\":\"q\",\"l\":[[\"1\"],[[\"1\"]],[\"a\"]]}", "q,q,q," },
		{ "{{s.[0]}}{{s.[1]}}{{s.[4]}}{{l.[0]}}{{l.[01]}}{{l.[9]}}{{[a b]}}",
			"{\"s\":\"xéy\",\"l\":[\"p\",\"q\"],\"a b\":\"c\"}", "xépc" },
		{ "{{n.length}}{{b.x}}{{nul.x.y}}{{missing.x}}.",
			"{\"n\":5,\"b\":true,\"nul\":null}", "." },
	};
	/* clang-format on */

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
}

/* Blocks over what == the value around make no scope. */
static void alike_in_javascript(void **state)
{
	static const struct row rows[] = {
		{ "{{#each l}}{{#with ../b}}{{.}}{{../x}}{{x}}{{length}};{{/with}}{{/each}}",
			"{\"l\":[\"0\",\"1\",\"\",[\"1\"]],\"b\":true,\"x\":\"x\"}", "truex1;truexx1;true0;truexx1;" },
	};

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
}

static void tests_and_else_parts(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "{{#each l}}{{#if this}}T{{else}}F{{/if}}{{/each}}",
			"{\"l\":[0,1,0.5,\"\",\"0\",[],[0],{},false,true,null]}", "FTTFTFTTFTF" },
		{ "{{#if z includeZero=true}}T{{/if}}{{#if n includeZero=true}}T{{else}}F{{/if}}{{#unless z includeZero=\"x\"}}U{{else}}V{{/unless}}{{#if z includeZero=false}}T{{else}}F{{/if}}",
			"{\"z\":0}", "TFVF" },
		{ "{{#each l}}{{#.}}T{{else}}F{{/.}}{{/each}}",
			"{\"l\":[0,1,\"\",[],{},false,true,null]}", "TTTFTFTF" },
		{ "{{#each l}}{{#with .}}T{{else}}F{{/with}}{{/each}}",
			"{\"l\":[0,1,\"\",[],{},false,true,null]}", "TTFFTFTF" },
		{ "{{#each l}}{{#each .}}{{.}},{{else}}E{{/each}}{{/each}}{{#each nul}}x{{else}}E{{/each}}",
			"{\"l\":[\"abc\",5,true,[],{},[\"a\",\"b\"]],\"nul\":null}", "EEEEEa,b,E" },
		{ "{{#a}}{{#b}}{{x}}{{../x}}{{/b}}{{/a}}{{#a.b}}{{y}}{{/a.b}}{{^a}}no{{/a}}",
			"{\"x\":\"r\",\"y\":\"y\",\"a\":{\"x\":\"a\",\"b\":[\"1\",\"2\"]}}",
			"aaaayy" },
		{ "{{#l}}{{@index}}{{@first}}{{.}};{{else}}none{{/l}}{{#t}}{{y}}{{/t}}{{^e}}empty{{/e}}",
			"{\"l\":[\"a\",null,\"b\"],\"t\":true,\"y\":\"y\",\"e\":[]}",
			"0truea;1false;2falseb;yempty" },
	};
	/* clang-format on */

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
}

static void loop_variables_and_block_names(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "{{#each m}}{{@key}}={{this}} {{@index}}{{@first}}{{@last}};{{/each}}{{@key}}",
			"{\"m\":{\"a\":\"1\",\"b\":\"2\"}}", "a=1 0truefalse;b=2 1falsetrue;" },
		{ "{{#each l}}{{@key}}{{@index}}{{@last}};{{/each}}", "{\"l\":[\"a\",\"b\"]}",
			"00false;11true;" },
		{ "{{#each l}}{{#with this}}{{@index}}[{{@../index}}]{{/with}}{{#each ../m}}{{@../index}}{{@key}}{{/each}};{{/each}}",
			"{\"l\":[\"a\",\"b\"],\"m\":{\"k\":1}}", "0[]0k;1[]1k;" },
		{ "{{#each l}}{{#if @first}}{{else}},{{/if}}{{#each .}}{{@../index}}.{{@index}} {{/each}}{{/each}}",
			"{\"l\":[[\"a\",\"b\"],[\"c\"]]}", "0.0 0.1 ,1.0 " },
		{ "{{@root.x}}{{#with o}}{{@root.x}}{{#each l}}{{@root.x}}{{x}}{{/each}}{{/with}}[{{@../root.x}}]",
			"{\"x\":\"1\",\"o\":{\"x\":\"2\",\"l\":[{}]}}", "1112[]" },
		{ "{{#each l as |v k|}}{{#each v as |w|}}{{v}}{{k}}{{w}};{{/each}}{{/each}}",
			"{\"l\":{\"a\":[\"1\",\"2\"],\"b\":[\"3\"]}}", "1,2a1;1,2a2;3b3;" },
		{ "{{#with a as |b|}}{{b.c}}{{#with b.d as |e|}}{{b.c}}{{e}}{{/with}}{{/with}}",
			"{\"a\":{\"c\":\"1\",\"d\":\"2\"}}", "112" },
		{ "{{#l as |x i|}}{{x}}{{i}}{{#if x}}{{x.length}}{{/if}},{{/l}}",
			"{\"l\":[\"a\",\"bc\"]}", "a01,bc12," },
		{ "{{#each l as |x|}}{{#each m as |x|}}{{x}}{{/each}}{{x.n}}{{/each}}",
			"{\"l\":[{\"n\":\"o\",\"m\":[\"i\"]}]}", "io" },
	};
	/* clang-format on */

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
}

static void wording_of_values(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "{{#each l}}{{.}} {{/each}}",
			"{\"l\":[1,-1,1.5,100.25,10000000000,123456789012,1e20,1e21,0.000001,1e-7,-2.5e-9,1.7976931348623157e+308,5e-324,0.1,0.3333333333333333,true,false]}",
			"1 -1 1.5 100.25 10000000000 123456789012 100000000000000000000 1e+21 0.000001 1e-7 -2.5e-9 1.7976931348623157e+308 5e-324 0.1 0.3333333333333333 true false " },
		{ "[{{l}}][{{e}}][{{n}}][{{nul}}]",
			"{\"l\":[\"a\",null,[\"b\",[\"c\",null]],true,1.5],\"e\":[],\"n\":[[]],\"nul\":null}",
			"[a,,b,c,,true,1.5][][][]" },
	};
	/* clang-format on */

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
}

/* handlebars.js has no such results, or others: undefined names of a block, [object Object], NaN. */
static void ours_alone(void **state)
{
	static const struct row rows[] = {
		{ "{{#each l}}{{@odd}}{{@even}};{{/each}}", "{\"l\":[1,2]}", "falsetrue;truefalse;" },
		{ "{{#o as |x|}}{{x.a}}{{/o}}", "{\"o\":{\"a\":1}}", "1" },
		{ "{{s.[0]}}{{s.[1]}}{{s.[2]}}{{s.[3]}}{{s.length}}", "{\"s\":\"\u00e9\\ud83d\\ude00z\"}", "\xc3\xa9z4" },
		{ "{{u}} {{l}}", "{\"u\":{\"a\":1,\"\\u0001\":\"text\"},\"l\":[{\"\\u0001\":\"x\"},2]}", "text x,2" },
		{ "{{#each u}}{{@key}}{{@last}}{{/each}}", "{\"u\":{\"\\u0001\":\"text\",\"a\":1}}", "atrue" },
		{ "{{#each u}}x{{else}}e{{/each}}{{u.[\x01]}}", "{\"u\":{\"\\u0001\":\"text\"}}", "e" },
		{ "{{n}} {{m}}", "{\"n\":9007199254740993,\"m\":-9223372036854775808}",
			"9007199254740993 -9223372036854775808" },
	};
	static const struct row bad[] = {
		{ "\n {{o.a}}", "{\"o\":{\"a\":{\"b\":1}}}",
			"t:2:2: the value of 'o.a': a map has no text; name the member that is meant" },
		{ "{{{l}}}", "{\"l\":[1,[{}]]}",
			"t:1:1: the value of 'l': a map has no text; name the member that is meant" },
	};

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), NULL);
	rows_check_errors(bad, ARRAY_LEN(bad), NULL);
}

static void values_stay_values(void **state)
{
	static const struct template_options haproxy = { .output = OUTPUT_HAPROXY };
	static const struct template_options control = { .output = OUTPUT_HAPROXY, .allow_control = true };
	static const struct row rows[] = {
		{ "server {{n}} {{a}} {{e}}{{e}} \"{{a}}{{#if n}}\"{{/if}} # {{a}}\n", "{\"n\":\"a b\",\"a\":\"x\\\"#y\",\"e\":\"\"}",
			"server a\\ b x\\\"\\#y \"\" \"x\\\"#y\" # x\"#y\n" },
		{ "{{{n}}} {{n}}", "{\"n\":\"a b\"}", "a b a\\ b" },
		{ "k {{i}} {{b}} {{l}}", "{\"i\":5,\"b\":false,\"l\":[\"a b\",1]}", "k 5 false a\\ b,1" },
		{ "k\n  {{> p}}\nend", "{\"n\":\"a b\"}", "k\n  x a\\ b\n  y \"a b\"\nend",
			{ { "p", "x {{n}}\ny \"{{n}}\"\n" } } },
	};
	static const struct row raw[] = { { "k {{{n}}}{{m}}", "{\"n\":\"a\\nb \",\"m\":\"c d\"}", "k a\nb c\\ d" } };
	static const struct row bad[] = {
		{ "k {{{n}}}", "{\"n\":\"a\\nb\"}",
			"t:1:3: the value of 'n' (\"a\\nb\"): the value holds the control character 0x0a" },
		{ "{{n}}", "{\"n\":\"k\"}", "t:1:1: the value of 'n' (\"k\"): a value cannot be (part of) the keyword that "
			"a line begins with; {{{ }}} writes it as it is" },
		{ "k \"{{n}}\"\n x \\\\{{n}}", "{\"n\":\"k\"}", "t:2:6: the value of 'n' (\"k\"): a value cannot stand behind a "
			"backslash" },
		{ "k \"{{n}}", "{\"n\":\"k\"}", "t:1:4: what is rendered ends in a quoted string" },
		{ "{{#if n}}k \"{{/if}}", "{\"n\":\"k\"}", "t:1:1: what is rendered ends in a quoted string" },
		{ "k {{n}}", "{\"n\":\"0123456789012345678901234567890123456789012345678901234567890123456789012345678\\t90\"}",
			"t:1:3: the value of 'n' (\"0123456789012345678901234567890123456789012345678901234567890123456789012345678\""
			"...): the value holds the control character 0x09" },
	};

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), &haproxy);
	rows_check(raw, ARRAY_LEN(raw), &control);
	rows_check_errors(bad, ARRAY_LEN(bad), &haproxy);
}

/* A text of n bytes. */
static int make(const struct template_call *call, const struct value **out, struct error *err)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)err;
	for (int64_t i = 0; i < call->args[0]->u.i; i++)
		buf_char(&b, 'x');
	*out = value_string(call->arena, buf_cstr(&b));
	return 0;
}

/* {a: n, b: n} in another order for odd n. */
static int swap(const struct template_call *call, const struct value **out, struct error *err)
{
	struct value *map = value_map(call->arena);
	bool odd = call->args[0]->u.i % 2 != 0;

	(void)err;
	value_map_put(call->arena, map, odd ? "b" : "a", value_string(call->arena, odd ? "B" : "A"));
	value_map_put(call->arena, map, odd ? "a" : "b", value_string(call->arena, odd ? "A" : "B"));
	*out = map;
	return 0;
}

/* What helpers make is thrown away now and then; what is in use is not, and nothing stale is remembered. */
static void memory_of_helpers(void **state)
{
	static const struct template_helper helpers[] = { { "make", make, 1, 1, HELPER_VALUE, NULL },
		{ "swap", swap, 1, 1, HELPER_VALUE, NULL } };
	const struct template_options opt = { .helpers = helpers, .n_helpers = ARRAY_LEN(helpers), .max_output = 300000 };
	static const struct row rows[] = {
		{ "{{#each l}}{{#if (make 40000)}}{{#with (swap @index)}}{{#each ../l}}{{#if (make 40000)}}{{/if}}{{/each}}"
		  "{{a}}{{b}}{{@index}};{{/with}}{{/if}}{{/each}}", "{\"l\":[1,2,3]}", "AB0;AB1;AB2;" },
		{ "{{#each l}}{{#if (make 70000)}}{{/if}}{{#with (swap @index)}}{{#with this}}{{a}}{{b}}{{/with}}{{/with}}{{/each}}",
			"{\"l\":[1,2,3,4,5,6]}", "ABABABABABAB" },
		{ "{{#each l}}{{> p a=\"1\" b=\"2\"}}{{> p b=\"4\" a=\"3\"}}{{/each}}", "{\"l\":[1,2]}", "12341234",
			{ { "p", "{{a}}{{b}}" } } },
	};
	static const struct row bad[] = {
		{ "{{#with (make 200000)}}{{#if (make 200000)}}{{/if}}{{/with}}", "{}",
			"t:1:31: helpers made more than 300000 bytes" },
	};

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), &opt);
	rows_check_errors(bad, ARRAY_LEN(bad), &opt);
}

static void limits(void **state)
{
	static const struct template_options opt = { .max_output = 50, .max_turns = 20, .max_depth = 6 };
	static const struct row rows[] = {
		{ "{{#each l}}{{#each m}}{{#each n}}x{{/each}}{{/each}}{{/each}}", "{\"l\":[1,2,3],\"m\":[4,5,6],\"n\":[7,8,9]}",
			"t:1:23: more than 20 turns of loops" },
		{ "{{l}}", "{\"l\":[\"aaaaaaaaaaaaaaaaaaaaaaaaa\",\"aaaaaaaaaaaaaaaaaaaaaaaaa\"]}",
			"t:1:1: the output is longer than 50 bytes" },
		{ "{{#each l}}\n{{{this}}}{{/each}}", "{\"l\":[\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"aaaaaaaaaaaaaaaaaaaaaaaaaa\"]}",
			"t:2:1: the output is longer than 50 bytes" },
		{ "{{> p}}", "{}", "p:1:1: nested deeper than 6", { { "p", "{{> p}}" } } },
		{ "{{#each l}}{{> p}}{{/each}}", "{\"l\":[1,2,3,4,5,6,7,8,9,10,11]}", "t:1:1: more than 20 turns of loops",
			{ { "p", "" } } },
		{ "{{> p x=1}}", "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1}",
			"p:1:1: more than 20 turns of loops", { { "p", "{{> q y=1}}" }, { "q", "" } } },
		{ "{{#each l}}{{> p}}{{/each}}", "{\"l\":[1,2,3]}", "q:1:1: the output is longer than 50 bytes",
			{ { "p", "                    \n  {{> q}}\n" }, { "q", "\n\n\n\n\n\n\n\n\n\n\n\n" } } },
	};

	(void)state;
	rows_check_errors(rows, ARRAY_LEN(rows), &opt);
}

/* No turn of a loop may do more and more without a limit. */
static void steps_are_counted(void **state)
{
	static const struct template_options opt = { .max_turns = 10 };
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct row row = { .data = "{\"l\":[1,2,3,4,5,6,7,8,9]}", .want = "t:1:227: the rendering takes more than 640 steps" };

	(void)state;
	buf_str(&text, "{{#each l}}");
	for (int i = 0; i < 100; i++)
		buf_str(&text, "{{no}}{{x}}");
	buf_str(&text, "{{/each}}");
	row.text = text.data;
	rows_check_errors(&row, 1, &opt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(alike_in_javascript),
		cmocka_unit_test(tests_and_else_parts),
		cmocka_unit_test(loop_variables_and_block_names),
		cmocka_unit_test(wording_of_values),
		cmocka_unit_test(ours_alone),
		cmocka_unit_test(values_stay_values),
		cmocka_unit_test(memory_of_helpers),
		cmocka_unit_test(limits),
		cmocka_unit_test(steps_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
