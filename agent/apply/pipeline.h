/*
 * pipeline.h - from a work item to a report: render, prove, publish, make live, confirm
 *
 * Stages run in order, as plain sequential code; on failure those that ran are undone in reverse.  All
 * that the agent owns besides the rendered files is below <rootPath>/.lockstep/:
 *     manifest        which files are ours and what is in them (manifest.h)
 *     journal, undo/  how to take back an unfinished publish (journal.h)
 *     stage/, hide    would-be files, written but not live, and names of files that go
 *     view/           where the private view keeps its own files while a check command runs (view.h)
 *     adopted/        what stood under a name that is ours now, when it was not made by us
 *     lock            held while an agent runs: one agent per rootPath
 *
 * Layer: agent/apply.  Threads: one at a time, and it blocks (files, commands, HAProxy).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_APPLY_PIPELINE_H
#define AGENT_APPLY_PIPELINE_H

#include "agent/apply/work.h"
#include "agent/core/fileset.h"

/* All copied by apply_new() but the renderer, which is borrowed. NULL or "" = not configured. */
struct apply_options {
	const char *root_path;
	const struct renderer *renderer;
	/* A number that changes when what templates take from elsewhere than from the state (addresses of names) may have
	 * changed: services are rendered again then that did not change themselves. NULL: there is nothing such. */
	uint64_t (*outside)(void *ctx);
	void *outside_ctx;
	const char *check_command;   /* as in the YAML; split as proc_split() does */
	const char *reload_command;  /* used where the two sockets are not configured */
	int64_t command_timeout_ms;  /* each; 0: 10,000 */
	/* limitWorkerCount: a program that prints how many workers there are; no reload above the limit. */
	const char *worker_count_command;
	int64_t max_workers;
	/* HAProxy: both or none. */
	const char *master_socket, *stats_socket;
	int64_t confirm_timeout_ms;   /* 0: 10,000 */
	const char *fingerprint_file; /* below root_path, relative or absolute */
	bool no_view;                 /* never try the private view (a check command that needs sudo) */
	/* What makes the private view; NULL-terminated. NULL: lockstep-view beside our program, else ourselves */
	const char *const *view_argv;
};

struct apply;
/* Makes rootPath and our folder in it, takes the lock, looks whether a private view can be had. */
int apply_new(const struct apply_options *opt, struct apply **out, struct error *err) MUST_CHECK;
void apply_free(struct apply **a); /* a preparation is dropped */

/* One sentence for /status: how proofs are made and changes made live. Constant after apply_new(). */
const char *apply_status(const struct apply *a);

/* Does a HAProxy answer on this socket within half a second? Blocks; from any thread. */
bool apply_haproxy_answers(const char *stats_socket);

/* Never NULL. The item stays the caller's.
 *
 * Beyond what work.h says: a CONVERGE that finds no HAProxy running publishes the proved files and
 * leaves them (HAProxy may need them to start): !ok, haproxy_down, undone.  `undone` is false only when
 * something is stuck between old and new; every later item first tries to repair that. */
struct report *pipeline_run(struct apply *a, const struct work_item *item);

#endif
