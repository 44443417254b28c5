/*
 * resolve.c - addresses of host names, remembered for a while, with a bound on all waiting
 *
 * One lock guards everything.  A name is in the map from the moment somebody wants it; while `pending` it is also
 * in the queue or with a thread, and is not thrown away.  The map's order is that of the last use.  Threads are
 * started when there is something to look up, and end when there is nothing left.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/resolve.h"

#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/os/clock.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 4
#define HOST_MAX 253

struct name {
	UT_hash_handle hh;
	struct name *prev, *next; /* in the queue */
	bool pending, absent; /* absent: it was said to have none */
	int64_t until; /* what is known is fresh until then; 0 = nothing is known yet */
	char address[RESOLVE_TEXT]; /* "" = it has none */
	char host[];
};

struct resolve {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct resolve_options opt;
	struct name *names; /* the one not used for longest first */
	struct name *queue;
	unsigned threads;
	bool closed, asked;
	int64_t window_start, waited_us;
};

/* --- the system --- */

static const void *bytes_of(const struct addrinfo *ai, size_t *n_out)
{
	if (ai->ai_family == AF_INET) {
		*n_out = sizeof(struct in_addr);
		return &((const struct sockaddr_in *)(const void *)ai->ai_addr)->sin_addr;
	}
	*n_out = sizeof(struct in6_addr);
	return &((const struct sockaddr_in6 *)(const void *)ai->ai_addr)->sin6_addr;
}

static bool before(const struct addrinfo *a, const struct addrinfo *b)
{
	const void *pa, *pb;
	size_t n, n_b;

	if (a->ai_family != b->ai_family)
		return a->ai_family == AF_INET;
	pa = bytes_of(a, &n);
	pb = bytes_of(b, &n_b);
	return memcmp(pa, pb, n) < 0;
}

int resolve_by_system(void *ctx, const char *host, char out[RESOLVE_TEXT])
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *all, *best = NULL;
	size_t n;
	int rc = getaddrinfo(host, NULL, &hints, &all);

	(void)ctx;
	if (rc != 0)
		return rc == EAI_NONAME || rc == EAI_NODATA ? ERR_NOT_FOUND : ERR_NOT_DONE;
	for (struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next)
		if ((ai->ai_family == AF_INET || ai->ai_family == AF_INET6) && (best == NULL || before(ai, best)))
			best = ai;
	if (best != NULL)
		inet_ntop(best->ai_family, bytes_of(best, &n), out, RESOLVE_TEXT);
	freeaddrinfo(all);
	return best != NULL ? 0 : ERR_NOT_FOUND;
}

/* --- names; all with the lock held --- */

static void name_free(struct resolve *r, struct name *n)
{
	MAP_DEL(r->names, n);
	free(n);
}

/* NULL: full of names that are just looked up. */
static struct name *name_add(struct resolve *r, const char *host)
{
	struct name *n, *tmp;

	MAP_EACH(r->names, n, tmp) {
		if (MAP_COUNT(r->names) < r->opt.max_names)
			break;
		if (!n->pending)
			name_free(r, n);
	}
	if (MAP_COUNT(r->names) >= r->opt.max_names)
		return NULL;
	n = xcalloc(1, sizeof(*n) + strlen(host) + 1);
	memcpy(n->host, host, strlen(host) + 1);
	MAP_ADD(r->names, host, n);
	return n;
}

static struct name *name_used(struct resolve *r, const char *host)
{
	struct name *n;

	MAP_FIND(r->names, host, n);
	if (n == NULL)
		return name_add(r, host);
	MAP_DEL(r->names, n);
	MAP_ADD(r->names, host, n);
	return n;
}

static void name_answered(struct resolve *r, struct name *n, int rc, const char *address)
{
	int64_t keep = rc == 0 ? r->opt.keep_ms : r->opt.keep_failure_ms;

	n->pending = false;
	n->absent = rc == ERR_NOT_FOUND;
	n->until = clock_mono_us() + keep * 1000;
	if (rc == 0)
		memcpy(n->address, address, RESOLVE_TEXT);
	else if (rc == ERR_NOT_FOUND)
		n->address[0] = '\0';
	pthread_cond_broadcast(&r->answered);
}

/* --- threads --- */

