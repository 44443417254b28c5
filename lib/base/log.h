/*
 * log.h - one line per event: "2026-01-02T03:04:05.678Z warn agent refused request=r7 reason=..."
 *
 * Libraries and core/ never log; api/, work/, link/, apply/ and main log once, where an error
 * stops travelling.  Keys and events are literals; values are escaped here, so nothing from
 * outside can make a second line.  Lines go to stderr with a journald priority when it is one.
 *
 * Layer: lib/base.  Threads: any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H

#include "lib/base/base.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Fields that go with every line of a thing: on the stack or in the owner, linked upwards. */
struct log_ctx {
	const struct log_ctx *up;
	const char *key, *value;
};

void log_set_level(enum log_level level);
bool log_level_parse(const char *name, enum log_level *out); /* debug, info, warn, error */

/* Tests and the simulator: lines go here instead (without time and newline). NULL restores. */
void log_set_sink(void (*sink)(void *ctx, enum log_level level, const char *line), void *ctx);

/* Pairs of "key", value; ends with NULL. A NULL value is written as "-". */
void log_at(enum log_level level, const struct log_ctx *ctx, const char *event, ...) SENTINEL;

#define log_debug(ctx, ...) log_at(LOG_LEVEL_DEBUG, (ctx), __VA_ARGS__, (char *)NULL)
#define log_info(ctx, ...) log_at(LOG_LEVEL_INFO, (ctx), __VA_ARGS__, (char *)NULL)
#define log_warn(ctx, ...) log_at(LOG_LEVEL_WARN, (ctx), __VA_ARGS__, (char *)NULL)
#define log_error(ctx, ...) log_at(LOG_LEVEL_ERROR, (ctx), __VA_ARGS__, (char *)NULL)

/* A number as text for a pair; a few may be alive in one call (ring of 8, per thread). */
const char *log_int(int64_t v);

#endif
