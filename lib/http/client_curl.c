/*
 * client_curl.c - calls over libcurl's multi_socket interface
 *
 * curl's sockets live in an epoll instance of our own, so that the loop sees one fd that never
 * changes.  After each drive of curl the finished calls are harvested first and called back then:
 * no user code ever runs inside curl.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/http/client_internal.h"

#define CONNECT_MAX_MS 5000
#define KEPT_CONNECTIONS 2000L /* >= agents; curl's own default evicts at every round */
#define KEPT_IDLE_S 25L        /* less than servers wait, or a call meets a closing connection */
#define SPARE_HANDLES 256
#define EVENTS_PER_WAIT 64

struct curl_call {
	struct call base;
	struct curl_client *client;
	CURL *easy; /* NULL: a bad URL */
	char *url;
	struct buf host_port, body, answer;
	int64_t deadline_us;
	bool too_large;
	CURLcode code; /* once finished */
	char said[CURL_ERROR_SIZE]; /* by curl, about a failure */
	call_fn *done;
	void *ctx;
	struct curl_call *prev, *next;
};

struct curl_client {
	struct client base;
	struct loop *l;
	CURLM *multi;
	int epfd;
	struct loop_source source;
	int64_t deadline; /* absolute; INT64_MAX: curl waits for nothing */
	struct curl_slist *headers_post, *headers_empty;
	char *ca, *certificate, *key; /* PEM, or NULL */
	CURL *spare[SPARE_HANDLES];
	size_t n_spare;
	struct curl_call *running, *finished;
	bool *freed; /* set by client_free() during the call-backs */
};

/* An option that this curl does not know is a packaging error. */
#define SET(easy, opt, value) check_easy(curl_easy_setopt((easy), (opt), (value)))
#define SET_MULTI(multi, opt, value) check_multi(curl_multi_setopt((multi), (opt), (value)))

static void check_easy(CURLcode code)
{
	ASSERT(code == CURLE_OK);
}

static void check_multi(CURLMcode code)
{
	ASSERT(code == CURLM_OK);
}

static size_t on_bytes(char *p, size_t size, size_t n, void *ctx)
{
	struct curl_call *call = ctx;

	buf_append(&call->answer, p, size * n);
	if (!call->answer.overflow)
		return size * n;
	call->too_large = true;
	return 0; /* ends the call */
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct curl_client *c = ctx;
	struct epoll_event ev = { .data.fd = fd };

	(void)easy;
	(void)known;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(c->epfd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(c->epfd, EPOLL_CTL_MOD, fd, &ev) == 0)
		return 0;
	return errno == ENOENT && epoll_ctl(c->epfd, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : -1;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
	struct curl_client *c = ctx;

	(void)multi;
	c->deadline = ms < 0 ? INT64_MAX : loop_now(c->l) + LOOP_MS(ms);
	return 0;
}

static CURL *easy_get(struct curl_client *c)
{
	CURL *easy;

	if (c->n_spare > 0)
		return c->spare[--c->n_spare];
	easy = curl_easy_init();
	ASSERT(easy);
	return easy;
}

static void easy_put(struct curl_client *c, CURL *easy)
{
	if (c->n_spare == SPARE_HANDLES) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	c->spare[c->n_spare++] = easy;
}

static void call_free(struct curl_call *call)
{
	if (call->easy)
		easy_put(call->client, call->easy);
	free(call->url);
	buf_release(&call->host_port);
	buf_release(&call->body);
	buf_release(&call->answer);
	free(call);
}

/* curl compares the texts when it looks for a kept connection. */
static struct curl_blob pem_blob(char *pem)
{
	return (struct curl_blob){ .data = pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };
}

static void call_prepare_tls(const struct curl_client *c, CURL *easy)
{
	struct curl_blob ca, certificate, key;

	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (c->ca) {
		ca = pem_blob(c->ca);
		SET(easy, CURLOPT_CAINFO_BLOB, &ca);
		SET(easy, CURLOPT_CAPATH, NULL); /* else the machine's own were believed, too */
	}
	if (c->certificate) {
		certificate = pem_blob(c->certificate);
		key = pem_blob(c->key);
		SET(easy, CURLOPT_SSLCERT_BLOB, &certificate);
		SET(easy, CURLOPT_SSLKEY_BLOB, &key);
	}
}

static void call_prepare(struct curl_call *call, const struct call_how *how, bool has_body)
{
	struct curl_client *c = call->client;
	CURL *easy = call->easy;
	long ms = call->deadline_us > 1000 ? (long)(call->deadline_us / 1000) : 1;

	SET(easy, CURLOPT_PRIVATE, call);
	SET(easy, CURLOPT_URL, call->url);
	SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(easy, CURLOPT_PROXY, ""); /* not even what the environment says */
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_TIMEOUT_MS, ms);
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, ms < CONNECT_MAX_MS ? ms : CONNECT_MAX_MS);
	SET(easy, CURLOPT_MAXAGE_CONN, KEPT_IDLE_S);
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_USERAGENT, "Lockstep/" LOCKSTEP_VERSION);
	SET(easy, CURLOPT_WRITEFUNCTION, on_bytes);
	SET(easy, CURLOPT_WRITEDATA, call);
	SET(easy, CURLOPT_ERRORBUFFER, call->said);
	call_prepare_tls(c, easy);
	if (how->fresh) {
		SET(easy, CURLOPT_FRESH_CONNECT, 1L);
		SET(easy, CURLOPT_FORBID_REUSE, 1L);
	}
	if (has_body || strcmp(how->method, "POST") == 0) {
		SET(easy, CURLOPT_POST, 1L);
		SET(easy, CURLOPT_POSTFIELDS, buf_cstr(&call->body));
		SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
		SET(easy, CURLOPT_HTTPHEADER, has_body ? c->headers_post : c->headers_empty);
	} else if (strcmp(how->method, "GET") != 0) {
		SET(easy, CURLOPT_CUSTOMREQUEST, how->method);
	}
}

