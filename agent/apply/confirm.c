/*
 * confirm.c - what runs, read back from HAProxy itself
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_internal.h"

#include "agent/haproxy/config.h"
#include "agent/haproxy/master.h"
#include "agent/haproxy/runtime.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROBE_US 500000
#define DOWN_AFTER_US 2000000 /* a master that loads refuses connections meanwhile */
#define LOOK_PAUSE_NS 20000000

int confirm_info(struct apply *a, int64_t wait_us, struct answer_info *out, struct error *err)
{
	return runtime_info(a->opt.stats_socket, apply_deadline(a, wait_us), out, err);
}

bool apply_haproxy_answers(const char *stats_socket)
{
	struct answer_info info;
	struct error err = ERROR_INIT;

	return runtime_info(stats_socket, clock_mono_us() + PROBE_US, &info, &err) == 0;
}

int confirm_look(struct apply *a, int64_t wait_us, struct look *out, struct error *err)
{
	struct look seen;
	int rc;

	rc = master_proc(a->opt.master_socket, apply_deadline(a, wait_us), &seen.proc, err);
	if (rc == 0 && seen.proc.worker == 0)
		rc = error_set(err, ERR_NOT_DONE, "the master has no worker");
	if (rc == 0)
		rc = confirm_info(a, wait_us, &seen.info, err);
	if (rc == 0)
		*out = seen;
	return rc;
}

/* Until somebody answers, as long as HAProxy may need to load what it has. */
static int look_patiently(struct apply *a, struct look *out, struct error *err)
{
	static const struct timespec pause = { 0, LOOK_PAUSE_NS };
	int64_t limit = apply_deadline(a, DOWN_AFTER_US + 2 * a->load_us);
	int rc;

	for (;;) {
		rc = confirm_look(a, CONFIRM_ASK_US, out, err);
		if (rc != ERR_NOT_DONE || clock_mono_us() >= limit)
			return rc;
		/* Without a socket file nobody is loading anything. */
		if (!file_exists(a->opt.master_socket))
			return rc;
		nanosleep(&pause, NULL);
	}
}

int confirm_marker(struct apply *a, const struct look *seen, const char *marker, struct error *err)
{
	if (!a->marker_name || str_eq(seen->info.marker, marker))
		return 0;
	if (!*seen->info.marker)
		return error_set(err, ERR_REFUSED,
			"haproxy (pid %lld) does not load the fingerprint file: add '-f %s/%s' to its command line",
			(long long)seen->info.pid, a->root, a->marker_name);
	return error_set(err, ERR_CONFLICT, "haproxy (pid %lld) runs %.12s, wanted %.12s",
		(long long)seen->info.pid, seen->info.marker, *marker ? marker : "none");
}

static bool same_host(const char *configured, const struct answer_server *s)
{
	unsigned char x[16], y[16];
	int family = strchr(configured, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, configured, x) != 1)
		return s->fqdn && str_eq(s->fqdn, configured);
	return inet_pton(family, s->address, y) == 1 &&
	       memcmp(x, y, family == AF_INET6 ? 16 : 4) == 0;
}

/* A server that runs, found by "backend/name". */
struct running {
	char *key;
	const struct answer_server *server;
	bool wanted;
	UT_hash_handle hh;
};

static struct running *index_servers(const struct answer_servers *list, struct arena *arena)
{
	struct running *map = NULL, *known;

	for (size_t i = 0; i < list->n; i++) {
		struct running *r = arena_alloc(arena, sizeof(*r));

		r->key = arena_printf(arena, "%s/%s", list->items[i].backend, list->items[i].name);
		r->server = &list->items[i];
		MAP_FIND(map, r->key, known);
		if (!known)
			MAP_ADD(map, key, r);
	}
	return map;
}

