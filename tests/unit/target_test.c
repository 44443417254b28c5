/*
 * target_test.c - where a value stands in a rendered file, and how it is written there
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/target.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static uint8_t feed(const struct target *t, uint8_t state, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		state = t->next(state, (unsigned char)s[i]);
		assert_true(state < t->states);
	}
	return state;
}

static uint8_t state_behind(const struct target *t, const char *text)
{
	return feed(t, 0, text, strlen(text));
}

/* before, the values one behind the other, after. */
static int write_values(const struct target *t, const char *before, const char *const *values, size_t n_values,
	const char *after, struct buf *out, struct error *err)
{
	uint8_t state = state_behind(t, before);

	buf_str(out, before);
	for (size_t i = 0; i < n_values; i++) {
		size_t len = out->len;
		uint8_t was = state;
		int rc = t->put(&state, values[i], strlen(values[i]), out, err);

		if (rc != 0) {
			assert_int_equal(out->len, len);
			assert_int_equal(state, was);
			return rc;
		}
		assert_true(state < t->states);
	}
	buf_str(out, after);
	return 0;
}

struct row {
	const char *before, *value;
	const char *expect; /* NULL: refused */
};

static void check_rows(const struct target *t, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct error err = ERROR_INIT;
		int rc = write_values(t, rows[i].before, &rows[i].value, 1, "", &out, &err);
		const char *got = rc == 0 ? buf_cstr(&out) + strlen(rows[i].before) : NULL;

		if ((got == NULL) != (rows[i].expect == NULL) || (got != NULL && strcmp(got, rows[i].expect) != 0))
			fail_msg("%s: behind <%s> the value <%s> gives <%s> (%s), expected <%s>", t->name,
				rows[i].before, rows[i].value, got != NULL ? got : "refused", err.text,
				rows[i].expect != NULL ? rows[i].expect : "refused");
		assert_int_equal(rc, rows[i].expect != NULL ? 0 : ERR_INVALID);
	}
}

static void haproxy_places(void **state)
{
	static const struct row rows[] = {
		/* bare words */
		{ "server ", "a", "a" },
		{ "server ", "a b", "a\\ b" },
		{ "server ", "a#b", "a\\#b" },
		{ "server ", "\\\"'", "\\\\\\\"\\'" },
		{ "server ", "$A${B}", "$A${B}" },
		{ "server ", "", "\"\"" },
		{ "server x", "", "" },
		{ "server \"\"", "", "" },
		{ "server x", "#", "\\#" },
		{ "server \"a\"", " b", "\\ b" },
		{ "server 'a'", " b", "\\ b" },
		{ "server a\\ ", "b c", "b\\ c" },
		{ "server a\\x41", "b", "b" },
		{ "server a\tb \v\f ", "c d", "c\\ d" },
		{ "server ", "caf\xc3\xa9", "caf\xc3\xa9" },
		/* strings */
		{ "server \"", "a b#'", "a b#'" },
		{ "server \"", "\"\\$", "\\\"\\\\\\$" },
		{ "server \"", "", "" },
		{ "server x\"a ", " ", " " },
		{ "server \"a\\\"", "$", "\\$" },
		{ "server \"a'", "\"", "\\\"" },
		{ "server \"a#", "\"", "\\\"" },
		{ "server \"${A}", "$", "\\$" },
		{ "server \"$A-", "$", "\\$" },
		{ "server '", "a\"b\\ $#", "a\"b\\ $#" },
		{ "server '", "it's", "it'\\''s" },
		{ "server 'a\\", "'", "'\\''" },
		{ "server 'a\"", "\"", "\"" },
		/* comments */
		{ "#", "a 'b\" \\", "a 'b\" \\" },
		{ "  # ", "", "" },
		{ "server a#", "} '", "} '" },
		{ "server a #\"", "$", "$" },
		{ "server a\r", "' x", "' x" },
		{ "server 'a\r", "' x", "' x" },
		{ "ser#", " x", " x" },
		/* line breaks end everything */
		{ "server 'a\nserver ", "b c", "b\\ c" },
		{ "server \\\nserver ", "b c", "b\\ c" },
		{ "# x\\\nserver ", "b c", "b\\ c" },
		{ "server a\r\nserver ", "b", "b" },
	};

	(void)state;
	check_rows(&target_haproxy, rows, ARRAY_LEN(rows));
}

