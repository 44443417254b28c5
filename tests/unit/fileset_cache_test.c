/*
 * fileset_cache_test.c - what is remembered is what would be rendered
 *
 * A history of random changes (services come, go, change, spoil a template, take each other's files; the order of
 * services and upstreams is shuffled) is built with a cache and from scratch, and the two must agree in every byte,
 * owner and blame.  Sets of earlier builds are kept for a while: nothing may change in them.  The states of each build
 * are freed right after it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/fileset.h"

#include "lib/base/rand.h"
#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

#define SERVICES 24
#define STEPS 1500
#define KEPT 3
#define UPSTREAMS 4

/* What a service is now; 0 = not there. */
struct card {
	uint64_t version;
	unsigned note, mode, template_name, upstreams, base;
};

struct world {
	struct rand_state rand;
	uint64_t versions;
	struct card cards[SERVICES];
	size_t order[SERVICES];
	struct renderer *r;
	struct fileset_cache *cache;
	struct fileset *kept[KEPT];
	struct buf dumps[KEPT];
	size_t built, refused;
};

static unsigned pick(struct world *w, unsigned n)
{
	return (unsigned)rand_below(&w->rand, n);
}

static void shuffle(struct world *w, size_t *items, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = pick(w, (unsigned)i), was = items[i - 1];

		items[i - 1] = items[k];
		items[k] = was;
	}
}

/* One in some hundred spoils a template, an address or a shared file. */
static void deal(struct world *w, struct card *c)
{
	c->version = ++w->versions;
	c->note = pick(w, 60);
	if (pick(w, 40) == 0)
		c->mode = !c->mode;
	c->template_name = pick(w, 40);
	c->upstreams = pick(w, 400);
	c->base = pick(w, 3);
}

static struct service_state *state_of(struct world *w, size_t i, bool mixed, struct arena *a)
{
	static const char *const notes[] = { "fine", "two\nlines", "", "also fine" };
	static const char *const names[] = { "other", "missing", "default" };
	const struct card *c = &w->cards[i];
	struct service_state *s = arena_alloc(a, sizeof(*s));
	struct service *service = arena_alloc(a, sizeof(*service));
	struct value *options = value_map(a);
	size_t places[UPSTREAMS] = { 0, 1, 2, 3 };

	value_map_put(a, options, "note", value_string(a, c->note == 1 || c->note == 2 ? notes[c->note] :
		arena_printf(a, "%s %u", notes[c->note % 2 * 3], c->note)));
	value_map_put(a, options, "mode", value_string(a, c->mode != 0 ? "new" : "old"));
	service->id = arena_printf(a, "service-%zu", i);
	service->base_path = arena_printf(a, "/%u", c->base);
	service->options = options;
	service->template_name = c->template_name < 3 ? arena_strdup(a, names[c->template_name]) : NULL;
	s->service = service;
	s->upstreams.n = c->upstreams % UPSTREAMS;
	s->upstreams.items = arena_alloc(a, UPSTREAMS * sizeof(*s->upstreams.items));
	if (mixed)
		shuffle(w, places, s->upstreams.n);
	for (size_t k = 0; k < s->upstreams.n; k++)
		s->upstreams.items[k] = (struct upstream){ .group = "default",
			.address = arena_printf(a, c->upstreams == 7 ? "10.0.0.%zu 80" : "10.0.0.%zu:80", places[k]) };
	return s;
}

/* No culprits any more, or rather soon some. */
static void mend(struct world *w)
{
	unsigned mode = pick(w, 2);

	for (size_t i = 0; i < SERVICES; i++) {
		struct card *c = &w->cards[i];
		struct card good = *c;

		good.note = c->note == 1 ? 3 : c->note;
		good.template_name = c->template_name == 1 ? 0 : c->template_name;
		good.upstreams = c->upstreams == 7 ? 3 : c->upstreams;
		good.mode = mode;
		if (c->version == 0 || (good.note == c->note && good.mode == c->mode &&
			good.template_name == c->template_name && good.upstreams == c->upstreams))
			continue;
		good.version = ++w->versions;
		*c = good;
	}
}

static void change(struct world *w)
{
	size_t i = pick(w, SERVICES);

	if (pick(w, 6) == 0)
		mend(w);
	switch (pick(w, 12)) {
	case 0: /* comes or goes */
	case 1:
		if (w->cards[i].version == 0)
			deal(w, &w->cards[i]);
		else
			w->cards[i] = (struct card){ .version = 0 };
		break;
	case 2: /* many */
		for (size_t k = 0; k < SERVICES; k++)
			if (pick(w, 3) == 0)
				deal(w, &w->cards[k]);
		break;
	case 3: /* nothing */
		break;
	case 4:
		shuffle(w, w->order, SERVICES);
		break;
	default: /* one, as most often */
		if (w->cards[i].version != 0)
			deal(w, &w->cards[i]);
	}
}

/* All that a set says. */
static void dump(const struct fileset *fs, struct buf *out)
{
	AUTO(arena_free) struct arena *a = arena_new();

	for (size_t i = 0; i < fs->n; i++) {
		const struct fileset_file *f = &fs->files[i];
		const char *text = fileset_text(f, a);
		size_t size = 0, lines = 0;

		assert_int_equal(strlen(text), f->size);
		buf_printf(out, "%s %d %o %s %d\n%s\n", f->path, (int)f->scope, f->mode, f->owner != NULL ? f->owner : "-",
			f->shared, text);
		for (size_t k = 0; k < f->n_pieces; k++) {
			size += f->pieces[k].size;
			lines += f->pieces[k].lines;
		}
		assert_int_equal(size, f->size);
		for (size_t k = 1; k <= lines + 1; k++) {
			const char *owner = fileset_owner(fs, f->path, k);

			buf_printf(out, "%s ", owner != NULL ? owner : "-");
		}
		buf_char(out, '\n');
	}
}

