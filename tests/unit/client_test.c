/*
 * client_test.c - calls over curl, against our own server and against raw sockets that misbehave
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/http/client.h"
#include "lib/http/server.h"

struct world {
	struct loop *l;
	struct client *c;
	struct server *s;
	struct router *r;
	struct http_request *kept;
	struct loop_timer limit, raw_timer;
	bool timed_out;
	int handled, gone, want, done;
	struct call *call;
	/* the last end */
	enum call_end end;
	int status;
	struct buf text, body;
	int started, want_started;
	bool free_in_done;
	/* the raw peer */
	int listen_fd, fd, port, raw_calls;
	const char *raw_answer;
};

static void echo(struct http_request *rq, void *app)
{
	struct world *w = app;
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *type = http_header(rq, "Content-Type"), *expect = http_header(rq, "Expect");

	w->handled++;
	buf_printf(&b, "%s type=%s accept=%s agent=%s expect=%s ", http_method(rq),
		type ? type : "-", http_header(rq, "Accept"), http_header(rq, "User-Agent"),
		expect ? expect : "-");
	buf_append(&b, http_body(rq).p, http_body(rq).n);
	http_reply(&rq, 201, "application/json", &b);
}

static void on_gone(void *ctx)
{
	struct world *w = ctx;

	w->gone++;
	http_reply(&w->kept, 200, NULL, NULL);
	loop_stop(w->l);
}

static void keep(struct http_request *rq, void *app)
{
	struct world *w = app;

	w->handled++;
	w->kept = rq;
	http_on_gone(rq, on_gone, w);
}

static void huge(struct http_request *rq, void *app)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	char block[65536];

	(void)app;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 129; i++)
		buf_append(&b, block, sizeof(block));
	http_reply(&rq, 200, "text/plain", &b);
}

/* clang-format off */
static const struct route routes[] = {
	{ "GET",  "/echo", echo, ROLE_OPEN, 0,       "" },
	{ "POST", "/echo", echo, ROLE_OPEN, 1 << 20, "" },
	{ "DELETE", "/echo", echo, ROLE_OPEN, 0,    "" },
	{ "POST", "/keep", keep, ROLE_OPEN, 1000,    "" },
	{ "GET",  "/huge", huge, ROLE_OPEN, 0,       "" },
};
/* clang-format on */

static void setup(struct world *w)
{
	struct router_options ro = { .routes = routes, .n_routes = ARRAY_LEN(routes), .app = w };
	struct server_options so = { .bind_host = "127.0.0.1" };

	memset(w, 0, sizeof(*w));
	w->fd = w->listen_fd = -1;
	w->l = loop_new();
	w->r = router_new(&ro);
	w->c = client_new(w->l, NULL);
	assert_int_equal(server_new(w->l, &so, w->r, &w->s, NULL), 0);
	w->port = server_port(w->s);
}

static void teardown(struct world *w)
{
	client_free(&w->c);
	server_free(&w->s);
	if (w->kept)
		http_reply(&w->kept, 200, NULL, NULL);
	router_free(&w->r);
	loop_timer_stop(w->l, &w->raw_timer);
	if (w->fd >= 0)
		close(w->fd);
	if (w->listen_fd >= 0)
		close(w->listen_fd);
	loop_free(&w->l);
	buf_release(&w->text);
	buf_release(&w->body);
}

static void on_limit(void *ctx)
{
	struct world *w = ctx;

	w->timed_out = true;
	loop_stop(w->l);
}

static void run(struct world *w)
{
	w->limit = (struct loop_timer){ .fn = on_limit, .ctx = w };
	loop_timer_start(w->l, &w->limit, LOOP_MS(20000));
	loop_run(w->l);
	loop_timer_stop(w->l, &w->limit);
	assert_false(w->timed_out);
}

