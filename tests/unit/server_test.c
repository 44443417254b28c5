/*
 * server_test.c - the listener against raw sockets: limits, slow clients, late answers, drain
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/http/server.h"

#define KEPT_MAX 512

struct world {
	struct loop *l;
	struct server *s;
	struct router *r;
	struct http_request *kept[KEPT_MAX];
	size_t n_kept;
	int handled, gone, unrefs, drained;
	bool answer_on_gone;
	struct loop_timer reply_timer;
	/* waiting */
	struct loop_timer tick, limit;
	bool (*until)(struct world *w);
	bool timed_out;
	/* the raw client */
	int fd;
	const char *piece;
	struct buf in;
	bool closed;
};

static void get(struct http_request *rq, void *app)
{
	struct world *w = app;
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *id = http_param(rq, "id"), *q = http_query(rq, "q");

	w->handled++;
	assert_string_equal(http_peer(rq), "127.0.0.1");
	buf_printf(&b, "id=%s q=%s", id, q ? q : "-");
	http_reply_header(rq, "X-Answer", "yes");
	http_reply(&rq, 200, "application/json", &b);
}

static void post(struct http_request *rq, void *app)
{
	struct world *w = app;
	AUTO(buf_release) struct buf b = BUF_INIT;

	w->handled++;
	buf_append(&b, http_body(rq).p, http_body(rq).n);
	http_reply(&rq, 200, "application/json", &b);
}

static void reply_all(void *ctx)
{
	struct world *w = ctx;

	while (w->n_kept > 0) {
		AUTO(buf_release) struct buf b = BUF_INIT;

		buf_str(&b, "late");
		http_reply(&w->kept[--w->n_kept], 200, "text/plain", &b);
	}
}

static void on_gone(void *ctx)
{
	struct world *w = ctx;

	w->gone++;
	if (w->answer_on_gone)
		reply_all(w);
}

static void keep(struct http_request *rq, void *app)
{
	struct world *w = app;

	assert_true(w->n_kept < KEPT_MAX);
	w->handled++;
	http_on_gone(rq, on_gone, w);
	w->kept[w->n_kept++] = rq;
}

static void on_unref(void *owner)
{
	((struct world *)owner)->unrefs++;
}

static void shared(struct http_request *rq, void *app)
{
	http_reply_shared(&rq, 200, "text/plain", "shared bytes", 12, on_unref, app);
}

static void big(struct http_request *rq, void *app)
{
	static const char zeros[16 * 1024 * 1024];

	http_reply_shared(&rq, 200, "text/plain", zeros, sizeof(zeros), on_unref, app);
}

static void no_content(struct http_request *rq, void *app)
{
	(void)app;
	http_reply(&rq, 204, NULL, NULL);
}

/* clang-format off */
static const struct route routes[] = {
	{ "GET",  "/get/{id}", get,        ROLE_OPEN, 0,     "" },
	{ "POST", "/post",     post,       ROLE_OPEN, 50000, "" },
	{ "GET",  "/keep",     keep,       ROLE_OPEN, 0,     "" },
	{ "GET",  "/shared",   shared,     ROLE_OPEN, 0,     "" },
	{ "GET",  "/big",      big,        ROLE_OPEN, 0,     "" },
	{ "GET",  "/nothing",  no_content, ROLE_OPEN, 0,     "" },
};
/* clang-format on */

