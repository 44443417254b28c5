/*
 * tally.c - the answers of a batch's members, and what they amount to
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/tally.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

struct tally {
	struct arena *arena;
	struct answer *items;
	size_t n, cap;
	uint64_t changes;
};

struct tally *tally_new(void)
{
	struct tally *t = xcalloc(1, sizeof(*t));

	t->arena = arena_new();
	return t;
}

void tally_free(struct tally **tp)
{
	struct tally *t = STEAL(*tp);

	if (t == NULL)
		return;
	arena_free(&t->arena);
	free(t->items);
	free(t);
}

static bool of_agent(const struct answer *a, enum call_type type, const char *group, const char *agent_id)
{
	return a->type == type && strcmp(a->group, group) == 0 && strcmp(a->agent_id, agent_id) == 0;
}

/* The latest. */
static struct answer *find(const struct tally *t, enum call_type type, const char *group, const char *agent_id)
{
	for (size_t i = t->n; i-- > 0;)
		if (of_agent(&t->items[i], type, group, agent_id))
			return &t->items[i];
	return NULL;
}

/* A Java agent that has come back is registered twice until its former session ends: both are asked. */
static struct answer *find_incarnation(const struct tally *t, enum call_type type, const char *group, const char *agent_id,
	const char *incarnation)
{
	for (size_t i = 0; i < t->n; i++)
		if (of_agent(&t->items[i], type, group, agent_id) && str_eq(t->items[i].incarnation, incarnation))
			return &t->items[i];
	return NULL;
}

const struct answer *tally_get(const struct tally *t, enum call_type type, const char *group, const char *agent_id)
{
	return find(t, type, group, agent_id);
}

void tally_add(struct tally *t, const struct answer *a)
{
	struct answer *slot = a->java ? find_incarnation(t, a->type, a->group, a->agent_id, a->incarnation) :
					find(t, a->type, a->group, a->agent_id);
	int64_t attempt = slot != NULL ? slot->attempt + 1 : 0;

	t->changes++;
	if (slot == NULL) {
		GROW(t->items, t->n, t->cap);
		slot = &t->items[t->n++];
	}
	*slot = *a;
	slot->attempt = attempt;
	slot->group = arena_strdup(t->arena, a->group);
	slot->agent_id = arena_strdup(t->arena, a->agent_id);
	slot->incarnation = arena_strdup(t->arena, a->incarnation);
	slot->url = arena_strdup(t->arena, a->url);
	slot->message = arena_strdup(t->arena, a->message);
	slot->exception = arena_strdup(t->arena, a->exception);
}

uint64_t tally_changes(const struct tally *t)
{
	return t->changes;
}

static int wanted(enum call_type type)
{
	switch (type) {
	case CALL_PREPARE:
		return OUTCOME_PREPARED;
	case CALL_RELEASE:
		return OUTCOME_RELEASED;
	case CALL_APPLY:
	case CALL_REVERT:
	case CALL_CANCEL:
		return OUTCOME_APPLIED;
	}
	return -1;
}

/* The member's own answer to exactly this question, or NULL. */
static const struct answer *valid_answer(const struct tally *t, const struct member *m, enum call_type type, int64_t number)
{
	const struct answer *a = find_incarnation(t, type, m->group, m->agent_id, m->incarnation);

	if (a == NULL || a->number != number || !str_eq(a->incarnation, m->incarnation))
		return NULL;
	return a;
}

bool tally_confirmed(const struct tally *t, const struct member *m, enum call_type type, int64_t number)
{
	const struct answer *a = valid_answer(t, m, type, number);

	if (member_is_java(m) && (type == CALL_PREPARE || type == CALL_RELEASE))
		return true; /* it holds no preparations */
	return a != NULL && a->outcome == wanted(type);
}

/* Does the phase wait for this member at all? */
static bool counts(const struct member *m, enum phase phase)
{
	if (m->excluded)
		return false;
	return m->registered || phase == PHASE_PREPARING || phase == PHASE_FORWARD;
}

static bool refuses(const struct tally *t, const struct member *m, enum phase phase, enum call_type type, int64_t number)
{
	const struct answer *a;

	if (phase == PHASE_PREPARING && m->broken != NULL)
		return true;
	a = valid_answer(t, m, type, number);
	if (phase == PHASE_PREPARING)
		return a != NULL && a->outcome == OUTCOME_REFUSED;
	return phase == PHASE_FORWARD && a != NULL && a->outcome == OUTCOME_FAILED;
}

enum tally_result tally_judge(const struct tally *t, enum phase phase, enum call_type type, int64_t number,
	const struct member *const *members, size_t n)
{
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		const struct member *m = members[i];

		if (!counts(m, phase))
			continue;
		if (refuses(t, m, phase, type, number))
			return TALLY_REFUSED;
		/* A preparation dies with its process: an absent member cannot hold one. */
		if (!tally_confirmed(t, m, type, number) || (phase == PHASE_PREPARING && !m->registered))
			all = false;
	}
	return all ? TALLY_ALL_OK : TALLY_WAITING;
}

