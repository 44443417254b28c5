/*
 * agent_rendered.c - GET /renderedConfigs/{serviceId}: what stands in the files for one service
 *
 * The service is rendered alone, to learn its files' names and its own part of the collected ones; what is answered
 * is read from the disk.  A part that cannot be found there as it is rendered now (a template that prints the time)
 * is answered by the whole file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "lib/base/log.h"
#include "lib/os/file.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)64 << 20)
#define ANSWER_MAX ((size_t)64 << 20)

struct showing { /* it outlives the api, if that is freed meanwhile */
	enum rendered_form form;
	rendered_fn *done;
	void *ctx;
	struct target_service *service;
	const struct renderer *renderer;
	const char *root;
	int64_t now_ms;
	struct buf answer;
	int rc;
	struct error err;
};

/* The service's own piece of a file. */
static const struct fileset_piece *own_piece(const struct fileset_file *f)
{
	for (size_t i = 0; i < f->n_pieces; i++)
		if (f->pieces[i].owner != NULL && f->pieces[i].size > 0)
			return &f->pieces[i];
	return NULL;
}

/* The service's part of a file, as it is on disk. A file that is not collected (`own` NULL) is shown as a whole. */
static struct slice part_of(const struct fileset_piece *own, const struct buf *disk)
{
	struct slice whole = { buf_cstr(disk), disk->len };
	const char *at;

	if (own == NULL)
		return whole;
	at = memmem(whole.p, whole.n, own->data, own->size);
	if (at == NULL)
		return whole;
	return (struct slice){ at, own->size };
}

static void put_file(struct showing *s, const char *path, struct slice content)
{
	struct buf *b = &s->answer;

	if (s->form == RENDERED_JAVA_TEXT) { /* a list of them as Java prints objects */
		buf_printf(b, "%sBaragonConfigFile{fullPath=%s, content=", b->len > 1 ? ", " : "", path);
		buf_append(b, content.p, content.n);
	} else {
		buf_str(b, b->len > 1 ? ",{\"fullPath\":" : "{\"fullPath\":");
		buf_json_string(b, path, strlen(path));
		buf_str(b, ",\"content\":");
		buf_json_string(b, content.p, content.n);
	}
	buf_char(b, '}');
}

static int show_file(struct showing *s, const struct fileset_file *f)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", s->root, f->path);
	const struct fileset_piece *own = f->scope == SCOPE_COLLECTED ? own_piece(f) : NULL;
	AUTO(buf_release) struct buf disk = BUF_INIT;
	struct slice part;
	int rc;

	if (f->scope == SCOPE_COLLECTED && own == NULL)
		return 0; /* nothing of this service is in it */
	rc = file_read(path, FILE_MAX, &disk, &s->err);
	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc != 0)
		return rc;
	part = part_of(own, &disk);
	if (s->answer.len + part.n > ANSWER_MAX)
		return error_set(&s->err, ERR_REFUSED, "the files hold more than %zu bytes", ANSWER_MAX);
	put_file(s, path, part);
	return 0;
}

static void work(void *ctx)
{
	struct showing *s = ctx;
	const struct service_state *state = &s->service->state;
	AUTO(fileset_free) struct fileset *fs = NULL;

	buf_char(&s->answer, '[');
	s->rc = fileset_build(s->renderer, NULL, &state, NULL, 1, s->now_ms, &fs, NULL, &s->err);
	for (size_t i = 0; s->rc == 0 && i < fs->n; i++)
		s->rc = show_file(s, &fs->files[i]);
	buf_char(&s->answer, ']');
}

static void worked(void *ctx)
{
	struct showing *s = ctx;

	if (s->rc != 0) {
		log_warn(NULL, "rendered files cannot be shown", "service", s->service->id, "reason", s->err.text);
		buf_clear(&s->answer);
		buf_str(&s->answer, s->err.text);
	}
	s->done(s->ctx, s->rc == 0 ? 200 : 500, &s->answer);
	target_service_unref(&s->service);
	buf_release(&s->answer);
	free(s);
}

void agent_rendered_of(const struct agent_api_options *opt, const char *service_id, enum rendered_form form, rendered_fn *done,
	void *ctx)
{
	const struct target_service *t = opt->renderer != NULL ? agent_link_service(opt->link, service_id) : NULL;
	struct showing *s;

	if (t == NULL) {
		AUTO(buf_release) struct buf empty = BUF_INIT;

		buf_str(&empty, "[]");
		done(ctx, 200, &empty);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct showing){ .form = form, .done = done, .ctx = ctx, .renderer = opt->renderer, .root = opt->root_path,
		.now_ms = loop_wall_ms(opt->loop) };
	s->service = target_service_ref((struct target_service *)(uintptr_t)t);
	loop_job(opt->loop, work, worked, s);
}

static void answer(void *ctx, int status, struct buf *body)
{
	struct http_request *rq = ctx;

	if (status == 200)
		http_reply(&rq, 200, "application/json", body);
	else
		http_reply_error(&rq, status, buf_cstr(body));
}

void agent_rendered_get(struct http_request *rq, void *app)
{
	agent_rendered_of(agent_api_opt(app), http_param(rq, "serviceId"), RENDERED_JSON, answer, rq);
}