static void haproxy_keywords(void **state)
{
	static const struct row rows[] = {
		/* the first word */
		{ "", "server", NULL },
		{ "", "", NULL },
		{ " \t", "server", NULL },
		{ "server a\n", "server", NULL },
		{ "server a\r\n", "server", NULL },
		{ "server a\\\n", "server", NULL },
		{ "timeout", "x", NULL },
		{ "\"", "server", NULL },
		{ "\"a", "server", NULL },
		{ "'", "server", NULL },
		{ "\"a b", "server", NULL },
		{ "\"a\"", "server", NULL },
		{ "a\\ ", "server", NULL },
		{ "a\\", "server", NULL },
		{ "\"a\\", "server", NULL },
		{ "\"a\\\"", "server", NULL },
		{ "'a\\' ", "server", "server" },
		/* behind a backslash, in \xHH, in a variable's name */
		{ "server a\\", "b", NULL },
		{ "server a\\", "", NULL },
		{ "server a\\x", "4", NULL },
		{ "server a\\x4", "1", NULL },
		{ "server \"a\\", "b", NULL },
		{ "server \"a\\x", "4", NULL },
		{ "server \"a\\x4", "1", NULL },
		{ "server \"a\\x41", "1", "1" },
		{ "server \"$", "A", NULL },
		{ "server \"$.", "A", NULL },
		{ "server \"$A", "B", NULL },
		{ "server \"${", "B", NULL },
		{ "server \"${A-", "B", NULL },
		{ "server $", "A", "A" },
		{ "server ${", "A", "A" },
		{ "server '$", "A", "A" },
		/* control characters, everywhere */
		{ "server ", "a\nb", NULL },
		{ "server \"", "a\tb", NULL },
		{ "server '", "\r", NULL },
		{ "# ", "\n", NULL },
		{ "server ", "\x7f", NULL },
		{ "server ", "\x01", NULL },
	};

	(void)state;
	check_rows(&target_haproxy, rows, ARRAY_LEN(rows));
}

static void haproxy_words_of_conditions(void **state)
{
	static const char *const refused[] = { "{", "}", "!", "||", "or", "if", "unless", "|", "!!", "!{", "!!}", "!or",
					       "-", "-f", "-i", "-m", "-M", "-n", "-u", "--" };
	static const char *const fine[] = { "{}", "}x", "!a", "ors", "iff", "-1", "-fx", "--x", "o", "OR", "a", "u" };
	static const char *const empty_word[] = { "acl a ", "acl a \"\"", "acl a ''", "acl a \"", "acl a '", "acl a ''\"",
						  "acl a \"\"'", "acl a \"${X}", "acl a \"${X}\"" };
	static const char *const begun_word[] = { "acl a x", "acl a \"x", "acl a 'x", "acl a 'x'", "acl a x''", "# ",
						  "acl a \\-", "acl a 'x'\"" };

	(void)state;
	for (size_t v = 0; v < ARRAY_LEN(refused); v++) {
		for (size_t i = 0; i < ARRAY_LEN(empty_word); i++)
			check_rows(&target_haproxy, &(struct row){ empty_word[i], refused[v], NULL }, 1);
		for (size_t i = 0; i < ARRAY_LEN(begun_word); i++)
			check_rows(&target_haproxy, &(struct row){ begun_word[i], refused[v], refused[v] }, 1);
	}
	for (size_t v = 0; v < ARRAY_LEN(fine); v++)
		for (size_t i = 0; i < ARRAY_LEN(empty_word); i++)
			check_rows(&target_haproxy, &(struct row){ empty_word[i], fine[v], fine[v] }, 1);
}

