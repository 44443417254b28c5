/*
 * lex.c - template text into tokens
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/lex.h"

#include "agent/template/ast.h"
#include "agent/template/blank.h"

#include <string.h>

void lex_init(struct lexer *lx, const char *name, const char *text, size_t n, bool baragon)
{
	*lx = (struct lexer){ .name = name, .text = text, .n = n, .line = 1, .col = 1, .open = "{{",
		.close = "}}", .baragon = baragon };
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool at(const struct lexer *lx, size_t pos, const char *s)
{
	size_t n = strlen(s);

	return pos <= lx->n && lx->n - pos >= n && memcmp(lx->text + pos, s, n) == 0;
}

static char peek(const struct lexer *lx, size_t pos)
{
	return pos < lx->n ? lx->text[pos] : '\0';
}

static size_t skip_spaces(const struct lexer *lx, size_t pos)
{
	for (size_t step; pos < lx->n && (step = blank_at(lx->text + pos, lx->n - pos)) > 0;)
		pos += step;
	return pos;
}

static void advance(struct lexer *lx, size_t to)
{
	for (; lx->pos < to; lx->pos++) {
		lx->col++;
		if (lx->text[lx->pos] == '\n') {
			lx->line++;
			lx->col = 1;
		}
	}
}

/* lx->n: nowhere. */
static size_t find(const struct lexer *lx, size_t from, const char *s)
{
	const char *p = from < lx->n ? memmem(lx->text + from, lx->n - from, s, strlen(s)) : NULL;

	return p != NULL ? (size_t)(p - lx->text) : lx->n;
}

/* The next n bytes are the token. */
static void take(struct lexer *lx, struct token *tok, enum token_kind kind, size_t n)
{
	*tok = (struct token){ .kind = kind, .p = lx->text + lx->pos, .n = n, .line = lx->line, .col = lx->col };
	advance(lx, lx->pos + n);
}

static int lex_fail(const struct lexer *lx, const char *what, struct error *err)
{
	return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col, "%s", what);
}

static int unexpected(const struct lexer *lx, size_t pos, struct error *err)
{
	unsigned col = lx->col + (unsigned)(pos - lx->pos);
	char c = peek(lx, pos);

	if (pos >= lx->n)
		return template_fail(err, ERR_INVALID, lx->name, lx->tag_line, lx->tag_col,
			"the tag that begins here has no end");
	if (c > ' ' && c < 0x7f)
		return template_fail(err, ERR_INVALID, lx->name, lx->line, col, "unexpected '%c' in a tag", c);
	return template_fail(err, ERR_INVALID, lx->name, lx->line, col, "unexpected byte 0x%02X in a tag",
		(unsigned)(unsigned char)c);
}

/* Behind the closer of the comment whose '!' is at `bang`; 0: it has none. */
static size_t comment_end(const struct lexer *lx, size_t bang)
{
	size_t i, depth = 1, open = strlen(lx->open), close = strlen(lx->close);

	if (!lx->baragon && at(lx, bang, "!--")) {
		for (i = find(lx, bang + 1, "--"); i < lx->n; i = find(lx, i + 1, "--")) {
			size_t end = i + 2 + (peek(lx, i + 2) == '~');

			if (at(lx, end, lx->close))
				return end + close;
		}
		return 0;
	}
	if (!lx->baragon) {
		i = find(lx, bang, lx->close);
		return i < lx->n ? i + close : 0;
	}
	for (i = bang; i < lx->n;) {
		if (at(lx, i, lx->close)) {
			i += close;
			if (--depth == 0)
				return i;
		} else if (at(lx, i, lx->open)) {
			i += open;
			depth++;
		} else {
			i++;
		}
	}
	return 0;
}

static int lex_comment(struct lexer *lx, struct token *tok, size_t bang, struct error *err)
{
	size_t end = comment_end(lx, bang);

	if (end == 0)
		return lex_fail(lx, "the comment that begins here has no end", err);
	take(lx, tok, TOKEN_COMMENT, end - lx->pos);
	tok->before = lx->text[bang - 1] == '~';
	tok->after = !lx->baragon && lx->text[end - strlen(lx->close) - 1] == '~';
	return 0;
}

/* One delimiter at *i, into `out`. */
static bool read_delimiter(const struct lexer *lx, size_t *i, char out[LEX_DELIMITER_MAX + 1])
{
	size_t n = 0;

	for (; n < LEX_DELIMITER_MAX; n++, ++*i) {
		char c = peek(lx, *i);

		if (c <= ' ' || c >= 0x7f || c == '=' || c == '~' || is_alnum(c))
			break;
		out[n] = c;
	}
	out[n] = '\0';
	return n > 0;
}

