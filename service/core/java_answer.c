/*
 * java_answer.c - what a Java agent is asked, and what its answer amounts to
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/java_answer.h"

#include "lib/base/str.h"

#include <string.h>

#define NO_TEMPLATE "MissingTemplateException" /* how a Java service knows it, too */
#define SHOWN_MAX 300 /* bytes of an answer that was not understood */

static enum java_type java_type_of(enum call_type type)
{
	switch (type) {
	case CALL_REVERT:
		return JAVA_REVERT;
	case CALL_CANCEL:
		return JAVA_CANCEL;
	case CALL_APPLY:
	case CALL_PREPARE:
	case CALL_RELEASE:
		return JAVA_APPLY;
	}
	return JAVA_APPLY;
}

void java_items_make(const struct request *const *requests, const enum call_type *types, size_t n, bool reload, struct arena *a,
	struct java_items *out)
{
	out->items = arena_alloc(a, (n + 1) * sizeof(*out->items));
	out->n = n;
	for (size_t i = 0; i < n; i++)
		out->items[i] = (struct java_item){ .request_id = requests[i]->id, .action = requests[i]->action,
			.type = (int)java_type_of(types[i]) };
	if (reload && n > 0)
		out->items[out->n++] = (struct java_item){ .request_id = requests[n - 1]->id, .action = ACTION_RELOAD,
			.type = JAVA_APPLY };
}

static bool good(int64_t status)
{
	return status >= 200 && status < 300;
}

static bool from_between(int status)
{
	return status == 502 || status == 503 || status == 504;
}

static const char *shown(const char *what, int status, const char *body, size_t len, struct arena *a)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	buf_printf(&text, "%s: status %d: ", what, status);
	str_escape(&text, body, len, SHOWN_MAX);
	return arena_strdup(a, buf_cstr(&text));
}

/* In its place, as Java agents answer, or anywhere. */
static const struct java_answer *answer_to(const struct java_answers *all, const struct java_item *it, size_t place)
{
	for (size_t k = 0; k <= all->n; k++) {
		size_t i = k == 0 ? place : k - 1;

		if (i < all->n && all->items[i].type == it->type && str_eq(all->items[i].request_id, it->request_id))
			return &all->items[i];
	}
	return NULL;
}

static void judge_items(const struct java_answers *all, const struct java_items *asked, struct arena *a, struct java_answered *out)
{
	AUTO(buf_release) struct buf words = BUF_LIMITED(16384);

	*out = (struct java_answered){ .ok = true, .status_code = 200 };
	for (size_t i = 0; i < asked->n; i++) {
		const struct java_answer *ans = answer_to(all, &asked->items[i], i);

		if (ans == NULL) {
			*out = (struct java_answered){ .exception = arena_printf(a, "No response in batch for request %s",
				asked->items[i].request_id) };
			return;
		}
		if (good(ans->status_code))
			continue;
		if (out->ok)
			out->status_code = ans->status_code;
		out->ok = false;
		if (ans->message == NULL)
			continue;
		out->template_missing |= strstr(ans->message, NO_TEMPLATE) != NULL;
		buf_printf(&words, "%s%s", words.len > 0 ? "; " : "", ans->message);
	}
	if (words.len > 0)
		out->content = arena_strdup(a, buf_cstr(&words));
}

void java_batch_answered(int http_status, const char *body, size_t len, const struct java_items *asked, struct arena *a,
	struct java_answered *out)
{
	struct java_answers all;
	struct error err = ERROR_INIT;

	if (!good(http_status)) {
		*out = (struct java_answered){ .doubtful = from_between(http_status),
			.exception = shown("Caught exception processing agent response", http_status, body, len, a) };
		return;
	}
	if (java_answers_decode(body, len, a, &all, &err) != 0) {
		*out = (struct java_answered){ .exception = arena_printf(a, "answer not understood: %s", err.text) };
		return;
	}
	judge_items(&all, asked, a, out);
}

void java_single_answered(int http_status, const char *body, size_t len, struct arena *a, struct java_answered *out)
{
	AUTO(buf_release) struct buf words = BUF_LIMITED(16384);

	*out = (struct java_answered){ .ok = good(http_status), .status_code = http_status, .doubtful = from_between(http_status) };
	if (out->ok || len == 0)
		return;
	str_escape(&words, body, len, 8000);
	out->content = arena_strdup(a, buf_cstr(&words));
	out->template_missing = strstr(out->content, NO_TEMPLATE) != NULL;
}

void java_url(const char *format, const char *base, const char *id, struct buf *out)
{
	const char *parts[] = { base, id }, *p;

	for (size_t i = 0; i < ARRAY_LEN(parts) && (p = strstr(format, "%s")) != NULL; i++) {
		buf_append(out, format, (size_t)(p - format));
		buf_str(out, parts[i]);
		format = p + 2;
	}
	buf_str(out, format);
}
