/*
 * template_baragon_test.c - what values templates find and print at baragon level
 *
 * The rows that say nothing else print what handlebars.java 1.3.1 printed for them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/template_rows.h"

/* clang-format off */
#define DATA \
	"{\"x\":\"X\",\"key0\":5,\"half\":0.5,\"list\":[\"p\",\"q\"],\"map\":{\"k1\":\"v1\"," \
	"\"k2\":\"v2\"},\"nul\":null,\"o\":{\"a\":{\"b\":\"B\"},\"n\":null}," \
	"\"a\":{\"b\":{\"c\":\"OUT\"}},\"s\":\"str\",\"num\":7,\"key\":\"RK\"," \
	"\"opt\":{\"\\u0002\":\"ov\"},\"abs\":{\"\\u0002\":null},\"ln\":[\"a\",null,[1,null]," \
	"{\"k\":null,\"o\":{\"\\u0002\":5}}],\"optm\":{\"\\u0002\":{\"q\":\"Q\",\"present\":\"P\"}}," \
	"\"t\":true,\"f\":false,\"z\":0,\"es\":\"\",\"el\":[],\"em\":{},\"nested\":{\"a\":{\"q\":1}," \
	"\"t\":false,\"x\":null},\"big\":10000000000,\"str\":\"a<b>&\\\"c'`d=\",\"D\":{\"a\":1.5," \
	"\"b\":100,\"c\":0.00001},\"lm\":[{\"x\":1},{\"y\":2},{}]}"
/* clang-format on */

static const struct template_options java = { .level = TEMPLATE_BARAGON };

