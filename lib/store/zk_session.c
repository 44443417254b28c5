/*
 * zk_session.c - libzookeeper_st driven by the loop
 *
 * Each run: read what is there, let the library do its timed work, register what it waits for.
 * Between two attempts it is left alone until the pause is over: it would connect at once whenever
 * it is asked.
 *
 * Layer: lib/store, private to store_zk.  Threads: loop thread; the look-up runs as a job.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/zk_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/store/zk_hosts.h"

#define ANSWERS_PER_RUN 64
#define LOOK_UP_AGAIN_US LOOP_MS(1000)

/* One look-up of the quorum; outlives its session if need be. */
struct look_up {
	struct zk_session *s;
	char *quorum;
	struct buf hosts;
};

struct zk_session {
	struct loop *l;
	char *quorum;
	int timeout_ms, connect_timeout_ms;
	struct zk_session_fns fns;
	void *ctx;
	zhandle_t *zh;
	struct loop_source source; /* an epoll instance with the handle's socket in it */
	struct loop_timer open_timer;
	struct look_up *job;
	unsigned busy;     /* inside the library or a callback */
	bool freed;
	bool connected;    /* as the library said last */
	bool told_up;      /* as we said last */
	bool dead;         /* the handle is to be closed */
	bool dirty;        /* run at the next chance */
	int sock;          /* -1: between attempts */
	int64_t next_us;   /* when the library wants to be called */
	int64_t heard_us;  /* last answer */
	int64_t attempt_us; /* start of the present attempt */
	unsigned failures; /* attempts since it was connected */
};

static void open_handle(void *ctx);

/* --- telling --- */

static void tell_up(struct zk_session *s)
{
	const clientid_t *id = zoo_client_id(s->zh);

	if (s->told_up || s->freed)
		return;
	s->told_up = true;
	s->fns.up(s->ctx, id->client_id);
}

static void tell_down(struct zk_session *s)
{
	if (!s->told_up || s->freed)
		return;
	s->told_up = false;
	s->fns.down(s->ctx);
}

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *ctx)
{
	struct zk_session *s = ctx;

	(void)zh;
	(void)path;
	if (type != ZOO_SESSION_EVENT)
		return;
	if (state == ZOO_CONNECTED_STATE) {
		s->connected = true;
		s->failures = 0;
		s->heard_us = loop_now(s->l);
		tell_up(s);
		return;
	}
	s->connected = false;
	tell_down(s);
	if (state != ZOO_EXPIRED_SESSION_STATE && state != ZOO_AUTH_FAILED_STATE)
		return;
	if (!s->dead && !s->freed)
		s->fns.expired(s->ctx);
	s->dead = true;
}

void *zk_session_ctx(zhandle_t *zh)
{
	const struct zk_session *s = zoo_get_context(zh);

	return s->ctx;
}

zhandle_t *zk_session_handle(struct zk_session *s)
{
	return s->dead ? NULL : s->zh;
}

void zk_session_kick(struct zk_session *s)
{
	s->dirty = true;
}

/* --- the end of a handle, and of us --- */

/* May wait for the server's goodbye (1.5 s at most); completions run in here. */
static void close_handle(struct zk_session *s)
{
	zhandle_t *zh = STEAL(s->zh);

	s->connected = s->dead = false;
	s->sock = -1;
	if (zh == NULL)
		return;
	s->busy++;
	zookeeper_close(zh);
	s->busy--;
}

static void release(struct zk_session *s)
{
	close_handle(s);
	loop_remove_source(s->l, &s->source);
	close(s->source.fd);
	s->fns.gone(s->ctx);
	free(s->quorum);
	free(s);
}

static void leave(struct zk_session *s)
{
	if (--s->busy > 0)
		return;
	if (s->freed) {
		release(s);
	} else if (s->dead) {
		close_handle(s);
		open_handle(s);
	}
}