static void destroy(struct resolve *r)
{
	struct name *n, *tmp;

	MAP_EACH(r->names, n, tmp)
		name_free(r, n);
	pthread_cond_destroy(&r->answered);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void *work(void *arg)
{
	struct resolve *r = arg;
	bool last;

	pthread_mutex_lock(&r->lock);
	while (r->queue != NULL && !r->closed) {
		struct name *n = r->queue; /* stays where it is: it is pending */
		char address[RESOLVE_TEXT] = "";
		int rc;

		DL_DELETE(r->queue, n);
		pthread_mutex_unlock(&r->lock);
		rc = r->opt.look_up(r->opt.ctx, n->host, address);
		pthread_mutex_lock(&r->lock);
		name_answered(r, n, rc, address);
	}
	r->threads--;
	last = r->closed && r->threads == 0;
	pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
	return NULL;
}

static bool start_thread(struct resolve *r)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* inherited: signals go to the others */
	rc = pthread_create(&thread, &attr, work, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	r->threads += rc == 0;
	return rc == 0;
}

static void look_up_later(struct resolve *r, struct name *n)
{
	n->pending = true;
	DL_APPEND(r->queue, n);
	if (r->threads < THREADS_MAX && !start_thread(r) && r->threads == 0) {
		DL_DELETE(r->queue, n);
		name_answered(r, n, ERR_NOT_DONE, "");
	}
}

/* --- asking --- */

static int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until when may be waited, out of what all may wait together? */
static int64_t deadline_of(struct resolve *r, int64_t now)
{
	int64_t left;

	if (now - r->window_start >= r->opt.window_ms * 1000) {
		r->window_start = now;
		r->waited_us = 0;
	}
	left = r->opt.budget_ms * 1000 - r->waited_us;
	return now + min_i64(left > 0 ? left : 0, r->opt.wait_ms * 1000);
}

static void wait_for(struct resolve *r, const char *host)
{
	int64_t start = clock_mono_us(), deadline = deadline_of(r, start);
	const struct timespec at = { .tv_sec = deadline / 1000000, .tv_nsec = deadline % 1000000 * 1000 };

	for (;;) {
		struct name *n;

		/* Found anew after each sleep: once answered, others may have thrown it away. */
		MAP_FIND(r->names, host, n);
		if (n == NULL || !n->pending || clock_mono_us() >= deadline)
			break;
		pthread_cond_timedwait(&r->answered, &r->lock, &at);
	}
	r->waited_us += clock_mono_us() - start;
}

/* NULL: full. */
static struct name *name_wanted(struct resolve *r, const char *host)
{
	struct name *n = name_used(r, host);

	r->asked = true;
	if (n != NULL && !n->pending && clock_mono_us() >= n->until)
		look_up_later(r, n);
	return n;
}

static const char *ask(struct resolve *r, const char *host, struct arena *a)
{
	struct name *n = name_wanted(r, host);

	if (n != NULL && n->pending) {
		wait_for(r, host);
		MAP_FIND(r->names, host, n);
	}
	return n != NULL && n->address[0] != '\0' ? arena_strdup(a, n->address) : NULL;
}

static bool is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

const char *resolve_address(struct resolve *r, const char *host, struct arena *a)
{
	const char *found;

	if (is_address(host))
		return arena_strdup(a, host);
	if (host[0] == '\0' || strlen(host) > HOST_MAX)
		return NULL;
	pthread_mutex_lock(&r->lock);
	found = ask(r, host, a);
	pthread_mutex_unlock(&r->lock);
	return found;
}

int resolve_try(struct resolve *r, const char *host, struct arena *a, const char **address_out)
{
	struct name *n;
	int rc = ERR_NOT_DONE;

	*address_out = NULL;
	if (is_address(host)) {
		*address_out = arena_strdup(a, host);
		return 0;
	}
	if (host[0] == '\0' || strlen(host) > HOST_MAX)
		return ERR_NOT_FOUND;
	pthread_mutex_lock(&r->lock);
	n = name_wanted(r, host);
	if (n != NULL && n->address[0] != '\0')
		*address_out = arena_strdup(a, n->address);
	if (n != NULL && !n->pending && (*address_out != NULL || n->absent))
		rc = *address_out != NULL ? 0 : ERR_NOT_FOUND;
	pthread_mutex_unlock(&r->lock);
	return rc;
}

uint64_t resolve_epoch(struct resolve *r)
{
	bool asked;

	pthread_mutex_lock(&r->lock);
	asked = r->asked;
	pthread_mutex_unlock(&r->lock);
	return asked ? (uint64_t)(clock_mono_us() / (r->opt.keep_ms * 500)) + 1 : 0;
}

/* --- birth and death --- */

static void set_defaults(struct resolve_options *o)
{
	o->max_names = o->max_names != 0 ? o->max_names : 4000;
	o->keep_ms = o->keep_ms != 0 ? o->keep_ms : 60000;
	o->keep_failure_ms = o->keep_failure_ms != 0 ? o->keep_failure_ms : 5000;
	o->wait_ms = o->wait_ms != 0 ? o->wait_ms : 2000;
	o->budget_ms = o->budget_ms != 0 ? o->budget_ms : 5000;
	o->window_ms = o->window_ms != 0 ? o->window_ms : 15000;
	o->look_up = o->look_up != NULL ? o->look_up : resolve_by_system;
}

struct resolve *resolve_new(const struct resolve_options *opt)
{
	struct resolve *r = xcalloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (opt != NULL)
		r->opt = *opt;
	set_defaults(&r->opt);
	r->window_start = clock_mono_us();
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->answered, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

void resolve_free(struct resolve **rp)
{
	struct resolve *r = STEAL(*rp);
	bool last;

	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	last = r->threads == 0;
	pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
}
