/*
 * twins_service.c - the twin of a whole service
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/fuzz/twins.h"

#include <string.h>

static void add_strings(struct twins *t, unsigned role, const struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		twins_add(t, role, list->items[i]);
}

static void add_options(struct twins *t, const struct value *v)
{
	if (v == NULL)
		return;
	if (v->kind == VALUE_STRING)
		twins_add(t, TWINS_OPTION, v->u.s);
	for (size_t i = 0; v->kind == VALUE_LIST && i < v->u.list.n; i++)
		add_options(t, v->u.list.items[i]);
	for (size_t i = 0; v->kind == VALUE_MAP && i < v->u.map.n; i++) {
		twins_add(t, TWINS_OPTION, v->u.map.members[i].key);
		add_options(t, v->u.map.members[i].value);
	}
}

void twins_add_service(struct twins *t, const struct service_state *state, struct arena *a)
{
	const struct service *s = state->service;

	twins_add(t, TWINS_ID, s->id);
	add_strings(t, TWINS_NAME, &s->owners);
	twins_add(t, TWINS_PATH, twins_path(s->base_path, a));
	for (size_t i = 0; i < s->additional_paths.n; i++)
		twins_add(t, TWINS_PATH, twins_path(s->additional_paths.items[i], a));
	for (size_t i = 0; i < s->domains.n; i++)
		twins_add(t, TWINS_DOMAIN, twins_domain(s->domains.items[i], a));
	for (size_t i = 0; i < state->upstreams.n; i++) {
		const struct upstream *u = &state->upstreams.items[i];

		twins_add(t, TWINS_ADDRESS, u->address);
		twins_add(t, TWINS_ADDRESS, u->resolved);
		twins_add(t, TWINS_NAME, u->group);
		twins_add(t, TWINS_NAME, u->rack_id);
		twins_add(t, TWINS_NAME, u->request_id);
	}
	add_options(t, s->options);
}

static const struct value *twin_value(const struct twins *t, const struct value *v, struct arena *a)
{
	struct value *copy;

	if (v == NULL || v->kind == VALUE_STRING)
		return v == NULL ? NULL : value_text(a, twins_of(t, v->u.s));
	if (v->kind == VALUE_LIST) {
		copy = value_list(a);
		for (size_t i = 0; i < v->u.list.n; i++)
			value_list_add(a, copy, twin_value(t, v->u.list.items[i], a));
		return copy;
	}
	if (v->kind != VALUE_MAP)
		return v;
	copy = value_map(a);
	for (size_t i = 0; i < v->u.map.n; i++)
		value_map_put(a, copy, twins_of(t, v->u.map.members[i].key), twin_value(t, v->u.map.members[i].value, a));
	return copy;
}

/* "/" and "" are the same route, but not the same text. */
static const char *twin_path(const struct twins *t, const char *path, struct arena *a)
{
	const char *form = twins_path(path, a);

	return strcmp(form, "/") == 0 ? path : twins_of(t, form);
}

static struct strings twin_strings(const struct twins *t, const struct strings *list,
	const char *(*one)(const struct twins *t, const char *text, struct arena *a), struct arena *a)
{
	const char **items = arena_alloc(a, (list->n + 1) * sizeof(*items));

	for (size_t i = 0; i < list->n; i++)
		items[i] = one(t, list->items[i], a);
	return (struct strings){ items, list->n };
}

static const char *twin_text(const struct twins *t, const char *text, struct arena *a UNUSED)
{
	return twins_of(t, text);
}

static const char *twin_domain(const struct twins *t, const char *domain, struct arena *a)
{
	return twins_of(t, twins_domain(domain, a));
}

const struct service_state *twins_service(const struct twins *t, const struct service_state *state, struct arena *a)
{
	struct service_state *twin = arena_alloc(a, sizeof(*twin));
	struct service *s = arena_alloc(a, sizeof(*s));
	size_t n = state->upstreams.n;

	*s = *state->service;
	s->id = twins_of(t, s->id);
	s->owners = twin_strings(t, &s->owners, twin_text, a);
	s->base_path = twin_path(t, s->base_path, a);
	s->additional_paths = twin_strings(t, &s->additional_paths, twin_path, a);
	s->domains = twin_strings(t, &s->domains, twin_domain, a);
	s->options = twin_value(t, s->options, a);
	twin->service = s;
	twin->upstreams = (struct upstreams){ arena_alloc(a, (n + 1) * sizeof(*twin->upstreams.items)), n };
	for (size_t i = 0; i < n; i++) {
		const struct upstream *u = &state->upstreams.items[i];

		twin->upstreams.items[i] = (struct upstream){ .address = twins_of(t, u->address), .group = twins_of(t, u->group),
			.rack_id = twins_of(t, u->rack_id), .request_id = twins_of(t, u->request_id),
			.resolved = twins_of(t, u->resolved) };
	}
	return twin;
}
