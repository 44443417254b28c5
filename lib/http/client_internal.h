/*
 * client_internal.h - what a maker of clients provides, and the texts both makers use
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_CLIENT_INTERNAL_H
#define LIB_HTTP_CLIENT_INTERNAL_H

#include "lib/base/buf.h"
#include "lib/http/client.h"

#define CLIENT_ANSWER_MAX ((size_t)8 * 1024 * 1024)

struct client_ops {
	void (*free)(struct client *c);
	struct call *(*call)(struct client *c, const struct call_how *how, const char *url,
		const struct slice *body, int64_t deadline_us, call_fn *done, void *ctx);
	void (*cancel)(struct call *call);
};

/* First members of each maker's objects. */
struct client {
	const struct client_ops *ops;
};
struct call {
	struct client *client;
};

/* "http://h:80/p?q" -> "h:80" and "/p?q"; the default port is filled in. False: not such a URL. */
bool client_url_split(const char *url, struct buf *host_port, const char **target);

/* As the Java services write them; users match on these. */
void client_text_refused(struct buf *text, const char *host_port);
void client_text_timeout(struct buf *text, const char *host_port, int64_t deadline_us);
void client_text_closed(struct buf *text, const char *host_port);
void client_text_bad_url(struct buf *text, const char *url);
void client_text_too_large(struct buf *text, const char *host_port);

#endif