static void missing_reason(const struct tally *t, const struct member *m, enum call_type type, int64_t number, struct buf *out)
{
	const struct answer *a = find(t, type, m->group, m->agent_id);
	bool valid = valid_answer(t, m, type, number) != NULL;

	if (m->broken != NULL)
		buf_printf(out, "has unreadable metadata (%s)", m->broken);
	else if (!m->registered)
		buf_str(out, "is absent");
	else if (valid && a->message != NULL)
		buf_printf(out, "answered: %s", a->message);
	else if (a != NULL && a->exception != NULL)
		buf_printf(out, "did not answer %s: %s", call_type_names[type], a->exception);
	else if (a != NULL && a->outcome < 0 && a->message != NULL)
		buf_printf(out, "did not answer %s: %s", call_type_names[type], a->message);
	else
		buf_printf(out, "did not answer %s", call_type_names[type]);
}

void tally_missing(const struct tally *t, enum phase phase, enum call_type type, int64_t number,
	const struct member *const *members, size_t n, struct buf *out)
{
	bool first = true;

	(void)phase;
	for (size_t i = 0; i < n; i++) {
		const struct member *m = members[i];

		if (m->excluded || (tally_confirmed(t, m, type, number) && (m->registered || type != CALL_PREPARE)))
			continue;
		buf_printf(out, "%sagent %s of group %s ", first ? "" : ", ", m->agent_id, m->group);
		missing_reason(t, m, type, number, out);
		first = false;
	}
}

const char *tally_refused_with(const struct tally *t, const char *words)
{
	const char *first = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct answer *a = &t->items[i];

		if (a->type != CALL_PREPARE || (a->outcome != OUTCOME_REFUSED && a->outcome != OUTCOME_PREPARED))
			continue;
		if (a->outcome == OUTCOME_PREPARED || a->message == NULL || !str_starts(a->message, words))
			return NULL;
		if (first == NULL)
			first = a->message;
	}
	return first;
}

static bool shown_as(enum call_type type, enum call_type wanted_type)
{
	if (wanted_type == CALL_APPLY)
		return type == CALL_APPLY || type == CALL_PREPARE;
	if (wanted_type == CALL_REVERT)
		return type == CALL_REVERT || type == CALL_RELEASE;
	return type == wanted_type;
}

static bool success(const struct answer *a)
{
	return a->exception == NULL && a->status_code >= 200 && a->status_code < 300;
}

/* A member's APPLY hides its PREPARE: the later word is the one that counts; so does a later process's. */
static bool hidden(const struct tally *t, const struct answer *a)
{
	if (find(t, a->type, a->group, a->agent_id) != a)
		return true;
	if (a->type == CALL_PREPARE)
		return find(t, CALL_APPLY, a->group, a->agent_id) != NULL;
	if (a->type == CALL_RELEASE)
		return find(t, CALL_REVERT, a->group, a->agent_id) != NULL;
	return false;
}

void tally_text(const struct tally *t, enum call_type type, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < t->n; i++) {
		const struct answer *a = &t->items[i];

		if (!shown_as(a->type, type) || hidden(t, a))
			continue;
		buf_str(out, any ? ", " : "");
		any = true;
		if (success(a))
			buf_printf(out, "%s - SUCCESS", a->url);
		else
			buf_printf(out, "(%lld) - %s", (long long)a->status_code,
				a->message != NULL ? a->message : a->exception != NULL ? a->exception : "");
	}
	if (!any)
		buf_str(out, "No agent responses");
}

void tally_responses(const struct tally *t, struct arena *arena, struct record_map *out)
{
	static const enum call_type types[] = { CALL_APPLY, CALL_REVERT, CALL_CANCEL };

	out->entries = arena_alloc(arena, ARRAY_LEN(types) * sizeof(*out->entries));
	out->n = 0;
	for (size_t k = 0; k < ARRAY_LEN(types); k++) {
		struct agent_response *list = arena_alloc(arena, (t->n + 1) * sizeof(*list));
		size_t n = 0;

		for (size_t i = 0; i < t->n; i++) {
			const struct answer *a = &t->items[i];

			if (!shown_as(a->type, types[k]) || hidden(t, a))
				continue;
			list[n].url = arena_strdup(arena, a->url);
			list[n].attempt = a->attempt;
			list[n].status_code = (struct opt_int){ a->status_code != 0, a->status_code };
			list[n].content = arena_strdup(arena, a->message);
			list[n++].exception = arena_strdup(arena, a->exception);
		}
		if (n > 0)
			out->entries[out->n++] = (struct record_map_entry){ call_type_names[types[k]], { list, n } };
	}
}
