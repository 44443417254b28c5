/*
 * templates.c - what rendering takes in this process, and what others need to render the same
 *
 *     templates folder=OUT templates=FOLDER [services=10000] [upstreams=10] [rounds=5]
 *
 * Makes services, and renders the shipped HAProxy templates (FOLDER/backends.cfg.hbs, routes.map.hbs):
 *   "scratch US"   the files of all services, from their states: contexts, fragments, files
 *   "render US"    the fragments alone, out of ready contexts
 *   "copy US"      memcpy of the same bytes, a fragment at a time
 *   "change US"    the files again, after one service changed
 *   "bytes N"      of the files
 * The times are of the best round, since what disturbs only adds.  OUT gets the files, and contexts.json: what
 * each fragment saw, a line per service, for another engine.
 *
 * Layer: tests.  Threads: one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/renderer.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stand {
	struct arena *arena;
	struct renderer *r;
	size_t n;
	struct service *services;
	struct service_state *states;
	const struct service_state **list;
	struct fileset_version *versions;
	const struct value **contexts;
	const char *folder;
};

static void check(int rc, const struct error *err)
{
	if (rc == 0)
		return;
	(void)fprintf(stderr, "templates: %s\n", err->text);
	exit(1);
}

static struct value *options_of(struct arena *a, size_t i)
{
	struct value *v = value_map(a);

	value_map_put(a, v, "balance", value_string(a, i % 2 == 0 ? "leastconn" : "roundrobin"));
	value_map_put(a, v, "check", value_bool(true));
	value_map_put(a, v, "checkPath", value_string(a, "/health"));
	value_map_put(a, v, "maxconn", value_int(a, 100 + (int64_t)(i % 50)));
	return v;
}

static void make_service(struct stand *s, size_t i, size_t upstreams)
{
	struct service *v = &s->services[i];
	struct upstream *u = arena_alloc(s->arena, upstreams * sizeof(*u));

	v->id = arena_printf(s->arena, "service-%05zu", i);
	v->base_path = arena_printf(s->arena, "/api/%05zu", i);
	strings_add(&v->groups, s->arena, BENCH_GROUP);
	strings_add(&v->owners, s->arena, "team@example.com");
	strings_add(&v->domains, s->arena, arena_printf(s->arena, "d%zu.example.com", i % 100));
	v->options = options_of(s->arena, i);
	for (size_t k = 0; k < upstreams; k++) {
		u[k].address = arena_printf(s->arena, "10.%zu.%zu.%zu:%zu", i / 250 % 250, i % 250, k, 20000 + k);
		u[k].group = "default";
		u[k].request_id = arena_printf(s->arena, "request-%zu", i);
	}
	s->states[i] = (struct service_state){ v, { u, upstreams } };
	s->list[i] = &s->states[i];
	memcpy(s->versions[i].bytes, &(uint64_t){ i + 1 }, sizeof(uint64_t));
}

static const char *template_text(struct stand *s, const char *folder, const char *name)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;

	check(file_read(arena_printf(s->arena, "%s/%s", folder, name), (size_t)1 << 20, &text, &err), &err);
	return arena_strdup(s->arena, buf_cstr(&text));
}

static void make_stand(struct stand *s, char *const *argv)
{
	const char *folder = bench_text(argv, "templates", NULL);
	struct template_source rows[] = {
		{ .filename = "backends.cfg", .scope = SCOPE_COLLECTED },
		{ .filename = "routes.map", .scope = SCOPE_COLLECTED },
	};
	struct renderer_config cfg = { .templates = rows, .n_templates = ARRAY_LEN(rows) };
	struct error err = ERROR_INIT;

	s->arena = arena_new();
	s->folder = bench_text(argv, "folder", NULL);
	s->n = (size_t)bench_number(argv, "services", 10000);
	s->services = xcalloc(s->n, sizeof(*s->services));
	s->states = xcalloc(s->n, sizeof(*s->states));
	s->list = xcalloc(s->n, sizeof(*s->list));
	s->versions = xcalloc(s->n, sizeof(*s->versions));
	s->contexts = xcalloc(s->n, sizeof(*s->contexts));
	for (size_t i = 0; i < s->n; i++)
		make_service(s, i, (size_t)bench_number(argv, "upstreams", 10));
	rows[0].text = template_text(s, folder, "backends.cfg.hbs");
	rows[1].text = template_text(s, folder, "routes.map.hbs");
	check(renderer_new(&cfg, &s->r, &err), &err);
}

static struct fileset *build(struct stand *s, struct fileset_cache *cache)
{
	struct fileset *fs = NULL;
	struct error err = ERROR_INIT;

	check(fileset_build(s->r, cache, s->list, s->versions, s->n, 0, &fs, NULL, &err), &err);
	return fs;
}

static int64_t scratch(struct stand *s)
{
	int64_t from = clock_mono_us();
	struct fileset *fs = build(s, NULL);
	int64_t took = clock_mono_us() - from;

	fileset_free(&fs);
	return took;
}

/* One service gets another upstream list, as a deploy does; what is made before is not counted. */
static int64_t change(struct stand *s, struct fileset_cache *cache, size_t round)
{
	size_t i = (round * 7919 + s->n / 2) % s->n;
	struct upstream *u = arena_alloc(s->arena, s->states[i].upstreams.n * sizeof(*u));
	struct fileset *fs;
	int64_t from, took;

	memcpy(u, s->states[i].upstreams.items, s->states[i].upstreams.n * sizeof(*u));
	u[0].address = arena_printf(s->arena, "10.251.%zu.%zu:30000", round / 250, round % 250);
	s->states[i].upstreams.items = u;
	s->versions[i].bytes[15]++;
	from = clock_mono_us();
	fs = build(s, cache);
	took = clock_mono_us() - from;
	fileset_free(&fs);
	return took;
}

