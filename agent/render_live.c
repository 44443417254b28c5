/*
 * render_live.c - what must run in an agent's group now, as an agent that starts would find it in ZooKeeper
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/render_live.h"

#include "agent/link/sweep.h"
#include "lib/loop/loop.h"
#include "lib/store/store_zk.h"

/* Several servers may have to be tried. */
#define ANSWER_TIME LOOP_MS(20000)
#define JOBS_TIME LOOP_MS(3000)
#define JOBS_EVERY LOOP_MS(10)

struct live {
	const struct agent_conf *conf;
	struct render_input *in;
	struct loop *loop;
	struct store *store;
	struct life *life;
	struct store_listener listener;
	struct loop_timer deadline;
	int64_t jobs_until;
	bool asked;
	int rc;
	struct error *err;
};

static void end(struct live *lv, int rc)
{
	lv->rc = rc;
	loop_timer_stop(lv->loop, &lv->deadline);
	loop_stop(lv->loop);
}

static void on_service(void *ctx, const char *id, const struct service_state *s)
{
	(void)id;
	render_input_add(((struct live *)ctx)->in, s);
}

static void on_unreadable(void *ctx, const char *id, const struct error *err)
{
	render_input_blame(((struct live *)ctx)->in, id, err->text);
}

static void on_swept(void *ctx, const struct error *err)
{
	struct live *lv = ctx;

	end(lv, err != NULL ? error_set(lv->err, err->code, "%s", err->text) : 0);
}

static void on_namespace(void *ctx, const struct store_node *node, const struct error *err)
{
	static const struct sweep_fns fns = { on_service, on_unreadable, on_swept };
	struct live *lv = ctx;

	(void)node;
	if (err == NULL)
		sweep_run(lv->store, lv->life, true, &fns, lv);
	else if (err->code == ERR_NOT_FOUND)
		end(lv, error_set(lv->err, ERR_NOT_FOUND, "zookeeper has no namespace '%s'", lv->conf->daemon.namespace));
	else
		end(lv, error_set(lv->err, err->code, "%s", err->text));
}

static void on_link(void *ctx, enum store_link link)
{
	struct live *lv = ctx;

	if (link != STORE_LINK_UP || lv->asked)
		return;
	lv->asked = true;
	store_get(lv->store, "/", on_namespace, lv);
}

static void on_deadline(void *ctx)
{
	struct live *lv = ctx;

	end(lv, error_set(lv->err, ERR_NOT_DONE, "no answer from zookeeper '%s' within %d s", lv->conf->daemon.zk_quorum,
			(int)(ANSWER_TIME / LOOP_MS(1000))));
}

/* Names that are looked up cannot be called back. */
static void wait_for_jobs(void *ctx)
{
	struct live *lv = ctx;

	if (loop_has_jobs(lv->loop) && loop_now(lv->loop) < lv->jobs_until)
		loop_timer_start(lv->loop, &lv->deadline, JOBS_EVERY);
	else
		loop_stop(lv->loop);
}

static void release(struct live *lv)
{
	life_end(&lv->life);
	if (lv->store != NULL) {
		store_unlisten(lv->store, &lv->listener);
		store_free(&lv->store);
	}
	lv->jobs_until = loop_now(lv->loop) + JOBS_TIME;
	lv->deadline.fn = wait_for_jobs;
	loop_timer_start(lv->loop, &lv->deadline, 0);
	loop_run(lv->loop);
	if (!loop_has_jobs(lv->loop)) /* else it is left to the end of the process */
		loop_free(&lv->loop);
}

int render_live(const struct agent_conf *conf, struct render_input *in, struct error *err)
{
	const struct daemon_conf *dc = &conf->daemon;
	const struct store_zk_options zo = { .quorum = dc->zk_quorum, .ns = dc->zk_namespace, .read_only = true,
		.session_timeout_ms = dc->zk_session_timeout_ms, .connect_timeout_ms = dc->zk_connect_timeout_ms };
	struct live lv = { .conf = conf, .in = in, .err = err };

	lv.loop = loop_new();
	lv.life = life_new();
	lv.deadline = (struct loop_timer){ .fn = on_deadline, .ctx = &lv };
	lv.listener = (struct store_listener){ .fn = on_link, .ctx = &lv };
	lv.rc = store_zk_new(lv.loop, &zo, &lv.store, err);
	if (lv.rc == 0) {
		store_listen(lv.store, &lv.listener);
		loop_timer_start(lv.loop, &lv.deadline, ANSWER_TIME);
		loop_run(lv.loop);
	}
	release(&lv);
	return lv.rc;
}
