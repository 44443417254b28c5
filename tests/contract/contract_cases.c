/*
 * contract_cases.c - reads the files of the contract
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/contract/contract_cases.h"

#include "lib/base/str.h"
#include "lib/os/file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)

/* A line and those below it that are indented, with what they are indented by all alike taken away. */
struct block {
	int number;
	char *line;
	char **more;
	size_t n_more, cap_more;
};
struct blocks {
	struct block *items;
	size_t n, cap;
};

static void blocks_release(struct blocks *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->items[i].more);
	free(b->items);
}

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t")] == '\0';
}

static void dedent(struct block *b)
{
	size_t margin = SIZE_MAX;

	for (size_t i = 0; i < b->n_more; i++)
		if (!is_blank(b->more[i]) && strspn(b->more[i], " ") < margin)
			margin = strspn(b->more[i], " ");
	for (size_t i = 0; i < b->n_more; i++)
		b->more[i] += is_blank(b->more[i]) ? strlen(b->more[i]) : margin;
}

static void split_blocks(char *text, struct blocks *out)
{
	char *next;
	int number = 1;

	for (char *line = text; line != NULL; line = next, number++) {
		struct block *last = out->n > 0 ? &out->items[out->n - 1] : NULL;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (strncmp(line, "  ", 2) == 0 && last != NULL) {
			GROW(last->more, last->n_more, last->cap_more);
			last->more[last->n_more++] = line;
		} else if (!is_blank(line)) {
			for (size_t n = strlen(line); n > 0 && line[n - 1] == ' '; n--)
				line[n - 1] = '\0';
			GROW(out->items, out->n, out->cap);
			out->items[out->n++] = (struct block){ .number = number, .line = line };
		}
	}
	for (size_t i = 0; i < out->n; i++)
		dedent(&out->items[i]);
}

static const char *join(struct arena *a, char **lines, size_t n, const char *separator)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		buf_str(&b, i > 0 ? separator : "");
		buf_str(&b, lines[i]);
	}
	return arena_strdup(a, buf_cstr(&b));
}

static const char *strip(struct arena *a, const char *s, size_t n)
{
	while (n > 0 && isspace((unsigned char)*s))
		s++, n--;
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		n--;
	return arena_strndup(a, s, n);
}

static bool header_of(struct arena *a, const char *line, struct case_header *h)
{
	size_t n = 0;

	while (isalnum((unsigned char)line[n]) || line[n] == '-')
		n++;
	if (!isalpha((unsigned char)line[0]) || line[n] != ':')
		return false;
	h->name = arena_strndup(a, line, n);
	h->value = arena_strdup(a, line + n + 1 + (line[n + 1] == ' '));
	return true;
}

/* Headers, until a line is none; then the body, NULL if there is nothing. */
static const char *split_message(struct arena *a, const struct block *b, struct case_headers *hs)
{
	struct case_header h;
	size_t i;

	for (i = 0; i < b->n_more && header_of(a, b->more[i], &h); i++) {
		GROW(hs->items, hs->n, hs->cap);
		hs->items[hs->n++] = h;
	}
	return i < b->n_more ? join(a, b->more + i, b->n_more - i, "\n") : NULL;
}

/* "404 error "text"", "200 [...]", and what is below. */
static bool take_expected(struct case_file *f, struct case_step *s, const char *text, const struct block *below)
{
	struct arena *a = f->arena;
	size_t digits = strspn(text, "0123456789");
	AUTO(xfree_p) char *number = xstrndup(text, digits);
	const char *body = strip(a, text + digits, strlen(text + digits));
	const char *lines = below != NULL ? split_message(a, below, &s->want_headers) : NULL;
	int64_t status;

	if (!str_to_i64(number, 100, 599, &status) || s->status != 0)
		return false;
	s->status = (int)status;
	if (str_eq(body, "...") || str_starts(body, "| "))
		lines = NULL;
	if (str_starts(body, "error "))
		body = arena_printf(a, "{\"code\":%d,\"message\":%s}", s->status, body + 6);
	if (*body != '\0' && lines != NULL)
		s->want_body = arena_printf(a, "%s\n%s", body, lines);
	else
		s->want_body = *body != '\0' ? body : lines;
	return true;
}

static struct contract_case *case_new(struct case_file *f, int line, const char *title)
{
	struct contract_case *c;

	GROW(f->cases, f->n, f->cap);
	c = &f->cases[f->n++];
	*c = (struct contract_case){ .file = f->name, .line = line, .title = title };
	return c;
}

static struct case_step *step_new(struct contract_case *c, int line)
{
	GROW(c->steps, c->n, c->cap);
	c->steps[c->n] = (struct case_step){ .line = line, .target = "" };
	return &c->steps[c->n++];
}

/* "@auth GET /path" or "GET": what is there of it. */
static bool take_head(struct arena *a, const char *s, struct case_step *step)
{
	size_t n;

	s += strspn(s, " ");
	if (*s == '@') {
		n = strcspn(s, " ");
		step->target = arena_strndup(a, s + 1, n - 1);
		s += n + strspn(s + n, " ");
	}
	n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	if (n == 0 || (s[n] != ' ' && s[n] != '\0'))
		return false;
	step->method = arena_strndup(a, s, n);
	s += n + strspn(s + n, " ");
	step->path = *s != '\0' ? arena_strdup(a, s) : NULL;
	return true;
}

