/*
 * agent_daemon.c - the agent as a process: everything made, run, and taken apart in order
 *
 * A stop goes: (leave the group, tell a service,) finish what callers wait for, free, wait for jobs.  Each step has
 * its time; a second signal ends the waiting.
 *
 * Layer: agent.  Threads: owns the loop and runs it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_daemon.h"

#include "agent/api/agent_api.h"
#include "agent/apply/agent_metrics.h"
#include "agent/apply/apply_thread.h"
#include "agent/apply/meter.h"
#include "agent/link/checkin.h"
#include "agent/link/purge.h"
#include "lib/base/log.h"
#include "lib/base/rand.h"
#include "lib/base/map.h"
#include "lib/http/server.h"
#include "lib/loop/notify.h"
#include "lib/os/file.h"
#include "lib/records/keyring.h"
#include "lib/records/link_meter.h"
#include "lib/store/store_zk.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY LOOP_MS(200)
#define LEAVE_TIME LOOP_MS(3000)
#define DRAIN_TIME LOOP_MS(3000)
#define JOBS_EVERY LOOP_MS(10)
#define JOBS_TIME LOOP_MS(3000)
#define SLOW_TURN LOOP_MS(200)

struct daemon {
	const struct agent_conf *conf;
	const struct agent_parts *parts;
	struct loop *loop;
	struct notify *notify;
	struct agent_api *api;
	struct server *server;
	struct applier *applier;
	struct store *store;
	struct metrics *metrics;
	struct link_meter *link_meter;
	struct keyring *keys;
	struct agent_link *link;
	struct client *client;
	struct checkin *checkin;
	struct purger *purger; /* NULL: nothing is purged */
	struct link_options link_options;
	struct loop_timer look, step; /* step: the next one of the stop, or the end of its time */
	void (*next)(struct daemon *d);
	enum link_phase shown;
	bool ready, stopping;
	int64_t jobs_until;
};

/* --- small files --- */

struct file_job {
	const char *path;
	bool remove;
	int rc;
	struct error err;
};

static void file_work(void *ctx)
{
	struct file_job *j = ctx;
	static const char text[] = "RUNNING";

	if (j->remove)
		j->rc = file_remove(j->path, &j->err);
	else
		j->rc = file_replace(j->path, text, sizeof(text) - 1, 0644, &j->err);
}

static void file_done(void *ctx)
{
	struct file_job *j = ctx;

	if (j->rc != 0)
		log_warn(NULL, j->remove ? "a file could not be removed" : "the state file could not be written",
			"path", j->path, "reason", j->err.text);
	free(j);
}

static void file_job(struct daemon *d, const char *path, bool away)
{
	struct file_job *j;

	if (path == NULL)
		return;
	j = xcalloc(1, sizeof(*j));
	j->path = path;
	j->remove = away;
	loop_job(d->loop, file_work, file_done, j);
}

/* --- what is told to others --- */

static const char *phase_text(enum link_phase phase)
{
	switch (phase) {
	case LINK_STARTING:
		return "waiting for ZooKeeper";
	case LINK_JOINING:
		return "registering";
	case LINK_READY:
		return "registered";
	case LINK_DISCONNECTED:
		return "no connection to ZooKeeper";
	}
	return "";
}

static void on_look(void *ctx)
{
	struct daemon *d = ctx;
	struct link_status s;

	loop_timer_start(d->loop, &d->look, LOOK_EVERY);
	agent_link_status(d->link, &s);
	if (s.phase != d->shown)
		notify_status(d->notify, phase_text(s.phase));
	d->shown = s.phase;
	if (s.phase != LINK_READY || d->ready)
		return;
	d->ready = true;
	file_job(d, d->conf->state_file, false);
	if (d->conf->register_on_startup)
		checkin_start(d->checkin, CHECKIN_STARTUP, NULL, NULL);
}

static bool key_ok(void *ctx, const char *key, enum role role)
{
	return keyring_judge(((struct daemon *)ctx)->keys, key, agent_api_needs(role)) == KEY_GOOD;
}

static bool keys_known(void *ctx)
{
	return keyring_loaded(((struct daemon *)ctx)->keys);
}

static const char *any_key(void *ctx)
{
	return keyring_any(((struct daemon *)ctx)->keys, KEY_AGENT);
}

static void on_slow_turn(void *ctx, int64_t us)
{
	(void)ctx;
	log_warn(NULL, "the loop was held up", "ms", log_int(us / 1000));
}

/* --- the stop, step by step --- */

static void step_in(struct daemon *d, int64_t us, void (*next)(struct daemon *d))
{
	d->next = next;
	loop_timer_start(d->loop, &d->step, us);
}

