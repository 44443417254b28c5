/*
 * target_nginx.c - the words of an nginx configuration
 *
 * What nginx 1.22.1 was seen to do (tests/integration/test_quoting.py asks it again):
 *
 * A directive is words and a ; or a block in { }.  Blanks are space, tab, CR and LF.  At the begin of a word #
 * is a comment up to LF (also between two words of a directive), a quote begins a string, } ends a block; within
 * a bare word all three are ordinary.  A bare word ends at a blank, ; or {, but ${ does not end it.  Behind a
 * closing quote there must be a blank, ; { or ).  In bare words and in both kinds of strings a backslash is
 * taken away before " ' \ , \t \r \n are the byte meant, and before any other byte it stays, though that byte
 * loses its meaning: no word without quotes can hold a bare blank, ; or {.
 * $name and ${name} are variables in most directives, in strings of both kinds too; \$ is a backslash and a
 * variable: there is no way to write a $.  A word of about 4,096 bytes is an error.
 *
 * Layer: agent/template.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/target_write.h"

#include <ctype.h>
#include <string.h>

/* FIRST: the first word of a directive; END: behind a closing quote; HEAD: nothing in the string yet; DOLLAR:
 * behind $; NAME, BRACE: in the name of a variable, without and with braces. */
enum {
	BEGIN, BEGIN_COMMENT,
	FIRST, FIRST_ESC, FIRST_DOLLAR, FIRST_DQ, FIRST_DQ_ESC, FIRST_SQ, FIRST_SQ_ESC, FIRST_END,
	GAP, COMMENT, END,
	WORD, WORD_ESC, WORD_DOLLAR, WORD_NAME, WORD_BRACE,
	DQ_HEAD, DQ, DQ_ESC, DQ_DOLLAR, DQ_NAME, DQ_BRACE,
	SQ_HEAD, SQ, SQ_ESC, SQ_DOLLAR, SQ_NAME, SQ_BRACE,
	STATES
};
_Static_assert(STATES <= TARGET_STATES_MAX, "target.h says how many there may be");

static bool blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool in_name(unsigned char c)
{
	return isalnum(c) || c == '_';
}

static uint8_t first_next(uint8_t state, unsigned char c)
{
	switch (state) {
	case BEGIN_COMMENT: return c == '\n' ? BEGIN : BEGIN_COMMENT;
	case FIRST_ESC: return FIRST;
	case FIRST_DQ: return c == '"' ? FIRST_END : c == '\\' ? FIRST_DQ_ESC : FIRST_DQ;
	case FIRST_DQ_ESC: return FIRST_DQ;
	case FIRST_SQ: return c == '\'' ? FIRST_END : c == '\\' ? FIRST_SQ_ESC : FIRST_SQ;
	case FIRST_SQ_ESC: return FIRST_SQ;
	default: break;
	}
	if (blank(c))
		return state == BEGIN ? BEGIN : GAP;
	if (c == ';' || (c == '{' && state != FIRST_DOLLAR))
		return BEGIN;
	if (state == FIRST_END)
		return c == ')' ? WORD : FIRST_END;
	if (state == BEGIN && (c == '}' || c == '#'))
		return c == '#' ? BEGIN_COMMENT : BEGIN;
	if (state == BEGIN && (c == '"' || c == '\''))
		return c == '"' ? FIRST_DQ : FIRST_SQ;
	return c == '\\' ? FIRST_ESC : c == '$' ? FIRST_DOLLAR : FIRST;
}

/* Between two words, or behind a closing quote. */
static uint8_t gap_next(uint8_t state, unsigned char c)
{
	if (blank(c))
		return GAP;
	if (c == ';' || c == '{')
		return BEGIN;
	if (state == END)
		return c == ')' ? WORD : END;
	switch (c) {
	case '}': return BEGIN;
	case '#': return COMMENT;
	case '"': return DQ_HEAD;
	case '\'': return SQ_HEAD;
	case '\\': return WORD_ESC;
	case '$': return WORD_DOLLAR;
	default: return WORD;
	}
}

static uint8_t word_next(uint8_t state, unsigned char c)
{
	if (state == WORD_ESC) /* nginx -t sees no { behind \$, but the directive will see a variable */
		return c == '$' ? WORD_NAME : WORD;
	if (state == WORD_DOLLAR && c == '{')
		return WORD_BRACE;
	if (blank(c))
		return GAP;
	if (c == ';' || c == '{')
		return BEGIN;
	if (c == '\\' || c == '$')
		return c == '$' ? WORD_DOLLAR : WORD_ESC;
	if (state == WORD_BRACE)
		return c == '}' ? WORD : WORD_BRACE;
	return state != WORD && in_name(c) ? WORD_NAME : WORD;
}

/* head is DQ_HEAD or SQ_HEAD; the other states of a string follow it in the same order. */
static uint8_t string_next(uint8_t head, uint8_t state, unsigned char c)
{
	enum { PLAIN = 1, ESC, DOLLAR, NAME, BRACE };
	unsigned at = (unsigned)(state - head);

	if (at == ESC)
		return (uint8_t)(head + (c == '$' ? DOLLAR : PLAIN));
	if (c == (head == DQ_HEAD ? '"' : '\''))
		return END;
	if (c == '\\' || c == '$')
		return (uint8_t)(head + (c == '$' ? DOLLAR : ESC));
	if (at == DOLLAR && c == '{')
		return (uint8_t)(head + BRACE);
	if (at == BRACE)
		return (uint8_t)(head + (c == '}' ? PLAIN : BRACE));
	return (uint8_t)(head + (at >= DOLLAR && in_name(c) ? NAME : PLAIN));
}

