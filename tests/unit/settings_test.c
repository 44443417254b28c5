/*
 * settings_test.c - a table with every kind: values, warnings, errors, dump and page
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/conf/settings_rows.h"

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

struct pet {
	const char *name;
	int legs;
};

struct conf {
	const char *name, *note, *secret, *prefix, *color;
	int port, mode, syntax;
	int64_t wait_ms;
	double rate;
	bool on, has_extra;
	struct setting_strings tags;
	struct setting_map labels;
	struct setting_multimap aliases;
	struct {
		struct pet *items;
		size_t n;
	} pets;
};

/* clang-format off */
static const struct setting pet_rows[] = {
	SET_STRING(struct pet, name, "name", NULL, SETTING_REQUIRED, "Its name."),
	SET_INT(struct pet, legs, "legs", "4", 0, 100, "How many."),
	SET_END,
};

static const struct setting rows[] = {
	SET_STRING(struct conf, name, "name", NULL, SETTING_REQUIRED, "Who."),
	SET_STRING(struct conf, note, "note", NULL, 0, "Empty is absent."),
	SET_LIST(struct conf, pets, "pets", pet_rows, "Animals."),
	SET_NO_EFFECT("old", "it is gone"),
	SET_INT(struct conf, port, "server.port", "8080", 1, 65535, "Port."),
	SET_ENUM(struct conf, syntax, "server.syntax", "strict", "strict|token", "Form: a|b."),
	SET_DURATION(struct conf, wait_ms, "server.timing.waitMs", "1500", 0, 3600000, "How long."),
	SET_NUMBER(struct conf, rate, "server.timing.rate", "0.5", 0, 1, "How often."),
	SET_BOOL(struct conf, on, "server.on", "true", "Really."),
	SET_STRING(struct conf, secret, "auth.key", NULL, SETTING_SECRET, "A key."),
	SET_MODE(struct conf, mode, "file.mode", "0644", "Mode."),
	SET_STRING(struct conf, prefix, "file.prefix", "p=", SETTING_EMPTY_OK, "May be empty."),
	SET_STRINGS(struct conf, tags, "file.tags", "Tags."),
	SET_MAP(struct conf, labels, "file.labels", "Labels."),
	SET_MULTIMAP(struct conf, aliases, "file.aliases", "Aliases."),
	SET_SECTION(struct conf, has_extra, "extra", "Extra things."),
	SET_STRING(struct conf, color, "extra.color", NULL, 0, "Color."),
	SET_NO_EFFECT_SECTION("cloud", "enabled|accessKey", "there is none"),
	SET_NO_EFFECT_SECTION("free", NULL, "anything goes"),
	SET_END,
};
/* clang-format on */

static struct arena *arena;
static struct conf conf;
static struct settings_report rep = SETTINGS_REPORT_INIT;
static struct error err;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	memset(&conf, 0, sizeof(conf));
	err = (struct error)ERROR_INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	settings_report_release(&rep);
	arena_free(&arena);
	return 0;
}

static int parse(const char *text)
{
	settings_report_release(&rep);
	memset(&conf, 0, sizeof(conf));
	return settings_parse(rows, "t.yml", text, strlen(text), arena, &conf, NULL, &rep, &err);
}

static void good(const char *text)
{
	if (parse(text) != 0)
		fail_msg("refused: %s", err.text);
	assert_int_equal(rep.errors, 0);
}

static void bad(const char *text, const char *message)
{
	assert_int_equal(parse(text), ERR_INVALID);
	assert_string_equal(err.text, message);
	assert_true(rep.errors > 0);
}

static void expect_note(size_t i, bool error, int line, const char *text)
{
	assert_true(i < rep.n);
	assert_string_equal(rep.notes[i].text, text);
	assert_int_equal(rep.notes[i].line, line);
	assert_int_equal(rep.notes[i].error, error);
}

static void defaults(void **state)
{
	(void)state;
	good("name: x\n");
	assert_int_equal(rep.n, 0);
	assert_string_equal(conf.name, "x");
	assert_null(conf.note);
	assert_int_equal(conf.port, 8080);
	assert_int_equal(conf.syntax, 0);
	assert_int_equal(conf.wait_ms, 1500);
	assert_true(conf.rate > 0.49 && conf.rate < 0.51);
	assert_true(conf.on);
	assert_false(conf.has_extra);
	assert_int_equal(conf.mode, 0644);
	assert_string_equal(conf.prefix, "p=");
	assert_int_equal(conf.tags.n + conf.labels.n + conf.aliases.n + conf.pets.n, 0);
	/* Nothing, and sections with nothing in them, change nothing. */
	good("name: x\nserver:\nfile: ~\npets:\nauth:\n  key:\nextra:\n");
	assert_int_equal(conf.port, 8080);
	assert_false(conf.has_extra);
	assert_int_equal(rep.n, 0);
}