static void on_tick(void *ctx)
{
	struct world *w = ctx;
	char bytes[65536];
	ssize_t n = -1;

	while (w->fd >= 0 && (n = recv(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buf_append(&w->in, bytes, (size_t)n);
	if (w->fd >= 0 && (n == 0 || errno == ECONNRESET))
		w->closed = true;
	if (w->until(w))
		loop_stop(w->l);
	else
		loop_timer_start(w->l, &w->tick, LOOP_MS(1));
}

static void on_limit(void *ctx)
{
	struct world *w = ctx;

	w->timed_out = true;
	loop_stop(w->l);
}

static void run_until(struct world *w, bool (*until)(struct world *w))
{
	w->until = until;
	w->timed_out = false;
	w->tick = (struct loop_timer){ .fn = on_tick, .ctx = w };
	w->limit = (struct loop_timer){ .fn = on_limit, .ctx = w };
	loop_timer_start(w->l, &w->tick, 0);
	loop_timer_start(w->l, &w->limit, LOOP_MS(20000));
	loop_run(w->l);
	loop_timer_stop(w->l, &w->tick);
	loop_timer_stop(w->l, &w->limit);
	assert_false(w->timed_out);
}

static void setup(struct world *w, int64_t idle_ms, int64_t request_ms)
{
	struct router_options ro = { .context_path = "/v2", .routes = routes,
		.n_routes = ARRAY_LEN(routes), .app = w };
	struct server_options so = { .bind_host = "127.0.0.1", .idle_timeout_ms = idle_ms,
		.request_timeout_ms = request_ms };
	struct error err = ERROR_INIT;

	memset(w, 0, sizeof(*w));
	w->fd = -1;
	w->l = loop_new();
	w->r = router_new(&ro);
	w->reply_timer = (struct loop_timer){ .fn = reply_all, .ctx = w };
	assert_int_equal(server_new(w->l, &so, w->r, &w->s, &err), 0);
	assert_true(server_port(w->s) > 0);
}

static void hang_up(struct world *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->closed = false;
	buf_clear(&w->in);
}

static void teardown(struct world *w)
{
	hang_up(w);
	server_free(&w->s);
	reply_all(w); /* forgotten by the server: dropped */
	router_free(&w->r);
	loop_timer_stop(w->l, &w->reply_timer);
	loop_free(&w->l);
	buf_release(&w->in);
}

static int dial(struct world *w)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(w->s)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void send_bytes(struct world *w, const char *p, size_t n)
{
	if (w->fd < 0)
		w->fd = dial(w);
	assert_int_equal(send(w->fd, p, n, MSG_NOSIGNAL), n);
}

static void send_text(struct world *w, const char *text)
{
	send_bytes(w, text, strlen(text));
}

/* A whole answer: head, and as many bytes as it announces (none: up to the close). */
static bool got_answer(struct world *w)
{
	const char *head_end = w->in.len ? strstr(w->in.data, "\r\n\r\n") : NULL;
	const char *length = w->in.len ? strcasestr(w->in.data, "\r\nContent-Length: ") : NULL;

	if (!head_end)
		return false;
	if (!length || length > head_end)
		return true;
	return w->in.len >= (size_t)(head_end + 4 - w->in.data) + strtoul(length + 18, NULL, 10);
}

static bool got_close(struct world *w)
{
	return w->closed;
}

static bool got_204(struct world *w)
{
	const char *at = w->in.len ? strstr(w->in.data, "HTTP/1.1 204 ") : NULL;

	return at && strstr(at, "\r\n\r\n");
}

static bool got_unref(struct world *w)
{
	return w->unrefs > 0;
}

static bool got_300(struct world *w)
{
	return w->n_kept == 300;
}

static bool got_1(struct world *w)
{
	return w->handled == 1;
}

static bool got_kept(struct world *w)
{
	return w->n_kept > 0;
}

static bool got_gone(struct world *w)
{
	return w->gone == 1;
}

static bool got_gone_twice(struct world *w)
{
	return w->gone == 2;
}

static bool got_drained(struct world *w)
{
	return w->drained == 1;
}

static const char *body(struct world *w)
{
	return strstr(w->in.data, "\r\n\r\n") + 4;
}

static void answered(struct world *w, int status, const char *want)
{
	AUTO(xfree_p) char *line = xasprintf("HTTP/1.1 %d ", status);

	run_until(w, got_answer);
	if (!str_starts(w->in.data, line))
		print_message("got: %s\n", w->in.data);
	assert_true(str_starts(w->in.data, line));
	if (want)
		assert_string_equal(body(w), want);
}

#define HOST "Host: x\r\n"

static void test_get_and_keep_alive(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 0, 0);
	for (int i = 0; i < 3; i++) {
		send_text(&w, "GET /v2/get/a%2Fb?q=%20c HTTP/1.1\r\n" HOST "\r\n");
		answered(&w, 200, "id=a/b q= c");
		assert_non_null(strstr(w.in.data, "Content-Type: application/json\r\n"));
		assert_non_null(strstr(w.in.data, "X-Answer: yes\r\n"));
		assert_non_null(strstr(w.in.data, "Date: "));
		buf_clear(&w.in);
	}
	send_text(&w, "HEAD /v2/get/a HTTP/1.1\r\n" HOST "\r\n"
		      "GET /v2/nothing HTTP/1.1\r\n" HOST "\r\n");
	run_until(&w, got_204);
	assert_true(str_starts(w.in.data, "HTTP/1.1 200 "));
	assert_non_null(strstr(w.in.data, "Content-Length: 8\r\n"));
	assert_true(str_starts(body(&w), "HTTP/1.1 204 ")); /* no body before it */
	assert_null(strstr(body(&w), "Content-"));
	assert_int_equal(w.handled, 4);
	teardown(&w);
}

static void test_pipelined(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 0, 0);
	send_text(&w, "POST /v2/post HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
		      "GET /v2/nothing HTTP/1.1\r\n" HOST "\r\n");
	run_until(&w, got_204);
	assert_true(str_starts(body(&w), "abHTTP/1.1 204 "));
	teardown(&w);
}

static void test_shared_bytes(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 0, 0);
	send_text(&w, "GET /v2/shared HTTP/1.1\r\n" HOST "\r\n");
	answered(&w, 200, "shared bytes");
	run_until(&w, got_unref);
	teardown(&w);
	assert_int_equal(w.unrefs, 1);
}

