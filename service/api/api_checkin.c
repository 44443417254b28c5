/*
 * api_checkin.c - /checkin: agents tell that they start or stop; nothing outside the cluster has to
 * be told
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/log.h"
#include "lib/model/agentinfo.h"
#include "service/api/job.h"

void api_checkin(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct slice body = http_body(rq);
	struct error err = ERROR_INIT;
	struct agentinfo *info;

	(void)app;
	if (record_decode(&agentinfo_record, body.p, body.n, a, &info, &err) != 0) {
		http_reply_error(&rq, 400, arena_printf(a, "Unable to process JSON: %s", err.text));
		return;
	}
	log_debug(NULL, "check-in", "agent", info->agent_id, "path", http_path(rq));
	buf_str(&json, "{\"state\":\"DONE\",\"exceptionMessage\":null,\"waitTime\":0}");
	api_reply_json(&rq, 200, &json);
}

void api_checkin_can_shutdown(struct http_request *rq, void *app)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	(void)app;
	buf_char(&text, '1');
	http_reply(&rq, 200, "text/plain", &text);
}
