/*
 * floor.c - the least that a deploy must cost on this machine, now
 *
 *     floor host ...
 *         One host: files, commands, HAProxy (floor_host.c).
 *     floor deploy quorum=Q ns=N prefix=S services=M count=C [warm=W] hosts=URL,URL,...
 *         One deploy after the other: T0, a call to every host, T2, a call to every host, T3.
 *         A line per deploy, "us TOTAL" and its parts as "NAME us"; files and command are parts
 *         of the call before them, those of the host that answered last.
 *     floor rate quorum=Q ns=N prefix=S services=M seconds=T
 *         T0, T2, T3 of M services at a time, without hosts: what the transactions alone allow.
 *     floor enqueue quorum=Q ns=N prefix=S chains=M ms=T
 *         T0 alone, M at a time, each of a service of its own.
 *     floor fill quorum=Q ns=N prefix=S services=M
 *         Makes M services, each as its first deploy would, for a cluster that starts later.
 *
 * Last line: "done N us T".
 *
 * Layer: tests.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/bench/floor.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/http/client.h"
#include "lib/os/clock.h"
#include "lib/store/store_zk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_US 60000000
#define FIRST_ALONE 1000000 /* names as long as those of serving.py */

enum stage { T0, CALL1, T2, CALL2, T3, STAGES };

struct floor {
	struct loop *loop;
	struct client *client;
	struct floor_txn txn;
	struct store_listener listener;
	bool started, fill, enqueue; /* enqueue: nothing but T0 */
	int64_t chains, start, until, count, warm, made; /* until: 0 = count deploys, one by one */
	size_t running;
};

/* One deploy after the other. */
struct chain {
	struct floor *f;
	struct floor_deploy fd;
	int64_t k, step;  /* the next is k + step */
	enum stage stage; /* in progress */
	int64_t began, at, us[STAGES], files[STAGES], command[STAGES];
	size_t waiting; /* for hosts */
};

void floor_fail(const char *what, const struct error *err)
{
	(void)fprintf(stderr, "floor: %s: %s\n", what, err != NULL ? err->text : "failed");
	exit(1);
}

static void enter(struct chain *c, enum stage stage);

static void print(const struct chain *c)
{
	(void)printf("us %lld t0 %lld t2 %lld t3 %lld", (long long)(c->at - c->began),
		(long long)c->us[T0], (long long)c->us[T2], (long long)c->us[T3]);
	for (int i = 0; i < 2; i++) {
		enum stage call = i == 0 ? CALL1 : CALL2;

		(void)printf(" call%d %lld files%d %lld command%d %lld", i + 1,
			(long long)c->us[call], i + 1, (long long)c->files[call], i + 1,
			(long long)c->command[call]);
	}
	(void)printf("\n");
}

static void start_deploy(struct chain *c)
{
	floor_deploy_init(&c->fd, &c->f->txn, c->k);
	c->began = c->at = clock_mono_us();
	enter(c, T0);
}

static void end_deploy(struct chain *c)
{
	struct floor *f = c->f;
	bool rate = f->until != 0;

	floor_deploy_release(&c->fd);
	if (f->made++ == f->warm)
		f->start = c->began;
	if (!rate && f->made > f->warm)
		print(c);
	if (rate ? c->at < f->until : f->made < f->warm + f->count) {
		c->k += c->step;
		start_deploy(c);
		return;
	}
	free(c);
	if (--f->running == 0)
		loop_stop(f->loop);
}

/* The stage in progress is over. */
static void leave(struct chain *c)
{
	static const enum stage next[] = {[T0] = CALL1, [CALL1] = T2, [T2] = CALL2, [CALL2] = T3};
	int64_t now = clock_mono_us();

	c->us[c->stage] = now - c->at;
	c->at = now;
	if (c->stage == (c->f->enqueue ? T0 : T3))
		end_deploy(c);
	else
		enter(c, next[c->stage]);
}

static void on_enqueue(void *ctx, int64_t queue_index, const struct error *err)
{
	struct chain *c = ctx;

	if (err != NULL)
		floor_fail("T0", err);
	c->fd.queue_index = queue_index;
	leave(c);
}

static void on_txn(void *ctx, const struct store_result *res, const struct error *err)
{
	struct chain *c = ctx;

	(void)res;
	if (err != NULL)
		floor_fail(c->stage == T2 ? "T2" : "T3", err);
	leave(c);
}

static void on_answer(void *ctx, const struct call_result *res)
{
	struct chain *c = ctx;
	AUTO(arena_free) struct arena *a = arena_new();
	struct batch_answer *ans;
	struct error err = ERROR_INIT;
	long long files, command;

	if (res->end != CALL_ANSWERED) {
		error_set(&err, ERR_SYSTEM, "%s", res->text);
		floor_fail("a call", &err);
	}
	if (batch_answer_decode(res->body, res->len, a, &ans, &err) != 0)
		floor_fail("an answer", &err);
	if (ans->message == NULL || sscanf(ans->message, "%lld %lld", &files, &command) != 2) {
		error_set(
			&err, ERR_REFUSED, "%s", ans->message != NULL ? ans->message : "no times");
		floor_fail("a host", &err);
	}
	c->files[c->stage] = files;
	c->command[c->stage] = command;
	if (--c->waiting == 0)
		leave(c);
}

