/*
 * item.h - what is queued: one item per node of /queue, as queue.c has read it or as this service has put it
 *
 * Layer: service/work (private to it).  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_ITEM_H
#define SERVICE_WORK_ITEM_H

#include "lib/base/map.h"
#include "lib/records/reader.h"
#include "service/work/worker.h"

struct flight;

/* Bytes of the terminal transaction that are left for requests: the rest is for group checks, the decision, the messages. */
#define FLIGHT_BYTES_MAX (STORE_TXN_MAX - 200000)

/* A queue item as it was last read. */
struct item {
	struct item *prev, *next; /* the worker's list, in queue order */
	UT_hash_handle hh, by_id; /* and its maps, by name of node and by request */
	bool listed;              /* in the queue as it was read last: what stands before it is known too */
	uint64_t put_after;       /* put by ourselves after this many lists were asked for; 0 = found in a list */
	struct arena *arena;
	const char *node; /* name under /queue */
	struct queued_id id;
	const struct request *request;
	const char *bad;             /* why it cannot be read; NULL = fine */
	const void *raw;             /* of the request, for quarantine */
	size_t raw_len;
	int status;                  /* enum internal_state */
	int32_t status_version;
	const char *message;         /* NULL = no message node */
	bool history_parent, history_entry;
	bool unmapped;               /* its id leads to no service: Java services write that at the end only */
	struct service_state base;
	int32_t sv;
	bool loaded, loading, stale; /* stale: its service has changed since */
	bool ended;                  /* its node is gone */
	bool doubt;                  /* its status was changed by our own API and is not read yet */
	int64_t posted_ms;           /* wall time; 0 = not known */
	int64_t seen_at;             /* loop time: this leader knows of it since then */
	int64_t known_at;            /* loop time: its status was read, or written by ourselves */
	struct plan_paths locks;     /* read along with it, for a flight that starts before any other has ended */
	uint64_t locks_at;           /* number of ended flights then */
	struct plan *plan;           /* NULL: to be made */
	struct arena *plan_arena;
	bool java;                   /* it reaches Java agents, which cannot prepare: one that fails must not cost others */
	size_t bytes;                /* that its COMMIT takes; 0 = not worked out yet */
	bool alone;                  /* prepared by itself: it was in a batch that was refused */
	bool inherited;              /* found begun, without a decision, by a new leader: hosts may have been told */
	struct flight *flight;
};

#define FRESH LOOP_MS(100) /* for so long what was read of an item that waits is believed unwatched */

/* look.c */
void look_ended(struct worker *w, const char *request_id, const char *json, size_t len);
void look_forget(struct worker *w, const char *request_id);
void look_forget_all(struct worker *w);

/* queue.c: `loading` lives in the arena of the reader that reads its items. */
#define ITEM_READS 8   /* nodes read per queue item */
#define KNOWN_MAX 5000 /* items looked at in one round; more wait for their turn */
struct loading {
	struct item **items;
	size_t n;
};
void queue_scan(struct worker *w);
void queue_merge(struct worker *w, const char *const *names, size_t n);
struct reader *queue_read_items(struct worker *w, struct reader *r, struct loading **ld_out);
void queue_take_item(struct worker *w, struct item *it, const struct reader *r, size_t at);
void queue_item_free(struct worker *w, struct item *it);
void queue_forget_plans(struct worker *w, const char *service); /* NULL: all */

#endif
