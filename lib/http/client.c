/*
 * client.c - from the header to the maker of this client; URLs and texts of both
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/client.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/http/client_internal.h"

void client_free(struct client **c_take)
{
	struct client *c = STEAL(*c_take);

	if (c)
		c->ops->free(c);
}

struct call *client_call(struct client *c, const char *url, const struct slice *body,
	int64_t deadline_us, call_fn *done, void *ctx)
{
	return client_call_how(c, &(struct call_how){ 0 }, url, body, deadline_us, done, ctx);
}

struct call *client_call_how(struct client *c, const struct call_how *how, const char *url,
	const struct slice *body, int64_t deadline_us, call_fn *done, void *ctx)
{
	struct call_how full = *how;

	ASSERT(deadline_us > 0);
	if (!full.method)
		full.method = body ? "POST" : "GET";
	return c->ops->call(c, &full, url, body, deadline_us, done, ctx);
}

void call_cancel(struct call **call_take)
{
	struct call *call = STEAL(*call_take);

	if (call)
		call->client->ops->cancel(call);
}

static bool url_is_clean(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return false;
	return true;
}

bool client_url_split(const char *url, struct buf *host_port, const char **target)
{
	bool tls = str_starts(url, "https://");
	const char *host = url + (tls ? 8 : 7), *colon;
	size_t n, start = host_port->len;
	int64_t port;

	if ((!tls && !str_starts(url, "http://")) || !url_is_clean(url))
		return false;
	n = strcspn(host, "/?#");
	if (n == 0 || memchr(host, '@', n) || host[n] == '#')
		return false;
	buf_append(host_port, host, n);
	colon = strrchr(host_port->data + start, ':');
	if (!colon || strchr(colon, ']')) {
		buf_str(host_port, tls ? ":443" : ":80");
	} else if (colon == host_port->data + start || !str_to_i64(colon + 1, 1, 65535, &port)) {
		buf_truncate(host_port, start);
		return false;
	}
	*target = host[n] ? host + n : "/";
	return true;
}

void client_text_refused(struct buf *text, const char *host_port)
{
	buf_printf(text, "Connection refused: /%s", host_port);
}

void client_text_timeout(struct buf *text, const char *host_port, int64_t deadline_us)
{
	buf_printf(text, "Request timed out to /%s of %" PRId64 " ms", host_port, deadline_us / 1000);
}

void client_text_closed(struct buf *text, const char *host_port)
{
	buf_printf(text, "Remotely closed: /%s", host_port);
}

void client_text_bad_url(struct buf *text, const char *url)
{
	buf_str(text, "not an http URL: '");
	str_escape(text, url, strlen(url), 200);
	buf_char(text, '\'');
}

void client_text_too_large(struct buf *text, const char *host_port)
{
	buf_printf(text, "answer of /%s is larger than %zu bytes", host_port, CLIENT_ANSWER_MAX);
}