/* One build; what came of it as a text. */
static struct fileset *build(struct world *w, bool remember, struct buf *out)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(fileset_blames_release) struct fileset_blames blames = FILESET_BLAMES_INIT;
	const struct service_state *states[SERVICES];
	struct fileset_version versions[SERVICES] = { { { 0 }, 0 } };
	size_t order[SERVICES], n = 0;
	struct error err = ERROR_INIT;
	struct fileset *fs = NULL;

	memcpy(order, w->order, sizeof(order));
	if (!remember)
		shuffle(w, order, SERVICES);
	for (size_t i = 0; i < SERVICES; i++) {
		const struct card *c = &w->cards[order[i]];

		if (c->version == 0)
			continue;
		if (pick(w, 50) != 0) /* else not known */
			memcpy(versions[n].bytes, &c->version, sizeof(c->version));
		states[n++] = state_of(w, order[i], !remember, a);
	}
	if (fileset_build(w->r, remember ? w->cache : NULL, states, remember ? versions : NULL, n, 5, &fs, &blames,
		&err) == 0) {
		dump(fs, out);
		return fs;
	}
	buf_printf(out, "%d %s\n", (int)err.code, err.text);
	for (size_t i = 0; i < blames.n; i++)
		buf_printf(out, "%s: %s\n", blames.items[i].service_id, blames.items[i].message);
	return NULL;
}

static void drop_kept(struct world *w, size_t i)
{
	AUTO(buf_release) struct buf now = BUF_INIT;

	if (w->kept[i] == NULL)
		return;
	dump(w->kept[i], &now);
	assert_string_equal(buf_cstr(&now), buf_cstr(&w->dumps[i]));
	fileset_free(&w->kept[i]);
	buf_clear(&w->dumps[i]);
}

static void step(struct world *w)
{
	AUTO(buf_release) struct buf cached = BUF_INIT, fresh = BUF_INIT;
	AUTO(fileset_free) struct fileset *scratch = NULL;
	struct fileset *fs;
	size_t at = pick(w, KEPT);

	change(w);
	if (pick(w, 3) != 0)
		for (size_t i = 0; i < KEPT; i++)
			drop_kept(w, i);
	fs = build(w, true, &cached);
	scratch = build(w, false, &fresh);
	assert_string_equal(buf_cstr(&cached), buf_cstr(&fresh));
	w->built += fs != NULL;
	w->refused += fs == NULL;
	if (fs == NULL)
		return;
	drop_kept(w, at);
	w->kept[at] = fs;
	buf_str(&w->dumps[at], buf_cstr(&cached));
}

static const struct template_text named[] = { { "other", "other {{id}}\n" } };

static const struct template_source plain_rows[] = {
	{ .filename = "svc/%s.txt", .text = "{{id}} {{service.options.note}}\n{{#each upstreams}}{{this}}\n{{/each}}",
		.named = named, .n_named = 1 },
	{ .filename = "same", .text = "of all\n" },
	{ .filename = "mode", .text = "{{service.options.mode}}" },
	{ .filename = "all.txt", .text = "{{#each servers}}{{name}}\n{{/each}}", .scope = SCOPE_COLLECTED,
		.header = "first\n", .footer = "last" },
	{ .filename = "part-%s.txt", .text = "{{id}} at {{service.serviceBasePath}}", .named = named, .n_named = 1,
		.scope = SCOPE_COLLECTED, .shards = 4, .header = "of {{agentProperties.agentId}}", .mode = 0600 },
};

static const struct template_source seeing_rows[] = {
	{ .filename = "group", .scope = SCOPE_GROUP,
		.text = "{{#each services}}{{id}}: {{#each upstreams}}{{this}} {{/each}}{{service.options.note}}\n{{/each}}" },
	{ .filename = "all.txt", .text = "{{id}}\n", .named = named, .n_named = 1, .scope = SCOPE_COLLECTED,
		.header = "{{#each services}}{{id}} {{/each}}\n",
		.footer = "{{#each services}}{{service.options.mode}}\n{{/each}}" },
};

static void live(struct world *w, const struct template_source *rows, size_t n)
{
	struct renderer_config cfg = { .templates = rows, .n_templates = n };
	struct error err = ERROR_INIT;

	if (renderer_new(&cfg, &w->r, &err) != 0)
		fail_msg("%s", err.text);
	w->cache = fileset_cache_new();
	for (size_t i = 0; i < SERVICES; i++)
		w->order[i] = i;
	for (size_t i = 0; i < STEPS; i++)
		step(w);
	assert_true(w->built > STEPS / 3);
	assert_true(w->refused > STEPS / 20);
	fileset_cache_free(&w->cache); /* before the sets that it made */
	for (size_t i = 0; i < KEPT; i++) {
		drop_kept(w, i);
		buf_release(&w->dumps[i]);
	}
	renderer_free(&w->r);
}

static void remembered_is_rendered(void **state)
{
	struct world w = { .built = 0 };

	(void)state;
	rand_seed(&w.rand, 20240611);
	live(&w, plain_rows, ARRAY_LEN(plain_rows));
}

static void with_contexts(void **state)
{
	struct world w = { .built = 0 };

	(void)state;
	rand_seed(&w.rand, 77);
	live(&w, seeing_rows, ARRAY_LEN(seeing_rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembered_is_rendered),
		cmocka_unit_test(with_contexts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
