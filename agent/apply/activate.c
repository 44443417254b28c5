/*
 * activate.c - the stage that makes published files live, and believes it only when HAProxy says so
 *
 * One reload in flight, and never believed by its answer: 2.6 says nothing, loses what arrives while it
 * loads, and a reload by somebody else may have read the files a moment too early.  So it is asked for
 * once more, by half the time or when another generation came up.
 *
 * While it loads, the master is deaf; the stats socket is not.  A new worker there that has the wanted
 * fingerprint is proof enough; the master is asked from time to time whether the reload has failed.
 *
 * Changes without a reload (runtime API: compare a->manifest's rendering with a->plan by section, send the
 * difference, read it back) belong in activate_run(), before the reload.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_internal.h"

#include "agent/haproxy/master.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/os/clock.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define PAUSE_MIN_US 2000
#define PAUSE_MAX_US 15000
#define WORKER_ASK_US 250000
#define MASTER_MIN_US 60000 /* between questions to the master; a quarter of it is waited for the answer */
#define MASTER_MAX_US 2000000
#define SENDS_MAX 2

/* A reload in progress. */
struct reload {
	const char *marker;      /* that must come up; NULL: any */
	const struct plan *plan; /* whose servers must come up, without one; NULL: any */
	struct look before;
	int64_t start, limit, resend_at;
	int64_t asking; /* of the time since start: until a reload was taken */
	int64_t pause; /* before the next look */
	int64_t master_at, master_every; /* when the master is asked next */
	int sends;
	struct error seen; /* why it is not good yet */
};

static void pause_a_little(struct reload *r)
{
	const struct timespec pause = { 0, r->pause * 1000 };

	nanosleep(&pause, NULL);
	r->pause = r->pause * 3 / 2 < PAUSE_MAX_US ? r->pause * 3 / 2 : PAUSE_MAX_US;
}

static void start_looking(struct reload *r)
{
	r->pause = PAUSE_MIN_US;
	r->master_every = MASTER_MIN_US;
	r->master_at = clock_mono_us() + r->master_every;
}

static int send_reload(struct apply *a, struct reload *r, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	enum answer_reload answer = ANSWER_RELOAD_STARTED;
	int64_t start = clock_mono_us();
	int rc;

	for (;;) {
		rc = master_reload(a->opt.master_socket, r->limit, &answer, &text, err);
		if (rc != ERR_NOT_DONE)
			break;
		if (clock_mono_us() >= r->limit)
			return rc; /* nobody took it */
		pause_a_little(r);
	}
	r->asking += clock_mono_us() - start;
	r->sends++;
	start_looking(r);
	a->reloading = true;
	if (rc != 0)
		return rc;
	if (answer == ANSWER_RELOAD_REFUSED) {
		report_detail(a->report, buf_cstr(&text), text.len);
		if (r->plan)
			blame_output(a, buf_cstr(&text), text.len);
		return error_set(err, ERR_REFUSED, "haproxy refused to load the configuration");
	}
	return 0;
}

/* Is the one that answers a new worker with the right configuration? 0, or why not. */
static int judge(struct apply *a, const struct reload *r, const struct look *seen, struct error *err)
{
	int rc;

	if (seen->proc.worker == r->before.proc.worker || seen->info.pid == r->before.info.pid)
		return error_set(err, ERR_NOT_DONE, "worker %" PRId64 " has not been replaced",
			r->before.proc.worker);
	if (seen->info.pid != seen->proc.worker || seen->info.stopping)
		return error_set(err, ERR_NOT_DONE, "worker %" PRId64 " does not answer yet",
			seen->proc.worker);
	rc = r->marker ? confirm_marker(a, seen, r->marker, err) : 0;
	if (rc == 0 && !a->marker_name && r->plan)
		rc = confirm_servers(a, r->plan, err);
	return rc;
}

enum wait { WAIT_MORE, WAIT_RESEND, WAIT_DONE, WAIT_FAILED };

/* Does the worker itself say that it is the wanted one? ERR_NOT_DONE: it is still the old one, or nobody. */
static int ask_worker(struct apply *a, struct reload *r)
{
	struct look seen = { .info = { .pid = 0 } };
	int rc = confirm_info(a, WORKER_ASK_US, &seen.info, &r->seen);

	if (rc != 0)
		return rc;
	if (seen.info.pid == r->before.info.pid || seen.info.pid == r->before.proc.worker || seen.info.stopping)
		return error_set(&r->seen, ERR_NOT_DONE, "worker %" PRId64 " has not been replaced", seen.info.pid);
	return confirm_marker(a, &seen, r->marker, &r->seen);
}