static void on_done(void *ctx, const struct call_result *res)
{
	struct world *w = ctx;

	w->call = NULL;
	w->end = res->end;
	w->status = res->status;
	buf_clear(&w->text);
	buf_clear(&w->body);
	buf_str(&w->text, res->text ? res->text : "-");
	buf_append(&w->body, res->body, res->len);
	assert_true((res->end == CALL_ANSWERED) == (res->text == NULL));
	if (++w->done == w->want)
		loop_stop(w->l);
	if (w->free_in_done)
		client_free(&w->c);
}

static void start(struct world *w, const char *path, const char *body, int64_t deadline_ms)
{
	AUTO(xfree_p) char *url = xasprintf("http://127.0.0.1:%d%s", w->port, path);
	struct slice b = { body, body ? strlen(body) : 0 };
	int done = w->done;

	w->call = client_call(w->c, url, body ? &b : NULL, LOOP_MS(deadline_ms), on_done, w);
	assert_int_equal(w->done, done);
}

static void call(struct world *w, const char *path, const char *body, int64_t deadline_ms)
{
	w->want = w->done + 1;
	start(w, path, body, deadline_ms);
	run(w);
}

static void ended(struct world *w, enum call_end end, const char *text)
{
	AUTO(buf_release) struct buf want = BUF_INIT;
	const char *mark = strstr(text, "%d");

	buf_append(&want, text, mark ? (size_t)(mark - text) : strlen(text));
	if (mark)
		buf_printf(&want, "%d%s", w->port, mark + 2);

	assert_string_equal(buf_cstr(&w->text), buf_cstr(&want));
	assert_int_equal(w->end, end);
}

#define AGENT "Lockstep/" LOCKSTEP_VERSION

static void test_get_and_post(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	call(&w, "/echo", NULL, 1000);
	ended(&w, CALL_ANSWERED, "-");
	assert_int_equal(w.status, 201);
	assert_string_equal(w.body.data, "GET type=- accept=*/* agent=" AGENT " expect=- ");
	call(&w, "/echo", "{\"a\":1}", 1000);
	assert_string_equal(w.body.data,
		"POST type=application/json accept=*/* agent=" AGENT " expect=- {\"a\":1}");
	call(&w, "/echo", "", 1000);
	assert_true(str_starts(w.body.data, "POST type=application/json"));
	call(&w, "/none", NULL, 1000);
	ended(&w, CALL_ANSWERED, "-");
	assert_int_equal(w.status, 404);
	teardown(&w);
}

static void call_how(struct world *w, const char *method, const char *path, const char *body)
{
	AUTO(xfree_p) char *url = xasprintf("http://127.0.0.1:%d%s", w->port, path);
	struct slice b = { body, body ? strlen(body) : 0 };
	struct call_how how = { .method = method, .fresh = true };

	w->want = w->done + 1;
	w->call = client_call_how(w->c, &how, url, body ? &b : NULL, LOOP_MS(2000), on_done, w);
	run(w);
}

static void test_other_methods(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	call_how(&w, "POST", "/echo", NULL);
	assert_string_equal(w.body.data, "POST type=- accept=*/* agent=" AGENT " expect=- ");
	call_how(&w, "DELETE", "/echo", NULL);
	assert_string_equal(w.body.data, "DELETE type=- accept=*/* agent=" AGENT " expect=- ");
	call_how(&w, "POST", "/echo", "{}");
	assert_string_equal(w.body.data, "POST type=application/json accept=*/* agent=" AGENT " expect=- {}");
	teardown(&w);
}

static void test_environment_proxy_is_ignored(void **state)
{
	struct world w;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setup(&w);
	call(&w, "/echo", NULL, 1000);
	ended(&w, CALL_ANSWERED, "-");
	teardown(&w);
	unsetenv("http_proxy");
}

static void next_of_many(void *ctx, const struct call_result *res);

static void start_one_of_many(struct world *w)
{
	AUTO(xfree_p) char *url = xasprintf("http://127.0.0.1:%d/echo", w->port);
	AUTO(xfree_p) char *text = xasprintf("%d", w->started++);
	struct slice b = { text, strlen(text) };

	client_call(w->c, url, &b, LOOP_MS(10000), next_of_many, w);
}

