/*
 * api_absent.c - what is not there: load balancers of AWS, as Baragon answers without them, and web pages
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/api/job.h"

static void reply_text(struct http_request **rq, const char *text)
{
	AUTO(buf_release) struct buf body = BUF_INIT;

	buf_str(&body, text);
	http_reply(rq, 500, "text/plain", &body);
}

void api_absent_aws(struct http_request *rq, void *app)
{
	(void)app;
	reply_text(&rq, "ElbSync and related actions are not currently enabled");
}

/* Java looks at the parameter first. */
void api_absent_target_add(struct http_request *rq, void *app)
{
	if (http_query(rq, "instanceId") == NULL)
		reply_text(&rq, "Must provide instance ID to add target to group");
	else
		api_absent_aws(rq, app);
}

void api_absent_target_remove(struct http_request *rq, void *app)
{
	(void)app;
	http_reply_error(&rq, 500, "ElbSync and related actions not currently enabled");
}

void api_absent_ui(struct http_request *rq, void *app)
{
	struct api *api = app;
	AUTO(xfree_p) char *text = xasprintf(
		"there is no web page here; %s/openapi.json lists the calls", api->opt.context_path);

	http_reply_error(&rq, 404, text);
}
