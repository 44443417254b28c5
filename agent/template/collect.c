/*
 * collect.c - one file out of a fragment per owner, and whose lines are whose
 *
 * Layer: agent/template (pure).  Threads: none shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/collect.h"

int collect_add(struct collect *c, const struct template *t, const char *owner, const struct value *data,
	struct error *err)
{
	size_t from = c->text.len, lines = 0;
	int rc = template_render(t, data, &c->text, err);

	if (rc != 0 || c->text.len == from)
		return rc;
	if (c->text.data[c->text.len - 1] != '\n')
		buf_char(&c->text, '\n');
	for (size_t i = from; i < c->text.len; i++)
		lines += c->text.data[i] == '\n';
	if (owner != NULL) {
		GROW(c->spans, c->n, c->cap);
		c->spans[c->n++] = (struct span){ owner, c->lines + 1, c->lines + lines, from, c->text.len };
	}
	c->lines += lines;
	return 0;
}

void collect_release(struct collect *c)
{
	buf_release(&c->text);
	xfree_p(&c->spans);
	*c = (struct collect)COLLECT_INIT;
}

const char *collect_owner(const struct span *spans, size_t n, size_t line)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (line > spans[mid].last_line)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && line >= spans[lo].first_line ? spans[lo].owner : NULL;
}