static void next_of_many(void *ctx, const struct call_result *res)
{
	struct world *w = ctx;

	assert_int_equal(res->end, CALL_ANSWERED);
	if (++w->done == w->want)
		loop_stop(w->l);
	else if (w->started < w->want)
		start_one_of_many(w); /* a call from inside a callback */
}

static size_t open_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 2000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_thousand_over_few_connections(void **state)
{
	struct world w;
	size_t before;

	(void)state;
	setup(&w);
	before = open_fds();
	w.want = 1000;
	for (int i = 0; i < 20; i++)
		start_one_of_many(&w);
	run(&w);
	assert_int_equal(w.handled, 1000);
	/* Both ends of each connection are ours. */
	assert_true(open_fds() - before <= 2 * 20);
	assert_true(open_fds() - before >= 2);
	teardown(&w);
}

static void test_refused(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	server_free(&w.s);
	call(&w, "/echo", "x", 1000);
	ended(&w, CALL_NOT_SENT, "Connection refused: /127.0.0.1:%d");
	teardown(&w);
}

static void test_connect_times_out(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct world w;
	int fds[4];

	(void)state;
	setup(&w);
	/* A full accept queue: the kernel lets further connects wait. */
	w.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w.listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(w.listen_fd, 0), 0);
	assert_int_equal(getsockname(w.listen_fd, (struct sockaddr *)&at, &len), 0);
	w.port = ntohs(at.sin_port);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&at, sizeof(at));
	}
	call(&w, "/echo", "x", 300);
	ended(&w, CALL_NOT_SENT, "Connection timed out: /127.0.0.1:%d");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	teardown(&w);
}

static void test_bad_urls(void **state)
{
	const char *const urls[] = { "ftp://127.0.0.1/", "http://", "http://a b/", "http://u@h/",
		"http://h:99999/", "/path", "file:///etc/passwd" };
	struct world w;

	(void)state;
	setup(&w);
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		AUTO(xfree_p) char *want = xasprintf("not an http URL: '%s'", urls[i]);

		w.want = w.done + 1;
		client_call(w.c, urls[i], NULL, LOOP_MS(1000), on_done, &w);
		run(&w);
		assert_int_equal(w.end, CALL_NOT_SENT);
		assert_string_equal(w.text.data, want);
	}
	teardown(&w);
}

static void test_deadline_and_gone(void **state)
{
	struct world w;
	int64_t from;

	(void)state;
	setup(&w);
	from = loop_now(w.l);
	call(&w, "/keep", "x", 200);
	ended(&w, CALL_MAYBE_DELIVERED, "Request timed out to /127.0.0.1:%d of 200 ms");
	assert_true(loop_now(w.l) - from >= LOOP_MS(195));
	assert_int_equal(w.handled, 1);
	run(&w); /* the server's side notices */
	assert_int_equal(w.gone, 1);
	teardown(&w);
}

static void test_cancel(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	start(&w, "/echo", "x", 1000);
	call_cancel(&w.call);
	assert_null(w.call);
	call(&w, "/echo", "y", 1000);
	assert_int_equal(w.done, 1);
	w.want = 0;
	start(&w, "/keep", "x", 10000);
	client_call(w.c, "nonsense", NULL, LOOP_MS(1000), on_done, &w); /* finished, not yet told */
	teardown(&w);
	assert_int_equal(w.done, 1);
}

static void test_free_in_callback(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	w.free_in_done = true;
	w.want = 1;
	for (int i = 0; i < 5; i++)
		client_call(w.c, "nonsense", NULL, LOOP_MS(1000), on_done, &w);
	run(&w);
	assert_null(w.c);
	assert_int_equal(w.done, 1);
	teardown(&w);
}

static void test_answer_too_large(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	call(&w, "/huge", NULL, 10000);
	ended(&w, CALL_MAYBE_DELIVERED, "answer of /127.0.0.1:%d is larger than 8388608 bytes");
	teardown(&w);
}

/* A peer that answers `raw_answer` to the first request on its connection, then reads the second
 * one and dies, listener and all: curl tries again by itself and is refused. */