void zk_session_free(struct zk_session **sp)
{
	struct zk_session *s = STEAL(*sp);

	if (s == NULL)
		return;
	s->freed = true;
	loop_timer_stop(s->l, &s->open_timer);
	if (s->job != NULL)
		s->job->s = NULL;
	if (s->busy == 0)
		release(s);
}

/* --- driving --- */

static int64_t pause_us(const struct zk_session *s)
{
	int64_t us = LOOP_MS(s->timeout_ms) / 60;

	return us < LOOP_MS(50) ? LOOP_MS(50) : us > LOOP_MS(1000) ? LOOP_MS(1000) : us;
}

/* The first attempt after a lost connection goes to another server at once; further ones wait,
 * also where the library would not (lists of even length). */
static void attempt_failed(struct zk_session *s)
{
	s->sock = -1;
	s->next_us = loop_now(s->l) + (s->failures++ == 0 ? 0 : pause_us(s));
}

static int64_t patience_us(const struct zk_session *s)
{
	return LOOP_MS(zoo_recv_timeout(s->zh)) * 2 / 3;
}

static void watch_socket(struct zk_session *s, int fd, int interest)
{
	struct epoll_event ev = {.data.fd = fd};
	int rc;

	if (fd != s->sock)
		s->attempt_us = loop_now(s->l);
	s->sock = fd;
	if (fd < 0)
		return;
	if ((interest & ZOOKEEPER_READ) != 0)
		ev.events |= EPOLLIN;
	if ((interest & ZOOKEEPER_WRITE) != 0)
		ev.events |= EPOLLOUT;
	/* The number may be that of an older socket; the kernel has forgotten that one at its close. */
	if (epoll_ctl(s->source.fd, EPOLL_CTL_MOD, fd, &ev) == 0)
		return;
	s->attempt_us = loop_now(s->l);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	rc = epoll_ctl(s->source.fd, EPOLL_CTL_ADD, fd, &ev);
	ASSERT(rc == 0);
}