static int compare_servers(const struct config *c, struct running *map, struct arena *arena,
	struct error *err)
{
	for (size_t i = 0; i < c->n_servers; i++) {
		const struct config_server *s = &c->servers[i];
		const struct config_section *section = &c->sections[s->section];
		struct running *found;
		const char *key;

		if (!section->certain || !(str_eq(section->kind, "backend") || str_eq(section->kind, "listen")))
			continue;
		key = arena_printf(arena, "%s/%s", section->name, s->name);
		MAP_FIND(map, key, found);
		if (!found)
			return error_set(err, ERR_CONFLICT, "haproxy does not run server '%s'", key);
		if (s->host && !same_host(s->host, found->server))
			return error_set(err, ERR_CONFLICT, "haproxy runs server '%s' at %s, wanted %s", key,
				found->server->address, s->host);
		if (s->port && s->port != found->server->port)
			return error_set(err, ERR_CONFLICT, "haproxy runs server '%s' at port %d, wanted %d",
				key, found->server->port, s->port);
		found->wanted = true;
	}
	return 0;
}

/* Servers of our backends that are not in our files any more. */
static int surplus_servers(const struct config *c, struct running *map, struct error *err)
{
	struct running *r, *tmp;

	MAP_EACH (map, r, tmp) {
		const struct config_section *s = r->wanted ? NULL : config_find(c, r->server->backend);

		if (s && s->certain)
			return error_set(err, ERR_CONFLICT, "haproxy still runs server '%s'", r->key);
	}
	return 0;
}

int confirm_servers(struct apply *a, const struct plan *p, struct error *err)
{
	struct arena *arena = arena_new();
	struct config *config = config_new();
	struct answer_servers servers = { NULL, 0 };
	struct running *map = NULL;
	int rc;

	for (size_t i = 0; i < p->n; i++)
		config_add(config, p->files[i].name, p->files[i].data, p->files[i].size);
	rc = runtime_servers(a->opt.stats_socket, apply_deadline(a, 5 * CONFIRM_ASK_US), arena, &servers, err);
	if (rc == 0) {
		map = index_servers(&servers, arena);
		rc = compare_servers(config, map, arena, err);
	}
	if (rc == 0)
		rc = surplus_servers(config, map, err);
	HASH_CLEAR(hh, map);
	config_free(&config);
	arena_free(&arena);
	return rc;
}

static void set_down(struct apply *a, const struct error *why)
{
	a->down = true;
	error_set(&a->down_why, ERR_NOT_DONE, "haproxy does not run: %s", why->text);
}

int live_run(struct apply *a, struct error *err)
{
	struct error why = ERROR_INIT;
	int rc;

	if (!a->sockets || a->item->no_reload)
		return 0;
	rc = look_patiently(a, &a->before, &why);
	if (rc == ERR_NOT_DONE) {
		set_down(a, &why);
		/* The files may be what it needs to start. */
		return a->item->kind == WORK_CONVERGE ? 0 : error_set(err, rc, "%s", a->down_why.text);
	}
	if (rc != 0)
		return error_set(err, why.code, "%s", why.text);
	/* Files that were live and a process that knows nothing of them: a reload could not be confirmed. */
	if (a->item->kind == WORK_PREPARE && a->marker_name && !*a->before.info.marker &&
		manifest_find(a->manifest, a->marker_name))
		return confirm_marker(a, &a->before, a->manifest->live, err);
	return 0;
}

int look_run(struct apply *a, struct error *err)
{
	struct error why = ERROR_INIT;
	struct look seen;
	int rc;

	if (!a->sockets)
		return 0;
	rc = look_patiently(a, &seen, &why);
	if (rc == ERR_NOT_DONE) {
		set_down(a, &why);
		return error_set(err, rc, "%s", a->down_why.text);
	}
	if (rc != 0)
		return error_set(err, why.code, "%s", why.text);
	if (a->manifest->generation == 0 || !a->marker_name)
		return 0;
	rc = confirm_marker(a, &seen, a->manifest->live, err);
	if (rc == 0)
		memcpy(a->report->fingerprint, seen.info.marker, DIGEST_HEX);
	return rc;
}
