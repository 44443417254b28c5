/*
 * main.c - lockstep-service: settings in, everything else wired together, and taken apart in order
 *
 * Layer: service.  Threads: the loop thread is the main thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/map.h"
#include "lib/base/rand.h"
#include "lib/base/str.h"
#include "lib/http/server.h"
#include "lib/loop/notify.h"
#include "lib/os/resolve.h"
#include "lib/records/link_meter.h"
#include "lib/store/store_zk.h"
#include "service/api/api.h"
#include "service/service_settings.h"
#include "service/work/service_metrics.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SLOW_TURN_US LOOP_MS(50)
#define HISTORY_MAX 4000 /* entries of a service that one look takes in are a few more */
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define DRAIN_US LOOP_MS(3000)
#define NAMES_MIN 1000 /* a request has as many */

static const char usage[] =
	"usage: lockstep-service [OPTION] FILE.yml\n"
	"  --check-config   read FILE.yml, say what is wrong with it, and end\n"
	"  --dump-settings  print the settings in force (secrets masked), and end\n"
	"  --version        print the version, and end\n"
	"  --help           print this, and end\n";

struct program {
	struct service_conf *conf;
	struct loop *loop;
	struct store *store;
	struct client *client;
	struct state_cache *cache;
	struct metrics *metrics;
	struct link_meter *link_meter;
	struct leader *leader;
	struct resolve *names;
	struct api *api;
	struct server *server;
	struct notify *notify;
	struct loop_timer drain;
	bool stopping;
};

enum what { RUN, CHECK, DUMP };

/* --- settings --- */

/* Who asked for a check reads lines of a compiler, who starts the program lines of its log. */
static void tell(const char *path, const struct settings_note *n, bool as_log)
{
	if (!as_log)
		fprintf(stderr, "%s:%d: %s: %s\n", path, n->line, n->error ? "error" : "warning",
			n->text);
	else
		log_at(n->error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, NULL, "settings", "file", path,
			"line", log_int(n->line), "text", n->text, (char *)NULL);
}

static int load(const char *path, bool as_log, struct service_conf **conf)
{
	struct settings_report rep = SETTINGS_REPORT_INIT;
	struct error err = ERROR_INIT;
	int rc = service_conf_load(path, conf, &rep, &err);

	for (size_t i = 0; i < rep.n; i++)
		tell(path, &rep.notes[i], as_log);
	if (rc != 0 && rep.errors == 0)
		fprintf(stderr, "lockstep-service: %s\n", err.text);
	settings_report_release(&rep);
	return rc;
}

/* -1: go on; else the exit code. */
static int parse_args(int argc, char **argv, enum what *what, const char **file)
{
	*what = RUN;
	*file = NULL;
	for (int i = 1; i < argc; i++) {
		if (str_eq(argv[i], "--help")) {
			fputs(usage, stdout);
			return 0;
		}
		if (str_eq(argv[i], "--version")) {
			printf("lockstep-service %s (%s)\n", LOCKSTEP_VERSION, LOCKSTEP_BUILD);
			return 0;
		}
		if (str_eq(argv[i], "--check-config"))
			*what = CHECK;
		else if (str_eq(argv[i], "--dump-settings"))
			*what = DUMP;
		else if (argv[i][0] == '-' || *file != NULL)
			break;
		else
			*file = argv[i];
		if (i == argc - 1 && *file != NULL)
			return -1;
	}
	fputs(usage, stderr);
	return 2;
}

/* --- parts --- */

static int make_store(struct program *p, struct error *err)
{
	const struct daemon_conf *d = &p->conf->daemon;
	const struct store_zk_options zk = { .quorum = d->zk_quorum, .ns = d->zk_namespace,
		.session_timeout_ms = d->zk_session_timeout_ms, .connect_timeout_ms = d->zk_connect_timeout_ms };

	return store_zk_new(p->loop, &zk, &p->store, err);
}

static void make_metrics(struct program *p)
{
	p->metrics = metrics_new(service_metrics, METRIC_SERVICE_END);
	metrics_set(p->metrics, METRIC_BUILD, METRIC_LABELS(LOCKSTEP_VERSION), 1);
	metrics_set(p->metrics, METRIC_STARTED, METRIC_PLAIN, (double)loop_wall_ms(p->loop) / 1000);
	p->link_meter = link_meter_new(p->store, p->metrics);
}

