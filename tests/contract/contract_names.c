/*
 * contract_names.c - what $name stands for in the files of the contract
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/contract/contract_names.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 10

void names_put_n(struct names *ns, const char *name, size_t name_len, const char *value, size_t n)
{
	GROW(ns->items, ns->n, ns->cap);
	ns->items[ns->n++] =
		(struct name_value){ arena_strndup(ns->arena, name, name_len), arena_strndup(ns->arena, value, n) };
}

void names_put(struct names *ns, const char *name, const char *value)
{
	names_put_n(ns, name, strlen(name), value, strlen(value));
}

const char *names_get(const struct names *ns, const char *name, size_t n)
{
	for (size_t i = ns->n; i-- > 0;)
		if (strncmp(ns->items[i].name, name, n) == 0 && ns->items[i].name[n] == '\0')
			return ns->items[i].value;
	return NULL;
}

void names_back(struct names *ns, size_t mark)
{
	ns->n = mark;
}

void names_release(struct names *ns)
{
	free(ns->items);
	*ns = (struct names){ 0 };
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

struct mention {
	const char *name;
	size_t name_len, len; /* of all of it */
	int64_t times;
};

static bool mention_at(const char *s, struct mention *m)
{
	bool braces = s[0] == '$' && s[1] == '{';
	const char *end;

	if (s[0] != '$')
		return false;
	m->name = s + (braces ? 2 : 1);
	m->name_len = word_length(m->name);
	m->times = 1;
	end = m->name + m->name_len;
	if (m->name_len == 0 || (!braces && !islower((unsigned char)*m->name)))
		return false;
	if (braces && *end == '*') {
		size_t digits = strspn(end + 1, "0123456789");
		AUTO(xfree_p) char *number = xstrndup(end + 1, digits);

		if (!str_to_i64(number, 0, 100000, &m->times))
			return false;
		end += 1 + digits;
	}
	if (braces && *end++ != '}')
		return false;
	m->len = (size_t)(end - s);
	return true;
}

static bool expand(const struct names *ns, const char *text, int depth, struct buf *out)
{
	struct mention m;

	if (depth > DEPTH_MAX)
		return false;
	while (*text != '\0') {
		const char *value = mention_at(text, &m) ? names_get(ns, m.name, m.name_len) : NULL;

		if (value == NULL) {
			buf_char(out, *text++);
			continue;
		}
		for (int64_t i = 0; i < m.times; i++)
			if (!expand(ns, value, depth + 1, out))
				return false;
		text += m.len;
	}
	return true;
}

char *names_expand(const struct names *ns, const char *text, struct arena *a)
{
	AUTO(buf_release) struct buf out = BUF_INIT;

	return expand(ns, text, 0, &out) ? arena_strdup(a, buf_cstr(&out)) : NULL;
}
