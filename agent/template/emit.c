/*
 * emit.c - what a rendering writes: text, values, indents; where in the target's grammar; how much
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/eval_internal.h"

#include "agent/template/target_write.h"
#include "agent/template/wording.h"
#include "lib/base/str.h"

#include <string.h>

#define SHOWN 80 /* bytes of a value in an error */

static void advance(struct eval *e, const char *s, size_t n)
{
	uint8_t state = e->state;

	if (e->target->states <= 1)
		return;
	for (size_t i = 0; i < n; i++)
		state = e->target->next(state, (unsigned char)s[i]);
	e->state = state;
}

/* Without the terminating NUL, which the end of the rendering writes. */
static inline void append(struct eval *e, const char *s, size_t n)
{
	struct buf *out = e->out;

	if (n < out->cap - out->len && !out->overflow && (out->limit == 0 || n <= out->limit - out->len)) {
		memcpy(out->data + out->len, s, n);
		out->len += n;
	} else {
		buf_append(out, s, n);
	}
}

static inline bool too_long(const struct eval *e)
{
	return e->out->len > e->most || e->out->overflow;
}

static void indent(struct eval *e, struct indent *in)
{
	if (in == NULL)
		return;
	indent(e, in->up);
	if (!in->pending)
		return;
	in->pending = false;
	append(e, in->text, strlen(in->text));
	advance(e, in->text, strlen(in->text));
}

static void lines_begin(struct eval *e)
{
	for (struct indent *in = e->indent; in != NULL; in = in->up)
		in->pending = true;
}

static void write_lines(struct eval *e, const char *s, size_t n)
{
	while (n > 0 && !too_long(e)) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl != NULL ? (size_t)(nl - s) + 1 : n;

		indent(e, e->indent);
		append(e, s, len);
		advance(e, s, len);
		if (nl != NULL)
			lines_begin(e);
		s += len;
		n -= len;
	}
}

static int fail_long(struct eval *e, const struct env *env, const struct node *n)
{
	return eval_fail(e, ERR_REFUSED, env, n, "the output is longer than %zu bytes",
		e->out->overflow ? e->out->limit : e->t->opt.max_output);
}

int emit_text(struct eval *e, const struct node *n, const struct env *env)
{
	if (e->indent != NULL) {
		write_lines(e, n->text, n->len);
	} else {
		append(e, n->text, n->len);
		if (n->states != NULL && env->unit->same_target)
			e->state = n->states[e->state];
		else
			advance(e, n->text, n->len);
	}
	return too_long(e) ? fail_long(e, env, n) : 0;
}

static const char *subject(const struct expr *x)
{
	switch (x->kind) {
	case EXPR_PATH:
		return x->u.path.text;
	case EXPR_CALL:
		return x->u.call.helper->name;
	case EXPR_LITERAL:
		return "a literal";
	}
	return "";
}

/* The begin of a value, without half an escape at its end; how many bytes of it. */
static size_t show(const char *s, size_t len, struct buf *shown)
{
	size_t fits = SHOWN;

	do {
		buf_clear(shown);
		str_escape(shown, s, len, fits);
	} while (shown->len > SHOWN && fits-- > 0);
	return fits;
}

static int fail_value(struct eval *e, const struct env *env, const struct node *n, const char *s, size_t len,
	const struct error *cause)
{
	AUTO(buf_release) struct buf shown = BUF_INIT;
	size_t fits;

	fits = show(s, len, &shown);
	return eval_fail(e, ERR_INVALID, env, n, "the value of '%s' (\"%s\"%s): %s", subject(n->expr),
		buf_cstr(&shown), len > fits ? "..." : "", cause->text);
}

static int put(struct eval *e, const char *s, size_t len, struct error *err)
{
	if (e->indent != NULL && (len > 0 || e->target->states > 1))
		indent(e, e->indent);
	return e->target->put(&e->state, s, len, e->out, err);
}

/* Without put(), and for html, which refuses nothing. */
static int put_unusual(struct eval *e, const char *s, size_t len, bool raw, struct error *err)
{
	bool text = e->target == &target_text, html = e->target == &target_html;
	bool control_ok = e->t->opt.allow_control && (raw || (e->look.level == TEMPLATE_BARAGON && (text || html)));

	if (!control_ok && (raw || html) && target_control(s, len) != NULL)
		return target_refuse_control(s, len, err);
	if (!raw && !(text && control_ok))
		return put(e, s, len, err);
	write_lines(e, s, len);
	return 0;
}

int emit_value(struct eval *e, const struct node *n, const struct value *v, const struct env *env)
{
	struct error cause; /* not cleared: this is the hot path */
	char digits[WORDING_INT];
	const char *s;
	size_t len;
	int rc;

	if (v->kind == VALUE_STRING) {
		s = v->u.s;
		len = strlen(s);
	} else if (v->kind == VALUE_INT) {
		s = digits;
		len = wording_int(v->u.i, digits);
	} else {
		buf_clear(&e->text);
		e->text.limit = e->t->opt.max_output;
		rc = wording_print(v, e->look.level, &e->text, &cause);
		if (rc == 0 && e->text.overflow)
			return fail_long(e, env, n);
		if (rc != 0)
			return eval_fail(e, ERR_INVALID, env, n, "the value of '%s': %s", subject(n->expr), cause.text);
		s = buf_cstr(&e->text);
		len = e->text.len;
	}
	rc = n->raw || e->unusual ? put_unusual(e, s, len, n->raw, &cause) : put(e, s, len, &cause);
	if (rc != 0)
		return fail_value(e, env, n, s, len, &cause);
	return too_long(e) ? fail_long(e, env, n) : 0;
}
