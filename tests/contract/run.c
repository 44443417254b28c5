/*
 * run.c - every case of the contract's files, in-process: no socket, no ZooKeeper, no clock
 *
 *	contract FOLDER			all of them; "contract: N passed, N failed"
 *	contract FOLDER FILE[:LINE]...	some
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/contract/contract_stage.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/http/gzip.h"
#include "lib/model/value.h"
#include "lib/os/file.h"

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define AGAIN_MS 15000
#define STEP_MS 50
#define TEMPLATES "templates/haproxy" /* the program is started at the top of the tree */

struct run {
	struct stage *stage;
	struct names names; /* of the case that runs */
	struct arena *arena;
	struct buf why;
	bool verbose;
	unsigned passed, failed, http_only;
};

/* --- calls --- */

static const char *header_of(const struct case_header *hs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(hs[i].name, name) == 0)
			return hs[i].value;
	return NULL;
}

static struct slice packed(struct arena *a, const char *coding, struct slice body)
{
	AUTO(buf_release) struct buf out = BUF_INIT;

	if (str_eq(coding, "gzip")) {
		struct gzip *g = gzip_new();

		gzip_add(g, body.p, body.n, true);
		gzip_take(g, &out);
		gzip_free(&g);
	} else {
		uLongf n = compressBound(body.n);
		Bytef *p = arena_alloc(a, n);

		ASSERT(compress(p, &n, (const Bytef *)body.p, body.n) == Z_OK);
		buf_append(&out, p, n);
	}
	return (struct slice){ arena_strndup(a, buf_cstr(&out), out.len), out.len };
}

/* In the charset that the type names; in UTF-8 if it names none that is known here. */
static struct slice in_charset(struct arena *a, const char *type, struct slice body)
{
	static const char *const charsets[][2] = { { "utf-16", "UTF-16" }, { "utf-16-be", "UTF-16BE" }, { "utf-32", "UTF-32" },
		{ "iso-8859-1", "ISO-8859-1" } };
	const char *name = strstr(type, "charset=");
	size_t left = body.n, room = 4 * body.n + 8;
	AUTO(xfree_p) char *in = xstrndup(body.p, body.n);
	char *out = arena_alloc(a, room), *from = in, *to = out;

	if (name != NULL && str_eq(name + 8, "utf-8-sig"))
		return (struct slice){ arena_printf(a, "\xef\xbb\xbf%.*s", (int)body.n, body.p), body.n + 3 };
	for (size_t i = 0; name != NULL && i < ARRAY_LEN(charsets); i++) {
		iconv_t cd;

		if (!str_eq(name + 8, charsets[i][0]))
			continue;
		cd = iconv_open(charsets[i][1], "UTF-8");
		ASSERT(cd != (iconv_t)-1 && iconv(cd, &from, &left, &to, &room) != (size_t)-1);
		iconv_close(cd);
		return (struct slice){ out, (size_t)(to - out) };
	}
	return body;
}

/* (nothing) and (spaces) are told by name; a body is JSON unless its headers say otherwise. */
static struct slice sent_body(struct run *r, const struct case_step *s, struct case_header *hs, size_t *n)
{
	const char *text = names_expand(&r->names, s->body, r->arena), *coding, *type = header_of(hs, *n, "Content-Type");
	struct slice body = { text, strlen(text) };

	if (type != NULL)
		body = in_charset(r->arena, type, body);
	if (str_eq(text, "(nothing)"))
		body = (struct slice){ "", 0 };
	else if (str_eq(text, "(spaces)"))
		body = (struct slice){ "  \n ", 4 };
	if (type == NULL)
		hs[(*n)++] = (struct case_header){ "Content-Type", "application/json" };
	coding = header_of(hs, *n, "Content-Encoding");
	return str_eq(coding, "gzip") || str_eq(coding, "deflate") ? packed(r->arena, coding, body) : body;
}

static bool ask(struct run *r, const struct stage_call *call, const struct case_step *want)
{
	struct contract_answer got;
	bool ok = stage_ask(r->stage, call, &got);

	buf_clear(&r->why);
	if (!ok)
		buf_printf(&r->why, "nobody is called @%s", call->target);
	ok = ok && contract_check(&got, want, &r->names, &r->why);
	stage_answer_release(&got);
	return ok;
}