static void on_raw(void *ctx)
{
	struct world *w = ctx;
	char bytes[4096];
	ssize_t n;

	if (w->fd < 0)
		w->fd = accept4(w->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	n = w->fd >= 0 ? recv(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT) : -1;
	if (n > 0 && w->raw_answer && w->raw_calls++ == 0) {
		assert_int_equal(send(w->fd, w->raw_answer, strlen(w->raw_answer), MSG_NOSIGNAL),
			strlen(w->raw_answer));
	} else if (n > 0) {
		close(w->listen_fd);
		close(w->fd);
		w->listen_fd = w->fd = -1;
		return;
	}
	loop_timer_start(w->l, &w->raw_timer, LOOP_MS(1));
}

static void raw_listen(struct world *w, const char *answer)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	w->raw_answer = answer;
	w->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(w->listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(w->listen_fd, 5), 0);
	assert_int_equal(getsockname(w->listen_fd, (struct sockaddr *)&at, &len), 0);
	w->port = ntohs(at.sin_port);
	w->raw_timer = (struct loop_timer){ .fn = on_raw, .ctx = w };
	loop_timer_start(w->l, &w->raw_timer, 0);
}

static void test_peer_dies_after_reading(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	raw_listen(&w, NULL); /* dies at the first */
	call(&w, "/x", "important", 2000);
	ended(&w, CALL_MAYBE_DELIVERED, "Remotely closed: /127.0.0.1:%d");
	teardown(&w);
}

static void test_peer_dies_on_a_kept_connection(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	raw_listen(&w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	call(&w, "/x", "first", 2000);
	ended(&w, CALL_ANSWERED, "-");
	assert_string_equal(w.body.data, "ok");
	/* Delivered once, then refused: not "not sent". */
	call(&w, "/x", "important", 2000);
	ended(&w, CALL_MAYBE_DELIVERED, "Connection refused: /127.0.0.1:%d");
	teardown(&w);
}

static void test_answer_cut_short(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	raw_listen(&w, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok");
	call(&w, "/x", "first", 300);
	ended(&w, CALL_MAYBE_DELIVERED, "Request timed out to /127.0.0.1:%d of 300 ms");
	teardown(&w);
}

static void test_redirect_is_an_answer(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	raw_listen(&w, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
		       "Content-Length: 0\r\n\r\n");
	call(&w, "/x", "first", 2000);
	ended(&w, CALL_ANSWERED, "-");
	assert_int_equal(w.status, 302);
	teardown(&w);
}

static void test_idle_client_costs_nothing(void **state)
{
	struct world w;
	struct rusage a, b;
	int64_t us;

	(void)state;
	setup(&w);
	call(&w, "/echo", "x", 1000);
	getrusage(RUSAGE_SELF, &a);
	call(&w, "/keep", "x", 500); /* one call waits, one connection is kept */
	getrusage(RUSAGE_SELF, &b);
	us = (b.ru_utime.tv_sec - a.ru_utime.tv_sec + b.ru_stime.tv_sec - a.ru_stime.tv_sec) *
		     1000000 +
	     b.ru_utime.tv_usec - a.ru_utime.tv_usec + b.ru_stime.tv_usec - a.ru_stime.tv_usec;
	assert_true(us < 150000);
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_and_post),
		cmocka_unit_test(test_other_methods),
		cmocka_unit_test(test_environment_proxy_is_ignored),
		cmocka_unit_test(test_thousand_over_few_connections),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_connect_times_out),
		cmocka_unit_test(test_bad_urls),
		cmocka_unit_test(test_deadline_and_gone),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_free_in_callback),
		cmocka_unit_test(test_answer_too_large),
		cmocka_unit_test(test_peer_dies_after_reading),
		cmocka_unit_test(test_peer_dies_on_a_kept_connection),
		cmocka_unit_test(test_answer_cut_short),
		cmocka_unit_test(test_redirect_is_an_answer),
		cmocka_unit_test(test_idle_client_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
