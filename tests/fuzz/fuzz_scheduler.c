/*
 * fuzz_scheduler.c - whatever a scheduler sends for a service, only that service's own values differ in the files
 *
 * A hostile service (hostile.h) is rendered between two that never change, by the shipped templates and by some that
 * put values into every place.  Then the same with its twin (twins.h), whose texts are harmless.  If the hostile
 * one is not refused, both files are read as their programs do (compare.h), and must be the same lines of the same
 * words, but for what the markers of the twin stand for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/fileset.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "tests/fuzz/compare.h"
#include "tests/fuzz/hostile.h"
#include "tests/fuzz/twins.h"

#define MAX_INPUT 4096
#define FIRST "b-first"
#define SECOND "n-second"
#define SERVICES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int fuzz_replay_end(void);
extern const int fuzz_replaying __attribute__((weak)); /* not there in a search */

/* ---- what is rendered ---- */

/* clang-format off */
static const char *const PLACES_HAPROXY =
	"# {{id}} {{paths.[0]}} {{service.options.text}} {{#each service.owners}}{{this}} {{/each}}\n"
	"backend {{backend}}\n"
	"{{#if service.options.text}}\n"
	"    description {{service.options.text}}x{{service.options.text}} \"{{paths.[0]}}\"\n"
	"    log-tag {{service.options.text}}\n"
	"    log-tag \"{{service.options.text}}\" '{{service.options.text}}' # \"{{service.options.text}}\n"
	"    use-server s\"{{service.options.text}}\"'{{service.options.text}}'{{service.options.text}} if { path -- \"a{{service.options.text}}\" }\n"
	"    http-request set-header X-A \"{{logFormat service.options.text}}\" if TRUE\n"
	"    http-request set-header X-B a{{logFormat service.options.text}} if TRUE\n"
	"    http-request set-header X-C 'a{{logFormat service.options.text}}' if TRUE\n"
	"{{/if}}\n"
	"{{#each service.options.list as |text i|}}\n"
	"    acl l{{i}} hdr(x) -m str -- {{text}} a{{text}} \"{{text}}\" '{{text}}'{{text}}\n"
	"{{/each}}\n"
	"{{#each upstreams}}\n"
	"    server {{serverName this}} {{this}} # {{group}} {{rackId}} {{requestId}}\n"
	"{{/each}}\n";
static const char *const PLACES_MAP = "{{#each routes}}\n{{exact}} {{@root.service.options.text}}\n{{/each}}\n"
	"x{{backend}} {{id}}\n# {{id}} {{service.options.text}}\n";
static const char *const PLACES_KEYS = "{{#each service.options.list}}\n{{this}} {{@root.backend}}\n {{this}}x\n{{/each}}\n";
static const char *const PLACES_NGINX =
	"# {{id}} {{service.options.text}} {{#each service.owners}}{{this}} {{/each}}\n"
	"{{#each upstreams}}\n"
	"server \"{{this}}\"; # {{group}} {{rackId}} {{requestId}}\n"
	"{{/each}}\n"
	"location ^~ \"/a{{service.options.text}}\" {\n"
	"    set $y \"a{{service.options.text}}\"; # {{service.options.text}}\n"
	"    set $y 'a{{service.options.text}}';\n"
	"}\n";
static const char *const PLACES_WORDS = "{{#each service.options.list}}\n"
	"    add_header X-A{{this}} \"{{this}}\" '{{this}}' {{this}};\n"
	"{{/each}}\n";
static const char *const GROUP =
	"frontend f\n"
	"{{#each services}}\n"
	"    # {{id}}\n"
	"{{#each paths}}\n"
	"    use_backend {{../backend}} if { path_beg -- \"{{this}}\" } # {{../service.options.text}}\n"
	"{{/each}}\n"
	"{{/each}}\n";
/* clang-format on */

