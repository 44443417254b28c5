/*
 * apply_internal.h - the state of the apply thread and the stages of its pipeline
 *
 * Layer: agent/apply.  Threads: apply thread only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_APPLY_APPLY_INTERNAL_H
#define AGENT_APPLY_APPLY_INTERNAL_H

#include "agent/apply/journal.h"
#include "agent/apply/manifest.h"
#include "agent/apply/pipeline.h"
#include "agent/haproxy/answer.h"
#include "lib/os/proc.h"

#include <sys/types.h>

#define FINGERPRINT_TEXT "global\n    set-var proc.lockstep str(%s)\n"

/* What must be on disk, and how that differs from what is. */
struct plan_file {
	const char *name; /* relative to rootPath */
	const char *data;
	size_t size;
	mode_t mode; /* if it is new */
	bool write;  /* its bytes are not on disk */
	bool exists; /* something is on disk under its name */
};
struct plan {
	struct arena *arena;
	struct fileset *fileset;
	const struct fileset_version *versions; /* of the item's services */
	struct strings idle;     /* services without upstreams, sorted */
	struct plan_file *files; /* by name, the fingerprint file among them */
	size_t n, n_writes;
	const char **removes; /* ours, no longer wanted, on disk */
	size_t n_removes;
	struct manifest *next;
	char target[DIGEST_HEX];      /* of the services it was rendered from */
	char fingerprint[DIGEST_HEX]; /* over all files but the fingerprint file */
	bool staged, proved;
};

/* What runs, as HAProxy itself says. */
struct look {
	struct answer_proc proc;
	struct answer_info info;
};

struct apply {
	struct apply_options opt;
	struct arena *arena; /* the options' texts */
	char *root, *home;   /* rootPath (resolved) and <root>/.lockstep */
	char **check, **reload; /* words; NULL = none */
	const char *helper[2];   /* the program that makes the private view; [0] NULL = not known */
	const char *marker_name; /* the fingerprint file, relative; NULL = none */
	int lock_fd;
	bool sockets, view;
	char status[320];

	struct manifest *manifest; /* as on disk */
	struct plan *plan;         /* the preparation; NULL = none */
	struct fileset_cache *cache; /* what the services render to */
	bool dirty;                /* there may be a journal on disk: recover first */
	int64_t load_us;           /* the longest of HAProxy's last loadings */

	/* The item in progress. */
	const struct work_item *item;
	struct report *report;
	int64_t deadline; /* of the clock; 0 = none */
	struct journal *journal; /* not NULL: live files may be changed */
	bool renamed;            /* the new manifest may be on disk */
	bool idle;               /* the stage had nothing to do */
	bool reloading;          /* a reload was asked for */
	bool down;               /* HAProxy does not run, because: */
	struct error down_why;
	struct look before;      /* sockets only, !down */
};

/* Stages. `undo` may be called in any state its `run` can leave; what it cannot undo it says in
 * report->undone, and leaves to recover. */
int render_run(struct apply *a, struct error *err) MUST_CHECK;
int keys_run(struct apply *a, struct error *err) MUST_CHECK; /* has a service keys of another one? */
int live_run(struct apply *a, struct error *err) MUST_CHECK; /* what runs now? */
void live_undo(struct apply *a); /* files are back: have HAProxy run them again */
int prove_run(struct apply *a, struct error *err) MUST_CHECK;
int publish_run(struct apply *a, struct error *err) MUST_CHECK;
void publish_undo(struct apply *a);
int activate_run(struct apply *a, struct error *err) MUST_CHECK;
int publish_commit(struct apply *a, struct error *err) MUST_CHECK;
int recover_run(struct apply *a, struct error *err) MUST_CHECK;
int look_run(struct apply *a, struct error *err) MUST_CHECK;

void plan_free(struct plan **p);
/* Compare with the disk. True in *same: as the last comparison said. */
int plan_compare(struct apply *a, struct plan *p, bool *same, struct error *err) MUST_CHECK;
int publish_stage(struct apply *a, struct error *err) MUST_CHECK;
void publish_unstage(struct apply *a);

/* Put back what the journal says and drop it. */
int recover_undo(struct apply *a, const struct journal *j, struct error *err) MUST_CHECK;
/* Journal and undo files; `sync` unless the manifest on disk has the journal's generation. */
int recover_forget(struct apply *a, bool sync, struct error *err) MUST_CHECK;

/* Blame whom the output of a command points at. */
void blame_output(struct apply *a, const char *output, size_t n);
void blame_add(struct report *r, const char *service_id, const char *message);

/* A command with the smaller of its own time and the item's. `what` names it in errors. */
int command_run(struct apply *a, const char *what, const char *const *argv, struct proc_result *res,
	struct error *err) MUST_CHECK;
void report_detail(struct report *r, const char *text, size_t n); /* at most 8 KiB of it */

/* Ask once: the worker; master and worker. ERR_NOT_DONE: nobody answers within the time. */
#define CONFIRM_ASK_US 2000000
int confirm_info(struct apply *a, int64_t wait_us, struct answer_info *out, struct error *err) MUST_CHECK;
int confirm_look(struct apply *a, int64_t wait_us, struct look *out, struct error *err) MUST_CHECK;
/* Does what runs hold these servers? Only used where no fingerprint is configured. */
int confirm_servers(struct apply *a, const struct plan *p, struct error *err) MUST_CHECK;
/* Is it what `marker` says ("" = none)? ERR_CONFLICT: another one; ERR_REFUSED: it has none at all. */
int confirm_marker(struct apply *a, const struct look *seen, const char *marker,
	struct error *err) MUST_CHECK;

const char *const *apply_view_argv(struct apply *a); /* what makes a private view; NULL-terminated */
char *apply_live_path(const struct apply *a, const char *name);          /* <root>/<name> */
char *apply_home_path(const struct apply *a, const char *sub, const char *name); /* name may be NULL */
int64_t apply_deadline(const struct apply *a, int64_t after_us); /* from now, not after the item's */
bool apply_changes_files(const struct plan *p);

#endif
