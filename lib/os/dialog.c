/*
 * dialog.c - see dialog.h
 *
 * Layer: lib/base; blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/dialog.h"

#include "lib/os/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define FULL_PAUSE_NS 5000000 /* between attempts while the listener's queue is full */

struct dialog {
	int fd;
	const char *path, *question;
	size_t len, sent;
	bool half_closed;
	int64_t deadline;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static bool late(const struct dialog *d)
{
	return d->deadline != 0 && clock_mono_us() >= d->deadline;
}

static int open_to(struct dialog *d, struct error *err)
{
	static const struct timespec pause = { 0, FULL_PAUSE_NS };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t n = strlen(d->path);

	if (n == 0 || n >= sizeof(addr.sun_path))
		return error_set(err, ERR_INVALID, "socket path '%s' is not 1..%zu bytes long", d->path,
			sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, d->path, n);
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return error_errno(err, errno, "cannot make a socket");
	while (connect(d->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		/* A full queue answers EAGAIN at once, and poll does not tell when there is room. */
		if ((errno == EAGAIN && !late(d)) || errno == EINTR) {
			nanosleep(&pause, NULL);
			continue;
		}
		error_errno(err, errno, "cannot connect to '%s'", d->path);
		if (err != NULL)
			err->code = ERR_NOT_DONE;
		return ERR_NOT_DONE;
	}
	return 0;
}

/* What is known about the question when the dialogue breaks. */
static int broken(const struct dialog *d, int errnum, struct error *err)
{
	enum error_code code = d->sent > 0 ? ERR_MAYBE_DONE : ERR_NOT_DONE;

	error_errno(err, errnum, "dialogue with '%s' after %zu of %zu bytes", d->path, d->sent, d->len);
	if (err != NULL)
		err->code = code;
	return code;
}

static int send_some(struct dialog *d, struct error *err)
{
	ssize_t n;

	if (d->sent < d->len) {
		n = send(d->fd, d->question + d->sent, d->len - d->sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return broken(d, errno, err);
		if (n > 0)
			d->sent += (size_t)n;
	}
	if (d->sent == d->len && !d->half_closed) {
		/* A peer that has gone already is found out by the next read. */
		(void)shutdown(d->fd, SHUT_WR);
		d->half_closed = true;
	}
	return 0;
}

/* 1: the end came. */
static int receive_some(struct dialog *d, size_t limit, struct buf *got, struct error *err)
{
	char block[16384];
	ssize_t n = recv(d->fd, block, sizeof(block), 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : broken(d, errno, err);
	if (n == 0)
		return d->sent == d->len ? 1 : broken(d, EPIPE, err);
	if ((size_t)n > limit - got->len)
		return error_set(err, ERR_REFUSED, "the answer of '%s' is longer than %zu bytes", d->path,
			limit);
	buf_append(got, block, (size_t)n);
	return 0;
}

/* Reads while it sends: a peer that cannot get rid of its answers stops reading questions. */
int dialog_ask(const char *socket_path, const char *question, int64_t deadline_us,
	size_t answer_limit, struct buf *answer, struct error *err)
{
	AUTO(close_fd) int fd = -1;
	AUTO(buf_release) struct buf got = BUF_INIT;
	struct dialog d = { .fd = -1, .path = socket_path, .question = question,
			    .len = strlen(question), .deadline = deadline_us };
	int rc = open_to(&d, err);

	fd = d.fd;
	while (rc == 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		rc = send_some(&d, err);
		if (rc != 0)
			break;
		if (d.sent < d.len)
			p.events |= POLLOUT;
		if (poll(&p, 1, clock_poll_ms(deadline_us)) > 0 && (p.revents & ~POLLOUT) != 0)
			rc = receive_some(&d, answer_limit, &got, err);
		if (rc == 0 && late(&d))
			rc = broken(&d, ETIMEDOUT, err);
	}
	if (rc < 0)
		return rc;
	if (answer->overflow || (answer->limit != 0 && got.len > answer->limit - answer->len))
		return error_set(err, ERR_REFUSED, "the answer of '%s' is longer than %zu bytes",
			socket_path, answer->limit);
	buf_append(answer, buf_cstr(&got), got.len);
	return 0;
}