/* Values directly behind each other must not make up what one alone must not be. */
static void haproxy_words_of_parts(void **state)
{
	static const struct {
		const char *values[3];
		bool ok;
	} rows[] = {
		{ { "", "}", "" }, false },
		{ { "", "", "-f" }, false },
		{ { "o", "r", "" }, false },
		{ { "", "o", "r" }, false },
		{ { "i", "", "f" }, false },
		{ { "un", "le", "ss" }, false },
		{ { "u", "nless", "" }, false },
		{ { "o", "x", "r" }, true },
		{ { "x", "o", "r" }, true },
		{ { "x", "}", "-f" }, true },
		{ { "un", "le", "x" }, true },
	};
	static const char *const before[] = { "acl a ", "acl a \"", "acl a '" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(before); i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct error err = ERROR_INIT;
		int rc = write_values(&target_haproxy, before[i / ARRAY_LEN(rows)], rows[i % ARRAY_LEN(rows)].values,
			3, "", &out, &err);

		if ((rc == 0) != rows[i % ARRAY_LEN(rows)].ok)
			fail_msg("row %zu behind <%s>: %s", i % ARRAY_LEN(rows), before[i / ARRAY_LEN(rows)], err.text);
	}
}

static void map_places(void **state)
{
	static const struct row rows[] = {
		{ "", "key", "key" },
		{ "", "a\\\"'#$;{", "a\\\"'#$;{" },
		{ "  ", "key", "key" },
		{ "key", "#more", "#more" },
		{ "key", "", "" },
		{ "key ", "v", "v" },
		{ "key\t ", "v w", "v w" },
		{ "key ", "#", "#" },
		{ "key ", "", "" },
		{ "key v", " w", " w" },
		{ "key v ", "w", "w" },
		{ "# ", " a ", " a " },
		{ "#", "", "" },
		{ "key v\r", " a b ", " a b " },
		{ "key v\r\n", "key", "key" },
		{ "", "", NULL },
		{ "a b\n", "", NULL },
		{ "", "#", NULL },
		{ " ", "#a", NULL },
		{ " #", "a b", NULL }, /* not a comment */
		{ "", "a b", NULL },
		{ "", " a", NULL },
		{ "", "a ", NULL },
		{ "key", " b", NULL },
		{ "key ", " v", NULL },
		{ "key ", "v ", NULL },
		{ "key v", "w ", NULL },
		{ "key v", " ", NULL },
		{ "", "a\nb", NULL },
		{ "key ", "a\nb", NULL },
		{ "key ", "a\tb", NULL },
		{ "# ", "\n", NULL },
	};
	static char longest[TARGET_MAP_VALUE_MAX + 2];
	struct row row = { "key ", longest, longest };

	(void)state;
	check_rows(&target_haproxy_map, rows, ARRAY_LEN(rows));
	memset(longest, 'a', TARGET_MAP_VALUE_MAX);
	check_rows(&target_haproxy_map, &row, 1);
	longest[TARGET_MAP_VALUE_MAX] = 'a';
	row.expect = NULL;
	check_rows(&target_haproxy_map, &row, 1);
	row.before = "# ";
	check_rows(&target_haproxy_map, &row, 1);
}

