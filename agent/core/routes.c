/*
 * routes.c - domains and paths of a service as keys of HAProxy maps
 *
 * A key must be one word of one line of a map file and no comment: blanks, control characters, '#' and all
 * that is not ASCII are percent-encoded, which is how clients send them.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/routes.h"

#include <stdlib.h>
#include <string.h>

static void put_word(struct buf *out, const char *s, size_t n, bool lower)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c >= 0x7f || c == '#')
			buf_printf(out, "%%%02X", c);
		else if (lower && c >= 'A' && c <= 'Z')
			buf_char(out, (char)(c + ('a' - 'A')));
		else
			buf_char(out, (char)c);
	}
}

/* A path as it was given, "/" or with a slash in front and none behind. */
static char *plain_path(const char *path, struct arena *a)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	return arena_printf(a, "%s%.*s", n == 0 || path[0] != '/' ? "/" : "", (int)n, path);
}

/* "/" for the root, otherwise with a slash in front and none behind. */
static char *path_word(const char *path, struct arena *a)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	if (n == 0 || path[0] != '/')
		buf_char(&b, '/');
	put_word(&b, path, n, false);
	return arena_strdup(a, b.data);
}

/* A port is not compared; a slash would reach into the paths of another domain. */
static char *domain_word(const char *domain, struct arena *a)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *colon = strrchr(domain, ':');
	size_t n = strlen(domain);

	if (colon != NULL && strspn(colon + 1, "0123456789") == strlen(colon + 1))
		n = (size_t)(colon - domain);
	for (size_t i = 0; i < n; i++) {
		if (domain[i] == '/')
			buf_str(&b, "%2F");
		else
			put_word(&b, domain + i, 1, true);
	}
	return arena_strdup(a, buf_cstr(&b));
}

static int compare_words(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

static void add_route(struct value *list, struct value *seen, const char *domain, const char *path, struct arena *a)
{
	bool root = strcmp(path, "/") == 0;
	struct value *route, *exact;

	exact = value_string(a, arena_printf(a, "%s%s", domain != NULL ? domain : "", path));
	if (value_get(seen, exact->u.s) != NULL)
		return;
	value_map_put(a, seen, exact->u.s, exact);
	route = value_map(a);
	value_map_put(a, route, "domain", domain != NULL ? value_string(a, domain) : value_null());
	value_map_put(a, route, "path", value_string(a, path));
	value_map_put(a, route, "exact", exact);
	value_map_put(a, route, "prefix", root ? exact : value_string(a, arena_printf(a, "%s/", exact->u.s)));
	value_list_add(a, list, route);
}

const struct value *routes_value(const struct service *s, struct arena *a)
{
	struct value *list = value_list(a), *seen = value_map(a);
	size_t n = s->domains.n, n_paths = 0;
	char **domains = arena_alloc(a, (n + 1) * sizeof(*domains));
	char **paths = arena_alloc(a, (s->additional_paths.n + 1) * sizeof(*paths));

	for (size_t i = 0; i < n; i++)
		domains[i] = domain_word(s->domains.items[i], a);
	if (n > 1)
		qsort(domains, n, sizeof(*domains), compare_words);
	if (s->base_path != NULL)
		paths[n_paths++] = path_word(s->base_path, a);
	for (size_t i = 0; i < s->additional_paths.n; i++)
		paths[n_paths++] = path_word(s->additional_paths.items[i], a);
	for (size_t d = 0; d < (n > 0 ? n : 1); d++)
		for (size_t p = 0; p < n_paths; p++)
			add_route(list, seen, n > 0 ? domains[d] : NULL, paths[p], a);
	return list;
}

static void add_path(struct value *list, struct value *seen, const char *path, struct arena *a)
{
	const char *plain = plain_path(path, a);

	if (value_get(seen, plain) != NULL)
		return;
	value_map_put(a, seen, plain, value_bool(true));
	value_list_add(a, list, value_text(a, plain));
}

const struct value *routes_paths(const struct service *s, struct arena *a)
{
	struct value *list = value_list(a), *seen = value_map(a);

	if (s->base_path != NULL)
		add_path(list, seen, s->base_path, a);
	for (size_t i = 0; i < s->additional_paths.n; i++)
		add_path(list, seen, s->additional_paths.items[i], a);
	return list;
}