static void values(void **state)
{
	(void)state;
	good("name: 5\nnote: ''\npets:\n  - name: rex\n  - {name: 'bird', legs: 2}\n"
	     "server:\n  port: 9_090\n  syntax: TOKEN\n  timing: {waitMs: 2m, rate: 1e-1}\n  on: 'False'\n"
	     "file:\n  mode: 0600\n  prefix: ''\n  tags: [a, 1]\n  labels: {k: v, n: 7, gone: }\n"
	     "  aliases:\n    x: [y, z]\n    e: []\n    none:\nextra: {}\n");
	assert_string_equal(conf.name, "5");
	assert_null(conf.note);
	assert_int_equal(conf.pets.n, 2);
	assert_string_equal(conf.pets.items[0].name, "rex");
	assert_int_equal(conf.pets.items[0].legs, 4);
	assert_int_equal(conf.pets.items[1].legs, 2);
	assert_int_equal(conf.port, 9090);
	assert_int_equal(conf.syntax, 1);
	assert_int_equal(conf.wait_ms, 120000);
	assert_true(conf.rate > 0.09 && conf.rate < 0.11);
	assert_false(conf.on);
	assert_int_equal(conf.mode, 0600);
	assert_string_equal(conf.prefix, "");
	assert_int_equal(conf.tags.n, 2);
	assert_string_equal(conf.tags.items[1], "1");
	assert_int_equal(conf.labels.n, 2);
	assert_string_equal(conf.labels.items[1].value, "7");
	assert_int_equal(conf.aliases.n, 2);
	assert_string_equal(conf.aliases.items[0].values.items[1], "z");
	assert_int_equal(conf.aliases.items[1].values.n, 0);
	assert_true(conf.has_extra);
	assert_int_equal(rep.n, 0);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = { { "0", 0 }, { "250", 250 }, { "'250'", 250 }, { "250ms", 250 }, { "30s", 30000 },
		{ "1h", 3600000 } };
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "name: x\nserver: {timing: {waitMs: %s}}\n", cases[i].text);
		good(text);
		assert_int_equal(conf.wait_ms, cases[i].ms);
	}
	bad("name: x\nserver:\n  timing:\n    waitMs: 1d\n",
		"t.yml:4: server.timing.waitMs: is out of range 0..3600000: '1d'");
	bad("name: x\nserver: {timing: {waitMs: 1 s}}\n",
		"t.yml:2: server.timing.waitMs: is no duration (milliseconds, or 30s, 5m, 1h): '1 s'");
	bad("name: x\nserver: {timing: {waitMs: 9223372036854775807h}}\n",
		"t.yml:2: server.timing.waitMs: is no duration (milliseconds, or 30s, 5m, 1h): "
		"'9223372036854775807h'");
}