static struct call *curl_call_start(struct client *base, const struct call_how *how, const char *url,
	const struct slice *body, int64_t deadline_us, call_fn *done, void *ctx)
{
	struct curl_client *c = CONTAINER_OF(base, struct curl_client, base);
	struct curl_call *call = xcalloc(1, sizeof(*call));
	const char *target;

	call->base.client = base;
	call->client = c;
	call->url = xstrdup(url);
	call->deadline_us = deadline_us;
	call->answer.limit = CLIENT_ANSWER_MAX;
	call->done = done;
	call->ctx = ctx;
	if (body)
		buf_append(&call->body, body->p, body->n);
	if (client_url_split(url, &call->host_port, &target)) {
		call->easy = easy_get(c);
		call_prepare(call, how, body != NULL);
		DL_APPEND(c->running, call);
		check_multi(curl_multi_add_handle(c->multi, call->easy));
	} else {
		call->code = CURLE_URL_MALFORMAT;
		DL_APPEND(c->finished, call);
	}
	return &call->base;
}

static void call_take_out(struct curl_call *call, CURLcode code)
{
	struct curl_client *c = call->client;

	check_multi(curl_multi_remove_handle(c->multi, call->easy));
	DL_DELETE(c->running, call);
	DL_APPEND(c->finished, call);
	call->code = code;
}

static void curl_call_cancel(struct call *base)
{
	struct curl_call *call = CONTAINER_OF(base, struct curl_call, base);
	struct curl_call *x;

	DL_FOREACH(call->client->finished, x)
		if (x == call)
			break;
	if (!x)
		call_take_out(call, CURLE_ABORTED_BY_CALLBACK);
	DL_DELETE(call->client->finished, call);
	call_free(call);
}

/* Did anything of the request leave? Stays true when curl tried again on a second connection. */
static bool call_was_sent(const struct curl_call *call)
{
	long bytes = 0;

	if (call->easy)
		curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0;
}

static void connect_text(const struct curl_call *call, struct buf *text)
{
	long why = 0;

	curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &why);
	if (why == 0 || why == ECONNREFUSED)
		client_text_refused(text, call->host_port.data);
	else
		buf_printf(text, "%s: /%s", strerror((int)why), call->host_port.data);
}

static void failure_text(const struct curl_call *call, bool sent, struct buf *text)
{
	const char *host_port = buf_cstr(&call->host_port);

	if (call->code == CURLE_URL_MALFORMAT || call->code == CURLE_UNSUPPORTED_PROTOCOL)
		client_text_bad_url(text, call->url);
	else if (call->too_large)
		client_text_too_large(text, host_port);
	else if (strstr(call->said, "SSL") || strstr(call->said, "TLS"))
		buf_printf(text, "%s: /%s", call->said, host_port);
	else if (call->code == CURLE_COULDNT_CONNECT)
		connect_text(call, text);
	else if (call->code == CURLE_COULDNT_RESOLVE_HOST)
		buf_printf(text, "Unknown host: %s", host_port);
	else if (call->code == CURLE_OPERATION_TIMEDOUT && sent)
		client_text_timeout(text, host_port, call->deadline_us);
	else if (call->code == CURLE_OPERATION_TIMEDOUT)
		buf_printf(text, "Connection timed out: /%s", host_port);
	else if (call->code == CURLE_GOT_NOTHING || call->code == CURLE_RECV_ERROR ||
		call->code == CURLE_SEND_ERROR || call->code == CURLE_PARTIAL_FILE)
		client_text_closed(text, host_port);
	else
		buf_printf(text, "%s: /%s", curl_easy_strerror(call->code), host_port);
}

