/*
 * agent_settings.h - the YAML of lockstep-agent
 *
 * One table of rows: it reads the file, prints what is in force, and prints the page
 * docs/configuration.md.  The file of a Java agent may be used unchanged.
 *
 * Layer: agent.  Threads: an immutable object once loaded.  Loading blocks: start-up only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_AGENT_SETTINGS_H
#define AGENT_AGENT_SETTINGS_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/conf/daemon_settings.h"

#define SHARDS_MAX 64

/* An entry of templates, collectedTemplates or groupTemplates. What its list has no key for is as zeros. */
struct template_conf {
	const char *filename;     /* a pattern that layout_check() has passed */
	const char *text;         /* derived: `template`, or what templateFile holds; NULL: no default one */
	struct setting_map named; /* derived: name -> text, of namedTemplates and namedTemplateFiles */
	const char *inline_text, *file;
	struct setting_map named_texts, named_files;
	const char *header, *footer; /* templates that see all services; NULL = none */
	int shards;
	int output; /* enum template_output */
	bool allow_control;
	int mode;
	const struct yaml_node *node; /* where it stands in the file */
	int line;
};

struct template_list {
	struct template_conf *items;
	size_t n;
};

struct haproxy_conf {
	const char *master_socket, *stats_socket; /* NULL: reload by command, nothing is read back */
	int64_t confirm_timeout_ms;
	const char *fingerprint_file; /* derived: relative to rootPath; NULL = none */
	const char *fingerprint_key;
};

struct lb_conf {
	const char *name;           /* of the group */
	const char *default_domain; /* derived: defaultDomain, else the old `domain`; or NULL */
	const char *default_domain_key, *domain_key;
	const char *root_path;      /* absolute, without '/' at its end */
	const char *check_command, *reload_command; /* reload may be NULL with a master socket */
	int64_t command_timeout_ms;
	struct setting_strings domains;
	struct setting_multimap domain_aliases;
	bool limit_worker_count;
	const char *worker_count_command;
	int max_worker_count;
	int min_healthy_agents;
	bool purgeable_cache_off; /* turnOffPurgeableCacheInTemplates */
	struct setting_strings purgeable_blocked;
	struct haproxy_conf haproxy;
};

struct gcloud_conf {
	bool present;
	const char *resource_group, *project, *region, *backend_service, *instance_name;
};

struct agent_conf {
	struct arena *arena;
	const char *name;             /* of the YAML, in messages */
	const struct yaml_node *root; /* the YAML; in the arena */
	struct daemon_conf daemon; /* host, port, context path, ZooKeeper, auth, log level */
	const char *base_uri;      /* derived from baseUrlTemplate */
	const char *agent_id;      /* derived: host:port */

	struct lb_conf lb;
	struct template_list templates; /* a file for each service, or each of its domains */
	struct template_list collected; /* a fragment for each service, by id, in one file or some shards */
	struct template_list group;     /* one file, one template that sees all services */
	int level;                      /* enum template_level */
	const char *partials_dir;
	struct setting_map partials;    /* derived: name -> text, sorted by name */
	const char *date_format, *zero_weight, *weighting_format;
	const char *purge_format; /* "" = nothing is purged */
	int resolve_names, resolve_seconds;

	const char *base_url_template;
	struct setting_map extra_agent_data;
	struct gcloud_conf gcloud;
	const char *private_ip, *availability_zone; /* NULL: not known */
	bool skip_private_ip;

	bool visible_to_service, register_on_startup, deregister_on_stop;
	const char *state_file, *remove_file_on_shutdown;
	int heartbeat_seconds, state_check_seconds;
	int max_notify_attempts;
	int64_t checkin_timeout_ms;
};

extern const struct setting agent_settings[];

/* Of templateLevel and output, by enum template_level and enum template_output. */
#define LEVEL_WORDS "lockstep|baragon"
#define OUTPUT_WORDS "default|text|haproxy|haproxy-map|nginx|html"

/* What those lists are called in the file. */
#define LIST_TEMPLATES "templates"
#define LIST_COLLECTED "collectedTemplates"
#define LIST_GROUP "groupTemplates"

/* Reads the template files and partials, too.  `rep` gets the warnings, and on failure every error found; may
 * be NULL. */
int agent_conf_load(const char *path, struct agent_conf **conf_out, struct settings_report *rep,
	struct error *err) MUST_CHECK;
/* The same from memory; template files are looked for beside `name`, which stands in errors. */
int agent_conf_parse(const char *name, const char *text, size_t len, struct agent_conf **conf_out,
	struct settings_report *rep, struct error *err) MUST_CHECK;
void agent_conf_free(struct agent_conf **conf);

/* Where a key of an entry stands, for messages: "templates[2].namedTemplates.http2" and its line. */
struct conf_place {
	char key[160];
	int line;
};
struct conf_place agent_conf_place(const char *list, size_t i, const struct template_conf *t, const char *key,
	const char *name /* in the mapping `key`; NULL: itself */);

/* As YAML; keys and secrets are masked. */
void agent_conf_dump(const struct agent_conf *conf, struct buf *out);

#endif