static void as_java(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "{{#each list}}{{#each map}}{{@index}}{{@first}}{{@key}};{{/each}}{{/each}}", DATA,
			"0firstk1;0firstk2;1k1;1k2;" },
		{ "{{#each map}}{{@index}}{{@first}}{{@last}}{{@key}}{{../@key}};{{/each}}{{@key}}{{key}}", DATA,
			"k1k1;k2k2;k2RK" },
		{ "{{#if half}}T{{else}}F{{/if}}{{#if nul}}T{{else}}F{{/if}}{{#if el}}T{{else}}F{{/if}}{{#if em}}T{{else}}F{{/if}}{{#if z}}T{{else}}F{{/if}}{{#if es}}T{{else}}F{{/if}}{{#if abs}}T{{else}}F{{/if}}{{#if missing}}T{{else}}F{{/if}}", DATA,
			"TFFTFFTF" },
		{ "{{#with o}}{{#with a}}{{../../x}}{{../x}}{{x}}{{num}}{{/with}}{{/with}}", DATA, "XXX7" },
		{ "{{#nested}}[{{x}}{{a.b.c}}|{{a.q}}|{{a.b}}]{{/nested}}", DATA, "[XOUT|1|]" },
		{ "{{#with nested}}{{t}}{{../t}}{{#with this}}{{../t}}{{/with}}{{#this}}{{../t}}{{/this}}{{/with}}", DATA,
			"falsetruetruefalse" },
		{ "{{#f}}y{{else}}n[{{../x}}]{{/f}}{{#es}}y{{else}}n[{{../x}}]{{/es}}{{#z}}y{{else}}n{{/z}}{{#nul}}y{{else}}n{{/nul}}", DATA,
			"n[]n[X]nn" },
		{ "{{#t}}{{x}}[{{../x}}]{{/t}}{{#s}}{{this}}{{../x}}{{empty}}{{/s}}{{#num}}{{this}}{{/num}}{{#map}}{{k1}}{{@key}}{{/map}}", DATA,
			"X[]strXfalse7v1" },
		{ "{{s.empty}}{{es.empty}}{{map.empty}}{{em.empty}}{{list.empty}}{{num.empty}}[{{s.length}}]", DATA,
			"falsetruefalsetruefalse[]" },
		{ "{{#each num}}x{{else}}E{{/each}}{{#each t}}x{{else}}E{{/each}}{{#each nul}}x{{else}}E{{/each}}{{#each em}}x{{else}}E{{/each}}{{#each el}}x{{else}}E[{{../x}}]{{/each}}", DATA,
			"E[]" },
		{ "{{#each list}}{{@index}}{{@first}}{{@last}}{{@odd}}{{@even}}{{this.x}}{{../x}}{{x}};{{/each}}", DATA,
			"0firstevenXX;1lastoddXX;" },
		{ "{{#list}}{{@index}}{{this}}{{@first}}{{/list}}{{#el}}x{{else}}none{{/el}}", DATA, "0pfirst1qnone" },
		{ "{{#each list}}{{#with ../map}}{{@index}}{{../@index}}{{k1}}{{../this}}{{../../x}}{{/with}}{{/each}}", DATA,
			"00v1pX11v1qX" },
		{ "{{#with nul}}y{{else}}n{{../x}}{{/with}}{{#with z}}y{{else}}n{{/with}}{{#with em}}y{{else}}n{{/with}}", DATA,
			"nXny" },
		{ "{{#each list}}{{#if ../x}}{{../../x}}{{#unless f}}u{{/unless}}{{/if}}{{/each}}", DATA, "uu" },
		{ "{{key}}{{@key}}{{#each map}}{{key}}{{@key}}{{this.key}}{{/each}}{{key}}{{@key}}{{#o}}{{key}}{{../key}}{{/o}}", DATA,
			"RKk1k1k1k2k2k2RKk2k2RK" },
		{ "{{#opt}}<{{this}}{{present}}{{x}}{{../x}}>{{else}}E{{/opt}}{{#abs}}<{{this}}>{{else}}E{{/abs}}{{^abs}}no{{/abs}}", DATA,
			"<Optional.of(ov)trueXX><Optional.absent()>" },
		{ "{{opt}}{{abs}}{{opt.present}}{{abs.present}}{{#if abs.present}}P{{else}}A{{/if}}[{{opt.get}}{{optm.q}}{{optm.present}}{{opt.empty}}]", DATA,
			"Optional.of(ov)Optional.absent()truefalseA[true]" },
		{ "{{#each opt}}<{{@key}}={{this}}>{{/each}}{{#each abs}}<{{@key}}={{this}}>{{/each}}{{#with abs}}W{{this}}{{/with}}", DATA,
			"<present=true><present=false>WOptional.absent()" },
		{ "{{ln}} {{{ln}}}{{#each ln}}[{{this}}{{x}}]{{/each}}", DATA,
			"[a, null, [1, null], {k=null, o=Optional.of(5)}] [a, null, [1, null], {k=null, o=Optional.of(5)}][aX][X][[1, null]X][{k=null, o=Optional.of(5)}X]" },
		{ "{{map}} {{em}} {{el}} {{D}} {{big}} {{half}} {{t}} {{num}} {{nested}}", DATA,
			"{k1=v1, k2=v2} {} [] {a=1.5, b=100, c=1.0E-5} 10000000000 0.5 true 7 {a={q=1}, t=false, x=null}" },
		{ "{{str}} {{{str}}} {{&str}}", DATA, "a&lt;b&gt;&amp;&quot;c&#x27;&#x60;d= a<b>&\"c'`d= a<b>&\"c'`d=" },
		{ "{{list.[0]}}[{{list.[9]}}][{{list.0}}]{{map.[k1]}}", DATA, "p[][]v1" },
		{ "{{#block \"b\"}}d{{x}}{{/block}}{{#partial \"b\"}}P{{x}}{{/partial}}{{#block \"b\"}}d{{/block}}{{#partial \"b\"}}Q{{/partial}}{{#block \"b\"}}d{{/block}}", DATA,
			"dXPXQ" },
		{ "{{#partial \"p\"}}[{{@index}}{{this}}{{../x}}]{{/partial}}{{#each list}}{{#block \"p\"}}{{/block}}{{/each}}", DATA,
			"[0pX][1qX]" },
		{ "{{#each list}}{{#partial this}}<{{x}}>{{/partial}}{{/each}}{{#block \"q\"}}d{{/block}}{{#block \"r\"}}d{{/block}}", DATA,
			"<X>d" },
		{ "{{#each lm}}{{x}}{{y}};{{/each}}{{#each o}}{{@key}}={{this}},{{/each}}", DATA, "1;X2;X;a={b=B},n=," },
	};
	/* clang-format on */

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), &java);
}

