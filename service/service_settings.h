/*
 * service_settings.h - the YAML of lockstep-service
 *
 * One table of rows: it reads the file, prints what is in force, and prints the page
 * docs/configuration.md.  The file of a Java service may be used unchanged.
 *
 * Layer: service.  Threads: an immutable object once loaded.  Loading blocks: start-up only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_SERVICE_SETTINGS_H
#define SERVICE_SERVICE_SETTINGS_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/conf/daemon_settings.h"

enum upstream_syntax_word { UPSTREAM_SYNTAX_WORD_STRICT, UPSTREAM_SYNTAX_WORD_TOKEN };

struct worker_conf {
	bool enabled;            /* false: never leads */
	int64_t interval_ms;     /* of the slow tick; everything else wakes the worker at once */
	int max_batch_size;      /* requests decided together */
	int64_t prepare_deadline_ms, apply_deadline_ms, revert_deadline_ms;
	int64_t agent_call_timeout_ms; /* one call; a long apply is asked again */
	int64_t java_settle_ms; /* how long a Java agent may still carry out a call that it has not answered */
	int64_t repost_after_ms;       /* an addition that has ended is done anew; 0: never */
};

struct history_conf {
	bool enabled, purge_old;
	int max_requests, max_total, purge_days, purge_hours, fetch_max;
};

struct service_conf {
	struct arena *arena;
	struct daemon_conf daemon; /* host, port, context path, ZooKeeper, auth, log level */
	const char *base_uri;      /* derived: http(s)://host:port/context, as in /workers */

	struct worker_conf worker;
	struct history_conf history;
	const char *auth_key;        /* put into ZooKeeper at start; NULL: none */
	const char *master_key;      /* opens the administration of keys; NULL: none does */
	bool enforce_target_agent_count;
	int default_target_agent_count;
	struct setting_strings purge_templates, purge_excluded;

	/* Of calls to Java agents. */
	int agent_max_attempts;
	int64_t agent_request_timeout_ms;
	const char *agent_batch_url, *agent_request_url;

	/* Ours. */
	int absent_host_grace_seconds; /* 0: an absent host does not count, as in Java */
	bool allow_mixed_services;
	int max_waiters;
	int resolve_names, resolve_seconds;
	int upstream_syntax; /* enum upstream_syntax_word */
};

extern const struct setting service_settings[];

/* `rep` gets the warnings, and on failure every error found; may be NULL. */
int service_conf_load(const char *path, struct service_conf **conf_out, struct settings_report *rep,
	struct error *err) MUST_CHECK;
/* The same from memory; `name` stands in errors. */
int service_conf_parse(const char *name, const char *text, size_t len,
	struct service_conf **conf_out, struct settings_report *rep, struct error *err) MUST_CHECK;
void service_conf_free(struct service_conf **conf);

/* As YAML; keys and secrets are masked. */
void service_conf_dump(const struct service_conf *conf, struct buf *out);

#endif