static void make_leader(struct program *p)
{
	const struct service_conf *c = p->conf;
	const struct worker_conf *w = &c->worker;
	const struct history_conf *h = &c->history;
	const struct leader_options opt = {
		.base_uri = c->base_uri,
		.version = LOCKSTEP_VERSION,
		.enabled = w->enabled,
		.allow_mixed = c->allow_mixed_services,
		.worker = {
			.rules = RULES_ON,
			.prepare_deadline_ms = w->prepare_deadline_ms,
			.apply_deadline_ms = w->apply_deadline_ms,
			.revert_deadline_ms = w->revert_deadline_ms,
			.call_timeout_ms = w->agent_call_timeout_ms,
			.absent_grace_ms = (int64_t)c->absent_host_grace_seconds * 1000,
			.tick_ms = w->interval_ms,
			.batch_max = (size_t)w->max_batch_size,
			.history_max = h->enabled ? (size_t)(h->max_requests < HISTORY_MAX ? h->max_requests : HISTORY_MAX) : 0,
			.history_total = h->enabled ? (size_t)h->max_total : 0,
			.history_age_ms = h->enabled && h->purge_old ? h->purge_days * DAY_MS : 0,
			.history_every_ms = h->purge_hours * HOUR_MS,
			.ended_known_ms = w->repost_after_ms / 2,
			.limits = { c->enforce_target_agent_count, c->default_target_agent_count },
			.auth_key = c->auth_key,
			.java = { c->agent_max_attempts, c->agent_request_timeout_ms, w->java_settle_ms, c->agent_batch_url,
				c->agent_request_url },
			.metrics = p->metrics,
		},
		.committed = api_on_committed,
		.ctx = p->cache,
	};

	p->leader = leader_new(p->loop, p->store, p->client, &opt);
}

static struct strings strings_of(const struct setting_strings *s, struct arena *a)
{
	struct strings list = { NULL, 0 };

	for (size_t i = 0; i < s->n; i++)
		strings_add(&list, a, s->items[i]);
	return list;
}

static int host_address(void *ctx, const char *host, struct arena *a, const char **address_out)
{
	return resolve_try(ctx, host, a, address_out);
}

static void make_names(struct program *p)
{
	const struct service_conf *c = p->conf;
	const struct resolve_options opt = { .max_names = (size_t)(c->resolve_names > NAMES_MIN ? c->resolve_names : NAMES_MIN),
		.keep_ms = (int64_t)c->resolve_seconds * 1000 };

	p->names = resolve_new(&opt);
}

static void make_api(struct program *p)
{
	const struct service_conf *c = p->conf;
	const struct api_options opt = {
		.loop = p->loop,
		.store = p->store,
		.leader = p->leader,
		.cache = p->cache,
		.client = p->client,
		.context_path = c->daemon.context_path,
		.admin_path = c->daemon.admin_path,
		.cors = c->daemon.cors,
		.rules = RULES_ON,
		.auth_enabled = c->daemon.auth_enabled,
		.auth_key = c->auth_key,
		.master_key = c->master_key,
		.upstream_syntax = c->upstream_syntax == UPSTREAM_SYNTAX_WORD_TOKEN
					   ? UPSTREAM_TOKEN
					   : UPSTREAM_STRICT,
		.history_fetch_max = (size_t)c->history.fetch_max,
		.default_target_count = c->default_target_agent_count,
		.purge_templates = strings_of(&c->purge_templates, c->arena),
		.purge_excluded = strings_of(&c->purge_excluded, c->arena),
		.max_waiters = (size_t)c->max_waiters,
		.repost_after_ms = c->worker.repost_after_ms,
		.resolve = host_address,
		.resolve_ctx = p->names,
		.metrics = p->metrics,
	};

	p->api = api_new(&opt);
}

static void on_refused(void *ctx, const char *peer, const char *why, unsigned more)
{
	(void)ctx;
	log_warn(NULL, "a TLS connection was refused", "peer", peer, "reason", why, "more", log_int(more));
}