static void on_step(void *ctx)
{
	struct daemon *d = ctx;

	d->next(d);
}

static void stop_loop(struct daemon *d)
{
	loop_stop(d->loop);
}

static void on_drained(void *ctx)
{
	step_in(ctx, 0, stop_loop);
}

static void stop_drain(struct daemon *d)
{
	step_in(d, DRAIN_TIME, stop_loop);
	server_drain(d->server, on_drained, d);
}

static void on_checked_out(void *ctx, enum checkin_end end)
{
	(void)end; /* it has been logged */
	step_in(ctx, 0, stop_drain);
}

static void stop_check_out(struct daemon *d)
{
	loop_timer_stop(d->loop, &d->step);
	checkin_start(d->checkin, CHECKIN_SHUTDOWN, on_checked_out, d);
}

static void on_left(void *ctx)
{
	step_in(ctx, 0, stop_check_out);
}

static void stop_leave(struct daemon *d)
{
	step_in(d, LEAVE_TIME, stop_check_out);
	agent_link_leave(d->link, on_left, d);
}

static void on_signal(void *ctx, int signum)
{
	struct daemon *d = ctx;

	log_info(NULL, "stopping", "signal", log_int(signum));
	if (d->stopping) {
		step_in(d, 0, stop_loop);
		return;
	}
	d->stopping = true;
	notify_stopping(d->notify);
	loop_timer_stop(d->loop, &d->look);
	file_job(d, d->conf->remove_file_on_shutdown, true);
	if (d->conf->deregister_on_stop)
		stop_leave(d);
	else
		stop_drain(d);
}

/* --- made and taken apart --- */

static void purge(void *ctx, const char *service_id)
{
	purger_run(((struct daemon *)ctx)->purger, service_id, NULL, NULL);
}

static void on_refused(void *ctx, const char *peer, const char *why, unsigned more)
{
	(void)ctx;
	log_warn(NULL, "a TLS connection was refused", "peer", peer, "reason", why, "more", log_int(more));
}

static void make_purger(struct daemon *d)
{
	const struct tls_conf *t = &d->conf->daemon.client_tls;
	const struct client_tls tls = { t->ca_pem, t->certificate_pem, t->key_pem };

	d->client = client_new(d->loop, &tls);
	d->link_options = d->parts->link;
	if (*d->conf->purge_format == '\0')
		return;
	d->purger = purger_new(d->client, d->conf->purge_format);
	d->link_options.purge = purge;
	d->link_options.purge_ctx = d;
}

static void make_metrics(struct daemon *d)
{
	d->metrics = metrics_new(agent_metrics, METRIC_AGENT_END);
	metrics_set(d->metrics, METRIC_BUILD, METRIC_LABELS(LOCKSTEP_VERSION), 1);
	metrics_set(d->metrics, METRIC_STARTED, METRIC_PLAIN, (double)loop_wall_ms(d->loop) / 1000);
}

static int open_port(struct daemon *d, struct error *err)
{
	const struct daemon_conf *dc = &d->conf->daemon;
	const struct agent_api_options ao = { .loop = d->loop, .context_path = dc->context_path,
		.admin_path = dc->admin_path, .cors = dc->cors, .link_options = &d->link_options, .auth_enabled = dc->auth_enabled, .key_ok = key_ok,
		.keys_known = keys_known, .ctx = d, .renderer = d->parts->renderer,
		.root_path = d->conf->lb.root_path, .metrics = d->metrics,
		.stats_socket = d->conf->lb.haproxy.stats_socket, .purger = d->purger };
	const struct server_options so = { .bind_host = dc->bind_host, .port = dc->port,
		.max_connections = dc->limits.connections, .max_per_address = dc->limits.per_address,
		.idle_timeout_ms = dc->limits.idle_ms, .request_timeout_ms = dc->limits.request_ms,
		.tls = { dc->tls.certificate_pem, dc->tls.key_pem, dc->tls.ca_pem }, .refused = on_refused };

	d->api = agent_api_new(&ao);
	return server_new(d->loop, &so, agent_api_router(d->api), &d->server, err);
}