static uint8_t nginx_next(uint8_t state, unsigned char c)
{
	if (state >= SQ_HEAD)
		return string_next(SQ_HEAD, state, c);
	if (state >= DQ_HEAD)
		return string_next(DQ_HEAD, state, c);
	if (state >= WORD)
		return word_next(state, c);
	if (state == COMMENT)
		return c == '\n' ? GAP : COMMENT;
	return state >= GAP ? gap_next(state, c) : first_next(state, c);
}

#define ENDS_WORD 1
#define IN_WORD 2
#define IN_DQ 4
#define IN_SQ 8
#define DOLLAR_SIGN 0x10

static const uint8_t classes[256] = {
	TARGET_CONTROLS,
	[' '] = ENDS_WORD, [';'] = ENDS_WORD, ['{'] = ENDS_WORD, ['$'] = DOLLAR_SIGN,
	['\\'] = IN_WORD | IN_DQ | IN_SQ, ['"'] = IN_WORD | IN_DQ, ['\''] = IN_WORD | IN_SQ,
};

static bool all_in_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!in_name((unsigned char)s[i]))
			return false;
	return true;
}

static const char *wrong_in_word(uint8_t state, const char *s, size_t n, unsigned seen)
{
	if ((seen & ENDS_WORD) != 0)
		return "a blank, ';' or '{' needs quotes around it in the template";
	if (state == GAP && n == 0)
		return "an empty value needs quotes around it in the template";
	if (state == GAP && (s[0] == '}' || s[0] == '#'))
		return "a value that begins with '}' or '#' needs quotes around it in the template";
	return NULL;
}

static const char *wrong_match(const char *s, size_t n)
{
	if (strchr("~=@", s[0]) != NULL || (s[0] == '^' && (n == 1 || s[1] == '~')))
		return "nginx takes what begins with ~ = @ or ^~ for a kind of match, quoted or not; "
			"{{{ }}} writes it as it is";
	return NULL;
}

/* Why the value cannot stand there. */
static const char *nginx_wrong(uint8_t state, const char *s, size_t n, unsigned seen)
{
	const char *wrong = NULL;

	switch (state) {
	case BEGIN_COMMENT: case COMMENT:
		return NULL;
	case END:
		return "a value cannot stand directly behind a closing quote";
	case WORD_ESC: case DQ_ESC: case SQ_ESC:
		return "a value cannot stand behind a backslash";
	case WORD_DOLLAR: case DQ_DOLLAR: case SQ_DOLLAR:
	case WORD_NAME: case DQ_NAME: case SQ_NAME: case WORD_BRACE: case DQ_BRACE: case SQ_BRACE:
		return all_in_name(s, n) ? NULL : "the name of a variable can have letters, digits and _ only";
	case GAP: case WORD:
		wrong = wrong_in_word(state, s, n, seen);
		break;
	case DQ_HEAD: case DQ: case SQ_HEAD: case SQ:
		break;
	default:
		return "a value cannot be (part of) the first word of a directive; {{{ }}} writes it as it is";
	}
	if (wrong == NULL && (seen & DOLLAR_SIGN) != 0)
		wrong = "nginx would take '$' for a variable, and has no way to write it; {{{ }}} writes it as it is";
	if (wrong == NULL && n > 0 && (state == GAP || state == DQ_HEAD || state == SQ_HEAD))
		wrong = wrong_match(s, n);
	return wrong;
}

static uint8_t behind_value(uint8_t state)
{
	switch (state) {
	case GAP: return WORD;
	case DQ_HEAD: return DQ;
	case SQ_HEAD: return SQ;
	case WORD_DOLLAR: return WORD_NAME;
	case DQ_DOLLAR: return DQ_NAME;
	case SQ_DOLLAR: return SQ_NAME;
	default: return state;
	}
}

static int nginx_put(uint8_t *state, const char *s, size_t n, struct buf *out, struct error *err)
{
	unsigned seen = target_classes(classes, s, n);
	const char *wrong = nginx_wrong(*state, s, n, seen);
	unsigned mask = 0;

	if ((seen & TARGET_CONTROL) != 0)
		return target_refuse_control(s, n, err);
	if (wrong != NULL)
		return error_set(err, ERR_INVALID, "%s", wrong);
	if (*state >= SQ_HEAD)
		mask = IN_SQ;
	else if (*state >= DQ_HEAD)
		mask = IN_DQ;
	else if (*state >= WORD || *state == GAP)
		mask = IN_WORD;
	if ((seen & mask) == 0)
		buf_append(out, s, n);
	else
		target_escape(classes, mask, "\\", s, n, out);
	if (n > 0)
		*state = behind_value(*state);
	return 0;
}

static const char *nginx_end(uint8_t state)
{
	if (state == BEGIN || state == BEGIN_COMMENT)
		return NULL;
	if (state >= DQ_HEAD || (state >= FIRST_DQ && state <= FIRST_SQ_ESC))
		return "in a quoted string";
	return "in a directive, without a ';'";
}

const struct target target_nginx = { "nginx", STATES, nginx_next, nginx_put, nginx_end };