#define KIND_FILES 2
/* What is refused as a whole. The text of a template is in `shipped` if it is given. */
struct kind {
	const char *name;
	struct { const char *filename, *shipped, *text; } files[KIND_FILES];
	bool group; /* one template that sees all services */
	struct renderer *r;
	struct twins_words words;
	size_t compared, refused, skipped;
};
static struct kind kinds[] = {
	{ .name = "shipped haproxy", .files = { { "backends.cfg", "templates/haproxy/backends.cfg.hbs", NULL },
		{ "routes.map", "templates/haproxy/routes.map.hbs", NULL } } },
	{ .name = "shipped nginx", .files = { { "proxy/%s.conf", "templates/nginx/proxy.conf.hbs", NULL },
		{ "upstreams/%s.conf", "templates/nginx/upstreams.conf.hbs", NULL } } },
	{ .name = "haproxy places", .files = { { "places.cfg", NULL, NULL } } },
	{ .name = "map values", .files = { { "values.map", NULL, NULL } } },
	{ .name = "map keys", .files = { { "keys.map", NULL, NULL } } },
	{ .name = "nginx places", .files = { { "places/%s.conf", NULL, NULL } } },
	{ .name = "nginx words", .files = { { "words.conf", NULL, NULL } } },
	{ .name = "group", .files = { { "group.cfg", NULL, NULL } }, .group = true },
};

static void die(const char *what, const char *text)
{
	fprintf(stderr, "%s: %s\n", what, text);
	abort();
}

static const char *template_text(const char *shipped, const char *text, struct arena *a)
{
	AUTO(buf_release) struct buf file = BUF_INIT;
	struct error err = ERROR_INIT;

	if (shipped == NULL)
		return text;
	if (file_read(shipped, (size_t)1 << 20, &file, &err) != 0)
		die("start it in the root of the tree", err.text);
	return arena_strdup(a, buf_cstr(&file));
}

static void make(struct kind *k)
{
	static const struct template_text plain = { "plain", "# plain\n" };
	static const struct agent_ec2 ec2 = { .availability_zone = "default" };
	static const struct agentinfo agent = { .base_uri = "http://a:1", .agent_id = "a:1", .ec2 = &ec2 };
	struct template_source rows[KIND_FILES] = { { .filename = NULL } };
	struct renderer_config cfg = { .templates = rows, .agent = &agent };
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf words = BUF_INIT;
	struct error err = ERROR_INIT;

	buf_str(&words, "weights "); /* an option that the context reads */
	cfg.options.max_output = (size_t)1 << 20;
	for (; cfg.n_templates < KIND_FILES && k->files[cfg.n_templates].filename != NULL; cfg.n_templates++) {
		struct template_source *row = &rows[cfg.n_templates];

		row->filename = k->files[cfg.n_templates].filename;
		row->text = template_text(k->files[cfg.n_templates].shipped, k->files[cfg.n_templates].text, a);
		row->scope = k->group ? SCOPE_GROUP : strstr(row->filename, "%s") != NULL ? SCOPE_SERVICE : SCOPE_COLLECTED;
		row->header = row->scope == SCOPE_COLLECTED ? "# top\n" : NULL;
		row->named = k->group ? NULL : &plain;
		row->n_named = k->group ? 0 : 1;
		buf_printf(&words, "%s\n", row->text);
	}
	if (renderer_new(&cfg, &k->r, &err) != 0)
		die("templates", err.text);
	twins_words_init(&k->words, buf_cstr(&words));
}

/* The two that are always there; made once. */
static const struct service_state *benign[SERVICES - 1];
static struct arena *benign_arena;

static void make_benign(void)
{
	static const char *const ids[] = { FIRST, SECOND };

	benign_arena = arena_new();
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		AUTO(buf_release) struct buf text = BUF_INIT;
		struct error err = ERROR_INIT;
		void *state = NULL;

		buf_printf(&text, "{\"service\":{\"serviceId\":\"%s\",\"owners\":[\"them\"],\"serviceBasePath\":\"/benign/%zu\","
			"\"loadBalancerGroups\":[\"lb\"],\"domains\":[\"benign%zu.example\"],\"options\":{\"balance\":\"leastconn\","
			"\"timeoutServer\":\"7s\",\"text\":\"benign\",\"check\":true,\"checkPath\":\"/benign/up\"}},"
			"\"upstreams\":[{\"upstream\":\"10.9.9.%zu:9000\"},{\"upstream\":\"10.9.9.%zu:9001\",\"group\":\"g0\"}]}",
			ids[i], i, i, i, i);
		if (record_decode(&service_state_record, buf_cstr(&text), text.len, benign_arena, &state, &err) != 0)
			die("benign service", err.text);
		benign[i] = state;
	}
}