static void make_contexts(struct stand *s)
{
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < s->n; i++)
		check(context_build(&s->states[i], &s->r->agent, s->arena, &s->contexts[i], &err), &err);
}

static int64_t render(struct stand *s, struct buf *out)
{
	struct error err = ERROR_INIT;
	int64_t from = clock_mono_us();

	for (size_t row = 0; row < s->r->n; row++)
		for (size_t i = 0; i < s->n; i++)
			check(template_render(s->r->rows[row].by_default, s->contexts[i], out, &err), &err);
	return clock_mono_us() - from;
}

/* Piece by piece into a buffer that is written for the first time, as a rendering's is. */
static int64_t copy(const struct fileset *fs, size_t bytes)
{
	char *to = xmalloc(bytes + 1), *p = to;
	int64_t from = clock_mono_us(), took;

	for (size_t f = 0; f < fs->n; f++) {
		for (size_t i = 0; i < fs->files[f].n_pieces; i++) {
			memcpy(p, fs->files[f].pieces[i].data, fs->files[f].pieces[i].size);
			p += fs->files[f].pieces[i].size;
		}
	}
	__asm__ volatile("" : : "r"(to) : "memory"); /* somebody might look at it */
	took = clock_mono_us() - from;
	free(to);
	return took;
}

static size_t write_files(struct stand *s, const struct fileset *fs)
{
	struct error err = ERROR_INIT;
	size_t bytes = 0;

	for (size_t i = 0; i < fs->n; i++) {
		AUTO(xfree_p) char *path = xasprintf("%s/%s", s->folder, fs->files[i].path);

		check(file_replace(path, fileset_text(&fs->files[i], s->arena), fs->files[i].size, 0644, &err), &err);
		bytes += fs->files[i].size;
	}
	return bytes;
}

static void write_contexts(struct stand *s)
{
	AUTO(xfree_p) char *path = xasprintf("%s/contexts.json", s->folder);
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < s->n; i++) {
		value_write(s->contexts[i], false, &text);
		buf_char(&text, '\n');
	}
	check(file_replace(path, buf_cstr(&text), text.len, 0644, &err), &err);
}

static void least(int64_t *best, int64_t us)
{
	if (*best < 0 || us < *best)
		*best = us;
}

int main(int argc, char **argv)
{
	struct stand s = { .n = 0 };
	struct fileset_cache *cache = fileset_cache_new();
	int64_t best[4] = { -1, -1, -1, -1 }, rounds;
	struct fileset *fs;
	size_t bytes;

	(void)argc;
	make_stand(&s, argv);
	make_contexts(&s);
	rounds = bench_number(argv, "rounds", 5);
	fs = build(&s, cache);
	bytes = write_files(&s, fs);
	write_contexts(&s);
	for (int64_t i = 0; i < rounds; i++) {
		struct buf out = BUF_INIT;

		least(&best[0], scratch(&s));
		least(&best[1], render(&s, &out));
		least(&best[2], copy(fs, bytes));
		buf_release(&out);
	}
	for (int64_t i = 0; i < rounds * 10; i++)
		least(&best[3], change(&s, cache, (size_t)i));
	printf("scratch %lld render %lld copy %lld change %lld bytes %zu\n", (long long)best[0], (long long)best[1],
		(long long)best[2], (long long)best[3], bytes);
	fileset_free(&fs);
	fileset_cache_free(&cache);
	renderer_free(&s.r);
	return 0;
}