/* {{=<% %>=}}, its '=' at `equals`. */
static int lex_delimiters(struct lexer *lx, struct token *tok, size_t equals, struct error *err)
{
	char open[LEX_DELIMITER_MAX + 1], close[LEX_DELIMITER_MAX + 1];
	size_t i = skip_spaces(lx, equals + 1), gap;
	bool ok = read_delimiter(lx, &i, open);

	gap = i;
	i = skip_spaces(lx, i);
	ok = ok && i > gap && read_delimiter(lx, &i, close);
	i = skip_spaces(lx, i);
	if (!ok || peek(lx, i) != '=' || !at(lx, i + 1, lx->close))
		return lex_fail(lx, "new delimiters are written {{=<% %>=}}: two of at most 8 punctuation characters", err);
	take(lx, tok, TOKEN_COMMENT, i + 1 + strlen(lx->close) - lx->pos);
	memcpy(lx->open, open, sizeof(open));
	memcpy(lx->close, close, sizeof(close));
	return 0;
}

/* Is the tag whose inside begins at `in` {{else}} (word) or {{^}}? Then its length into *n. */
static bool whole_else(const struct lexer *lx, size_t in, const char *word, size_t *n, bool *tilde)
{
	size_t i = skip_spaces(lx, in + strlen(word));

	*tilde = peek(lx, i) == '~';
	i += *tilde;
	if (!at(lx, i, lx->close))
		return false;
	*n = i + strlen(lx->close) - lx->pos;
	return true;
}

static bool is_else_word(const struct lexer *lx, size_t i)
{
	return at(lx, i, "else") && !is_alnum(peek(lx, i + 4)) && peek(lx, i + 4) != '_';
}

/* What kind of tag it is that has its inside at *in; *in moves behind what says so. */
static enum token_kind tag_kind(struct lexer *lx, size_t *in)
{
	size_t word = skip_spaces(lx, *in);
	char c = peek(lx, *in);

	if (c == '#' && !lx->baragon && (peek(lx, *in + 1) == '>' || peek(lx, *in + 1) == '*')) {
		*in += 2;
		return lx->text[*in - 1] == '>' ? TOKEN_OPEN_PARTIAL_BLOCK : TOKEN_OPEN_DECORATOR;
	}
	if (is_else_word(lx, word)) {
		*in = word + 4;
		return TOKEN_OPEN_CHAIN;
	}
	if (c == '\0' || strchr("{&#/>^", c) == NULL)
		return TOKEN_OPEN;
	++*in;
	if (c == '{') {
		lx->closer = CLOSER_RAW;
		*in += peek(lx, *in) == '~';
	}
	return c == '#' ? TOKEN_OPEN_BLOCK : c == '/' ? TOKEN_OPEN_END : c == '>' ? TOKEN_OPEN_PARTIAL :
		c == '^' ? TOKEN_OPEN_INVERSE : TOKEN_OPEN_RAW;
}

/* At an opening delimiter: the opener, or a whole comment or else. */
static int lex_open(struct lexer *lx, struct token *tok, struct error *err)
{
	size_t in = lx->pos + strlen(lx->open), n;
	bool before, after;
	enum token_kind kind;

	lx->tag_line = lx->line;
	lx->tag_col = lx->col;
	lx->closer = CLOSER_PLAIN;
	if (at(lx, lx->pos, "{{{{")) {
		if (lx->baragon)
			return lex_fail(lx, "raw blocks '{{{{' are not known at baragon level", err);
		lx->closer = CLOSER_LITERAL;
		lx->in_tag = true;
		take(lx, tok, TOKEN_OPEN_LITERAL, 4);
		return 0;
	}
	before = peek(lx, in) == '~';
	in += before;
	if (peek(lx, in) == '!')
		return lex_comment(lx, tok, in, err);
	if (peek(lx, in) == '=' && !before)
		return lex_delimiters(lx, tok, in, err);
	if ((peek(lx, in) == '^' && whole_else(lx, in, "^", &n, &after)) ||
		(is_else_word(lx, skip_spaces(lx, in)) &&
			whole_else(lx, skip_spaces(lx, in), "else", &n, &after))) {
		take(lx, tok, TOKEN_ELSE, n);
		tok->before = before;
		tok->after = after;
		return 0;
	}
	kind = tag_kind(lx, &in);
	before = before || (lx->closer == CLOSER_RAW && lx->text[in - 1] == '~');
	take(lx, tok, kind, in - lx->pos);
	tok->before = before;
	lx->in_tag = true;
	return 0;
}

/* Does the backslash at `cut`, before a tag, make it text?  At our level two make it a tag behind one; at
 * baragon level it counts only where a text begins or behind white space, and not before three braces. */
