/*
 * floor_host.c - the least that a host must do for one deploy
 *
 *     floor host root=DIR like=DIR files=NAME,NAME... check=COMMAND
 *         (reload=COMMAND | master=SOCKET stats=SOCKET marker=NAME)
 *
 * `like` is a copy of what an agent has below its rootPath: the named files are written anew in
 * each deploy, as large as there, with a comment that differs; the marker is the file that names
 * the generation.  Prints "port N"; then POST / takes a leader's call, and its answer has
 * "FILES-us COMMAND-us" as message:
 *
 *     PREPARE  staged files written; the check command
 *     APPLY    undo links, next manifest, journal, renames, syncs; the reload command, or a reload
 *              of HAProxy until the worker with the new marker answers; the manifest in its place,
 *              the journal gone
 *
 * This is what agent/apply/publish.c does for replaced files, call by call, and no more than that:
 * nothing is read, rendered, compared, or put into a private view.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/bench/floor.h"

#include "agent/haproxy/master.h"
#include "agent/haproxy/runtime.h"
#include "lib/base/str.h"
#include "lib/http/server.h"
#include "lib/model/digest.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"
#include "lib/os/proc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILES_MAX 8
#define BODY_MAX ((size_t)1024 * 1024)
#define FILE_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define COMMAND_US 30000000
#define PAUSE_NS 1000000

struct host_file {
	const char *name;
	struct buf text;
	size_t serial_at; /* of the digits that differ */
};

struct host {
	struct loop *loop;
	struct router *router;
	struct server *server;
	const char *root, *master, *stats, *marker_name;
	char *home, *names;
	struct host_file files[FILES_MAX];
	size_t n;
	struct buf marker, manifest;
	char **check, **reload;
	char fingerprint[DIGEST_HEX];
	long long serial;
};

struct job {
	struct host *h;
	struct http_request *rq;
	struct arena *arena;
	struct batch_call *call;
	int64_t files_us, command_us;
	struct error err;
};

#define TRY(call)                                                                                  \
	do {                                                                                       \
		int rc_ = (call);                                                                  \
		if (rc_ != 0)                                                                      \
			return rc_;                                                                \
	} while (0)

/* --- files --- */