/* Is it time to ask the master, too?  *wait_us: how long for. */
static bool master_is_due(struct reload *r, int64_t *wait_us)
{
	int64_t now = clock_mono_us();

	if (now < r->master_at)
		return false;
	*wait_us = r->master_every / 4;
	r->master_every = r->master_every * 2 < MASTER_MAX_US ? r->master_every * 2 : MASTER_MAX_US;
	r->master_at = now + r->master_every;
	return true;
}

static enum wait look_once(struct apply *a, struct reload *r)
{
	struct look seen;
	int64_t wait_us = CONFIRM_ASK_US;
	int rc;

	if (a->marker_name && r->marker && *r->marker) {
		rc = ask_worker(a, r);
		if (rc == 0)
			return WAIT_DONE;
		if (rc == ERR_NOT_DONE && !master_is_due(r, &wait_us))
			return WAIT_MORE;
	}
	rc = confirm_look(a, wait_us, &seen, &r->seen);
	if (rc != 0)
		return WAIT_MORE;
	rc = judge(a, r, &seen, &r->seen);
	if (rc == 0)
		return WAIT_DONE;
	if (seen.proc.failed > r->before.proc.failed && seen.proc.worker == r->before.proc.worker) {
		error_set(&r->seen, ERR_REFUSED, "haproxy refused to load the configuration: its log says why");
		return WAIT_FAILED;
	}
	if (rc == ERR_REFUSED) /* a new worker without any fingerprint: another reload gives no other */
		return WAIT_FAILED;
	if (rc == ERR_CONFLICT && r->sends < SENDS_MAX) {
		/* It read the files too early: what came up is what the next reload replaces. */
		r->before = seen;
		return WAIT_RESEND;
	}
	if (r->sends < SENDS_MAX && clock_mono_us() >= r->resend_at)
		return WAIT_RESEND;
	return WAIT_MORE;
}

static int reload_loop(struct apply *a, struct reload *r, struct error *err)
{
	int rc = send_reload(a, r, err);

	while (rc == 0) {
		switch (look_once(a, r)) {
		case WAIT_DONE:
			return 0;
		case WAIT_FAILED:
			return error_set(err, r->seen.code, "%s", r->seen.text);
		case WAIT_RESEND:
			log_warn(NULL, "reload is asked for again", "because", r->seen.text);
			rc = send_reload(a, r, err);
			break;
		case WAIT_MORE:
			if (clock_mono_us() >= r->limit)
				return error_set(err, ERR_REFUSED,
					"haproxy did not confirm the reload within %" PRId64 " ms: %s",
					(r->limit - r->start) / 1000, r->seen.text);
			pause_a_little(r);
			break;
		}
	}
	return rc;
}

static int reload_haproxy(struct apply *a, struct reload *r, int64_t limit, struct error *err)
{
	int rc;

	r->start = clock_mono_us();
	r->limit = limit;
	r->resend_at = r->start + (limit - r->start) / 2;
	start_looking(r);
	rc = reload_loop(a, r, err);
	if (r->plan) /* going back is nobody's stage */
		a->report->stage_us[WORK_CONFIRM] = clock_mono_us() - r->start - r->asking;
	if (rc == 0) {
		int64_t took = clock_mono_us() - r->start;

		a->load_us = took > a->load_us ? took : (a->load_us + took) / 2;
	}
	return rc;
}

/* limitWorkerCount: old workers keep their memory until their last connection ends. */
static int check_workers(struct apply *a, struct error *err)
{
	const char *const argv[] = { a->opt.worker_count_command, NULL };
	struct proc_result res = { .output = BUF_INIT };
	AUTO(xfree_p) char *line = NULL;
	int64_t count;
	int rc;

	if (!a->opt.worker_count_command)
		return 0;
	rc = command_run(a, "workerCountCommand", argv, &res, err);
	if (rc == 0) {
		const char *text = buf_cstr(&res.output);

		text += strspn(text, " \t");
		line = xstrndup(text, strcspn(text, " \t\r\n"));
	}
	proc_result_release(&res);
	if (rc != 0)
		return rc;
	if (!str_to_i64(line, 0, INT32_MAX, &count))
		return error_set(err, ERR_REFUSED, "workerCountCommand said no number of workers: '%.40s'", line);
	if (count > a->opt.max_workers)
		return error_set(err, ERR_REFUSED, "%" PRId64 " load balancer workers live, at most %" PRId64
						   " are allowed before a reload", count, a->opt.max_workers);
	return 0;
}