static bool escapes(const struct lexer *lx, size_t cut)
{
	if (!lx->baragon)
		return cut == lx->pos || lx->text[cut - 1] != '\\';
	return (cut == lx->pos || blank_before(lx->text + lx->pos, cut - lx->pos) > 0) &&
		peek(lx, cut + 1 + strlen(lx->open)) != '{';
}

/* Text up to the next tag; of length 0 if there is none before it. */
static void lex_text(struct lexer *lx, struct token *tok)
{
	size_t end = find(lx, lx->pos, lx->open);
	bool backslash = end < lx->n && end > lx->pos && lx->text[end - 1] == '\\';
	size_t cut = backslash && (!lx->baragon || escapes(lx, end - 1)) ? end - 1 : end;

	lx->escaped = backslash && escapes(lx, end - 1);
	take(lx, tok, TOKEN_TEXT, cut - lx->pos);
	advance(lx, end);
}

/* The tag at pos is text, and all behind it up to the next tag and its backslashes. */
static void lex_escaped(struct lexer *lx, struct token *tok)
{
	size_t least = lx->pos + strlen(lx->open), end = find(lx, least, lx->open);

	lx->escaped = false;
	if (lx->baragon && (end < least + 2 || blank_before(lx->text + least, end - 1 - least) == 0))
		least = end;
	for (int i = 0; i < 2 - lx->baragon && end < lx->n && end > least && lx->text[end - 1] == '\\'; i++)
		end--;
	take(lx, tok, TOKEN_TEXT, end - lx->pos);
}

static size_t word_end(const struct lexer *lx, size_t i);

/* Text up to the {{{{/name}}}} that closes the block, others like it inside left out; then that. */
static int lex_literal_body(struct lexer *lx, struct token *tok, struct error *err)
{
	size_t i, end = 0, depth = 1;

	for (i = find(lx, lx->pos, "{{{{"); i < lx->n; i = find(lx, i + 4, "{{{{")) {
		if (peek(lx, i + 4) != '/') {
			depth++;
			continue;
		}
		end = word_end(lx, i + 5);
		if (end > i + 5 && at(lx, end, "}}}}") && --depth == 0)
			break;
	}
	if (i >= lx->n)
		return template_fail(err, ERR_INVALID, lx->name, lx->tag_line, lx->tag_col,
			"the raw block that begins here has no end");
	if (i > lx->pos) {
		take(lx, tok, TOKEN_TEXT, i - lx->pos);
		return 0;
	}
	lx->literal = false;
	advance(lx, i + 5);
	take(lx, tok, TOKEN_END_LITERAL, end - lx->pos);
	advance(lx, end + 4);
	return 0;
}

static int lex_string(struct lexer *lx, struct token *tok, struct error *err)
{
	char quote = lx->text[lx->pos];
	size_t i;

	for (i = lx->pos + 1; i < lx->n && lx->text[i] != quote; i++) {
		if (lx->baragon && lx->text[i] == '\n')
			break;
		if (lx->text[i] == '\\' && peek(lx, i + 1) == quote)
			i++;
	}
	if (peek(lx, i) != quote)
		return lex_fail(lx, lx->baragon ? "the string that begins here has no end on its line" :
			"the string that begins here has no end", err);
	take(lx, tok, TOKEN_STRING, i + 1 - lx->pos);
	tok->p++;
	tok->n -= 2;
	return 0;
}

/* May it stand in a name? */
static bool is_name_char(const struct lexer *lx, size_t i)
{
	unsigned char c = (unsigned char)peek(lx, i);

	if (c >= 0x80)
		return lx->baragon || blank_at(lx->text + i, lx->n - i) == 0;
	if (lx->baragon)
		return is_alnum((char)c) || (c != '\0' && strchr("_$@-", c) != NULL);
	return c > ' ' && c < 0x7f && strchr("!\"#%&'()*+,./;<=>@[\\]^`{|}~", c) == NULL;
}

/* Behind the name that begins at i; i itself if there is none. */
static size_t word_end(const struct lexer *lx, size_t i)
{
	while (is_name_char(lx, i))
		i++;
	return i;
}

/* Behind the ']' of the '[' at i; 0: there is none. */
static size_t bracket_end(const struct lexer *lx, size_t i)
{
	for (i++; i < lx->n && lx->text[i] != ']'; i++)
		if (lx->text[i] == '\\' && !lx->baragon)
			i++;
	return i < lx->n ? i + 1 : 0;
}

/* Behind the path, names and what joins them, that begins at pos; 0: a '[' has no end. */
static size_t path_end(const struct lexer *lx)
{
	size_t i = lx->pos;

	for (;;) {
		char before = i > lx->pos ? lx->text[i - 1] : '/', c = peek(lx, i);

		if (i > lx->pos && at(lx, i, lx->close))
			return i;
		if (c == '[' && (before == '.' || before == '/' || before == '@')) {
			i = bracket_end(lx, i);
			if (i == 0)
				return 0;
		} else if (c == '.' || c == '/' || (c == '@' && before == '/') || is_name_char(lx, i)) {
			i++;
		} else {
			return i;
		}
	}
}

