/*
 * config.c - the sections and servers of rendered HAProxy files, by name and place
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/config.h"

#include "agent/haproxy/lines.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 3 /* of a line: keyword, name, address */

static const char *const section_kinds[] = { "global", "defaults", "frontend", "backend", "listen",
	"peers", "resolvers", "mailers", "userlist", "cache", "program", "ring", "log-forward",
	"http-errors", "fcgi-app", "crt-store", "traces", "log-profile", "acme" };

struct config *config_new(void)
{
	struct config *c = xcalloc(1, sizeof(*c));

	c->arena = arena_new();
	return c;
}

void config_free(struct config **c)
{
	if (!*c)
		return;
	free((*c)->sections);
	free((*c)->servers);
	arena_free(&(*c)->arena);
	free(*c);
	*c = NULL;
}

/* The first words of a line as HAProxy reads them. `open` is set where the text alone does not tell. */
struct words {
	struct buf word[WORDS_MAX];
	size_t n;
	bool open;
};

static void words_release(struct words *w)
{
	for (size_t i = 0; i < WORDS_MAX; i++)
		buf_release(&w->word[i]);
}

static void words_read(struct slice line, struct words *w)
{
	char quote = 0;
	bool inside = false;

	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];

		if (!quote && (c == ' ' || c == '\t')) {
			w->n += inside;
			inside = false;
			if (w->n == WORDS_MAX)
				return;
			continue;
		}
		if (!quote && c == '#')
			break;
		if (c == '$' && quote == '"')
			w->open = true;
		inside = true;
		if (quote != '\'' && c == '\\' && i + 1 < line.n)
			buf_char(&w->word[w->n], line.p[++i]);
		else if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
		else
			buf_char(&w->word[w->n], c);
	}
	w->n += inside;
}

static bool is_section(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(section_kinds); i++)
		if (str_eq(word, section_kinds[i]))
			return true;
	return false;
}

static void add_section(struct config *c, const char *file, unsigned line, const struct words *w)
{
	GROW(c->sections, c->n_sections, c->cap_sections);
	c->sections[c->n_sections++] = (struct config_section){
		.kind = arena_strdup(c->arena, buf_cstr(&w->word[0])),
		.name = arena_strdup(c->arena, buf_cstr(&w->word[1])),
		.file = file,
		.line = line,
		.certain = !w->open,
	};
}

/* host:port, [v6]:port, v6:port; anything else is left untold. */
static void read_address(struct arena *a, const char *text, struct config_server *s)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	int64_t port = 0;

	if (*text == '/' || strchr(text, '@') || strchr(text, '$'))
		return;
	if (colon && colon[1] && !str_to_i64(colon + 1, 1, 65535, &port))
		return; /* +offset, ranges */
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	s->host = arena_strndup(a, text, n);
	s->port = (int)port;
}

static void add_server(struct config *c, unsigned line, const struct words *w)
{
	struct config_server s = { .section = c->n_sections - 1, .line = line };

	if (w->open)
		c->sections[s.section].certain = false;
	s.name = arena_strdup(c->arena, buf_cstr(&w->word[1]));
	if (!w->open)
		read_address(c->arena, buf_cstr(&w->word[2]), &s);
	GROW(c->servers, c->n_servers, c->cap_servers);
	c->servers[c->n_servers++] = s;
}

void config_add(struct config *c, const char *file, const char *text, size_t n)
{
	struct slice rest = { text, n }, line;
	const char *name = arena_strdup(c->arena, file);
	size_t first = c->n_sections;
	bool conditional = false;

	for (unsigned number = 1; lines_next(&rest, &line); number++) {
		AUTO(words_release) struct words w = { { BUF_INIT, BUF_INIT, BUF_INIT }, 0, false };
		const char *keyword;

		words_read(line, &w);
		if (w.n == 0)
			continue;
		keyword = buf_cstr(&w.word[0]);
		if (str_starts(keyword, ".if"))
			conditional = true;
		else if (is_section(keyword))
			add_section(c, name, number, &w);
		else if (c->n_sections == first)
			continue; /* before any section: HAProxy refuses it */
		else if (str_eq(keyword, "server"))
			add_server(c, number, &w);
		else if (str_eq(keyword, "server-template") || str_eq(keyword, "disabled"))
			c->sections[c->n_sections - 1].certain = false;
	}
	for (size_t i = first; conditional && i < c->n_sections; i++)
		c->sections[i].certain = false;
}

const struct config_section *config_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_sections; i++)
		if ((str_eq(c->sections[i].kind, "backend") || str_eq(c->sections[i].kind, "listen")) &&
			str_eq(c->sections[i].name, name))
			return &c->sections[i];
	return NULL;
}
