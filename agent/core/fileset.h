/*
 * fileset.h - the files that must exist below the root path for a set of services
 *
 * A renderer is made once from the configuration (it compiles every template: a syntax error stops the agent
 * at start) and is immutable afterwards.  fileset_build() is a pure function of it, the services and the
 * timestamp: the same input gives the same bytes, whatever the order of the services or upstreams.
 *
 *     struct renderer_config cfg = { .templates = rows, .n_templates = n, .agent = &info };
 *     rc = renderer_new(&cfg, &r, err);                            // start-up
 *     rc = fileset_build(r, states, n, now_ms, &fs, &blames, err); // any thread, any number at once
 *
 * Layer: agent/core (pure).  Threads: a renderer and a built set may be shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_FILESET_H
#define AGENT_CORE_FILESET_H

#include "agent/template/collect.h"
#include "lib/model/agentinfo.h"
#include "lib/model/service.h"

struct template_text {
	const char *name, *text;
};

/* One row of `templates` of the agent's YAML. Texts are NULL or empty where there is none.
 *
 * Per service (Java's kind): rendered for each service that has a template of its name here.
 * Collected (ours): the same choice gives a fragment per service; they are joined by service id (bytewise) into
 * the one file, between header and footer, which see {services, agentProperties, timestamp}; `services` holds
 * what a fragment sees, in order.  The file exists also when there is no service. */
struct template_source {
	const char *filename; /* below the root path; see layout.h. Collected: without %s */
	const char *text;     /* `template`: for services without templateName, and for "default" */
	const struct template_text *named; /* `namedTemplates` */
	size_t n_named;
	bool collected;
	const char *header, *footer; /* collected only */
	unsigned mode; /* of a file that is made; 0: 0644 */
};

/* All copied by renderer_new. */
struct renderer_config {
	const struct template_source *templates;
	size_t n_templates;
	const struct agentinfo *agent; /* agentProperties; may be NULL */
	struct strings domains;        /* loadBalancerConfig.domains */
	const char *default_domain;    /* defaultDomain, else domain; may be NULL */
	bool purge_off;                /* turnOffPurgeableCacheInTemplates */
	struct strings purge_off_for;  /* servicesToBlockFromPurgeableCache */
	struct template_options options; /* zeros: the defaults */
};

struct renderer;
int renderer_new(const struct renderer_config *cfg, struct renderer **r_out, struct error *err) MUST_CHECK;
void renderer_free(struct renderer **r);

struct fileset_file {
	const char *path; /* relative to the root path; no "." or ".." in it */
	const char *data; /* NUL-terminated */
	size_t size;
	const char *owner; /* the service, for per-service files; NULL: collected, or the same from several */
	const struct span *spans; /* collected: whose lines */
	size_t n_spans;
	unsigned mode; /* of a file that is made */
};

struct fileset {
	struct fileset_file *files; /* sorted by path, bytewise; no path twice */
	size_t n;
	struct arena *arena; /* private: owns everything */
};
void fileset_free(struct fileset **fs);

/* Every service that spoiled it, sorted by id, each once (its first error). */
struct fileset_blame {
	const char *service_id, *message;
};
struct fileset_blames {
	struct fileset_blame *items;
	size_t n;
	struct arena *arena; /* private */
};
#define FILESET_BLAMES_INIT { NULL, 0, NULL }
void fileset_blames_release(struct fileset_blames *b);

/* `services`: in any order, no id twice (ERR_INVALID).  `blames` (may be NULL; must be empty) is written on
 * failure only, like err; it stays empty where no service is at fault (a header or footer failed).  The err
 * text is that of the first blame.  A service without a template: ERR_NOT_FOUND and Java's own words,
 * "MissingTemplateException : Template <name> could not be found". */
int fileset_build(const struct renderer *r, const struct service_state *const *services, size_t n,
	int64_t timestamp_ms, struct fileset **fs_out, struct fileset_blames *blames, struct error *err) MUST_CHECK;

const struct fileset_file *fileset_find(const struct fileset *fs, const char *path);
/* Whom to blame for line `line` (from 1) of file `path`; NULL: nobody or no such file. */
const char *fileset_owner(const struct fileset *fs, const char *path, size_t line);

#endif