static void nginx_places(void **state)
{
	static const struct row rows[] = {
		/* bare words */
		{ "root ", "a", "a" },
		{ "root ", "a\\b\"c'd", "a\\\\b\\\"c\\'d" },
		{ "root ", "\"a", "\\\"a" },
		{ "root x", "#}", "#}" },
		{ "root x", "", "" },
		{ "root ", "a#}b", "a#}b" },
		{ "root ", "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "root\n", "a", "a" },
		{ "root x\"", "a", "a" },
		{ "root $a-", "b", "b" },
		{ "root ${a}", "b.c", "b.c" },
		{ "root \\;", "b", "b" },
		{ "if ($a = \"b\")", "c", "c" },
		{ "root a b\n# x ; {\n", "c", "c" },
		{ "root ", "", NULL },
		{ "root ", "a b", NULL },
		{ "root ", "a;b", NULL },
		{ "root ", "a{b", NULL },
		{ "root ", "}", NULL },
		{ "root ", "#a", NULL },
		{ "root ", "a$b", NULL },
		{ "root a", " ", NULL },
		{ "root x\"", "a b", NULL }, /* a quote within a bare word is no string */
	};

	(void)state;
	check_rows(&target_nginx, rows, ARRAY_LEN(rows));
}

static void nginx_strings(void **state)
{
	static const struct row rows[] = {
		/* strings */
		{ "root \"", "a b;{}#'", "a b;{}#'" },
		{ "root \"", "\\\"", "\\\\\\\"" },
		{ "root \"", "", "" },
		{ "root \"a\n", "b c", "b c" },
		{ "root \"${a}", "b c", "b c" },
		{ "root \"\\\"", "b c", "b c" },
		{ "root '", "it's \"", "it\\'s \"" },
		{ "root '", "\\", "\\\\" },
		{ "root '\\\\", "'", "\\'" },
		{ "root \"", "$", NULL },
		{ "root '", "a$b", NULL },
		/* comments */
		{ "# ", "a;{}'\"$ \\", "a;{}'\"$ \\" },
		{ "root a # ", "a;{}'\"$ \\", "a;{}'\"$ \\" },
		{ "root a; # ", "", "" },
		/* names of variables */
		{ "set $", "a_B9", "a_B9" },
		{ "set $a_", "b", "b" },
		{ "set $a_", "", "" },
		{ "set ${a_", "b", "b" },
		{ "set \"$a_", "b", "b" },
		{ "set '${a_", "b", "b" },
		{ "set \\$a", "b", "b" },
		{ "set $", "a-b", NULL },
		{ "set $a_", "b;", NULL },
		{ "set $a_", "$b", NULL },
		{ "set ${a_", "b}", NULL },
		{ "set \"$a_", "b c", NULL },
		{ "set '${a_", "\xc3\xa9", NULL },
		{ "set \"\\$a", "-", NULL },
	};

	(void)state;
	check_rows(&target_nginx, rows, ARRAY_LEN(rows));
}

static void nginx_directives(void **state)
{
	static const struct row rows[] = {
		/* the first word of a directive */
		{ "", "root", NULL },
		{ "", "", NULL },
		{ " \n", "root", NULL },
		{ "ro", "ot", NULL },
		{ "\"", "root", NULL },
		{ "\"ro", "ot", NULL },
		{ "'", "root", NULL },
		{ "\"a\"", "root", NULL },
		{ "ro\\", "ot", NULL },
		{ "ro\\ ", "ot", NULL },
		{ "a b;", "root", NULL },
		{ "a b; ", "root", NULL },
		{ "a {", "root", NULL },
		{ "a { }", "root", NULL },
		{ "a \"b\";", "root", NULL },
		{ "a 'b'{", "root", NULL },
		{ "# x\n", "root", NULL },
		{ "$", "root", NULL },
		{ "${", "root", NULL },
		{ "${a} ", "b", "b" },
		{ "\"a;b\" ", "b", "b" },
		{ "'a\\';b' ", "b", "b" },
		/* behind a closing quote or a backslash */
		{ "root \"a\"", "b", NULL },
		{ "root 'a'", "", NULL },
		{ "root a\\", "b", NULL },
		{ "root \"a\\", "b", NULL },
		{ "root 'a\\", "", NULL },
		/* kinds of match */
		{ "location ", "~a", NULL },
		{ "location ", "=", NULL },
		{ "location ", "@a", NULL },
		{ "location ", "^~", NULL },
		{ "location ", "^", NULL },
		{ "location \"", "~a", NULL },
		{ "location '", "=/", NULL },
		{ "location ", "^a", "^a" },
		{ "location /", "~a", "~a" },
		{ "location \"/", "=", "=" },
		{ "location ", "/a~", "/a~" },
		/* control characters, everywhere */
		{ "root ", "a\nb", NULL },
		{ "root \"", "a\tb", NULL },
		{ "root '", "\r", NULL },
		{ "# ", "\n", NULL },
		{ "root ", "\x7f", NULL },
	};

	(void)state;
	check_rows(&target_nginx, rows, ARRAY_LEN(rows));
}

static void text_and_html(void **state)
{
	static const struct row text[] = {
		{ "", "", "" },
		{ "\"\\", "a 'b\" \\$#", "a 'b\" \\$#" },
		{ "", "a\nb", NULL },
		{ "", "\x1f", NULL },
		{ "", "\x7f", NULL },
	};
	static const struct row html[] = {
		{ "", "", "" },
		{ "", "a=b", "a=b" },
		{ "\"", "a<b>&\"c'd`", "a&lt;b&gt;&amp;&quot;c&#x27;d&#x60;" },
		{ "", "a\nb\x7f", "a\nb\x7f" },
		{ "", "caf\xc3\xa9", "caf\xc3\xa9" },
	};

	(void)state;
	check_rows(&target_text, text, ARRAY_LEN(text));
	check_rows(&target_html, html, ARRAY_LEN(html));
}

static void control_characters(void **state)
{
	static const struct target *const targets[] = { &target_text, &target_haproxy, &target_haproxy_map,
							&target_nginx };
	char value[3] = "a_";

	(void)state;
	assert_null(target_control("", 0));
	assert_null(target_control("a b\xc3\xa9~", 6));
	assert_int_equal(*target_control("a\0b", 3), 0);
	/* In every state that any text leads to, and for each of them. */
	for (size_t t = 0; t < ARRAY_LEN(targets); t++) {
		for (uint8_t from = 0; from < targets[t]->states; from++) {
			for (int c = 0; c < 0x80; c = c == 0x1f ? 0x7f : c + 1) {
				AUTO(buf_release) struct buf out = BUF_INIT;
				struct error err = ERROR_INIT;
				uint8_t at = from;

				value[1] = (char)c;
				assert_non_null(target_control(value, 2));
				assert_int_equal(targets[t]->put(&at, value, 2, &out, &err), ERR_INVALID);
				assert_non_null(strstr(err.text, "control character"));
				assert_int_equal(out.len, 0);
				assert_int_equal(at, from);
			}
		}
	}
}

static void ends(void **state)
{
	static const struct {
		const struct target *t;
		const char *text, *why;
	} rows[] = {
		{ &target_haproxy, "", NULL },
		{ &target_haproxy, "server a", NULL },
		{ &target_haproxy, "server a # '", NULL },
		{ &target_haproxy, "server 'a\n", NULL },
		{ &target_haproxy, "server 'a", "in a quoted string" },
		{ &target_haproxy, "\"server", "in a quoted string" },
		{ &target_haproxy, "server \"", "in a quoted string" },
		{ &target_haproxy, "server \\", "behind a backslash" },
		{ &target_haproxy, "server \"a\\x4", "behind a backslash" },
		{ &target_haproxy, "server \"$A", "in the name of an environment variable" },
		{ &target_haproxy_map, "a 'b", NULL },
		{ &target_nginx, "a b;", NULL },
		{ &target_nginx, "a b; # c", NULL },
		{ &target_nginx, "a {\n}\n", NULL },
		{ &target_nginx, "a", "in a directive, without a ';'" },
		{ &target_nginx, "a b # c;", "in a directive, without a ';'" },
		{ &target_nginx, "a \"b\"", "in a directive, without a ';'" },
		{ &target_nginx, "a 'b;", "in a quoted string" },
		{ &target_nginx, "\"b;", "in a quoted string" },
		{ &target_text, "\"'\\", NULL },
		{ &target_html, "<", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = rows[i].t->end(state_behind(rows[i].t, rows[i].text));

		if (why == NULL || rows[i].why == NULL)
			assert_true(why == rows[i].why);
		else
			assert_string_equal(why, rows[i].why);
	}
}

static void by_name(void **state)
{
	static const char *const names[] = { "text", "haproxy", "haproxy-map", "nginx", "html" };
	enum template_output o = OUTPUT_DEFAULT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_true(target_output(names[i], &o));
		assert_string_equal(target_of(o, TEMPLATE_BARAGON)->name, names[i]);
		assert_true(target_of(o, TEMPLATE_BARAGON)->states <= TARGET_STATES_MAX);
	}
	assert_int_equal(o, OUTPUT_HTML);
	assert_false(target_output("", &o));
	assert_false(target_output("HAProxy", &o));
	assert_int_equal(o, OUTPUT_HTML);
	assert_ptr_equal(target_of(OUTPUT_DEFAULT, TEMPLATE_LOCKSTEP), &target_text);
	assert_ptr_equal(target_of(OUTPUT_DEFAULT, TEMPLATE_BARAGON), &target_html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(haproxy_places),
		cmocka_unit_test(haproxy_keywords),
		cmocka_unit_test(haproxy_words_of_conditions),
		cmocka_unit_test(haproxy_words_of_parts),
		cmocka_unit_test(map_places),
		cmocka_unit_test(nginx_places),
		cmocka_unit_test(nginx_strings),
		cmocka_unit_test(nginx_directives),
		cmocka_unit_test(text_and_html),
		cmocka_unit_test(control_characters),
		cmocka_unit_test(ends),
		cmocka_unit_test(by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