/* The call is off every list; its callback may do anything, also free the client. */
static void call_finish(struct curl_call *call)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(buf_release) struct buf answer = BUF_INIT;
	struct call_result res = { .end = CALL_ANSWERED };
	bool sent = call_was_sent(call);
	call_fn *done = call->done;
	void *ctx = call->ctx;
	long status = 0;

	if (call->code == CURLE_OK) {
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		answer = call->answer;
		call->answer = (struct buf)BUF_INIT;
		res.status = (int)status;
		res.body = buf_cstr(&answer);
		res.len = answer.len;
	} else {
		failure_text(call, sent, &text);
		res.end = sent ? CALL_MAYBE_DELIVERED : CALL_NOT_SENT;
		res.text = buf_cstr(&text);
	}
	call_free(call);
	done(ctx, &res);
}

static void drive(struct curl_client *c)
{
	struct epoll_event ev[EVENTS_PER_WAIT];
	int n, left;

	n = epoll_wait(c->epfd, ev, EVENTS_PER_WAIT, 0);
	for (int i = 0; i < n; i++) {
		int what = (ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			   (ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

		check_multi(curl_multi_socket_action(c->multi, ev[i].data.fd, what, &left));
	}
	if (c->deadline <= loop_now(c->l)) {
		c->deadline = INT64_MAX;
		check_multi(curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &left));
	}
}

static void harvest(struct curl_client *c)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(c->multi, &left)) != NULL) {
		CURLcode code = msg->data.result;
		char *call = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		check_easy(curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call));
		call_take_out((struct curl_call *)(void *)call, code); /* msg is gone now */
	}
}

static void on_run(void *ctx)
{
	struct curl_client *c = ctx;
	struct curl_call *call;
	bool freed = false;
	size_t n;

	drive(c);
	harvest(c);
	DL_COUNT(c->finished, call, n); /* what joins meanwhile is for a later turn */
	c->freed = &freed;
	for (; n > 0 && (call = c->finished) != NULL; n--) {
		DL_DELETE(c->finished, call);
		call_finish(call);
		if (freed)
			return;
	}
	c->freed = NULL;
}

static int64_t on_deadline(void *ctx)
{
	struct curl_client *c = ctx;

	return c->finished ? loop_now(c->l) : c->deadline;
}

static void curl_client_free(struct client *base)
{
	struct curl_client *c = CONTAINER_OF(base, struct curl_client, base);

	if (c->freed)
		*c->freed = true;
	while (c->running)
		curl_call_cancel(&c->running->base);
	while (c->finished)
		curl_call_cancel(&c->finished->base);
	while (c->n_spare > 0)
		curl_easy_cleanup(c->spare[--c->n_spare]);
	loop_remove_source(c->l, &c->source);
	curl_multi_cleanup(c->multi);
	curl_slist_free_all(c->headers_post);
	curl_slist_free_all(c->headers_empty);
	free(c->ca);
	free(c->certificate);
	free(c->key);
	close(c->epfd);
	free(c);
	curl_global_cleanup();
}

static const struct client_ops curl_ops = {
	.free = curl_client_free,
	.call = curl_call_start,
	.cancel = curl_call_cancel,
};

struct client *client_new(struct loop *l, const struct client_tls *tls)
{
	struct curl_client *c = xcalloc(1, sizeof(*c));

	check_easy(curl_global_init(CURL_GLOBAL_DEFAULT));
	c->base.ops = &curl_ops;
	c->l = l;
	if (tls && tls->ca)
		c->ca = xstrdup(tls->ca);
	if (tls && tls->certificate) {
		ASSERT(tls->key);
		c->certificate = xstrdup(tls->certificate);
		c->key = xstrdup(tls->key);
	}
	c->deadline = INT64_MAX;
	c->epfd = epoll_create1(EPOLL_CLOEXEC);
	c->multi = curl_multi_init();
	ASSERT(c->epfd >= 0 && c->multi);
	c->headers_post = curl_slist_append(NULL, "Content-Type: application/json");
	curl_slist_append(c->headers_post, "Expect:"); /* no round trip before the body */
	c->headers_empty = curl_slist_append(NULL, "Content-Type:"); /* curl would say it is a form */
	SET_MULTI(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	SET_MULTI(c->multi, CURLMOPT_SOCKETDATA, c);
	SET_MULTI(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	SET_MULTI(c->multi, CURLMOPT_TIMERDATA, c);
	SET_MULTI(c->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
	c->source = (struct loop_source){
		.fd = c->epfd, .deadline = on_deadline, .run = on_run, .ctx = c
	};
	loop_add_source(l, &c->source);
	return &c->base;
}