/* False: nothing there, or no good to go on. */
static bool read_one(struct zk_session *s)
{
	struct epoll_event ev = {.events = 0};
	int events = 0, rc;

	if (epoll_wait(s->source.fd, &ev, 1, 0) != 1)
		ev.events = 0;
	if ((ev.events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		events |= ZOOKEEPER_READ;
	if ((ev.events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
		events |= ZOOKEEPER_WRITE;
	rc = zookeeper_process(s->zh, events);
	if (rc == ZOK && (events & ZOOKEEPER_READ) != 0 && s->connected) {
		s->heard_us = loop_now(s->l);
		if (!s->dead)
			tell_up(s);
	} else if (rc != ZOK && rc != ZNOTHING) {
		attempt_failed(s);
	}
	return rc == ZOK && (events & ZOOKEEPER_READ) != 0 && !s->dead && !s->freed;
}

static void ask_interest(struct zk_session *s)
{
	struct timeval tv = {0, 0};
	int fd = -1, interest = 0, rc;

	rc = zookeeper_interest(s->zh, &fd, &interest, &tv);
	if (rc != ZOK) {
		attempt_failed(s);
		return;
	}
	watch_socket(s, fd, interest);
	s->next_us = loop_now(s->l) + (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
	if (s->next_us <= loop_now(s->l))
		s->next_us = loop_now(s->l) + 1000;
}

/* A server that accepts and says nothing: the library would wait for 2/3 of the session's time. */
static void give_up_attempt(struct zk_session *s)
{
	if (s->sock < 0 || s->connected)
		return;
	if (loop_now(s->l) - s->attempt_us < LOOP_MS(s->connect_timeout_ms))
		return;
	s->attempt_us = loop_now(s->l);
	shutdown(s->sock, SHUT_RDWR);
}

static void run(void *ctx)
{
	struct zk_session *s = ctx;
	int i;

	if (s->zh == NULL || s->busy > 0)
		return;
	if (s->sock < 0 && loop_now(s->l) < s->next_us)
		return;
	s->dirty = false;
	s->busy++;
	if (s->connected && loop_now(s->l) - s->heard_us >= patience_us(s))
		tell_down(s);
	give_up_attempt(s);
	for (i = 0; i < ANSWERS_PER_RUN && s->sock >= 0 && !s->dead && !s->freed; i++)
		if (!read_one(s))
			break;
	if (!s->dead && !s->freed && (s->sock >= 0 || loop_now(s->l) >= s->next_us))
		ask_interest(s);
	leave(s);
}

static int64_t deadline(void *ctx)
{
	const struct zk_session *s = ctx;
	int64_t due = s->next_us, mine = INT64_MAX;

	if (s->zh == NULL)
		return INT64_MAX;
	if (s->sock < 0)
		return due;
	if (s->dirty)
		return 0;
	if (s->connected && s->told_up)
		mine = s->heard_us + patience_us(s);
	else if (!s->connected)
		mine = s->attempt_us + LOOP_MS(s->connect_timeout_ms);
	return mine < due ? mine : due;
}

/* --- a new handle --- */

/* Their lines are for whoever debugs; how often they come is bound by our pauses. */
static void on_log(const char *message)
{
	log_debug(NULL, "zookeeper client", "text", message);
}

static void open_at(struct zk_session *s, const char *hosts)
{
	s->zh = zookeeper_init2(hosts, on_event, s->timeout_ms, NULL, s, 0, on_log);
	if (s->zh == NULL) {
		loop_timer_start(s->l, &s->open_timer, LOOK_UP_AGAIN_US);
		return;
	}
	zoo_set_servers_resolution_delay(s->zh, -1);
	s->connected = s->dead = false;
	s->sock = -1;
	s->failures = 0;
	s->next_us = loop_now(s->l);
}

static void look_up_work(void *ctx)
{
	struct look_up *j = ctx;

	zk_hosts_look_up(j->quorum, &j->hosts);
}

static void look_up_done(void *ctx)
{
	struct look_up *j = ctx;
	struct zk_session *s = j->s;

	if (s != NULL) {
		s->job = NULL;
		if (j->hosts.len > 0)
			open_at(s, buf_cstr(&j->hosts));
		else
			loop_timer_start(s->l, &s->open_timer, LOOK_UP_AGAIN_US);
	}
	buf_release(&j->hosts);
	free(j->quorum);
	free(j);
}

static void open_handle(void *ctx)
{
	struct zk_session *s = ctx;
	struct look_up *j = xcalloc(1, sizeof(*j));

	j->s = s;
	j->quorum = xstrdup(s->quorum);
	s->job = j;
	if (!zk_hosts_literal(s->quorum)) {
		loop_job(s->l, look_up_work, look_up_done, j);
		return;
	}
	look_up_work(j);
	look_up_done(j);
}

int zk_session_new(struct loop *l, const char *quorum, int timeout_ms, int connect_timeout_ms,
	const struct zk_session_fns *fns, void *ctx, struct zk_session **s_out, struct error *err)
{
	struct zk_session *s;
	int rc = zk_hosts_check(quorum, err), fd;

	if (rc != 0)
		return rc;
	fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "epoll_create1");
	zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
	s = xcalloc(1, sizeof(*s));
	s->l = l;
	s->quorum = xstrdup(quorum);
	s->timeout_ms = timeout_ms;
	s->connect_timeout_ms = connect_timeout_ms;
	s->fns = *fns;
	s->ctx = ctx;
	s->sock = -1;
	s->open_timer = (struct loop_timer){.fn = open_handle, .ctx = s};
	s->source = (struct loop_source){.fd = fd, .deadline = deadline, .run = run, .ctx = s};
	loop_add_source(l, &s->source);
	open_handle(s);
	*s_out = s;
	return 0;
}