static void refused(void **state)
{
	(void)state;
	bad("", "t.yml:1: name: is required");
	bad("server: {}\n", "t.yml:1: name: is required");
	bad("- a\n", "t.yml:1: the file must be a mapping, not a list");
	bad("name: x\nserver: {port: many}\n", "t.yml:2: server.port: is no whole number: 'many'");
	bad("name: x\nserver: {port: '9_0'}\n", "t.yml:2: server.port: is no whole number: '9_0'");
	bad("name: x\nserver: {port: 1.5}\n", "t.yml:2: server.port: is no whole number: '1.5'");
	bad("name: x\nserver: {port: 0}\n", "t.yml:2: server.port: is out of range 1..65535: '0'");
	bad("name: x\nserver: {port: 99999999999999999999}\n",
		"t.yml:2: server.port: is no whole number: '99999999999999999999'");
	bad("name: x\nserver: {port: [1]}\n", "t.yml:2: server.port: must be a whole number, not a list");
	bad("name: x\nserver: 8080\n", "t.yml:2: server: must be a mapping, not a single value");
	bad("name: x\nserver: {on: yes}\n", "t.yml:2: server.on: must be true or false: 'yes'");
	bad("name: x\nserver: {syntax: loose}\n", "t.yml:2: server.syntax: must be one of strict, token: 'loose'");
	bad("name: x\nserver: {timing: {rate: 1.01}}\n", "t.yml:2: server.timing.rate: is out of range 0..1: '1.01'");
	bad("name: x\nserver: {timing: {rate: nan}}\n", "t.yml:2: server.timing.rate: is no number: 'nan'");
	bad("name: x\nfile: {mode: 0888}\n", "t.yml:2: file.mode: is no file mode like 0644: '0888'");
	bad("name: x\nfile: {tags: a}\n", "t.yml:2: file.tags: must be a list, not a single value");
	bad("name: x\nfile:\n  tags:\n    - a\n    -\n", "t.yml:5: file.tags: element 2 must be a text, not nothing");
	bad("name: x\nfile: {labels: {k: [v]}}\n", "t.yml:2: file.labels: 'k' must be a text, not a list");
	bad("name: x\nfile: {labels: [v]}\n", "t.yml:2: file.labels: must be a mapping, not a list");
	bad("name: x\nfile: {aliases: {k: v}}\n", "t.yml:2: file.aliases: must be a list, not a single value");
	bad("name: [x]\n", "t.yml:1: name: must be a text, not a list");
	bad("name: ''\n", "t.yml:1: name: must not be empty");
	bad("name: x\npets:\n  - name: a\n  - legs: 2\n", "t.yml:4: pets[1].name: is required");
	bad("name: x\npets:\n  - name: a\n    legs: -1\n", "t.yml:4: pets[0].legs: is out of range 0..100: '-1'");
	bad("name: x\npets: [a]\n", "t.yml:2: pets[0]: must be a mapping, not a single value");
	bad("name: x\npets: {name: a}\n", "t.yml:2: pets: must be a list, not a mapping");
	bad("name: x\nname: y\n", "t.yml:2: key 'name' stands here again (first on line 1)");
	bad("name: x\nauth: {key: {}}\n", "t.yml:2: auth.key: must be a text, not a mapping");
	bad("name: x\nserver: {port: \"a\\nb\\e\"}\n", "t.yml:2: server.port: is no whole number: 'a\\nb\\x1b'");
}

static void all_errors_at_once(void **state)
{
	(void)state;
	bad("server:\n  port: x\n  on: y\n  junk: 1\n", "t.yml:2: server.port: is no whole number: 'x'");
	assert_int_equal(rep.errors, 3);
	assert_int_equal(rep.warnings, 1);
	expect_note(0, true, 2, "server.port: is no whole number: 'x'");
	expect_note(1, true, 3, "server.on: must be true or false: 'y'");
	expect_note(2, false, 4, "server.junk: unknown key, ignored");
	expect_note(3, true, 1, "name: is required");
	assert_int_equal(settings_parse(rows, "t.yml", "{}", 2, arena, &conf, NULL, NULL, NULL), ERR_INVALID);
}

static void warnings(void **state)
{
	(void)state;
	good("nmae: y\nname: x\nold: [1]\nserver:\n  Port: 5\n  timing:\n    waitM: 1\n  portt: 1\n"
	     "server.port: 5\ncloud:\n  enabled: true\n  acessKey: s3cret\nfree:\n  a: {b: c}\npets:\n- {name: n, leg: 3}\n");
	assert_int_equal(conf.port, 8080);
	assert_int_equal(rep.n, 10);
	expect_note(0, false, 1, "nmae: unknown key, ignored");
	expect_note(1, false, 3, "old: known, has no effect: it is gone");
	expect_note(2, false, 5, "server.Port: unknown key, ignored; was 'port' meant?");
	expect_note(3, false, 7, "server.timing.waitM: unknown key, ignored; was 'waitMs' meant?");
	expect_note(4, false, 8, "server.portt: unknown key, ignored; was 'port' meant?");
	expect_note(5, false, 9, "server.port: unknown key, ignored; write 'server:' and the rest below it");
	expect_note(6, false, 10, "cloud: known, has no effect: there is none");
	expect_note(7, false, 12, "cloud: unknown key 'acessKey', ignored");
	expect_note(8, false, 13, "free: known, has no effect: anything goes");
	expect_note(9, false, 16, "pets[0].leg: unknown key, ignored; was 'legs' meant?");
}

