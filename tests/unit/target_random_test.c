/*
 * target_random_test.c - random values in random places, read back by tokenizers
 *
 * These are written from what the programs document and share nothing with the states under test: a value must
 * come back as it was, and everything around it as with a harmless one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/target.h"
#include "lib/base/rand.h"

#include "tests/unit/cmocka_all.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static uint8_t feed(const struct target *t, uint8_t state, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		state = t->next(state, (unsigned char)s[i]);
		assert_true(state < t->states);
	}
	return state;
}

#define WORD_END "\x01"
#define LINE_END "\x02"
#define VARIABLE "\x03"

static const char *haproxy_escape(const char *p, bool in_string, struct buf *out)
{
	char c = p[1];

	if (c == 'x' && isxdigit((unsigned char)p[2]) && isxdigit((unsigned char)p[3])) {
		char hex[3] = { p[2], p[3], '\0' };

		buf_char(out, (char)strtol(hex, NULL, 16));
		return p + 4;
	}
	if (c != '\0' && (strchr(" \\#'\"", c) != NULL || (c == '$' && in_string))) {
		buf_char(out, c);
		return p + 2;
	}
	buf_char(out, '\\');
	return p + 1;
}

/* One line, without LF. */
static void haproxy_line(const char *p, struct buf *out)
{
	char quote = '\0';
	bool in = false;

	for (; *p != '\0' && (*p != '#' || quote != '\0');) {
		if (quote == '\0' && isspace((unsigned char)*p)) {
			if (in)
				buf_str(out, WORD_END);
			in = false;
			p++;
			continue;
		}
		in = true;
		if (*p == '\\' && quote != '\'') {
			p = haproxy_escape(p, quote == '"', out);
		} else if (*p == '$' && quote == '"') {
			buf_str(out, VARIABLE);
			p++;
		} else if (*p == quote || (quote == '\0' && (*p == '"' || *p == '\''))) {
			quote = quote == '\0' ? *p : '\0';
			p++;
		} else {
			buf_char(out, *p++);
		}
	}
	if (in)
		buf_str(out, WORD_END);
	assert_int_equal(quote, 0);
}

static void map_line(const char *p, struct buf *out)
{
	size_t n;

	if (*p == '#')
		return;
	p += strspn(p, " \t");
	n = strcspn(p, " \t");
	buf_append(out, p, n);
	buf_str(out, WORD_END);
	p += n + strspn(p + n, " \t");
	n = strlen(p);
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	buf_append(out, p, n);
	buf_str(out, WORD_END);
}

static void by_lines(const char *text, void (*line)(const char *, struct buf *), struct buf *out)
{
	for (const char *p = text; *p != '\0';) {
		size_t n = strcspn(p, "\n");
		AUTO(buf_release) struct buf one = BUF_INIT;

		buf_append(&one, p, n);
		line(buf_cstr(&one), out);
		buf_str(out, LINE_END);
		p += n + (p[n] == '\n');
	}
}

static void read_haproxy(const char *text, struct buf *out)
{
	by_lines(text, haproxy_line, out);
}

static void read_map(const char *text, struct buf *out)
{
	by_lines(text, map_line, out);
}

static const char *nginx_char(const char *p, struct buf *out)
{
	if (*p == '$') {
		buf_str(out, VARIABLE);
		p++;
		if (*p == '{')
			buf_char(out, *p++);
		return p;
	}
	if (*p == '\\') {
		p++;
		if (*p != '"' && *p != '\'' && *p != '\\')
			buf_char(out, '\\');
	}
	buf_char(out, *p);
	return p + (*p != '\0');
}

static void read_nginx(const char *p, struct buf *out)
{
	while (*p != '\0') {
		if (isspace((unsigned char)*p)) {
			p++;
		} else if (*p == '#') {
			p += strcspn(p, "\n");
		} else if (*p == ';' || *p == '{' || *p == '}') {
			buf_char(out, *p++);
			buf_str(out, LINE_END);
		} else if (*p == '"' || *p == '\'') {
			char quote = *p++;

			while (*p != '\0' && *p != quote)
				p = nginx_char(p, out);
			assert_int_equal(*p, quote);
			p++;
			assert_true(*p != '\0' && strchr(" \n;{)", *p) != NULL);
			buf_str(out, WORD_END);
		} else {
			while (*p != '\0' && !isspace((unsigned char)*p) && *p != ';' && *p != '{')
				p = nginx_char(p, out);
			buf_str(out, WORD_END);
		}
	}
}