static struct client *make_client(struct program *p)
{
	const struct tls_conf *t = &p->conf->daemon.client_tls;
	const struct client_tls tls = { t->ca_pem, t->certificate_pem, t->key_pem };

	return client_new(p->loop, &tls);
}

static int make_server(struct program *p, struct error *err)
{
	const struct daemon_conf *d = &p->conf->daemon;
	const struct server_options opt = { .bind_host = d->bind_host, .port = d->port,
		.max_connections = d->limits.connections, .max_per_address = d->limits.per_address,
		.idle_timeout_ms = d->limits.idle_ms, .request_timeout_ms = d->limits.request_ms,
		.tls = { d->tls.certificate_pem, d->tls.key_pem, d->tls.ca_pem }, .refused = on_refused };

	return server_new(p->loop, &opt, api_router(p->api), &p->server, err);
}

/* --- the end --- */

static void stop_loop(void *ctx)
{
	struct program *p = ctx;

	loop_stop(p->loop);
}

static void on_signal(void *ctx, int signum)
{
	struct program *p = ctx;

	if (p->stopping) {
		loop_stop(p->loop);
		return;
	}
	p->stopping = true;
	log_info(NULL, "stopping", "signal", log_int(signum));
	notify_stopping(p->notify);
	api_drain(p->api);
	server_drain(p->server, stop_loop, p);
	loop_timer_start(p->loop, &p->drain, DRAIN_US);
}

static void on_slow_turn(void *ctx, int64_t us)
{
	(void)ctx;
	log_warn(NULL, "slow turn", "us", log_int(us));
}

static void take_apart(struct program *p)
{
	loop_timer_stop(p->loop, &p->drain);
	server_free(&p->server);
	api_free(&p->api);
	resolve_free(&p->names);
	leader_free(&p->leader);
	state_cache_free(&p->cache);
	client_free(&p->client);
	link_meter_free(&p->link_meter);
	store_free(&p->store);
	metrics_free(&p->metrics);
	notify_free(&p->notify);
	loop_free(&p->loop);
}

static int run(struct program *p)
{
	struct error err = ERROR_INIT;
	int rc;

	p->loop = loop_new();
	p->drain = (struct loop_timer){ .fn = stop_loop, .ctx = p };
	p->notify = notify_new(p->loop);
	loop_on_signal(p->loop, SIGTERM, on_signal, p);
	loop_on_signal(p->loop, SIGINT, on_signal, p);
	loop_on_slow_turn(p->loop, SLOW_TURN_US, on_slow_turn, p);
	rc = make_store(p, &err);
	if (rc == 0) {
		make_metrics(p);
		p->client = make_client(p);
		p->cache = state_cache_new(p->loop, p->store);
		make_leader(p);
		make_names(p);
		make_api(p);
		rc = make_server(p, &err);
	}
	if (rc == 0) {
		log_info(NULL, "started", "version", LOCKSTEP_VERSION, "uri", p->conf->base_uri,
			"port", log_int(server_port(p->server)));
		notify_ready(p->notify);
		loop_run(p->loop);
		log_info(NULL, "stopped");
	} else {
		log_error(NULL, "cannot start", "reason", err.text);
	}
	take_apart(p);
	return rc == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct program p = { .conf = NULL };
	struct rand_state rand;
	enum what what;
	const char *file;
	int rc = parse_args(argc, argv, &what, &file);

	if (rc >= 0)
		return rc;
	if (load(file, what == RUN, &p.conf) != 0)
		return 1;
	sigaction(SIGPIPE, &ignore, NULL); /* a write to somebody who has gone is an error like others */
	rand_seed_os(&rand);
	map_seed(rand_u64(&rand));
	log_set_level(p.conf->daemon.log_level);
	if (what == DUMP) {
		AUTO(buf_release) struct buf text = BUF_INIT;

		service_conf_dump(p.conf, &text);
		fputs(buf_cstr(&text), stdout);
	} else if (what == RUN) {
		rc = run(&p);
	}
	service_conf_free(&p.conf);
	return rc > 0 ? rc : 0;
}