static bool take_row(struct case_file *f, const struct case_step *head, const struct contract_case *title, int line, char *row)
{
	struct contract_case *c = case_new(f, line, title->title);
	struct case_step *s = step_new(c, line);
	char *arrow = NULL;

	c->http_only = title->http_only;
	for (char *at = row; (at = strstr(at, " => ")) != NULL; at += 4)
		arrow = at;
	if (arrow == NULL)
		return false;
	s->target = head->target;
	s->method = head->method;
	s->path = head->path;
	if (head->path != NULL)
		s->body = strip(f->arena, row, (size_t)(arrow - row));
	else
		s->path = strip(f->arena, row, (size_t)(arrow - row));
	return take_expected(f, s, strip(f->arena, arrow + 4, strlen(arrow + 4)), NULL);
}

/* Each row is a case: "BODY => STATUS ..." under "rows METHOD PATH", "PATH => ..." under "rows METHOD". */
static bool take_table(struct case_file *f, struct block *b)
{
	struct case_step head = { .target = "" };
	struct contract_case title;

	if (f->n == 0 || f->cases[f->n - 1].n > 0 || !take_head(f->arena, b->line + 5, &head))
		return false;
	title = f->cases[--f->n];
	for (size_t i = 0; i < b->n_more; i++)
		if (*b->more[i] != '\0' && *b->more[i] != '#' &&
			!take_row(f, &head, &title, b->number + 1 + (int)i, b->more[i]))
			return false;
	return true;
}

static bool take_call(struct case_file *f, struct block *b)
{
	struct contract_case *c = &f->cases[f->n - 1];
	struct case_step *s = step_new(c, b->number);

	s->again = str_starts(b->line, ">>");
	if (!take_head(f->arena, b->line + (s->again ? 2 : 1), s) || s->path == NULL)
		return false;
	s->body = split_message(f->arena, b, &s->headers);
	return true;
}

static bool take_let(struct case_file *f, struct block *b)
{
	const char *equals = strstr(b->line, " = ");
	AUTO(buf_release) struct buf value = BUF_INIT;
	const char *name;

	if (equals == NULL)
		return false;
	name = strip(f->arena, b->line + 4, (size_t)(equals - b->line - 4));
	buf_str(&value, equals + 3);
	buf_str(&value, join(f->arena, b->more, b->n_more, ""));
	names_put(&f->names, name, buf_cstr(&value));
	return true;
}

static bool take_comment(struct case_file *f, const struct block *b)
{
	static const char http_only[] = "# HTTP only: ";

	if (str_starts(b->line, http_only) && f->n > 0)
		f->cases[f->n - 1].http_only = arena_strdup(f->arena, b->line + strlen(http_only));
	return b->n_more == 0; /* lines below a comment would be lost */
}

static bool take(struct case_file *f, struct block *b)
{
	struct case_step *last;

	if (*b->line == '#')
		return take_comment(f, b);
	if (str_starts(b->line, "let "))
		return take_let(f, b);
	if (str_starts(b->line, "== ")) {
		case_new(f, b->number, arena_strdup(f->arena, b->line + 3));
		return b->n_more == 0;
	}
	if (f->n == 0)
		return false;
	if (str_starts(b->line, "rows "))
		return take_table(f, b);
	if (*b->line == '>')
		return take_call(f, b);
	if (!str_starts(b->line, "< ")) {
		const char *more = join(f->arena, b->more, b->n_more, "\n");

		last = step_new(&f->cases[f->n - 1], b->number);
		last->command = arena_printf(f->arena, "%s%s%s", b->line, b->n_more > 0 ? "\n" : "", more);
		return true;
	}
	if (f->cases[f->n - 1].n == 0)
		return false;
	last = &f->cases[f->n - 1].steps[f->cases[f->n - 1].n - 1];
	return last->command == NULL && take_expected(f, last, b->line + 2, b);
}

static int check_cases(const struct case_file *f, struct error *err)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct contract_case *c = &f->cases[i];

		if (c->n == 0)
			return error_set(err, ERR_INVALID, "%s:%d: a case without a step", f->name, c->line);
		for (size_t k = 0; k < c->n; k++)
			if (c->steps[k].command == NULL && c->steps[k].status == 0)
				return error_set(err, ERR_INVALID, "%s:%d: no answer is expected", f->name, c->steps[k].line);
	}
	return 0;
}

int case_file_load(const char *folder, const char *name, const struct case_file *common, struct case_file **out,
	struct error *err)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", folder, name);
	AUTO(case_file_free) struct case_file *f = xcalloc(1, sizeof(*f));
	AUTO(blocks_release) struct blocks b = { 0 };
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc = file_read(path, FILE_MAX, &text, err);

	if (rc != 0)
		return rc;
	f->arena = arena_new();
	f->name = arena_strdup(f->arena, name);
	f->names.arena = f->arena;
	for (size_t i = 0; common != NULL && i < common->names.n; i++)
		names_put(&f->names, common->names.items[i].name, common->names.items[i].value);
	buf_char(&text, '\0');
	split_blocks(text.data, &b);
	for (size_t i = 0; i < b.n; i++)
		if (!take(f, &b.items[i]))
			return error_set(err, ERR_INVALID, "%s:%d: not understood: %s", name, b.items[i].number, b.items[i].line);
	rc = check_cases(f, err);
	if (rc == 0)
		*out = STEAL(f);
	return rc;
}

void case_file_free(struct case_file **fp)
{
	struct case_file *f = STEAL(*fp);

	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++) {
		for (size_t k = 0; k < f->cases[i].n; k++) {
			free(f->cases[i].steps[k].headers.items);
			free(f->cases[i].steps[k].want_headers.items);
		}
		free(f->cases[i].steps);
	}
	free(f->cases);
	names_release(&f->names);
	arena_free(&f->arena);
	free(f);
}