static bool do_call(struct run *r, const struct case_step *s)
{
	struct case_header *hs = arena_alloc(r->arena, (s->headers.n + 1) * sizeof(*hs));
	struct stage_call call = { .target = s->target, .method = s->method };
	size_t n = 0, kept = 0;
	bool ok;

	for (; n < s->headers.n; n++)
		hs[n] = (struct case_header){ s->headers.items[n].name,
			names_expand(&r->names, s->headers.items[n].value, r->arena) };
	call.path = names_expand(&r->names, s->path, r->arena);
	call.body = s->body != NULL ? sent_body(r, s, hs, &n) : (struct slice){ "", 0 };
	for (size_t i = 0; i < n; i++)
		if (!str_eq(hs[i].value, "-"))
			hs[kept++] = hs[i];
	call.headers = hs;
	call.n_headers = kept;
	ok = ask(r, &call, s);
	for (int ms = 0; s->again && !ok && ms < AGAIN_MS; ms += STEP_MS) {
		stage_run(r->stage, STEP_MS);
		ok = ask(r, &call, s);
	}
	return ok;
}

/* --- commands --- */

static bool is_terminal(const char *state)
{
	static const char *const names[] = { "SUCCESS", "FAILED", "CANCELED", "INVALID_REQUEST_NOOP" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(state, names[i]))
			return true;
	return false;
}

/* Its state, "" if there is none; `body` has the whole answer. */
static const char *state_of(struct run *r, const char *id, struct buf *body)
{
	struct stage_call call = { .target = "", .method = "GET", .path = arena_printf(r->arena, "/request/%s", id) };
	struct contract_answer got;
	const struct value *v = NULL, *state = NULL;

	buf_clear(body);
	if (stage_ask(r->stage, &call, &got) && got.status == 200 &&
		value_parse(got.body.data, got.body.len, r->arena, &v, NULL) == 0)
		state = value_get(v, "loadBalancerState");
	buf_append(body, got.body.data, got.body.len);
	stage_answer_release(&got);
	return state != NULL && state->kind == VALUE_STRING ? state->u.s : "";
}

/* wait REQUEST STATE */
static bool do_wait(struct run *r, const char *id, const char *wanted)
{
	AUTO(buf_release) struct buf body = BUF_INIT;
	const char *state = state_of(r, id, &body);

	for (int ms = 0; !is_terminal(state) && ms < 2 * AGAIN_MS; ms += STEP_MS) {
		stage_run(r->stage, STEP_MS);
		state = state_of(r, id, &body);
	}
	if (str_eq(state, wanted))
		return true;
	buf_printf(&r->why, "expected that it ends as %s: %.2000s", wanted, buf_cstr(&body));
	return false;
}

/* deploy SERVICE UPSTREAM...; below it fields of the service, as JSON. On the group of the agents, until SUCCESS. */
static bool do_deploy(struct run *r, char **words, size_t n, const char *more)
{
	static const struct case_header json = { "Content-Type", "application/json" };
	const char *id = arena_printf(r->arena, "deploy-%s", words[0]);
	AUTO(buf_release) struct buf body = BUF_INIT;
	struct stage_call call = { .target = "", .method = "POST", .path = "/request", .headers = &json, .n_headers = 1 };
	struct case_step want = { .status = 200, .want_body = "..." };
	const struct value *fields;
	struct value *service;

	buf_printf(&body,
		"{\"serviceId\":\"%s\",\"owners\":[\"team@example.com\"],\"serviceBasePath\":\"/%s\","
		"\"loadBalancerGroups\":[\"" STAGE_GROUP "\"],\"options\":{}}", words[0], words[0]);
	if (value_parse(body.data, body.len, r->arena, &fields, &(struct error)ERROR_INIT) != 0)
		return false;
	service = value_map_over(r->arena, fields, 8);
	if (*more != '\0') {
		if (value_parse(more, strlen(more), r->arena, &fields, &(struct error)ERROR_INIT) != 0)
			return false;
		for (size_t i = 0; i < fields->u.map.n; i++)
			value_map_put(r->arena, service, fields->u.map.members[i].key, fields->u.map.members[i].value);
	}
	buf_clear(&body);
	buf_printf(&body, "{\"loadBalancerRequestId\":\"%s\",\"loadBalancerService\":", id);
	value_write(service, false, &body);
	buf_str(&body, ",\"addUpstreams\":[");
	for (size_t i = 1; i < n; i++)
		buf_printf(&body, "%s{\"upstream\":\"%s\"}", i > 1 ? "," : "", words[i]);
	buf_str(&body, "],\"removeUpstreams\":[]}");
	call.body = (struct slice){ body.data, body.len };
	return ask(r, &call, &want) && do_wait(r, id, "SUCCESS");
}

