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
	struct http_request *rq;
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
	buf_str(&s->answer, s->answer.len > 1 ? ",{\"fullPath\":" : "{\"fullPath\":");
	buf_json_string(&s->answer, path, strlen(path));
	buf_str(&s->answer, ",\"content\":");
	buf_json_string(&s->answer, part.p, part.n);
	buf_char(&s->answer, '}');
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

	if (s->rc == 0) {
		http_reply(&s->rq, 200, "application/json", &s->answer);
	} else {
		log_warn(NULL, "rendered files cannot be shown", "service", s->service->id, "reason", s->err.text);
		http_reply_error(&s->rq, 500, s->err.text);
	}
	target_service_unref(&s->service);
	buf_release(&s->answer);
	free(s);
}

static const struct target_service *find(const struct agent_api_options *opt, struct http_request *rq)
{
	if (opt->renderer == NULL)
		return NULL;
	return agent_link_service(opt->link, http_param(rq, "serviceId"));
}

void agent_rendered_get(struct http_request *rq, void *app)
{
	const struct agent_api_options *opt = agent_api_opt(app);
	const struct target_service *t = find(opt, rq);
	struct showing *s;

	if (t == NULL) {
		struct buf empty = BUF_INIT;

		buf_str(&empty, "[]");
		http_reply(&rq, 200, "application/json", &empty);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	*s = (struct showing){ .rq = rq, .renderer = opt->renderer, .root = opt->root_path,
		.now_ms = loop_wall_ms(opt->loop) };
	s->service = target_service_ref((struct target_service *)(uintptr_t)t);
	loop_job(opt->loop, work, worked, s);
}
