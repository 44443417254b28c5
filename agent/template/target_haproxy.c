/*
 * target_haproxy.c - the words of a HAProxy configuration
 *
 * What HAProxy 2.6.12 was seen to do (tests/integration/test_quoting.py asks it again):
 *
 * A line ends at LF. CR, in quotes too, and NUL end what is read of it: a quote that is open then is an error,
 * the rest of the line is not seen. Blanks between words are the six of isspace(); no byte above 0x7f is one.
 * An unquoted # begins a comment, also in the middle of a word. '...' and "..." may stand anywhere in a word;
 * a"b"'c' is abc; "" alone is an empty word, which most keywords take for the end of their arguments.
 * In bare words and in "..." a backslash is taken away before blank \ # ' " and $ (before $ in "..." only; in a
 * bare word \$ is two characters), \t \n \r \xHH are the byte meant (\x without two hex digits is an error), and
 * before any other byte the backslash stays. At the end of a line it is itself: lines cannot be continued.
 * In '...' nothing is special but the quote. "$NAME", "${NAME}" and "${NAME-text}" are variables of the
 * environment, in "..." only; a $ there without a name is an error.
 * A line has at most 64 words (more is an error, nothing is dropped silently); words may be long: 1 MB passes.
 *
 * Layer: agent/template.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/target_write.h"

#include <ctype.h>
#include <string.h>

/* KEY: the first word of a line. HEAD: the word has begun and is empty so far. PART: it is made of values, and
 * what they make could be the begin of a word of conditions. X1, X2: behind \x, and one digit more. */
enum {
	BOL, GAP, COMMENT,
	KEY, KEY_ESC, KEY_DQ, KEY_DQ_ESC, KEY_SQ,
	HEAD, WORD, PART, ESC, X1, X2,
	DQ_HEAD, DQ, DQ_PART, DQ_ESC, DQ_X1, DQ_X2, DQ_DOLLAR, DQ_NAME, DQ_BRACE,
	SQ_HEAD, SQ, SQ_PART,
	STATES
};
_Static_assert(STATES <= TARGET_STATES_MAX, "target.h says how many there may be");

static bool blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint8_t key_next(uint8_t state, unsigned char c)
{
	switch (state) {
	case KEY_ESC: return KEY;
	case KEY_DQ_ESC: return KEY_DQ;
	case KEY_DQ: return c == '"' ? KEY : c == '\\' ? KEY_DQ_ESC : KEY_DQ;
	case KEY_SQ: return c == '\'' ? KEY : KEY_SQ;
	default: break;
	}
	if (blank(c))
		return state == BOL ? BOL : GAP;
	switch (c) {
	case '#': return COMMENT;
	case '"': return KEY_DQ;
	case '\'': return KEY_SQ;
	case '\\': return KEY_ESC;
	default: return KEY;
	}
}

/* Between words and in a bare one. */
static uint8_t word_next(uint8_t state, unsigned char c)
{
	bool empty = state == GAP || state == HEAD;

	if (blank(c))
		return GAP;
	switch (c) {
	case '#': return COMMENT;
	case '"': return empty ? DQ_HEAD : state == PART ? DQ_PART : DQ;
	case '\'': return empty ? SQ_HEAD : state == PART ? SQ_PART : SQ;
	case '\\': return ESC;
	default: return WORD;
	}
}

static uint8_t string_next(uint8_t state, unsigned char c)
{
	switch (c) {
	case '"': return state == DQ_HEAD ? HEAD : state == DQ_PART ? PART : WORD;
	case '\\': return DQ_ESC;
	case '$': return DQ_DOLLAR;
	default: return DQ;
	}
}

static uint8_t variable_next(uint8_t state, unsigned char c)
{
	if (state == DQ_BRACE) /* its content may be empty */
		return c == '}' ? DQ_HEAD : DQ_BRACE;
	if (state == DQ_DOLLAR && c == '{')
		return DQ_BRACE;
	if (isalnum(c) || c == '_' || (state == DQ_DOLLAR && c == '.'))
		return DQ_NAME;
	return string_next(DQ_HEAD, c);
}

static uint8_t haproxy_next(uint8_t state, unsigned char c)
{
	if (c == '\n')
		return BOL;
	if (c == '\r' || c == '\0')
		return COMMENT;
	switch (state) {
	case COMMENT: return COMMENT;
	case GAP: case HEAD: case WORD: case PART: return word_next(state, c);
	case ESC: return c == 'x' ? X1 : WORD;
	case X1: return X2;
	case X2: return WORD;
	case DQ_HEAD: case DQ: case DQ_PART: return string_next(state, c);
	case DQ_ESC: return c == 'x' ? DQ_X1 : DQ;
	case DQ_X1: return DQ_X2;
	case DQ_X2: return DQ;
	case DQ_DOLLAR: case DQ_NAME: case DQ_BRACE: return variable_next(state, c);
	case SQ_HEAD: return c == '\'' ? HEAD : SQ;
	case SQ_PART: return c == '\'' ? PART : SQ;
	case SQ: return c == '\'' ? WORD : SQ;
	default: return key_next(state, c);
	}
}

#define IN_WORD 1
#define IN_DQ 2
#define IN_SQ 4
#define IN_CONDITION 8 /* all that the words of conditions are made of */

