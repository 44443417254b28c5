/*
 * runtime.c - questions to the running worker, over the stats socket
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/runtime.h"

#include "lib/os/dialog.h"

#define INFO_MAX ((size_t)256 * 1024)
#define SERVERS_MAX ((size_t)512 * 1024 * 1024) /* 74 bytes a server: some 7 million */

/* A worker that goes away in the middle of an answer is as good as none: a question changes nothing. */
static int ask(const char *path, const char *question, int64_t deadline_us, size_t limit,
	struct buf *answer, struct error *err)
{
	int rc = dialog_ask(path, question, deadline_us, limit, answer, err);

	if (rc == ERR_MAYBE_DONE && err)
		err->code = ERR_NOT_DONE;
	return rc == ERR_MAYBE_DONE ? ERR_NOT_DONE : rc;
}

int runtime_info(const char *socket_path, int64_t deadline_us, struct answer_info *out,
	struct error *err)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	int rc;

	rc = ask(socket_path, "show info;get var proc.lockstep\n", deadline_us, INFO_MAX, &answer, err);
	if (rc != 0)
		return rc;
	if (answer.len == 0)
		return error_set(err, ERR_NOT_DONE, "haproxy closed '%s' without an answer", socket_path);
	return answer_info(answer.data, answer.len, out, err);
}

int runtime_servers(const char *socket_path, int64_t deadline_us, struct arena *a,
	struct answer_servers *out, struct error *err)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	int rc;

	rc = ask(socket_path, "show servers state\n", deadline_us, SERVERS_MAX, &answer, err);
	if (rc != 0)
		return rc;
	if (answer.len == 0)
		return error_set(err, ERR_NOT_DONE, "haproxy closed '%s' without an answer", socket_path);
	return answer_servers(answer.data, answer.len, a, out, err);
}
