/*
 * cors.h - headers that let web pages of other origins call us (enableCorsFilter)
 *
 * As Jetty's filter with its defaults, which Baragon uses: any origin is echoed. Beyond that PUT, DELETE, `Authorization` and
 * `If-None-Match` pass a preflight, as Baragon's own web page on another host needs DELETE. A preflight for anything else
 * gets no such headers, which is a refusal; the request itself goes on to the routes in every case.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_CORS_H
#define LIB_HTTP_CORS_H

#include "lib/http/http.h"

/* Before it is answered: adds to the headers of the answer. */
void cors_add(struct http_request *rq);

#endif