static const uint8_t classes[256] = {
	TARGET_CONTROLS,
	[' '] = IN_WORD, ['#'] = IN_WORD, ['\\'] = IN_WORD | IN_DQ, ['"'] = IN_WORD | IN_DQ,
	['\''] = IN_WORD | IN_SQ, ['$'] = IN_DQ,
	['o'] = IN_CONDITION, ['r'] = IN_CONDITION, ['i'] = IN_CONDITION, ['f'] = IN_CONDITION, ['u'] = IN_CONDITION,
	['n'] = IN_CONDITION, ['l'] = IN_CONDITION, ['e'] = IN_CONDITION, ['s'] = IN_CONDITION, ['|'] = IN_CONDITION,
};

static const struct {
	const char *text;
	size_t n;
} condition_words[] = { { "or", 2 }, { "if", 2 }, { "unless", 6 }, { "||", 2 } };
#define CONDITION_WORD_MAX 6

/* Would HAProxy take the word s for a part of a condition, or a flag? It compares what is left when the quotes
 * and any number of ! are gone. */
static bool special(const char *s, size_t n)
{
	size_t bangs = 0;

	if (s[0] == '-')
		return n == 1 || (n == 2 && !isdigit((unsigned char)s[1]));
	while (bangs < n && s[bangs] == '!')
		bangs++;
	s += bangs;
	n -= bangs;
	if (n == 0 || (n == 1 && (*s == '{' || *s == '}' || *s == '|')))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(condition_words); i++)
		if (n == condition_words[i].n && memcmp(s, condition_words[i].text, n) == 0)
			return true;
	return false;
}

/* Is s (not empty) within one of those words; and at its end? */
static bool within(const char *s, size_t n, bool at_end)
{
	if (n > CONDITION_WORD_MAX || (classes[(unsigned char)s[0]] & IN_CONDITION) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(condition_words); i++) {
		const char *w = condition_words[i].text;
		size_t len = condition_words[i].n;

		if (n > len)
			continue;
		if (at_end ? memcmp(w + len - n, s, n) == 0 : memmem(w, len, s, n) != NULL)
			return true;
	}
	return false;
}

static int refuse_place(uint8_t state, struct error *err)
{
	if (state <= KEY_SQ)
		return error_set(err, ERR_INVALID, "a value cannot be (part of) the keyword that a line begins "
			"with; {{{ }}} writes it as it is");
	if (state >= DQ_DOLLAR && state <= DQ_BRACE)
		return error_set(err, ERR_INVALID, "a value cannot be part of the name of an environment variable; "
			"behind a $NAME write ${NAME}");
	return error_set(err, ERR_INVALID, "a value cannot stand behind a backslash");
}

/* How a word goes on; states of the three ways of quoting. */
struct mode {
	uint8_t head, plain, part;
	uint8_t mask;
	const char *escape;
};
static const struct mode modes[] = {
	{ HEAD, WORD, PART, IN_WORD, "\\" },
	{ DQ_HEAD, DQ, DQ_PART, IN_DQ, "\\" },
	{ SQ_HEAD, SQ, SQ_PART, IN_SQ, "'\\'" }, /* ends the string, \' outside, begins it again */
};

static const struct mode *mode_of(uint8_t state)
{
	switch (state) {
	case GAP: case HEAD: case WORD: case PART: return &modes[0];
	case DQ_HEAD: case DQ: case DQ_PART: return &modes[1];
	case SQ_HEAD: case SQ: case SQ_PART: return &modes[2];
	default: return NULL;
	}
}

static int haproxy_put(uint8_t *state, const char *s, size_t n, struct buf *out, struct error *err)
{
	unsigned seen = target_classes(classes, s, n);
	const struct mode *m = mode_of(*state);
	bool head = *state == GAP || *state == HEAD || *state == DQ_HEAD || *state == SQ_HEAD;
	bool part = *state == PART || *state == DQ_PART || *state == SQ_PART;

	if ((seen & TARGET_CONTROL) != 0)
		return target_refuse_control(s, n, err);
	if (m == NULL && *state != COMMENT)
		return refuse_place(*state, err);
	if (n > 0 && ((head && special(s, n)) || (part && within(s, n, true))))
		return error_set(err, ERR_INVALID, "the value would be a word that HAProxy takes for a part of a "
			"condition or for a flag, quoted or not; {{{ }}} writes it as it is");
	if (m == NULL || (seen & m->mask) == 0)
		buf_append(out, s, n);
	else
		target_escape(classes, m->mask, m->escape, s, n, out);
	if (m == NULL)
		return 0;
	if (n > 0) {
		*state = (head || part) && within(s, n, false) ? m->part : m->plain;
	} else if (*state == GAP) {
		buf_str(out, "\"\"");
		*state = HEAD;
	}
	return 0;
}

static const char *haproxy_end(uint8_t state)
{
	switch (state) {
	case KEY_DQ: case KEY_SQ: case DQ_HEAD: case DQ: case DQ_PART: case SQ_HEAD: case SQ: case SQ_PART:
		return "in a quoted string";
	case DQ_DOLLAR: case DQ_NAME: case DQ_BRACE:
		return "in the name of an environment variable";
	case KEY_ESC: case KEY_DQ_ESC: case ESC: case X1: case X2: case DQ_ESC: case DQ_X1: case DQ_X2:
		return "behind a backslash";
	default:
		return NULL;
	}
}

const struct target target_haproxy = { "haproxy", STATES, haproxy_next, haproxy_put, haproxy_end };
