/*
 * work.h - the two objects that cross between the loop and the apply thread
 *
 * A work item says what must be; a report says what is.  Both change owner when they cross.  Two makers of
 * an applier: apply_thread.c (the real pipeline) and the simulator's.
 *
 * Layer: agent/apply.  Threads: built on the loop, read on the apply thread, never shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_APPLY_WORK_H
#define AGENT_APPLY_WORK_H

#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/model/service.h"

/* Immutable, shared by reference count (atomic): one service with its upstreams as it must be on this host. */
struct target_service {
	int refs; /* atomic */
	struct arena *arena;
	struct service_state state;
	const char *id;
	char digest[65]; /* of its canonical JSON */
};
struct target_service *target_service_ref(struct target_service *t);
void target_service_unref(struct target_service **t);
/* Deep copy of `s` (s->service must not be NULL). */
struct target_service *target_service_new(const struct service_state *s);

enum work_kind {
	WORK_RECOVER,  /* at process start: finish or undo from the journal; files only, never a reload */
	WORK_PREPARE,  /* render and prove `services` in a private view; nothing live changes */
	WORK_RELEASE,  /* drop the preparation */
	WORK_CONVERGE, /* make it so: (prove unless the same target is prepared), publish, activate, confirm */
	WORK_LOOK,     /* is HAProxy there and does it run what the manifest says? changes nothing */
};

struct work_item {
	enum work_kind kind;
	struct target_service **services; /* sorted by id; those of this agent's group only; refs are owned */
	size_t n;
	const char *const *suspects; /* ids of services that this batch changes: whom to blame first */
	size_t n_suspects;
	bool no_reload;   /* files only: every request of the batch said noReload */
	bool force_reload; /* a RELOAD request: reload although nothing changed */
	int64_t deadline_us; /* for the whole item, from its start; 0 = none */
	struct arena *arena; /* owns suspects */
};
struct work_item *work_item_new(enum work_kind kind);
void work_item_free(struct work_item **w);

/* What a piece of work goes through, in this order. */
enum work_stage { WORK_RENDER, WORK_LOOK_LIVE, WORK_CHECK, WORK_PUBLISH, WORK_RELOAD, WORK_CONFIRM, WORK_COMMIT };
#define WORK_STAGES 7
extern const char *const work_stage_names[WORK_STAGES + 1]; /* NULL-terminated */

/* Who spoiled it, as far as the stage can tell. */
struct blame {
	const char *service_id;
	const char *message;
};
struct report {
	enum work_kind kind;
	bool ok;
	bool changed;        /* files or HAProxy were touched (and, unless ok, put back) */
	bool undone;         /* !ok: everything is as before; false: wedged, see error */
	bool haproxy_down;   /* !ok because HAProxy does not run */
	struct error error;  /* !ok */
	char *detail;        /* the refusing command's own words, at most 8 KiB; may be NULL */
	struct blame *blames;
	size_t n_blames;
	char base_digest[65]; /* of the manifest it was proved on / that is live now */
	char fingerprint[65]; /* CONVERGE: confirmed in the running HAProxy; "" = not configured */
	int64_t stage_us[WORK_STAGES]; /* how long each took; 0 = it had nothing to do, or did not run */
	const char *failed_in;         /* name of the stage; NULL = none */
	size_t files;                  /* that are ours now */
	struct arena *arena;  /* owns blames */
};
struct report *report_new(enum work_kind kind);
void report_free(struct report **r);

/* The seam: one item at a time; done on the loop. */
struct applier {
	void (*start)(struct applier *ap, struct work_item **item_take, void (*done)(void *ctx, struct report **r_take),
		void *ctx);
	void (*free)(struct applier **ap); /* waits for the item in progress; its done is not called */
};

#endif