/* What touches the disk and ZooKeeper, only once the port is ours. */
static int join_in(struct daemon *d, struct error *err)
{
	const struct daemon_conf *dc = &d->conf->daemon;
	const struct store_zk_options zo = { .quorum = dc->zk_quorum, .ns = dc->zk_namespace,
		.session_timeout_ms = dc->zk_session_timeout_ms, .connect_timeout_ms = dc->zk_connect_timeout_ms };
	const struct checkin_options co = { .group_name = d->conf->lb.name, .info = &d->parts->info,
		.attempts = d->conf->max_notify_attempts, .timeout_ms = d->conf->checkin_timeout_ms, .key = any_key,
		.ctx = d };
	struct applier *inner;
	struct apply *apply;
	const char *proof;
	int rc;

	rc = apply_new(&d->parts->apply, &apply, err);
	if (rc != 0)
		return rc;
	proof = apply_status(apply);
	log_info(NULL, "starting", "version", LOCKSTEP_VERSION, "agent", d->conf->agent_id, "group", d->conf->lb.name,
		"changes", proof);
	inner = apply_thread_new(d->loop, &apply);
	d->applier = meter_new(d->loop, &inner, d->metrics);
	rc = store_zk_new(d->loop, &zo, &d->store, err);
	if (rc != 0)
		return rc;
	d->link_meter = link_meter_new(d->store, d->metrics);
	d->keys = keyring_new(d->loop, d->store);
	d->link = agent_link_new(d->loop, d->store, d->applier, &d->link_options);
	d->checkin = checkin_new(d->loop, d->store, d->client, &co);
	agent_api_attach(d->api, d->link, proof);
	return 0;
}

static int start(struct daemon *d, struct error *err)
{
	int rc;

	d->loop = loop_new();
	loop_on_slow_turn(d->loop, SLOW_TURN, on_slow_turn, NULL);
	d->notify = notify_new(d->loop);
	d->look = (struct loop_timer){ .fn = on_look, .ctx = d };
	d->step = (struct loop_timer){ .fn = on_step, .ctx = d };
	loop_on_signal(d->loop, SIGTERM, on_signal, d); /* heard once all is there: the loop does not run yet */
	loop_on_signal(d->loop, SIGINT, on_signal, d);
	make_metrics(d);
	make_purger(d);
	rc = open_port(d, err);
	if (rc == 0)
		rc = join_in(d, err);
	if (rc != 0)
		return rc;
	d->shown = LINK_STARTING;
	notify_status(d->notify, phase_text(d->shown));
	notify_ready(d->notify);
	on_look(d);
	return 0;
}

/* Jobs cannot be called back: files, names looked up. */
static void wait_for_jobs(struct daemon *d)
{
	if (loop_has_jobs(d->loop) && loop_now(d->loop) < d->jobs_until)
		step_in(d, JOBS_EVERY, wait_for_jobs);
	else
		loop_stop(d->loop);
}

/* False: a job does not end. */
static bool release(struct daemon *d)
{
	d->stopping = true; /* also where the start failed: a signal now only ends the waiting */
	loop_timer_stop(d->loop, &d->look);
	loop_timer_stop(d->loop, &d->step);
	checkin_free(&d->checkin);
	server_free(&d->server);
	agent_api_free(&d->api);
	if (d->applier != NULL)
		d->applier->free(&d->applier);
	agent_link_free(&d->link);
	purger_free(&d->purger);
	client_free(&d->client);
	keyring_free(&d->keys);
	link_meter_free(&d->link_meter);
	if (d->store != NULL)
		store_free(&d->store);
	notify_free(&d->notify);
	d->jobs_until = loop_now(d->loop) + JOBS_TIME;
	step_in(d, 0, wait_for_jobs);
	loop_run(d->loop); /* also takes what the apply thread has posted last */
	if (loop_has_jobs(d->loop))
		return false;
	metrics_free(&d->metrics);
	loop_free(&d->loop);
	return true;
}

static void prepare_process(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct rand_state r;

	sigaction(SIGPIPE, &ignore, NULL); /* a write to somebody who has gone is an error like others */
	rand_seed_os(&r);
	map_seed(rand_u64(&r));
}

int agent_daemon_run(const struct agent_conf *conf, const struct agent_parts *parts, struct error *err)
{
	struct daemon d = { .conf = conf, .parts = parts };
	struct error why = ERROR_INIT;
	bool quiet;
	int rc;

	prepare_process();
	rc = start(&d, err);
	if (rc == 0)
		loop_run(d.loop);
	quiet = release(&d);
	if (rc == 0 && conf->state_file != NULL && file_remove(conf->state_file, &why) != 0)
		log_warn(NULL, "the state file could not be removed", "path", conf->state_file, "reason", why.text);
	if (rc == 0)
		log_info(NULL, "stopped");
	if (!quiet) {
		log_warn(NULL, "a file or a look-up of a name does not answer: leaving without it");
		_exit(rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE); /* it still uses what our caller would free */
	}
	return rc;
}