/* The agent's objects are maps with a text here, and no maps there: they have no `empty`. */
static void objects(void **state)
{
	static const struct row rows[] = {
		{ "{{u}}[{{u.empty}}{{#with u}}{{empty}}{{/with}}]{{#each u}}{{@key}}={{this}};{{/each}}",
			"{\"u\":{\"upstream\":\"h:1\",\"group\":\"g\",\"\\u0001\":\"h:1\"}}",
			"h:1[false]upstream=h:1;group=g;" },
		{ "{{list}}", "{\"list\":[{\"a\":1,\"\\u0001\":\"h:1\"},null]}", "[h:1, null]" },
	};

	(void)state;
	rows_check(rows, ARRAY_LEN(rows), &java);
}

static void escapes_and_control_characters(void **state)
{
	static const struct template_options control = { .level = TEMPLATE_BARAGON, .allow_control = true };
	static const struct template_options text = { .level = TEMPLATE_BARAGON, .output = OUTPUT_TEXT };
	static const struct template_options text_control = { .level = TEMPLATE_BARAGON, .output = OUTPUT_TEXT,
		.allow_control = true };
	static const struct template_options haproxy = { .level = TEMPLATE_BARAGON, .output = OUTPUT_HAPROXY,
		.allow_control = true };
	static const struct row escaped[] = { { "{{s}}|{{{s}}}", "{\"s\":\"<\\n\"}", "&lt;\n|<\n" } };
	static const struct row plain[] = { { "{{s}}|{{{s}}}", "{\"s\":\"<&\"}", "<&|<&" } };
	static const struct row loud[] = { { "{{s}}|{{{s}}}", "{\"s\":\"<\\t\"}", "<\t|<\t" } };
	static const struct row bad[] = {
		{ "k {{s}}", "{\"s\":\"<\\t\"}",
			"t:1:3: the value of 's' (\"<\\t\"): the value holds the control character 0x09" },
		{ "k {{{s}}}", "{\"s\":\"\\u007f\"}",
			"t:1:3: the value of 's' (\"\\x7f\"): the value holds the control character 0x7f" },
	};

	(void)state;
	rows_check(escaped, 1, &control);
	rows_check(plain, 1, &text);
	rows_check(loud, 1, &text_control);
	rows_check_errors(bad, ARRAY_LEN(bad), &java);
	rows_check_errors(bad, ARRAY_LEN(bad), &text);
	rows_check_errors(bad, 1, &haproxy);
}

static void failures(void **state)
{
	static const struct template_options opt = { .level = TEMPLATE_BARAGON, .max_depth = 10 };
	static const struct row rows[] = {
		{ "a\n{{> x}}", "{}", "t:2:1: there are no partials at baragon level", { { "x", "" } } },
		{ "{{#partial nul}}{{/partial}}", "{}", "t:1:1: the name of a partial must be a text" },
		{ "{{#partial \"r\"}}{{#block \"r\"}}x{{/block}}{{/partial}}{{#block \"r\"}}y{{/block}}", "{}",
			"t:1:17: nested deeper than 10" },
	};

	(void)state;
	rows_check_errors(rows, ARRAY_LEN(rows), &opt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_java),
		cmocka_unit_test(objects),
		cmocka_unit_test(escapes_and_control_characters),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
