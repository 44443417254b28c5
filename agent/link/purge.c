/*
 * purge.c - tell this host's cache to drop what it holds of a service
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/purge.h"

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/model/digest.h"

#include <stdlib.h>
#include <string.h>

#define PURGE_TIME LOOP_MS(10000)
#define OPEN_MAX 100 /* a cache that hangs must not cost more */

struct purge {
	struct purge *prev, *next;
	struct purger *p;
	struct call *call;
	char *service;
	purge_fn *done;
	void *ctx;
};

struct purger {
	struct client *client;
	const char *format;
	struct purge *open;
	size_t n_open;
};

int purge_check_format(const char *format, struct error *err)
{
	const char *at = strchr(format, '%');

	if (at == NULL || at[1] != 's' || strchr(at + 1, '%') != NULL)
		return error_set(err, ERR_INVALID, "must hold %%s once, for the service, and no other %%");
	return 0;
}

struct purger *purger_new(struct client *c, const char *format)
{
	struct purger *p = xcalloc(1, sizeof(*p));

	p->client = c;
	p->format = format;
	return p;
}

static void end(struct purge *pu, int status, const char *body, size_t n)
{
	purge_fn *done = pu->done;
	void *ctx = pu->ctx;

	if (status < 200 || status > 299)
		log_warn(NULL, "a cache was not purged", "service", pu->service, "status", log_int(status), "answer", body);
	pu->p->n_open--;
	DL_DELETE(pu->p->open, pu);
	if (done != NULL)
		done(ctx, status, body, n);
	free(pu->service);
	free(pu);
}

void purger_free(struct purger **pp)
{
	struct purger *p = STEAL(*pp);
	static const char why[] = "the agent is stopping";

	if (p == NULL)
		return;
	while (p->open != NULL) {
		call_cancel(&p->open->call);
		end(p->open, 500, why, strlen(why));
	}
	free(p);
}

static void on_answer(void *ctx, const struct call_result *res)
{
	struct purge *pu = ctx;

	pu->call = NULL;
	if (res->end == CALL_ANSWERED)
		end(pu, res->status, res->body, res->len);
	else
		end(pu, 500, res->text, strlen(res->text));
}

void purger_run(struct purger *p, const char *service_id, purge_fn *done, void *ctx)
{
	static const struct slice nothing = { "", 0 };
	const char *at = strstr(p->format, "%s");
	AUTO(xfree_p) char *url = NULL;
	struct purge *pu;
	char hex[DIGEST_HEX];

	if (p->n_open >= OPEN_MAX && done == NULL) {
		log_warn(NULL, "a cache was not purged: too many calls are open", "service", service_id);
		return;
	}
	digest_hex(service_id, strlen(service_id), hex);
	url = xasprintf("%.*s%s%s", (int)(at - p->format), p->format, hex, at + 2);
	pu = xcalloc(1, sizeof(*pu));
	*pu = (struct purge){ .p = p, .service = xstrdup(service_id), .done = done, .ctx = ctx };
	DL_APPEND(p->open, pu);
	p->n_open++;
	pu->call = client_call(p->client, url, &nothing, PURGE_TIME, on_answer, pu);
}