/* put PATH DATA: a node, written by somebody else. */
static bool do_put(struct run *r, char **words, size_t n, const char *more)
{
	AUTO(buf_release) struct buf data = BUF_INIT;

	for (size_t i = 1; i < n; i++)
		buf_printf(&data, "%s%s", i > 1 ? " " : "", words[i]);
	buf_str(&data, more);
	stage_put(r->stage, words[0], buf_cstr(&data));
	return true;
}

/* node PATH: what is in a node, compared as a body is. */
static bool do_node(struct run *r, const char *path, const char *more)
{
	AUTO(buf_release) struct buf data = BUF_INIT;

	if (!stage_get(r->stage, path, &data))
		buf_str(&r->why, "there is no such node");
	return data.len > 0 && contract_match_json(more, buf_cstr(&data), &r->names, &r->why);
}

static bool do_command(struct run *r, const struct case_step *s)
{
	char *text = names_expand(&r->names, s->command, r->arena), *more = strchr(text, '\n'), *save = NULL, *words[64];
	size_t n = 0;

	if (more != NULL)
		*more++ = '\0';
	for (char *w = strtok_r(text, " ", &save); w != NULL && n < ARRAY_LEN(words); w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	buf_clear(&r->why);
	if (n >= 2 && str_eq(words[0], "deploy"))
		return do_deploy(r, words + 1, n - 1, more != NULL ? more : "");
	if (n == 3 && str_eq(words[0], "wait"))
		return do_wait(r, words[1], words[2]);
	if (n >= 2 && str_eq(words[0], "put"))
		return do_put(r, words + 1, n - 1, more != NULL ? more : "");
	if (n == 2 && str_eq(words[0], "node") && more != NULL)
		return do_node(r, words[1], more);
	if (n == 1 && (str_eq(words[0], "freeze") || str_eq(words[0], "thaw"))) {
		stage_freeze(r->stage, str_eq(words[0], "freeze"));
		return true;
	}
	buf_printf(&r->why, "no such command: %s", n > 0 ? words[0] : "");
	return false;
}

/* --- cases --- */

/* Ids of its own, as the other runner makes them: "s-request-txt-10". */
static void own_names(struct run *r, const struct contract_case *c)
{
	char *own = arena_printf(r->arena, "%s-%d", c->file, c->line);

	for (char *p = own; *p != '\0'; p++)
		if (*p == '.')
			*p = '-';
	names_put(&r->names, "s", arena_printf(r->arena, "s-%s", own));
	names_put(&r->names, "r", arena_printf(r->arena, "r-%s", own));
	names_put(&r->names, "g", arena_printf(r->arena, "g-%s", own));
	names_put(&r->names, "x", "x");
	names_put(&r->names, "line", arena_printf(r->arena, "%d", c->line % 250));
	stage_names(r->stage, &r->names);
}

static void run_case(struct run *r, const struct case_file *f, const struct contract_case *c)
{
	AUTO(arena_free) struct arena *arena = arena_new();
	bool ok = true;

	if (c->http_only != NULL) {
		printf("contract: %s:%d over HTTP only: %s\n", c->file, c->line, c->http_only);
		r->http_only++;
		return;
	}
	r->arena = r->names.arena = arena;
	for (size_t i = 0; i < f->names.n; i++)
		names_put(&r->names, f->names.items[i].name, f->names.items[i].value);
	own_names(r, c);
	for (size_t i = 0; ok && i < c->n; i++) {
		const struct case_step *s = &c->steps[i];

		ok = s->command != NULL ? do_command(r, s) : do_call(r, s);
		if (!ok)
			printf("FAILED %s:%d: %s\n\t%s %s\n\t%s\n", c->file, s->line, c->title,
				s->command != NULL ? s->command : s->method,
				s->command != NULL ? "" : names_expand(&r->names, s->path, arena), buf_cstr(&r->why));
	}
	stage_freeze(r->stage, false);
	r->passed += ok;
	r->failed += !ok;
	names_release(&r->names);
}

/* "request.txt" or "request.txt:10", or nothing: all. */
static bool is_asked_for(const struct contract_case *c, char **asked, int n)
{
	AUTO(xfree_p) char *own = xasprintf("%s:%d", c->file, c->line);

	for (int i = 0; i < n; i++)
		if (str_eq(asked[i], c->file) || str_eq(asked[i], own))
			return true;
	return n == 0;
}

static int run_file(struct run *r, const char *folder, const char *name, const struct case_file *common, char **asked, int n,
	struct error *err)
{
	AUTO(case_file_free) struct case_file *f = NULL;
	int rc = case_file_load(folder, name, common, &f, err);

	for (size_t i = 0; rc == 0 && i < f->n; i++)
		if (is_asked_for(&f->cases[i], asked, n))
			run_case(r, f, &f->cases[i]);
	return rc;
}

static int run_folder(struct run *r, const char *folder, char **asked, int n_asked, struct error *err)
{
	AUTO(case_file_free) struct case_file *common = NULL;
	char **names;
	size_t n;
	int rc = case_file_load(folder, "common.txt", NULL, &common, err);

	if (rc == 0)
		rc = file_list(folder, &names, &n, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (str_ends(names[i], ".txt") && !str_eq(names[i], "common.txt"))
			rc = run_file(r, folder, names[i], common, asked, n_asked, err);
	file_list_free(&names, n);
	return rc;
}

/* comparison.pairs: a comparison that lets everything pass would prove nothing. */
static int check_comparison(struct run *r, const char *folder, struct error *err)
{
	AUTO(xfree_p) char *path = xasprintf("%s/comparison.pairs", folder);
	AUTO(arena_free) struct arena *arena = arena_new();
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc = file_read(path, (size_t)1 << 20, &text, err);
	char *next = NULL;

	r->names.arena = arena;
	for (char *line = rc == 0 ? arena_strdup(arena, buf_cstr(&text)) : NULL; line != NULL && rc == 0; line = next) {
		char *equal, *sign;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (*line == '#' || *line == '\0')
			continue;
		equal = strstr(line, " == ");
		sign = equal != NULL ? equal : strstr(line, " != ");
		if (sign == NULL)
			return error_set(err, ERR_INVALID, "%s: neither == nor !=: %s", path, line);
		*sign = '\0';
		buf_clear(&r->why);
		if (contract_match_json(line, sign + 4, &r->names, &r->why) != (equal != NULL))
			rc = error_set(err, ERR_INVALID, "the comparison is wrong: %s %.2s %s", line, sign + 1, sign + 4);
	}
	names_release(&r->names);
	return rc;
}

static void on_log(void *ctx, enum log_level level, const char *line)
{
	if (*(const bool *)ctx || level == LOG_LEVEL_ERROR)
		fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
	struct run r = { .verbose = getenv("CONTRACT_LOG") != NULL };
	struct error err = ERROR_INIT;

	if (argc < 2) {
		fputs("usage: contract FOLDER [FILE[:LINE]]...\n", stderr);
		return 2;
	}
	log_set_sink(on_log, &r.verbose);
	if (check_comparison(&r, argv[1], &err) == 0)
		r.stage = stage_new(TEMPLATES, &err);
	if (r.stage == NULL || run_folder(&r, argv[1], argv + 2, argc - 2, &err) != 0) {
		fprintf(stderr, "contract: %s\n", err.text);
		r.failed++;
	}
	stage_free(&r.stage);
	buf_release(&r.why);
	printf("contract: %u passed, %u failed, %u over HTTP only\n", r.passed, r.failed, r.http_only);
	return r.failed > 0 || r.passed == 0;
}