static void refused(const char *request, size_t n, int status)
{
	struct world w;
	AUTO(xfree_p) char *want = xasprintf("{\"code\":%d,\"message\":\"", status);

	setup(&w, 0, 0);
	send_bytes(&w, request, n);
	answered(&w, status, NULL);
	assert_true(str_starts(body(&w), want));
	assert_int_equal(w.handled, 0);
	teardown(&w);
}

#define REFUSED(text, status) refused((text), sizeof(text) - 1, (status))

static void test_refusals(void **state)
{
	AUTO(buf_release) struct buf big = BUF_INIT;

	(void)state;
	REFUSED("GET /v2/none HTTP/1.1\r\n" HOST "\r\n", 404);
	REFUSED("PUT /v2/post HTTP/1.1\r\n" HOST "\r\n", 405);
	REFUSED("GET /v2/get/%00 HTTP/1.1\r\n" HOST "\r\n", 400);
	REFUSED("GET /v2/get/%zz HTTP/1.1\r\n" HOST "\r\n", 400);
	REFUSED("GET /v2/get/a\0b HTTP/1.1\r\n" HOST "\r\n", 400);
	REFUSED("GET /v2/get/a HTTP/1.1\r\n\r\n", 400);
	REFUSED("GET /v2/get/a HTTP/1.1\r\n" HOST HOST "\r\n", 400);
	REFUSED("POST /v2/post HTTP/1.1\r\n" HOST
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
	REFUSED("POST /v2/post HTTP/1.1\r\n" HOST
		"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400);
	buf_str(&big, "GET /v2/get/");
	for (int i = 0; i < 9000; i++)
		buf_char(&big, 'u');
	buf_str(&big, " HTTP/1.1\r\n" HOST "\r\n");
	refused(big.data, big.len, 414);
	buf_clear(&big);
	buf_str(&big, "GET /v2/get/a HTTP/1.1\r\n" HOST);
	for (int i = 0; i < 20; i++)
		buf_printf(&big, "X-%d: %0900d\r\n", i, i);
	buf_str(&big, "\r\n");
	refused(big.data, big.len, 431);
}

static void post_body(struct world *w, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	buf_printf(&b, "POST /v2/post HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", n);
	for (size_t i = 0; i < n; i++)
		buf_char(&b, (char)('a' + i % 26));
	send_bytes(w, b.data, b.len);
}

static void test_bodies_and_413(void **state)
{
	const char *too_large =
		"{\"code\":413,\"message\":\"request body is larger than 50000 bytes\"}";
	struct world w;

	(void)state;
	setup(&w, 0, 0);
	post_body(&w, 50000);
	answered(&w, 200, NULL);
	assert_int_equal(strlen(body(&w)), 50000);
	assert_true(str_starts(body(&w), "abcdefghijklmnopqrstuvwxyzab"));
	buf_clear(&w.in);
	post_body(&w, 50001); /* read to its end, then refused; the connection stays */
	answered(&w, 413, too_large);
	buf_clear(&w.in);
	send_text(&w, "POST /v2/post HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
		      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	answered(&w, 200, "abcde");
	buf_clear(&w.in);
	send_text(&w, "POST /v2/post HTTP/1.1\r\n" HOST "Content-Length: 9999999999\r\n\r\nx");
	answered(&w, 413, too_large); /* hopeless: at once, and cut */
	run_until(&w, got_close);
	hang_up(&w);
	send_text(&w, "POST /v2/post HTTP/1.1\r\n" HOST
		      "Expect: 100-continue\r\nContent-Length: 60000\r\n\r\n");
	answered(&w, 413, too_large);
	assert_int_equal(w.handled, 2);
	teardown(&w);
}

static void test_chunked_too_large(void **state)
{
	struct world w;
	AUTO(buf_release) struct buf chunk = BUF_INIT;

	(void)state;
	setup(&w, 0, 0);
	send_text(&w, "POST /v2/post HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	buf_str(&chunk, "2710\r\n");
	for (int i = 0; i < 10000; i++)
		buf_char(&chunk, 'x');
	buf_str(&chunk, "\r\n");
	for (int i = 0; i < 6; i++)
		send_bytes(&w, chunk.data, chunk.len);
	send_text(&w, "0\r\n\r\n");
	answered(&w, 413, NULL);
	teardown(&w);
}

static void test_late_reply(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 0, 0);
	for (int i = 0; i < 3; i++) {
		send_text(&w, "GET /v2/keep HTTP/1.1\r\n" HOST "\r\n");
		loop_timer_start(w.l, &w.reply_timer, LOOP_MS(20));
		answered(&w, 200, "late");
		buf_clear(&w.in);
	}
	teardown(&w);
}

static int64_t cpu_us(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000 + ru.ru_utime.tv_usec +
	       ru.ru_stime.tv_usec;
}

static void test_many_held_cost_nothing_and_are_released_at_once(void **state)
{
	struct world w;
	int fds[300];
	int64_t cpu, start;

	(void)state;
	setup(&w, 0, 0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial(&w);
		assert_true(send(fds[i], "GET /v2/keep HTTP/1.1\r\n" HOST "\r\n", 34, 0) == 34);
	}
	run_until(&w, got_300);
	cpu = cpu_us();
	loop_timer_start(w.l, &w.reply_timer, LOOP_MS(400));
	start = loop_now(w.l);
	w.fd = fds[0];
	answered(&w, 200, "late");
	assert_true(loop_now(w.l) - start >= LOOP_MS(400));
	assert_true(cpu_us() - cpu < LOOP_MS(300)); /* held requests do not spin the loop */
	for (size_t i = 1; i < ARRAY_LEN(fds); i++) {
		w.fd = fds[i];
		buf_clear(&w.in);
		answered(&w, 200, "late");
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	w.fd = -1;
	teardown(&w);
}

static void test_client_gone(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 0, 0);
	w.answer_on_gone = true;
	send_text(&w, "GET /v2/keep HTTP/1.1\r\n" HOST "\r\n");
	run_until(&w, got_1);
	hang_up(&w);
	run_until(&w, got_gone);
	assert_int_equal(w.n_kept, 0);
	send_text(&w, "GET /v2/nothing HTTP/1.1\r\n" HOST "\r\n");
	answered(&w, 204, NULL);
	hang_up(&w);
	w.answer_on_gone = false; /* told once, answered much later */
	send_text(&w, "GET /v2/keep HTTP/1.1\r\n" HOST "\r\n");
	run_until(&w, got_kept);
	hang_up(&w);
	run_until(&w, got_gone_twice);
	reply_all(&w);
	send_text(&w, "GET /v2/nothing HTTP/1.1\r\n" HOST "\r\n");
	answered(&w, 204, NULL);
	assert_int_equal(w.gone, 2);
	teardown(&w);
}

/* A piece every few ms: never idle, never ready. */
static void on_drip(void *ctx)
{
	struct world *w = ctx;

	if (w->fd >= 0)
		(void)send(w->fd, w->piece, strlen(w->piece), MSG_NOSIGNAL);
	loop_timer_start(w->l, &w->reply_timer, LOOP_MS(20));
}

static void drip(const char *first, const char *piece)
{
	struct world w;
	int64_t start;

	setup(&w, 100, 300);
	w.piece = piece;
	w.reply_timer = (struct loop_timer){ .fn = on_drip, .ctx = &w };
	start = loop_now(w.l);
	send_text(&w, first);
	loop_timer_start(w.l, &w.reply_timer, LOOP_MS(20));
	run_until(&w, got_close);
	assert_true(loop_now(w.l) - start >= LOOP_MS(290));
	assert_true(loop_now(w.l) - start < LOOP_MS(5000));
	assert_int_equal(w.in.len, 0);
	assert_int_equal(w.handled, 0);
	teardown(&w);
}

static void test_slow_clients_are_cut(void **state)
{
	(void)state;
	drip("GET /v2/get/a HTTP/1.1\r\n", "X: y\r\n");
	drip("GET /v2/get/", "z");
	drip("POST /v2/post HTTP/1.1\r\n" HOST "Content-Length: 49000\r\n\r\n", "z");
}

static void test_idle_is_closed(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1000, 30000);
	send_text(&w, "GET /v2/nothing HTTP/1.1\r\n" HOST "\r\n");
	answered(&w, 204, NULL);
	run_until(&w, got_close);
	teardown(&w);
}

static void test_stalled_reader_is_cut(void **state)
{
	struct world w;
	int fd;

	(void)state;
	setup(&w, 1000, 30000);
	send_text(&w, "GET /v2/big HTTP/1.1\r\n" HOST "\r\n");
	fd = w.fd;
	w.fd = -1; /* nobody reads */
	run_until(&w, got_unref);
	w.fd = fd;
	run_until(&w, got_close);
	assert_true(w.in.len < 16 * 1024 * 1024);
	teardown(&w);
}

static void on_drained(void *ctx)
{
	((struct world *)ctx)->drained++;
}

static void test_drain(void **state)
{
	struct world w;
	int busy, idle;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	setup(&w, 0, 1000);
	send_text(&w, "GET /v2/nothing HTTP/1.1\r\n" HOST "\r\n");
	answered(&w, 204, NULL);
	idle = w.fd;
	w.fd = -1;
	hang_up(&w);
	send_text(&w, "GET /v2/keep HTTP/1.1\r\n" HOST "\r\n");
	run_until(&w, got_1);
	server_drain(w.s, on_drained, &w);
	assert_int_equal(w.drained, 0);
	busy = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	to.sin_port = htons((uint16_t)server_port(w.s));
	assert_int_equal(connect(busy, (struct sockaddr *)&to, sizeof(to)), -1);
	close(busy);
	busy = w.fd;
	w.fd = idle;
	run_until(&w, got_close); /* the idle one */
	close(idle);
	w.fd = busy;
	w.closed = false;
	assert_int_equal(w.drained, 0);
	reply_all(&w);
	answered(&w, 200, "late");
	assert_non_null(strcasestr(w.in.data, "Connection: close"));
	run_until(&w, got_drained);
	teardown(&w);
	assert_int_equal(w.drained, 1);
}

static void test_free_with_requests_open(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 0, 0);
	send_text(&w, "GET /v2/keep HTTP/1.1\r\n" HOST "\r\n");
	run_until(&w, got_1);
	server_free(&w.s);
	run_until(&w, got_close);
	assert_true(str_starts(w.in.data, "HTTP/1.1 503 "));
	assert_string_equal(body(&w), "{\"code\":503,\"message\":\"HTTP 503 Service Unavailable\"}");
	assert_int_equal(w.gone, 0);
	assert_int_equal(w.n_kept, 1);
	teardown(&w); /* replies to the forgotten one */
}

static void test_port_taken(void **state)
{
	struct world w;
	struct server *other = NULL;
	struct error err = ERROR_INIT;
	struct server_options so = { .bind_host = "127.0.0.1" };

	(void)state;
	setup(&w, 0, 0);
	so.port = server_port(w.s);
	assert_int_equal(server_new(w.l, &so, w.r, &other, &err), ERR_SYSTEM);
	assert_null(other);
	assert_non_null(strstr(err.text, "listen on '127.0.0.1' port "));
	so = (struct server_options){ .bind_host = "999.1.1.1" };
	assert_int_equal(server_new(w.l, &so, w.r, &other, &err), ERR_INVALID);
	so = (struct server_options){ .bind_host = NULL };
	assert_int_equal(server_new(w.l, &so, w.r, &other, &err), 0);
	server_free(&other);
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_and_keep_alive),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_shared_bytes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bodies_and_413),
		cmocka_unit_test(test_chunked_too_large),
		cmocka_unit_test(test_late_reply),
		cmocka_unit_test(test_many_held_cost_nothing_and_are_released_at_once),
		cmocka_unit_test(test_client_gone),
		cmocka_unit_test(test_slow_clients_are_cut),
		cmocka_unit_test(test_idle_is_closed),
		cmocka_unit_test(test_stalled_reader_is_cut),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_free_with_requests_open),
		cmocka_unit_test(test_port_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
