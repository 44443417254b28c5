/*
 * log.c - see log.h
 *
 * A line is built whole and written with one write(2), so lines of several threads do not mix.
 *
 * Layer: lib/base.  Threads: any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/log.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VALUE_MAX 2048 /* bytes of one value; the rest is cut */
#define LINE_MAX_BYTES (32 * 1024)
#define CTX_DEPTH_MAX 16

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static atomic_int threshold = LOG_LEVEL_INFO;

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*sink_fn)(void *ctx, enum log_level level, const char *line);
static void *sink_ctx;

static pthread_once_t journal_once = PTHREAD_ONCE_INIT;
static bool journal;

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

bool log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (str_eq(name, level_names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void log_set_sink(void (*sink)(void *ctx, enum log_level level, const char *line), void *ctx)
{
	pthread_mutex_lock(&sink_lock);
	sink_fn = sink;
	sink_ctx = ctx;
	pthread_mutex_unlock(&sink_lock);
}

/* JOURNAL_STREAM is inherited even where stderr was sent elsewhere: it counts only if it names the
 * very stream that fd 2 is (systemd.exec(5)). */
static void journal_detect(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return;
	snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	journal = str_eq(stream, ours);
}

static int journal_priority(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return 7;
	case LOG_LEVEL_INFO:
		return 6;
	case LOG_LEVEL_WARN:
		return 4;
	case LOG_LEVEL_ERROR:
		return 3;
	}
	return 6;
}

static void put_prefix(struct buf *line, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	pthread_once(&journal_once, journal_detect);
	if (journal) {
		buf_printf(line, "<%d>", journal_priority(level));
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(line, "%s.%03ldZ ", text, now.tv_nsec / 1000000);
}

/* Plain where it can be read without doubt, else in double quotes. */
static void put_pair(struct buf *line, const char *key, const char *value)
{
	size_t n, from = 0;

	buf_char(line, ' ');
	buf_str(line, key);
	buf_char(line, '=');
	if (value == NULL) {
		buf_char(line, '-');
		return;
	}
	n = strnlen(value, VALUE_MAX);
	if (n > 0 && strcspn(value, " \"=") >= n && !str_eq(value, "-")) {
		str_escape(line, value, n, VALUE_MAX);
	} else {
		buf_char(line, '"');
		while (from < n) {
			size_t part = strcspn(value + from, "\"");

			if (part > n - from)
				part = n - from;
			str_escape(line, value + from, part, VALUE_MAX);
			from += part;
			if (from < n) {
				buf_append(line, "\\\"", 2);
				from++;
			}
		}
		buf_char(line, '"');
	}
	if (value[n] != '\0')
		buf_str(line, "...");
}

/* The outermost first: the line reads from the general to the particular. */
static void put_ctx(struct buf *line, const struct log_ctx *ctx, int depth)
{
	if (ctx == NULL || depth == CTX_DEPTH_MAX)
		return;
	put_ctx(line, ctx->up, depth + 1);
	if (ctx->key != NULL)
		put_pair(line, ctx->key, ctx->value);
}

static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* nowhere left to tell it */
		p += done;
		n -= (size_t)done;
	}
}

void log_at(enum log_level level, const struct log_ctx *ctx, const char *event, ...)
{
	AUTO(buf_release) struct buf line = BUF_LIMITED(LINE_MAX_BYTES);
	void (*sink)(void *ctx, enum log_level level, const char *line);
	void *to;
	int saved = errno;
	const char *key;
	va_list ap;

	if ((int)level < atomic_load(&threshold))
		return;
	pthread_mutex_lock(&sink_lock);
	sink = sink_fn;
	to = sink_ctx;
	pthread_mutex_unlock(&sink_lock);

	if (sink == NULL)
		put_prefix(&line, level);
	buf_printf(&line, "%s %s", level_names[level], event);
	put_ctx(&line, ctx, 0);
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL)
		put_pair(&line, key, va_arg(ap, const char *));
	va_end(ap);
	if (sink != NULL) {
		/* Outside the lock: a test's sink may leave by longjmp. */
		sink(to, level, buf_cstr(&line));
	} else {
		line.limit = 0;
		line.overflow = false;
		buf_char(&line, '\n');
		write_all(line.data, line.len);
	}
	errno = saved;
}

const char *log_int(int64_t v)
{
	static _Thread_local char ring[8][24];
	static _Thread_local unsigned at;
	char *text = ring[at++ % ARRAY_LEN(ring)];

	snprintf(text, sizeof(ring[0]), "%jd", (intmax_t)v);
	return text;
}
