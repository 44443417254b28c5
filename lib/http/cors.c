/*
 * cors.c - headers that let web pages of other origins call us
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/cors.h"

#include <string.h>
#include <strings.h>

#include "lib/base/str.h"

#define METHODS "GET,POST,PUT,DELETE,HEAD"
#define HEADERS "X-Requested-With,Content-Type,Accept,Origin,Authorization,If-None-Match"
#define PREFLIGHT_SECONDS "1800"

static bool listed(const char *list, const char *s, size_t n)
{
	while (*list) {
		size_t len = strcspn(list, ",");

		if (len == n && strncasecmp(list, s, n) == 0)
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

static bool all_listed(const char *list, const char *names)
{
	while (*names) {
		size_t n;

		names += strspn(names, ", \t");
		n = strcspn(names, ", \t");
		if (n > 0 && !listed(list, names, n))
			return false;
		names += n;
	}
	return true;
}

void cors_add(struct http_request *rq)
{
	const char *origin = http_header(rq, "Origin");
	const char *method = http_header(rq, "Access-Control-Request-Method");
	const char *names = http_header(rq, "Access-Control-Request-Headers");
	bool preflight = method && str_eq(http_method(rq), "OPTIONS");

	if (!origin)
		return;
	if (preflight && (!listed(METHODS, method, strlen(method)) || (names && !all_listed(HEADERS, names))))
		return;
	http_reply_header(rq, "Access-Control-Allow-Origin", origin);
	http_reply_header(rq, "Access-Control-Allow-Credentials", "true");
	if (preflight) {
		http_reply_header(rq, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
		http_reply_header(rq, "Access-Control-Allow-Methods", METHODS);
		http_reply_header(rq, "Access-Control-Allow-Headers", HEADERS);
	} else {
		http_reply_header(rq, "Vary", "Origin");
	}
}
