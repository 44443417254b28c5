/*
 * lex.c - template text into tokens
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/lex.h"

#include "agent/template/ast.h"

#include <string.h>

void lex_init(struct lexer *lx, const char *name, const char *text, size_t n, bool keep_blank_lines)
{
	*lx = (struct lexer){ .name = name, .text = text, .n = n, .line = 1, .col = 1,
		.keep_blank_lines = keep_blank_lines };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r';
}

static bool is_path_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(unsigned char)c >= 0x80 || (c != '\0' && strchr("_$@./-", c) != NULL);
}

static bool at(const struct lexer *lx, size_t pos, const char *s)
{
	size_t n = strlen(s);

	return pos <= lx->n && lx->n - pos >= n && memcmp(lx->text + pos, s, n) == 0;
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

static size_t find(const struct lexer *lx, size_t from, const char *s)
{
	const char *p = from < lx->n ? memmem(lx->text + from, lx->n - from, s, strlen(s)) : NULL;

	return p != NULL ? (size_t)(p - lx->text) : lx->n;
}

/* Where the comment whose '!' is at `bang` ends: behind its }}. n + 1: nowhere. */
static size_t comment_end(const struct lexer *lx, size_t bang)
{
	size_t i, depth = 1;

	if (at(lx, bang, "!--")) {
		for (i = find(lx, bang + 3, "--"); i < lx->n; i = find(lx, i + 1, "--")) {
			if (at(lx, i, "--}}"))
				return i + 4;
			if (at(lx, i, "--~}}"))
				return i + 5;
		}
		return lx->n + 1;
	}
	for (i = bang; i < lx->n; i++) {
		if (at(lx, i, "{{")) {
			depth++;
			i++;
		} else if (at(lx, i, "}}")) {
			i++;
			if (--depth == 0)
				return i + 1;
		}
	}
	return lx->n + 1;
}

/* Where the tag whose inside begins at `i` ends, strings and [names] jumped over. */
static size_t tag_end(const struct lexer *lx, size_t i)
{
	char quote = '\0';

	for (; i < lx->n; i++) {
		char c = lx->text[i];

		if (quote != '\0') {
			if (c == '\\' && quote != ']' && i + 1 < lx->n && lx->text[i + 1] == quote)
				i++;
			else if (c == quote)
				quote = '\0';
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '[') {
			quote = ']';
		} else if (at(lx, i, "}}")) {
			return i + 2;
		}
	}
	return lx->n + 1;
}

static bool is_else(const struct lexer *lx, size_t i)
{
	while (i < lx->n && is_space(lx->text[i]))
		i++;
	if (!at(lx, i, "else"))
		return false;
	for (i += 4; i < lx->n && (is_space(lx->text[i]) || lx->text[i] == '~'); i++)
		;
	return at(lx, i, "}}");
}

/* Is the tag at `open` a block tag, else or comment with nothing but blanks beside it on its line? */
static bool stands_alone(const struct lexer *lx, size_t open)
{
	size_t i = open, end, in = open + 2;

	if (lx->keep_blank_lines || at(lx, open, "{{{"))
		return false;
	while (i > 0 && is_blank(lx->text[i - 1]))
		i--;
	if (i > 0 && lx->text[i - 1] != '\n')
		return false;
	if (at(lx, in, "~"))
		in++;
	if (at(lx, in, "!"))
		end = comment_end(lx, in);
	else if (at(lx, in, "#") || at(lx, in, "^") || at(lx, in, "/") || is_else(lx, in))
		end = tag_end(lx, in);
	else
		return false;
	while (end < lx->n && is_blank(lx->text[end]))
		end++;
	return end == lx->n || at(lx, end, "\n") || at(lx, end, "\r\n");
}

/* After a tag: what `~` or a line of its own takes away. */
static void eat_after(struct lexer *lx, bool tilde, bool alone)
{
	size_t i = lx->pos;

	if (tilde) {
		while (i < lx->n && is_space(lx->text[i]))
			i++;
	} else if (alone) {
		while (i < lx->n && is_blank(lx->text[i]))
			i++;
		if (at(lx, i, "\r\n"))
			i++;
		if (at(lx, i, "\n"))
			i++;
	}
	advance(lx, i);
}

static void token_set(const struct lexer *lx, struct token *tok, enum token_kind kind, size_t n)
{
	*tok = (struct token){ kind, lx->text + lx->pos, n, lx->line, lx->col };
}

/* At {{: the opening token, or a whole comment (then *tok stays TOKEN_TEXT of length 0). */
static int lex_open(struct lexer *lx, struct token *tok, struct error *err)
{
	size_t in = lx->pos + 2, end;
	enum token_kind kind = TOKEN_OPEN;

	lx->tag_line = lx->line;
	lx->tag_col = lx->col;
	lx->alone = stands_alone(lx, lx->pos);
	token_set(lx, tok, TOKEN_TEXT, 0);
	lx->raw = at(lx, in, "{");
	if (at(lx, in, "{{"))
		return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
			"raw blocks '{{{{' are not supported");
	if (lx->raw || at(lx, in, "~"))
		in++;
	if (at(lx, in, "!") && !lx->raw) {
		end = comment_end(lx, in);
		if (end > lx->n)
			return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
				"the comment that begins here has no end");
		advance(lx, end);
		eat_after(lx, lx->text[end - 3] == '~', lx->alone);
		return 0;
	}
	if (!lx->raw) {
		char c = in < lx->n ? lx->text[in] : '\0';

		if (c == '>' || c == '=')
			return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
				c == '>' ? "partials are not supported" : "delimiters cannot be changed");
		kind = c == '#' ? TOKEN_OPEN_BLOCK : c == '^' ? TOKEN_OPEN_INVERSE :
			c == '/' ? TOKEN_OPEN_END : TOKEN_OPEN;
		if (c == '&' || kind != TOKEN_OPEN)
			in++;
	}
	token_set(lx, tok, kind, in - lx->pos);
	advance(lx, in);
	lx->in_tag = true;
	return 0;
}