static void many_warnings_are_counted(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	buf_str(&b, "name: x\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "unknown%d%0300d: 1\n", i, i);
	good(buf_cstr(&b));
	assert_int_equal(rep.n, SETTINGS_NOTES_MAX);
	assert_int_equal(rep.warnings, 1000);
}

static const char full[] =
	"name: \"n \\\"q\\\" \\u00e9\"\npets: [{name: a, legs: 3}, {name: b}]\n"
	"server: {port: 1, syntax: token, timing: {waitMs: 7, rate: 0.25}, on: false}\nauth: {key: s3cret}\n"
	"file: {mode: 0400, prefix: '', tags: [a, 'b c'], labels: {k: v}, aliases: {x: [y, z]}}\n"
	"extra: {color: red}\n";

static const char full_dump[] =
	"name: \"n \\\"q\\\" \xc3\xa9\"\nnote: null\npets:\n  - name: \"a\"\n    legs: 3\n  - name: \"b\"\n    legs: 4\n"
	"server:\n  port: 1\n  syntax: token\n  timing:\n    waitMs: 7\n    rate: 0.25\n  on: false\n"
	"auth:\n  key: \"********\"\nfile:\n  mode: \"0400\"\n  prefix: \"\"\n  tags: [\"a\", \"b c\"]\n"
	"  labels: {\"k\": \"v\"}\n  aliases: {\"x\": [\"y\", \"z\"]}\nextra:\n  color: \"red\"\n";

static void dump(void **state)
{
	AUTO(buf_release) struct buf first = BUF_INIT, again = BUF_INIT;

	(void)state;
	good(full);
	settings_dump(rows, &conf, &first);
	assert_string_equal(buf_cstr(&first), full_dump);
	good(buf_cstr(&first));
	assert_int_equal(rep.n, 0);
	settings_dump(rows, &conf, &again);
	assert_string_equal(buf_cstr(&again), full_dump);
	/* Texts of every kind of letter come back as they were. */
	buf_clear(&first);
	good("name: \"\\t\\n\\r\\e\\x7f\\x85\\xa0\\u2028\\uffff\\U0001f600 '\\\"\\\\ \\xe9\\ufeff\"\n");
	settings_dump(rows, &conf, &first);
	assert_true(str_starts(buf_cstr(&first),
		"name: \"\\u0009\\n\\u000d\\u001b\\u007f\\u0085\xc2\xa0\\u2028\\uffff\xf0\x9f\x98\x80 '\\\"\\\\ \xc3\xa9\\ufeff\"\n"));
	good(buf_cstr(&first));
	assert_string_equal(conf.name,
		"\t\n\r\x1b\x7f\xc2\x85\xc2\xa0\xe2\x80\xa8\xef\xbf\xbf\xf0\x9f\x98\x80 '\"\\ \xc3\xa9\xef\xbb\xbf");
	/* Without: empty lists, no absent section. */
	buf_clear(&first);
	good("name: x\n");
	settings_dump(rows, &conf, &first);
	assert_non_null(strstr(buf_cstr(&first), "\npets: []\nserver:\n  port: 8080\n"));
	assert_non_null(strstr(buf_cstr(&first), "\nauth:\n  key: null\n"));
	assert_null(strstr(buf_cstr(&first), "extra"));
	assert_null(strstr(buf_cstr(&first), "cloud"));
}

static void docs(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	static const char *const wanted[] = {
		"| `name` | text | **required** | Who. |\n",
		"| `note` | text | absent | Empty is absent. |\n",
		"\n### server\n\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n"
		"| `server.port` | whole number, 1..65535 | `8080` | Port. |\n"
		"| `server.syntax` | `strict`, `token` | `strict` | Form: a\\|b. |\n"
		"| `server.timing.waitMs` | milliseconds, 0..3600000 | `1500` | How long. |\n",
		"| `auth.key` | text | absent | A key. A secret: never printed. |\n",
		"| `pets` | list of mappings | none | Animals. |\n",
		"\n### pets[]\n\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n| `name` | text | **required** |",
		"| `old` | it is gone |\n",
		"| `cloud`: `.enabled`, `.accessKey` | there is none |\n",
	};

	(void)state;
	settings_docs(rows, &b);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!strstr(buf_cstr(&b), wanted[i]))
			fail_msg("not in the page: %s\n%s", wanted[i], buf_cstr(&b));
}

static void further_checks(void **state)
{
	(void)state;
	assert_int_equal(settings_refuse(&rep, &err, "t.yml", 7, "a.b", "is %s", "wrong"), ERR_INVALID);
	assert_string_equal(err.text, "t.yml:7: a.b: is wrong");
	expect_note(0, true, 7, "a.b: is wrong");
	assert_int_equal(settings_refuse(NULL, NULL, "t.yml", 7, "a.b", "x"), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(values, setup, teardown),
		cmocka_unit_test_setup_teardown(durations, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(all_errors_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(warnings, setup, teardown),
		cmocka_unit_test_setup_teardown(many_warnings_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(dump, setup, teardown),
		cmocka_unit_test_setup_teardown(docs, setup, teardown),
		cmocka_unit_test_setup_teardown(further_checks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