static bool is_number(const struct lexer *lx, const char *p, size_t n)
{
	size_t i = n > 0 && p[0] == '-' && !lx->baragon, from = i;

	while (i < n && is_digit(p[i]))
		i++;
	if (i > from && i + 1 < n && p[i] == '.' && !lx->baragon)
		for (i++; i < n && is_digit(p[i]); i++)
			;
	return i > from && i == n;
}

static int lex_path(struct lexer *lx, struct token *tok, struct error *err)
{
	size_t end = path_end(lx), behind;

	if (end == 0)
		return lex_fail(lx, "'[' without ']'", err);
	if (end < lx->n && strchr("\"'[(@", lx->text[end]) != NULL && lx->text[end] != '\0' && !at(lx, end, lx->close))
		return unexpected(lx, end, err);
	behind = skip_spaces(lx, end);
	take(lx, tok, TOKEN_PATH, end - lx->pos);
	tok->key = peek(lx, behind) == '=';
	if (!tok->key && peek(lx, end) != '|' && is_number(lx, tok->p, tok->n))
		tok->kind = TOKEN_NUMBER;
	else if (lx->baragon && is_digit(tok->p[0]))
		return template_fail(err, ERR_INVALID, lx->name, tok->line, tok->col,
			"'%.*s' is no number, and a name cannot begin with a digit", (int)tok->n, tok->p);
	return 0;
}

/* The closer of the tag, if it is here: its length, and whether a ~ stands in it. */
static size_t closer(const struct lexer *lx, bool *tilde)
{
	size_t i = lx->pos;

	*tilde = false;
	if (lx->closer == CLOSER_LITERAL)
		return at(lx, i, "}}}}") ? 4 : 0;
	if (peek(lx, i) == '~') {
		*tilde = true;
		i++;
	}
	if (lx->closer == CLOSER_RAW) {
		if (peek(lx, i) != '}')
			return 0;
		i++;
		if (!*tilde && peek(lx, i) == '~') {
			*tilde = true;
			i++;
		}
	}
	return at(lx, i, lx->close) ? i + strlen(lx->close) - lx->pos : 0;
}

static int lex_inside(struct lexer *lx, struct token *tok, struct error *err)
{
	bool tilde;
	size_t n;
	char c;

	advance(lx, skip_spaces(lx, lx->pos));
	n = closer(lx, &tilde);
	if (n > 0) {
		take(lx, tok, TOKEN_CLOSE, n);
		tok->after = tilde && !(lx->baragon && lx->closer == CLOSER_RAW); /* handlebars.java forgets it there */
		lx->in_tag = false;
		return 0;
	}
	if (at(lx, lx->pos, lx->close))
		return lex_fail(lx, lx->closer == CLOSER_RAW ? "the tag began with '{{{' and must end with '}}}'" :
			"the tag began with '{{{{' and must end with '}}}}'", err);
	c = peek(lx, lx->pos);
	if (c == '"' || c == '\'')
		return lex_string(lx, tok, err);
	n = skip_spaces(lx, lx->pos + 2);
	if (!lx->baragon && at(lx, lx->pos, "as") && n > lx->pos + 2 && peek(lx, n) == '|') {
		take(lx, tok, TOKEN_AS, n + 1 - lx->pos);
		return 0;
	}
	if (c == '[' || c == '.' || c == '/' || c == '@' || is_name_char(lx, lx->pos))
		return lex_path(lx, tok, err);
	if (c == '\0' || strchr("=()|", c) == NULL || (c == '|' && lx->baragon))
		return unexpected(lx, lx->pos, err);
	take(lx, tok, c == '=' ? TOKEN_EQUALS : c == '(' ? TOKEN_LPAREN : c == ')' ? TOKEN_RPAREN : TOKEN_BAR, 1);
	return 0;
}

int lex_next(struct lexer *lx, struct token *tok, struct error *err)
{
	if (lx->in_tag)
		return lex_inside(lx, tok, err);
	if (lx->literal)
		return lex_literal_body(lx, tok, err);
	while (lx->pos < lx->n) {
		if (!lx->escaped && at(lx, lx->pos, lx->open))
			return lex_open(lx, tok, err);
		if (lx->escaped)
			lex_escaped(lx, tok);
		else
			lex_text(lx, tok);
		if (tok->n > 0)
			return 0;
	}
	take(lx, tok, TOKEN_END, 0);
	return 0;
}