static int reload_command(struct apply *a, struct error *err)
{
	struct proc_result res = { .output = BUF_INIT };
	int rc;

	if (!a->reload)
		return 0;
	a->reloading = true;
	rc = command_run(a, "reloadConfigCommand", (const char *const *)a->reload, &res, err);
	if (rc == 0 && (res.exit_status != 0 || res.timed_out)) {
		report_detail(a->report, buf_cstr(&res.output), res.output.len);
		/* Java's words: schedulers show them. */
		rc = res.timed_out ?
			     error_set(err, ERR_REFUSED, "the reload command did not end in time") :
			     error_set(err, ERR_REFUSED,
				     "%s : Process exited with an error: %d (Exit value: %d)",
				     a->opt.reload_command, res.exit_status, res.exit_status);
	}
	proc_result_release(&res);
	return rc;
}

/* Does it run already what the files say? */
static bool is_live(struct apply *a)
{
	struct error why;

	if (a->item->force_reload)
		return false;
	if (a->sockets && a->marker_name)
		return confirm_marker(a, &a->before, a->plan->fingerprint, &why) == 0;
	if (!str_eq(a->manifest->live, a->plan->fingerprint))
		return false;
	return !a->sockets || confirm_servers(a, a->plan, &why) == 0;
}

int activate_run(struct apply *a, struct error *err)
{
	struct reload r = { .marker = a->plan->fingerprint, .plan = a->plan, .before = a->before };
	int rc = 0;

	a->idle = a->item->no_reload || a->down || is_live(a);
	if (a->item->no_reload || a->down)
		return 0;
	if (!a->idle) {
		a->report->changed = true;
		rc = check_workers(a, err);
		if (rc == 0 && a->sockets)
			rc = reload_haproxy(a, &r,
				apply_deadline(a, a->opt.confirm_timeout_ms * 1000 + 2 * a->load_us), err);
		else if (rc == 0)
			rc = reload_command(a, err);
	}
	if (rc == 0 && a->sockets && a->marker_name)
		memcpy(a->report->fingerprint, a->plan->fingerprint, DIGEST_HEX);
	return rc;
}

/* The marker of the files that were put back; NULL: what ran before did not load it either. */
static const char *old_marker(struct apply *a, char hex[DIGEST_HEX])
{
	if (!a->marker_name || !*a->before.info.marker)
		return NULL;
	if (!manifest_find(a->manifest, a->marker_name))
		return "";
	manifest_digest(a->manifest, a->marker_name, hex);
	return hex;
}

static int reload_old(struct apply *a, struct error *err)
{
	char hex[DIGEST_HEX];
	struct reload r = { .marker = old_marker(a, hex) };
	int64_t after = a->opt.confirm_timeout_ms * 1000 + 2 * a->load_us;
	int rc;

	if (!a->sockets)
		return reload_command(a, err);
	rc = confirm_look(a, CONFIRM_ASK_US, &r.before, err);
	if (rc == ERR_NOT_DONE)
		r.before = a->before; /* still loading, or gone: the reload finds out */
	else if (rc != 0)
		return rc;
	return reload_haproxy(a, &r, clock_mono_us() + after, err);
}

void live_undo(struct apply *a)
{
	struct error err = ERROR_INIT;
	int rc;

	/* Nothing was asked of it, or the files could not be put back: a reload would load half. */
	if (!a->reloading || !a->report->undone)
		return;
	a->deadline = 0; /* going back has its own time */
	a->reloading = false;
	rc = reload_old(a, &err);
	if (rc == 0)
		return;
	if (a->sockets && rc == ERR_NOT_DONE) {
		/* The old files are there for whoever starts it. */
		a->down = true;
		error_in(&a->report->error, "haproxy has gone");
		return;
	}
	a->report->undone = false;
	error_in(&a->report->error, "the old configuration was not confirmed again (%.200s), after",
		err.text);
}
