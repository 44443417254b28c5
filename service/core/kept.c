/*
 * kept.c - the answer about a request in flight, as it was last told
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/kept.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"

#include <stdlib.h>

void kept_release(struct kept *k)
{
	k->made = false;
	free(STEAL(k->message));
	buf_release(&k->json);
}

const struct buf *kept_get(const struct kept *k, int status, uint64_t answers, const char *message)
{
	bool same_text = message == NULL ? k->message == NULL : str_eq(k->message, message);

	return k->made && k->status == status && k->answers == answers && same_text ? &k->json : NULL;
}

void kept_put(struct kept *k, int status, uint64_t answers, const char *message, const struct buf *json)
{
	kept_release(k);
	*k = (struct kept){ true, status, answers, message != NULL ? xstrdup(message) : NULL, BUF_INIT };
	buf_append(&k->json, json->data, json->len);
}