static void make_all(void)
{
	const char *texts[] = { NULL, NULL, PLACES_HAPROXY, PLACES_MAP, PLACES_KEYS, PLACES_NGINX, PLACES_WORDS,
		GROUP };

	make_benign();
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		kinds[i].files[0].text = texts[i];
		make(&kinds[i]);
	}
}

/* ---- one input ---- */

static bool render(struct kind *k, const struct service_state *const *states, struct fileset **fs, struct error *err)
{
	return fileset_build(k->r, NULL, states, NULL, SERVICES, 1700000000000, fs, NULL, err) == 0;
}

static enum compare_kind kind_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	ASSERT(dot != NULL);
	return strcmp(dot, ".cfg") == 0 ? COMPARE_HAPROXY : strcmp(dot, ".map") == 0 ? COMPARE_MAP : COMPARE_NGINX;
}

static size_t folder(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* What a service's id may do to the name of its file: be one piece of it. */
static void check_name(const char *path)
{
	const char *name = path + folder(path);

	ASSERT(name[0] != '.' && strchr(name, '/') == NULL && strlen(name) > strlen(".conf"));
	for (const char *p = path; *p != '\0'; p++)
		ASSERT((unsigned char)*p > ' ' && *p != 0x7f);
}

/* The file of the twin that is to be compared with this one. */
static const struct fileset_file *partner(const struct fileset *fs, const struct fileset_file *f, const char *id,
	const char *twin_id)
{
	if (f->scope != SCOPE_SERVICE || !str_eq(f->owner, id))
		return fileset_find(fs, f->path);
	check_name(f->path);
	for (size_t i = 0; i < fs->n; i++)
		if (str_eq(fs->files[i].owner, twin_id) && folder(fs->files[i].path) == folder(f->path) &&
			strncmp(fs->files[i].path, f->path, folder(f->path)) == 0)
			return &fs->files[i];
	return NULL;
}

static void check_files(struct twins *t, const struct fileset *hostile, const struct fileset *twin, const char *id,
	struct arena *a)
{
	const char *twin_id = twins_of(t, id);

	ASSERT(hostile->n == twin->n);
	for (size_t i = 0; i < hostile->n; i++) {
		const struct fileset_file *f = &hostile->files[i], *g = partner(twin, f, id, twin_id);
		const char *text = fileset_text(f, a), *twin_text;
		size_t line = 0;

		ASSERT(g != NULL);
		twin_text = fileset_text(g, a);
		/* What others wrote, and what belongs to nobody, is the same to the byte. */
		while ((line = compare_marked(t, text, twin_text, line)) != 0) {
			const char *owner = fileset_owner(hostile, f->path, line);

			ASSERT(f->scope == SCOPE_GROUP ? owner == NULL : str_eq(owner, id));
			ASSERT(f->scope == SCOPE_GROUP || str_eq(fileset_owner(twin, g->path, line), twin_id));
		}
		compare_files(t, kind_of(f->path), text, twin_text, a);
	}
}

/* Before the first of those that never change, between them, or behind. */
static const char *head_of(const char *id)
{
	return strcmp(id, FIRST) < 0 ? "A" : strcmp(id, SECOND) < 0 ? "d" : "y";
}

/* Which fields' hostile texts were seen in a file. */
#define FIELDS_MAX 64
static const char *seen_fields[FIELDS_MAX];
static size_t n_seen;

static void note(const char *field)
{
	for (size_t i = 0; i < n_seen; i++)
		if (strcmp(seen_fields[i], field) == 0)
			return;
	if (n_seen < FIELDS_MAX)
		seen_fields[n_seen++] = field;
}

static void note_seen(const struct twins *t, const struct hostile *h, struct arena *a)
{
	for (size_t i = 0; i < h->n_texts; i++) {
		const char *field = h->texts[i].field, *text = h->texts[i].text;

		if (strcmp(field, "path") == 0)
			text = twins_path(text, a);
		else if (strcmp(field, "domain") == 0)
			text = twins_domain(text, a);
		if (twins_seen(t, text))
			note(field);
	}
}

/* For FUZZ_WHY=1: what the input is. */
static void print_service(const struct service_state *state)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	record_encode(&service_state_record, state, &text);
	fprintf(stderr, "%s\n", buf_cstr(&text));
}

