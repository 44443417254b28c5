/*
 * master.c - the command line of HAProxy's master process: who works, and reload
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/master.h"

#include "lib/os/dialog.h"

#define PROC_MAX ((size_t)1024 * 1024)
#define LOG_MAX ((size_t)4 * 1024 * 1024)

int master_proc(const char *socket_path, int64_t deadline_us, struct answer_proc *out,
	struct error *err)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	int rc;

	rc = dialog_ask(socket_path, "show proc\n", deadline_us, PROC_MAX, &answer, err);
	if (rc == ERR_MAYBE_DONE) {
		if (err)
			err->code = ERR_NOT_DONE; /* a question changes nothing */
		return ERR_NOT_DONE;
	}
	if (rc != 0)
		return rc;
	if (answer.len == 0)
		return error_set(err, ERR_NOT_DONE, "haproxy closed '%s' without an answer", socket_path);
	return answer_proc(answer.data, answer.len, out, err);
}

int master_reload(const char *socket_path, int64_t deadline_us, enum answer_reload *out, struct buf *log,
	struct error *err)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	int rc;

	rc = dialog_ask(socket_path, "reload\n", deadline_us, LOG_MAX, &answer, err);
	if (rc == ERR_MAYBE_DONE) {
		*out = ANSWER_RELOAD_STARTED;
		return 0;
	}
	if (rc != 0)
		return rc;
	rc = answer_reload(buf_cstr(&answer), answer.len, out, err);
	if (rc == 0)
		buf_append(log, buf_cstr(&answer), answer.len);
	return rc;
}