static char *below(const char *dir, const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static size_t total(const struct host *h)
{
	return h->n + (h->marker_name != NULL);
}

static const char *name_of(const struct host *h, size_t i)
{
	return i < h->n ? h->files[i].name : h->marker_name;
}

static const struct buf *text_of(const struct host *h, size_t i)
{
	return i < h->n ? &h->files[i].text : &h->marker;
}

static void change_texts(struct host *h)
{
	h->serial++;
	for (size_t i = 0; i < h->n; i++) {
		char digits[16];

		(void)snprintf(digits, sizeof(digits), "%010lld", h->serial);
		memcpy(h->files[i].text.data + h->files[i].serial_at, digits, 10);
	}
	digest_hex(h->files[0].text.data, h->files[0].text.len, h->fingerprint);
	buf_clear(&h->marker);
	buf_printf(&h->marker, "global\n    set-var proc.lockstep str(%s)\n", h->fingerprint);
}

static int prepare_files(struct host *h, struct error *err)
{
	AUTO(xfree_p) char *stage = below(h->home, "stage"), *hide = below(h->home, "hide");

	change_texts(h);
	TRY(file_remove_tree(stage, err));
	TRY(file_make_dirs_unsynced(stage, 0700, err));
	for (size_t i = 0; i < total(h); i++) {
		AUTO(xfree_p) char *staged = below(stage, name_of(h, i));

		TRY(file_write_unsynced(staged, text_of(h, i)->data, text_of(h, i)->len, 0644, err));
	}
	return file_write_unsynced(hide, "", 0, 0600, err);
}

static int write_journal(struct host *h, struct error *err)
{
	AUTO(xfree_p) char *journal = below(h->home, "journal");
	AUTO(buf_release) struct buf text = BUF_INIT;

	buf_printf(&text, "lockstep-journal 1 %lld\n", h->serial);
	for (size_t i = 0; i < total(h); i++)
		buf_printf(&text, "replace %s\n", name_of(h, i));
	buf_printf(&text, "end %zu\n", total(h));
	return file_replace(journal, text.data, text.len, 0600, err);
}

static int publish_files(struct host *h, struct error *err)
{
	AUTO(xfree_p) char *undo = below(h->home, "undo"), *stage = below(h->home, "stage");
	AUTO(xfree_p) char *next = below(h->home, "manifest.next");

	TRY(file_write_unsynced(next, h->manifest.data, h->manifest.len, 0600, err));
	TRY(file_remove_tree(undo, err));
	TRY(file_make_dirs_unsynced(undo, 0700, err));
	for (size_t i = 0; i < total(h); i++) {
		AUTO(xfree_p) char *live = below(h->root, name_of(h, i));
		AUTO(xfree_p) char *kept = xasprintf("%s/%zu", undo, i);

		TRY(file_link_or_copy(live, kept, err));
	}
	TRY(file_sync(next, err));
	for (size_t i = 0; i < total(h); i++) {
		AUTO(xfree_p) char *staged = below(stage, name_of(h, i));

		TRY(file_sync(staged, err));
	}
	TRY(file_sync_dir(undo, err));
	TRY(write_journal(h, err));
	for (size_t i = 0; i < total(h); i++) {
		AUTO(xfree_p) char *live = below(h->root, name_of(h, i));
		AUTO(xfree_p) char *staged = below(stage, name_of(h, i));

		TRY(file_rename(staged, live, err));
	}
	return file_sync_dir(h->root, err);
}

static int commit_files(struct host *h, struct error *err)
{
	AUTO(xfree_p) char *next = below(h->home, "manifest.next");
	AUTO(xfree_p) char *manifest = below(h->home, "manifest");
	AUTO(xfree_p) char *journal = below(h->home, "journal"), *undo = below(h->home, "undo");
	AUTO(xfree_p) char *stage = below(h->home, "stage"), *hide = below(h->home, "hide");

	TRY(file_rename(next, manifest, err));
	TRY(file_sync_dir(h->home, err));
	TRY(file_remove(journal, err));
	TRY(file_remove_tree(undo, err));
	TRY(file_remove_tree(stage, err));
	return file_remove(hide, err);
}

/* --- commands and HAProxy --- */

static int command(char *const *argv, struct error *err)
{
	struct proc_result res = {.output = BUF_INIT};
	int rc;

	if (argv == NULL)
		return 0;
	rc = proc_run((const char *const *)argv, clock_mono_us() + COMMAND_US, 65536, &res, err);
	if (rc == 0 && res.exit_status != 0)
		rc = error_set(err, ERR_REFUSED, "%s: %.300s", argv[0], buf_cstr(&res.output));
	proc_result_release(&res);
	return rc;
}

static int send_reload(struct host *h, int64_t limit, struct error *err)
{
	AUTO(buf_release) struct buf log = BUF_INIT;
	static const struct timespec pause = {0, PAUSE_NS};
	enum answer_reload answer;
	struct answer_proc proc;
	int rc;

	/* A master that still loads refuses, or would lose the signal. */
	while ((rc = master_proc(h->master, limit, &proc, err)) == ERR_NOT_DONE &&
		clock_mono_us() < limit)
		nanosleep(&pause, NULL);
	TRY(rc);
	while ((rc = master_reload(h->master, limit, &answer, &log, err)) == ERR_NOT_DONE &&
		clock_mono_us() < limit)
		nanosleep(&pause, NULL);
	return rc;
}

static int reload_haproxy(struct host *h, struct error *err)
{
	static const struct timespec pause = {0, PAUSE_NS};
	int64_t limit = clock_mono_us() + COMMAND_US;
	struct answer_info info = {.pid = 0};

	TRY(send_reload(h, limit, err));
	while (runtime_info(h->stats, limit, &info, err) != 0 ||
		!str_eq(info.marker, h->fingerprint)) {
		if (clock_mono_us() >= limit)
			return error_set(err, ERR_REFUSED, "haproxy runs '%.12s', wanted '%.12s'",
				info.marker, h->fingerprint);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* --- calls --- */

static int timed(int64_t *sum, int rc, int64_t *since)
{
	int64_t now = clock_mono_us();

	*sum += now - *since;
	*since = now;
	return rc;
}

static int do_call(struct job *j)
{
	struct host *h = j->h;
	struct error *err = &j->err;
	int64_t at = clock_mono_us();

	if (j->call->type == CALL_PREPARE) {
		TRY(timed(&j->files_us, prepare_files(h, err), &at));
		return timed(&j->command_us, command(h->check, err), &at);
	}
	TRY(timed(&j->files_us, publish_files(h, err), &at));
	TRY(timed(&j->command_us,
		h->master != NULL ? reload_haproxy(h, err) : command(h->reload, err), &at));
	return timed(&j->files_us, commit_files(h, err), &at);
}

static void work(void *ctx)
{
	struct job *j = ctx;

	if (do_call(j) == 0)
		j->err.code = (enum error_code)0;
}

static void done(void *ctx)
{
	struct job *j = ctx;
	bool ok = j->err.code == (enum error_code)0;
	struct batch_answer ans = {.batch = j->call->batch,
		.number = j->call->number,
		.incarnation = j->call->incarnation,
		.outcome = j->call->type == CALL_PREPARE ? OUTCOME_PREPARED : OUTCOME_APPLIED,
		.base_digest = j->call->digest};
	struct buf body = BUF_INIT;

	ans.message = ok ? arena_printf(j->arena, "%lld %lld", (long long)j->files_us,
				   (long long)j->command_us)
			 : j->err.text;
	batch_answer_encode(&ans, &body);
	http_reply(&j->rq, 200, "application/json", &body);
	arena_free(&j->arena);
	free(j);
}

static void on_call(struct http_request *rq, void *app)
{
	struct host *h = app;
	struct job *j = xcalloc(1, sizeof(*j));
	struct slice body = http_body(rq);

	j->h = h;
	j->rq = rq;
	j->arena = arena_new();
	if (batch_call_decode(body.p, body.n, j->arena, &j->call, &j->err) != 0)
		floor_fail("a call", &j->err);
	loop_job(h->loop, work, done, j);
}

/* --- start --- */

static void read_whole(const char *dir, const char *name, struct buf *out)
{
	AUTO(xfree_p) char *path = below(dir, name);
	struct error err;

	if (file_read(path, FILE_BYTES_MAX, out, &err) != 0)
		floor_fail(path, &err);
}

static void write_live(const char *dir, const char *name, const struct buf *text)
{
	AUTO(xfree_p) char *path = below(dir, name);
	struct error err;

	if (file_replace(path, text->data, text->len, 0644, &err) != 0)
		floor_fail(path, &err);
}

static char **words_of(const char *text)
{
	char **words = NULL;
	struct error err;

	if (*text != '\0' && proc_split(text, &words, &err) != 0)
		floor_fail(text, &err);
	return words;
}

static void load(struct host *h, char *const *argv)
{
	const char *like = bench_text(argv, "like", NULL), *marker = bench_text(argv, "marker", "");
	char *save = NULL;
	struct error err;

	h->root = bench_text(argv, "root", NULL);
	h->home = below(h->root, ".lockstep");
	h->names = xstrdup(bench_text(argv, "files", NULL));
	h->marker_name = *marker != '\0' ? marker : NULL;
	h->master = *marker != '\0' ? bench_text(argv, "master", NULL) : NULL;
	h->stats = *marker != '\0' ? bench_text(argv, "stats", NULL) : NULL;
	h->check = words_of(bench_text(argv, "check", ""));
	h->reload = words_of(bench_text(argv, "reload", ""));
	if (file_make_dirs(h->home, 0700, &err) != 0)
		floor_fail(h->home, &err);
	read_whole(like, ".lockstep/manifest", &h->manifest);
	for (char *s = strtok_r(h->names, ",", &save); s != NULL && h->n < FILES_MAX;
		s = strtok_r(NULL, ",", &save)) {
		struct host_file *f = &h->files[h->n++];

		f->name = s;
		read_whole(like, s, &f->text);
		buf_str(&f->text, "# ");
		f->serial_at = f->text.len;
		buf_str(&f->text, "0000000000\n");
	}
	change_texts(h);
	for (size_t i = 0; i < total(h); i++)
		write_live(h->root, name_of(h, i), text_of(h, i));
	write_live(h->home, "manifest", &h->manifest);
}

static void on_signal(void *ctx, int signum)
{
	(void)signum;
	loop_stop(ctx);
}

static void unload(struct host *h)
{
	server_free(&h->server);
	router_free(&h->router);
	loop_free(&h->loop);
	for (size_t i = 0; i < h->n; i++)
		buf_release(&h->files[i].text);
	buf_release(&h->marker);
	buf_release(&h->manifest);
	proc_words_free(&h->check);
	proc_words_free(&h->reload);
	free(h->home);
	free(h->names);
}

int floor_host(char *const *argv)
{
	static const struct route routes[] = {
		{"POST", "/", on_call, ROLE_OPEN, BODY_MAX, "a leader's call"}};
	struct host h = {.loop = loop_new()};
	const struct router_options ro = {
		.context_path = "", .routes = routes, .n_routes = 1, .app = &h};
	const struct server_options so = {.bind_host = "127.0.0.1", .idle_timeout_ms = 600000};
	struct error err;

	load(&h, argv);
	h.router = router_new(&ro);
	if (server_new(h.loop, &so, h.router, &h.server, &err) != 0)
		floor_fail("listening", &err);
	loop_on_signal(h.loop, SIGTERM, on_signal, h.loop);
	(void)printf("port %d\n", server_port(h.server));
	(void)fflush(stdout);
	loop_run(h.loop);
	unload(&h);
	return 0;
}