/* The places of a value, {} in each; the same value in all of them. */
static const char *const haproxy_texts[] = {
	"server {} b\nx y\n", "server a{}b c\n", "server \"{}\" c\n", "server \"a {} b\" c\n", "server '{}' c\n",
	"server 'a {} b'\"c\" d\n", "server \"a\"{}'b' c\n", "a # {}\nb c\n", "a b# {}\nb c\n", "a {} {} # {}\nb\n",
	"a {}:{} \"{}{}\" '{}' c\n", "a \\ {}\\ b\n", "a \"${X}{} c\" d\n", "a \"\\\"{}\\\" c\" d\n", "a b\\x41{}\nc\n",
	"a {}{}{}\nb c\n",
};
static const char *const map_texts[] = {
	"{} v\nb c\n", "a{} v\nb c\n", "a {}\nb c\n", "a b{}\nc d\n", "a b {} c\nd e\n", "# {}\na b\n", "  {} {} {}\nb c\n",
	"{}{}\t{}/{}\nb c\n",
};
static const char *const nginx_texts[] = {
	"a {} b;\nc;\n", "a b{}c;\n", "a \"{}\" c;", "a \"b {} c\" d;\n", "a '{}' c;\n", "a 'b {} c' { d e; }\n",
	"# {}\na b;\n", "a b # {}\nc;\n", "if ($a = \"{}\") { b '{}'; }\n", "a $b_{} c;\n", "a \"${b_{}} {}\" c;\n",
	"a {}{} c;\n", "a ${b}{};\n", "a \\\"{} b;\n",
};

struct property {
	const struct target *target;
	const char *const *texts;
	size_t n;
	void (*read)(const char *text, struct buf *out);
	const char *alphabet;
};

/* value NULL: a benign one, that is later replaced in what was read. */
static bool fill(const struct target *t, const char *text, const char *value, struct buf *out)
{
	struct error err = ERROR_INIT;
	uint8_t state = 0;

	for (const char *p = text; *p != '\0';) {
		const char *hole = strstr(p, "{}");
		size_t n = hole != NULL ? (size_t)(hole - p) : strlen(p);

		state = feed(t, state, p, n);
		buf_append(out, p, n);
		p += n;
		if (hole == NULL)
			break;
		if (value == NULL)
			assert_int_equal(t->put(&state, "XQZ", 3, out, &err), 0);
		else if (t->put(&state, value, strlen(value), out, &err) != 0)
			return false;
		p += 2;
	}
	assert_null(t->end(state));
	return true;
}

static void replace(const char *read, const char *value, struct buf *out)
{
	for (const char *hole; (hole = strstr(read, "XQZ")) != NULL; read = hole + 3) {
		buf_append(out, read, (size_t)(hole - read));
		buf_str(out, value);
	}
	buf_str(out, read);
}

static void one_value(const struct property *p, const char *text, const char *value, size_t *taken)
{
	AUTO(buf_release) struct buf written = BUF_INIT;
	AUTO(buf_release) struct buf benign = BUF_INIT;
	AUTO(buf_release) struct buf read = BUF_INIT;
	AUTO(buf_release) struct buf benign_read = BUF_INIT;
	AUTO(buf_release) struct buf expected = BUF_INIT;

	if (!fill(p->target, text, value, &written))
		return;
	++*taken;
	assert_true(fill(p->target, text, NULL, &benign));
	p->read(buf_cstr(&written), &read);
	p->read(buf_cstr(&benign), &benign_read);
	replace(buf_cstr(&benign_read), value, &expected);
	if (strcmp(buf_cstr(&read), buf_cstr(&expected)) != 0)
		fail_msg("%s: in <%s> the value <%s> is written <%s>", p->target->name, text, value,
			buf_cstr(&written));
}

static void check_property(const struct property *p)
{
	static const char *const words[] = { "or", "if", "${A}", "$A", "\\x41", "'\\''", "\"\"", "\\n", "caf\xc3\xa9", "\xff" };
	struct rand_state r;
	size_t taken = 0;

	rand_seed(&r, 20240611);
	for (int round = 0; round < 20000; round++) {
		AUTO(buf_release) struct buf value = BUF_INIT;
		uint64_t len = rand_below(&r, 7);

		for (uint64_t i = 0; i < len; i++) {
			if (rand_below(&r, 8) == 0)
				buf_str(&value, words[rand_below(&r, ARRAY_LEN(words))]);
			else
				buf_char(&value, p->alphabet[rand_below(&r, strlen(p->alphabet))]);
		}
		one_value(p, p->texts[rand_below(&r, p->n)], buf_cstr(&value), &taken);
	}
	/* The property says nothing if everything is refused. */
	assert_true(taken > 4000);
}

static void haproxy_random_values(void **state)
{
	static const struct property p = { &target_haproxy, haproxy_texts, ARRAY_LEN(haproxy_texts), read_haproxy,
					   "ab \\\"'#$${}!|-:;%x41.," };

	(void)state;
	check_property(&p);
}

static void map_random_values(void **state)
{
	static const struct property p = { &target_haproxy_map, map_texts, ARRAY_LEN(map_texts), read_map,
					   "abcdef \\\"'#$/" };

	(void)state;
	check_property(&p);
}

static void nginx_random_values(void **state)
{
	static const struct property p = { &target_nginx, nginx_texts, ARRAY_LEN(nginx_texts), read_nginx,
					   "abcdefghijk_ \\\"'#;{}()~=@^" };

	(void)state;
	check_property(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(haproxy_random_values),
		cmocka_unit_test(map_random_values),
		cmocka_unit_test(nginx_random_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
