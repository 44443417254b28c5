/*
 * fileset.h - the files that must exist below the root path for a set of services
 *
 * A renderer is made once from the configuration (it compiles every template: a syntax error stops the agent
 * at start) and is immutable afterwards.  The same services and timestamps give the same bytes, in whatever order
 * services and upstreams come, with and without a cache.
 *
 *     struct renderer_config cfg = { .templates = rows, .n_templates = n, .agent = &info };
 *     rc = renderer_new(&cfg, &r, err);                                               // start-up
 *     rc = fileset_build(r, NULL, states, NULL, n, now_ms, &fs, &blames, err);        // any thread
 *     rc = fileset_build(r, cache, states, versions, n, now_ms, &fs, &blames, err);   // the cache's thread
 *
 * Layer: agent/core (pure).  Threads: a renderer and a set built without a cache may be
 * shared; a cache and the sets built with it belong to one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_FILESET_H
#define AGENT_CORE_FILESET_H

#include "agent/core/helpers.h"
#include "agent/template/template.h"
#include "lib/model/agentinfo.h"
#include "lib/model/service.h"

struct template_text {
	const char *name, *text;
};

/* Fragments of the services are joined by service id (bytewise), between header and footer.  These and the
 * file of a group see {services, agentProperties, timestamp}; `services` holds what a fragment sees, in the same
 * order.  Files of these two scopes exist also when there is no service. */
enum template_scope {
	SCOPE_SERVICE,   /* Java's kind: a file for each service (or service and domain) that has a template here */
	SCOPE_COLLECTED, /* the same choice gives a fragment per service */
	SCOPE_GROUP,     /* one file of one template, that sees all services */
};

/* One row of `templates` (or of its relatives) of the agent's YAML. Texts are NULL or empty where there is none. */
struct template_source {
	const char *filename; /* below the root path; see layout.h. Collected, group: without %s */
	const char *text;     /* `template`: for services without templateName, and for "default" */
	const struct template_text *named; /* `namedTemplates`; not for a group */
	size_t n_named;
	enum template_scope scope;
	const char *header, *footer; /* collected only */
	/* Collected: 0, 1: one file.  N: `filename` has one %s, which becomes "00", "01", ... for N files with the
	 * header and footer each; a service is in the one that a hash of its id says. At most 1000. */
	unsigned shards;
	enum template_output output; /* OUTPUT_DEFAULT at lockstep level: by the name's end: .cfg haproxy, .map
	                              * haproxy-map, .conf nginx, else text */
	bool allow_control;          /* {{{x}}} may print control characters */
	unsigned mode; /* of a file that is made; 0: 0644 */
};

/* All copied by renderer_new, but what helpers.ctx points to. */
struct renderer_config {
	const struct template_source *templates;
	size_t n_templates;
	const struct agentinfo *agent; /* agentProperties; may be NULL */
	struct strings domains;        /* loadBalancerConfig.domains */
	const char *default_domain;    /* defaultDomain, else domain; may be NULL */
	bool purge_off;                /* turnOffPurgeableCacheInTemplates */
	struct strings purge_off_for;  /* servicesToBlockFromPurgeableCache */
	enum template_level level;
	const struct template_text *partials; /* for {{> name}} */
	size_t n_partials;
	struct helper_env helpers;       /* its level is not read: it is the one above */
	struct template_options options; /* limits; zeros: the defaults. Nothing else of it is read */
};

/* The grammar of a row's file: its output, or what OUTPUT_DEFAULT means for it. Never that. */
enum template_output renderer_output(const struct template_source *src, enum template_level level);

struct renderer;
int renderer_new(const struct renderer_config *cfg, struct renderer **r_out, struct error *err) MUST_CHECK;
void renderer_free(struct renderer **r);
/* May the text of a service depend on the timestamp it is rendered with? */
bool renderer_needs_time(const struct renderer *r);

struct fileset_piece {
	const char *data; /* NUL-terminated */
	size_t size, lines;
	const char *owner; /* the service; NULL: header, footer, group. Of a per-service file see the file's */
};

struct fileset_file {
	const char *path; /* relative to the root path; no "." or ".." in it */
	const struct fileset_piece *pieces; /* in order; some may be empty */
	size_t n_pieces;
	size_t size;       /* of all pieces */
	const char *owner; /* per-service files: the service; NULL: the same from several */
	bool shared;       /* per-service files: several templates or services say the same */
	enum template_scope scope;
	bool keyed;    /* its lines are keys and values (OUTPUT_HAPROXY_MAP) */
	unsigned mode; /* of a file that is made */
};
/* The whole text, NUL-terminated; stands while both the set and the arena do. */
const char *fileset_text(const struct fileset_file *f, struct arena *a);

struct fileset {
	const struct fileset_file *files; /* sorted by path, bytewise; no path twice */
	size_t n;
	/* private */
	struct fileset_cache *cache;
	struct assembly *assembly;
	uint64_t build;
	struct fileset *older, *newer;
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

/* Of a service as it is given. */
struct fileset_version {
	uint8_t bytes[16];    /* equal only for equal states (e.g. the head of a digest); all zero: not known */
	int64_t timestamp_ms; /* what its templates shall see; 0: that of the build, or what they saw last time */
};

/* Remembers what services render to between builds with one renderer, which must outlive it.  It and the sets
 * made with it may be freed in any order.  What helpers take from elsewhere than the state (addresses of host names)
 * is as it was when the service was rendered. */
struct fileset_cache;
struct fileset_cache *fileset_cache_new(void);
void fileset_cache_free(struct fileset_cache **c);

/* `services`: in any order, no id twice (ERR_INVALID).  `cache`: NULL: none.  `versions`: of each service; NULL:
 * none is known: all are rendered.  `blames` (may be NULL; must be empty) is written on failure only, like err; it stays empty where
 * no service is at fault (a header or footer failed).  The err text is that of the first blame.  A service without
 * a template: ERR_NOT_FOUND and Java's own words, "MissingTemplateException : Template <name> could not be found".
 * The cache serves on after any error. */
int fileset_build(const struct renderer *r, struct fileset_cache *cache,
	const struct service_state *const *services, const struct fileset_version *versions, size_t n,
	int64_t timestamp_ms, struct fileset **fs_out, struct fileset_blames *blames, struct error *err) MUST_CHECK;

const struct fileset_file *fileset_find(const struct fileset *fs, const char *path);
/* Whom to blame for line `line` (from 1) of file `path`; NULL: nobody or no such file. */
const char *fileset_owner(const struct fileset *fs, const char *path, size_t line);

#endif