/* Text up to the next tag; length 0 if there is none before it. */
static void lex_text(struct lexer *lx, struct token *tok)
{
	size_t from = lx->pos, start, end, cut;

	if (at(lx, from, "\\{{")) {
		advance(lx, from + 1);
		from += 3; /* these braces are text */
	}
	start = lx->pos;
	end = find(lx, from, "{{");
	if (end < lx->n && end > from && lx->text[end - 1] == '\\') {
		token_set(lx, tok, TOKEN_TEXT, end - 1 - start);
		advance(lx, end - 1);
		return;
	}
	cut = end;
	if (at(lx, end, "{{~")) {
		while (cut > from && is_space(lx->text[cut - 1]))
			cut--;
	} else if (end < lx->n && stands_alone(lx, end)) {
		while (cut > from && is_blank(lx->text[cut - 1]))
			cut--;
	}
	token_set(lx, tok, TOKEN_TEXT, cut - start);
	advance(lx, end);
}

static int lex_string(struct lexer *lx, struct token *tok, struct error *err)
{
	char quote = lx->text[lx->pos];
	size_t i;

	for (i = lx->pos + 1; i < lx->n && lx->text[i] != quote && lx->text[i] != '\n'; i++) {
		if (lx->text[i] == '\\' && i + 1 < lx->n && lx->text[i + 1] == quote)
			i++;
	}
	if (i >= lx->n || lx->text[i] != quote)
		return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
			"the string that begins here has no end on its line");
	*tok = (struct token){ TOKEN_STRING, lx->text + lx->pos + 1, i - lx->pos - 1, lx->line, lx->col };
	advance(lx, i + 1);
	return 0;
}

static int lex_word(struct lexer *lx, struct token *tok, struct error *err)
{
	size_t i = lx->pos;
	bool number = lx->text[i] == '-' || (lx->text[i] >= '0' && lx->text[i] <= '9');

	while (i < lx->n && (is_path_char(lx->text[i]) || lx->text[i] == '[')) {
		if (number && (lx->text[i] < '0' || lx->text[i] > '9') && !(i == lx->pos && lx->text[i] == '-'))
			number = false;
		if (lx->text[i] == '[') {
			const char *close = memchr(lx->text + i, ']', lx->n - i);

			if (close == NULL)
				return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
					"'[' without ']'");
			i = (size_t)(close - lx->text);
		}
		i++;
	}
	number = number && lx->text[i - 1] != '-';
	token_set(lx, tok, number ? TOKEN_NUMBER : TOKEN_PATH, i - lx->pos);
	if (!number && lx->text[lx->pos] >= '0' && lx->text[lx->pos] <= '9')
		return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
			"'%.*s' is no number, and a name cannot begin with a digit", (int)tok->n, tok->p);
	advance(lx, i);
	return 0;
}

static int lex_inside(struct lexer *lx, struct token *tok, struct error *err)
{
	bool tilde;
	char c;

	while (lx->pos < lx->n && is_space(lx->text[lx->pos]))
		advance(lx, lx->pos + 1);
	if (lx->pos >= lx->n)
		return template_fail(err, ERR_INVALID, lx->name, lx->tag_line, lx->tag_col,
			"the tag that begins here has no end");
	tilde = at(lx, lx->pos, "~}}");
	if (tilde || at(lx, lx->pos, "}}")) {
		size_t n = (tilde ? 3 : 2) + (lx->raw ? 1 : 0);

		if (lx->raw && !at(lx, lx->pos, tilde ? "~}}}" : "}}}"))
			return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
				"the tag began with '{{{' and must end with '}}}'");
		token_set(lx, tok, TOKEN_CLOSE, n);
		advance(lx, lx->pos + n);
		lx->in_tag = false;
		eat_after(lx, tilde, lx->alone);
		return 0;
	}
	c = lx->text[lx->pos];
	if (c == '"' || c == '\'')
		return lex_string(lx, tok, err);
	if (is_path_char(c) || c == '[')
		return lex_word(lx, tok, err);
	if (c != '=' && c != '(' && c != ')') {
		if (c > ' ' && c < 0x7f)
			return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
				"unexpected '%c' in a tag", c);
		return template_fail(err, ERR_INVALID, lx->name, lx->line, lx->col,
			"unexpected byte 0x%02X in a tag", (unsigned)(unsigned char)c);
	}
	token_set(lx, tok, c == '=' ? TOKEN_EQUALS : c == '(' ? TOKEN_LPAREN : TOKEN_RPAREN, 1);
	advance(lx, lx->pos + 1);
	return 0;
}

int lex_next(struct lexer *lx, struct token *tok, struct error *err)
{
	if (lx->in_tag)
		return lex_inside(lx, tok, err);
	for (;;) {
		int rc;

		if (lx->pos >= lx->n) {
			token_set(lx, tok, TOKEN_END, 0);
			return 0;
		}
		if (!at(lx, lx->pos, "{{")) {
			lex_text(lx, tok);
			if (tok->n > 0)
				return 0;
			continue;
		}
		rc = lex_open(lx, tok, err);
		if (rc != 0 || tok->kind != TOKEN_TEXT)
			return rc;
	}
}