static void call_hosts(struct chain *c, enum call_type type)
{
	struct floor *f = c->f;
	AUTO(buf_release) struct buf body = BUF_INIT;
	struct batch_item item = {c->fd.d.id, c->fd.d.service, NULL};
	struct batch_call call = {.batch = c->fd.batch,
		.type = (int)type,
		.number = type == CALL_APPLY ? 0 : -1,
		.epoch = 256,
		.incarnation = "00000000-0000-4000-8000-000000000000",
		.digest = c->fd.digest,
		.deadline_ms = CALL_US / 1000};

	call.items.items = &item;
	call.items.n = 1;
	batch_call_encode(&call, &body);
	c->waiting = f->txn.n_hosts;
	for (size_t i = 0; i < f->txn.n_hosts; i++)
		client_call(f->client, f->txn.hosts[i], &(struct slice){body.data, body.len},
			CALL_US, on_answer, c);
}

static void enter(struct chain *c, enum stage stage)
{
	struct floor *f = c->f;

	c->stage = stage;
	switch (stage) {
	case T0:
		floor_txn_enqueue(&f->txn, &c->fd, on_enqueue, c);
		return;
	case CALL1:
	case CALL2:
		if (f->txn.n_hosts > 0)
			call_hosts(c, stage == CALL1 ? CALL_PREPARE : CALL_APPLY);
		else
			leave(c);
		return;
	case T2:
		floor_txn_decide(&f->txn, &c->fd, on_txn, c);
		return;
	case T3:
		floor_txn_commit(&f->txn, &c->fd, on_txn, c);
		return;
	case STAGES:
		return;
	}
}

static void on_ready(void *ctx)
{
	struct floor *f = ctx;

	if (f->fill) {
		loop_stop(f->loop);
		return;
	}
	if (f->enqueue)
		f->txn.services = INT64_MAX; /* none of them is made */
	f->start = clock_mono_us();
	if (f->until != 0)
		f->until += f->start;
	for (int64_t i = 0; i < f->chains; i++) {
		struct chain *c = xcalloc(1, sizeof(*c));

		c->f = f;
		c->k = (f->enqueue ? FIRST_ALONE : f->txn.services) + i;
		c->step = f->chains;
		f->running++;
		start_deploy(c);
	}
}

static void on_link(void *ctx, enum store_link link)
{
	struct floor *f = ctx;

	if (f->started && link != STORE_LINK_UP)
		floor_fail("the connection to ZooKeeper was lost", NULL);
	if (link != STORE_LINK_UP)
		return;
	f->started = true;
	floor_txn_setup(&f->txn, f->fill, on_ready, f);
}

static char **split(char *list, size_t *n_out)
{
	char **items = xcalloc(strlen(list) + 1, sizeof(*items)), *save = NULL;

	for (char *s = strtok_r(list, ",", &save); s != NULL; s = strtok_r(NULL, ",", &save))
		items[(*n_out)++] = s;
	return items;
}

static void run(char *const *argv, const char *what)
{
	const struct store_zk_options zk = {
		bench_text(argv, "quorum", NULL), bench_text(argv, "ns", NULL), 10000, 5000, false};
	AUTO(xfree_p) char *list = xstrdup(bench_text(argv, "hosts", ""));
	struct floor f = {.loop = loop_new()};
	struct error err = ERROR_INIT;
	bool enqueue = str_eq(what, "enqueue"), rate = str_eq(what, "rate") || enqueue;
	char **hosts = split(list, &f.txn.n_hosts);

	f.fill = str_eq(what, "fill");
	f.enqueue = enqueue;
	f.count = bench_number(argv, "count", 0);
	f.warm = bench_number(argv, "warm", 0);
	f.until = enqueue ? bench_number(argv, "ms", INT64_MIN) * 1000 : rate ? bench_number(argv, "seconds", INT64_MIN) * 1000000 : 0;
	f.client = client_new(f.loop, NULL);
	f.txn.hosts = hosts;
	f.txn.prefix = bench_text(argv, "prefix", NULL);
	f.txn.services = bench_number(argv, "services", enqueue ? 0 : INT64_MIN);
	f.chains = enqueue ? bench_number(argv, "chains", INT64_MIN) : rate ? f.txn.services : 1;
	f.txn.life = life_new();
	if (store_zk_new(f.loop, &zk, &f.txn.st, &err) != 0)
		floor_fail("zookeeper", &err);
	f.listener = (struct store_listener){.fn = on_link, .ctx = &f};
	store_listen(f.txn.st, &f.listener);
	loop_run(f.loop);
	(void)printf("done %lld us %lld\n", (long long)(f.made - f.warm),
		(long long)(clock_mono_us() - f.start));
	store_unlisten(f.txn.st, &f.listener);
	store_free(&f.txn.st);
	life_end(&f.txn.life);
	client_free(&f.client);
	loop_free(&f.loop);
	free(hosts);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	log_set_level(LOG_LEVEL_WARN);
	if (str_eq(what, "host"))
		return floor_host(argv);
	if (!str_eq(what, "deploy") && !str_eq(what, "rate") && !str_eq(what, "fill") && !str_eq(what, "enqueue")) {
		(void)fprintf(stderr, "usage: floor host|deploy|rate|enqueue|fill name=value...\n");
		return 2;
	}
	run(argv, what);
	return 0;
}