static void try_kind(struct kind *k, const struct hostile *h, struct arena *a)
{
	AUTO(fileset_free) struct fileset *fs = NULL, *twin_fs = NULL;
	const struct service_state *states[SERVICES] = { benign[0], benign[1], &h->state };
	struct twins *t = twins_new(&k->words, a);
	struct error err = ERROR_INIT;

	if (!render(k, states, &fs, &err)) {
		if (getenv("FUZZ_WHY") != NULL)
			fprintf(stderr, "%s: %s\n", k->name, err.text);
		k->refused++;
		return;
	}
	twins_add_service(t, &h->state, a);
	if (!twins_settle(t, head_of(h->service.id))) {
		k->skipped++;
		return;
	}
	states[SERVICES - 1] = twins_service(t, &h->state, a);
	if (getenv("FUZZ_WHY") != NULL)
		print_service(states[SERVICES - 1]);
	if (!render(k, states, &twin_fs, &err))
		die("the twin is refused", err.text);
	check_files(t, fs, twin_fs, h->service.id, a);
	k->compared++;
	note_seen(t, h, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_free) struct arena *a = NULL;
	struct hostile h;
	size_t sum = 0;

	if (kinds[0].r == NULL)
		make_all();
	if (size > MAX_INPUT)
		return 0;
	a = arena_new();
	hostile_make(data, size, a, &h);
	if (h.service.id[0] == '\0' || strcmp(h.service.id, FIRST) == 0 || strcmp(h.service.id, SECOND) == 0)
		return 0;
	if (getenv("FUZZ_WHY") != NULL)
		print_service(&h.state);
	/* All are had in a replay; a search gets on by one more than the shipped ones of HAProxy. */
	for (size_t i = 0; i < size; i++)
		sum += data[i];
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (i == 0 || i == sum % ARRAY_LEN(kinds) || &fuzz_replaying != NULL)
			try_kind(&kinds[i], &h, a);
	return 0;
}

/* ---- did it look at anything? ---- */

__attribute__((destructor)) static void print_counts(void)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		fprintf(stderr, "%s: %zu compared, %zu refused, %zu not comparable\n", kinds[i].name, kinds[i].compared,
			kinds[i].refused, kinds[i].skipped);
	fprintf(stderr, "hostile texts seen in files, of:");
	for (size_t i = 0; i < n_seen; i++)
		fprintf(stderr, " '%s'", seen_fields[i]);
	fprintf(stderr, "\n");
}

/* The seeds must show each of these as a hostile text in a file. */
int fuzz_replay_end(void)
{
	static const char *const fields[] = { "id", "path", "domain", "owner", "upstream", "group", "rack", "request", "text",
		"list", "maintenancePage", "headers.set", "headers.add", "headers.set name", "headers.del", "checkPath", "checkHost",
		"cookie", "balanceParam", "sslSni", "sslCa", "rateLimit.header" };
	int missing = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		bool found = false;

		for (size_t k = 0; !found && k < n_seen; k++)
			found = strcmp(seen_fields[k], fields[i]) == 0;
		if (!found)
			fprintf(stderr, "no seed shows a hostile '%s'\n", fields[i]);
		missing += !found;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		missing += kinds[i].compared <= kinds[i].refused;
	arena_free(&benign_arena);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		renderer_free(&kinds[i].r);
		twins_words_release(&kinds[i].words);
	}
	return missing > 0;
}
