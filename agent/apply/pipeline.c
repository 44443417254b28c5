/*
 * pipeline.c - from a work item to a report: the stages of each kind of work, and undoing them
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/pipeline.h"

#include "agent/apply/apply_internal.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/os/clock.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)1024 * 1024)
#define DETAIL_MAX 8192
#define DETAIL_HEAD 3072

struct stage {
	const char *name; /* as in logs */
	int (*run)(struct apply *a, struct error *err);
	void (*undo)(struct apply *a);
	enum work_stage id;
};

static const struct stage prepare_stages[] = {
	{ "render", render_run, NULL, WORK_RENDER },
	{ "keys", keys_run, NULL, WORK_CHECK },
	{ "live", live_run, NULL, WORK_LOOK_LIVE },
	{ "prove", prove_run, NULL, WORK_CHECK },
	{ NULL, NULL, NULL, 0 },
};
/* Backwards: the files come back before HAProxy is told to load them. */
static const struct stage converge_stages[] = {
	{ "render", render_run, NULL, WORK_RENDER },
	{ "live", live_run, live_undo, WORK_LOOK_LIVE },
	{ "prove", prove_run, NULL, WORK_CHECK },
	{ "publish", publish_run, publish_undo, WORK_PUBLISH },
	{ "activate", activate_run, NULL, WORK_RELOAD },
	{ "commit", publish_commit, NULL, WORK_COMMIT },
	{ NULL, NULL, NULL, 0 },
};

char *apply_live_path(const struct apply *a, const char *name)
{
	return xasprintf("%s/%s", a->root, name);
}

char *apply_home_path(const struct apply *a, const char *sub, const char *name)
{
	return name ? xasprintf("%s/%s/%s", a->home, sub, name) : xasprintf("%s/%s", a->home, sub);
}

int64_t apply_deadline(const struct apply *a, int64_t after_us)
{
	int64_t at = clock_mono_us() + after_us;

	return a->deadline != 0 && a->deadline < at ? a->deadline : at;
}

int command_run(struct apply *a, const char *what, const char *const *argv, struct proc_result *res,
	struct error *err)
{
	int rc = proc_run(argv, apply_deadline(a, a->opt.command_timeout_ms * 1000), OUTPUT_MAX, res, err);

	if (rc != 0)
		error_in(err, "%s", what);
	return rc;
}

/* Bodies and logs take valid UTF-8 only. */
static void append_clean(struct buf *out, const char *p, size_t n)
{
	bool valid = utf8_valid(p, n);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		buf_char(out, c == 0 || (c >= 0x80 && !valid) ? '?' : p[i]);
	}
}

void report_detail(struct report *r, const char *text, size_t n)
{
	static const char cut[] = "\n[...]\n";
	AUTO(buf_release) struct buf out = BUF_INIT;
	size_t tail = DETAIL_MAX - DETAIL_HEAD - sizeof(cut);

	if (n <= DETAIL_MAX) {
		append_clean(&out, text, n);
	} else { /* warnings come in thousands: what decided stands at the end */
		append_clean(&out, text, DETAIL_HEAD);
		buf_str(&out, cut);
		append_clean(&out, text + n - tail, tail);
	}
	free(r->detail);
	r->detail = buf_steal(&out, NULL);
}

static bool late(const struct apply *a)
{
	return a->deadline != 0 && clock_mono_us() >= a->deadline;
}

/* What was waited for the new worker is told apart from the rest of the activation. */
static void note_time(struct report *r, enum work_stage stage, int64_t us)
{
	int64_t confirm = stage == WORK_RELOAD ? r->stage_us[WORK_CONFIRM] : 0;

	r->stage_us[stage] = us > confirm ? us - confirm : 0;
}

static int run_stages(struct apply *a, const struct stage *stages, struct error *err)
{
	size_t i = 0;
	int rc = 0;

	for (; stages[i].name; i++) {
		int64_t start = clock_mono_us();

		a->idle = false;
		/* What is live and confirmed is not given up because it is late. */
		if (late(a) && stages[i].run != publish_commit)
			rc = error_set(err, ERR_NOT_DONE, "no time is left to %s", stages[i].name);
		else
			rc = stages[i].run(a, err);
		if (!a->idle)
			note_time(a->report, stages[i].id, clock_mono_us() - start);
		log_debug(NULL, "stage", "name", stages[i].name, "us", log_int(clock_mono_us() - start), "rc",
			log_int(rc));
		if (rc != 0)
			break;
	}
	if (rc == 0)
		return 0;
	a->report->failed_in = work_stage_names[stages[i].id];
	a->report->error = *err;
	for (size_t k = i + 1; k > 0; k--)
		if (stages[k - 1].undo)
			stages[k - 1].undo(a);
	publish_unstage(a);
	return rc;
}

static void begin(struct apply *a, const struct work_item *item)
{
	a->item = item;
	a->report = report_new(item->kind);
	a->report->undone = true;
	a->deadline = item->deadline_us ? clock_mono_us() + item->deadline_us : 0;
	a->reloading = a->down = a->renamed = false;
}

/* The journal first: whatever is asked for stands on files that are whole. */
static int repair(struct apply *a, struct error *err)
{
	int rc;

	if (!a->dirty && a->item->kind != WORK_RECOVER)
		return 0;
	rc = recover_run(a, err);
	if (rc == 0)
		return 0;
	error_in(err, "repairing the files");
	a->dirty = true;
	a->report->undone = false;
	a->report->error = *err;
	return rc;
}

static int run_item(struct apply *a, struct error *err)
{
	int rc = repair(a, err);

	if (rc != 0)
		return rc;
	switch (a->item->kind) {
	case WORK_PREPARE:
		return run_stages(a, prepare_stages, err);
	case WORK_CONVERGE:
		return run_stages(a, converge_stages, err);
	case WORK_LOOK:
		rc = look_run(a, err);
		if (rc != 0)
			a->report->error = *err;
		return rc;
	case WORK_RELEASE:
		publish_unstage(a);
		return 0;
	case WORK_RECOVER:
		return 0;
	}
	return 0;
}

struct report *pipeline_run(struct apply *a, const struct work_item *item)
{
	struct error err = ERROR_INIT;
	struct report *r;
	int rc;

	begin(a, item);
	rc = run_item(a, &err);
	r = STEAL(a->report);
	r->ok = rc == 0 && !a->down;
	r->haproxy_down = a->down;
	if (rc == 0 && a->down)
		r->error = a->down_why;
	if (a->manifest) {
		manifest_digest(a->manifest, NULL, r->base_digest);
		r->files = a->manifest->n;
	}
	a->item = NULL;
	return r;
}
