/*
 * dialog.h - one text question over a Unix socket, with a deadline
 *
 * Layer: lib/base; blocks: apply thread and jobs only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_OS_DIALOG_H
#define LIB_OS_DIALOG_H

#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/base/error.h"

/* Connect, send, half-close, read to the end, append. The deadline is as in clock.h.
 * ERR_NOT_DONE: could not connect, or not a byte was sent (ask again later);
 * ERR_MAYBE_DONE: sent, no whole answer before the deadline; ERR_REFUSED: answer over the limit. */
int dialog_ask(const char *socket_path, const char *question, int64_t deadline_us, size_t answer_limit,
	struct buf *answer, struct error *err) MUST_CHECK;

#endif
