/*
 * assembly.h - the files of a set of services, put together from what each one renders to
 *
 * Layer: agent/core, private to it.  Threads: the cache's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_ASSEMBLY_H
#define AGENT_CORE_ASSEMBLY_H

#include "agent/core/frames.h"

/* A file that is there for all services. */
struct assembly_table {
	struct fileset_piece *pieces; /* header, one for each service, footer; or the one of a group */
	size_t n;
	size_t file; /* its place in the files */
};

/* Who spoils it, by place in the units. */
struct assembly_faults {
	struct error **items; /* NULL: nobody's; else as many as there are units, some of them NULL */
	size_t n;
};
void assembly_faults_release(struct assembly_faults *f);

/* May be changed while there is one reference only. */
struct assembly {
	int refs;
	struct fileset_file *files; /* by path; owner NULL in a per-service file: several services say the same */
	size_t n;
	struct assembly_table *tables; /* in the order of r->rows[].paths */
	size_t n_tables;
	struct frames frames;
};

/* Takes the frames. Units at fault are left out. NULL: files in conflict, which `faults` tell. */
struct assembly *assembly_new(const struct renderer *r, struct unit *const *units, size_t n, struct frames *frames_take,
	struct assembly_faults *faults);
void assembly_unref(struct assembly **a);

const struct fileset_file *assembly_find(const struct fileset_file *files, size_t n, const char *path);

struct assembly_change {
	size_t place; /* in the units */
	size_t given; /* in the services as they were given */
	const struct unit *before, *after;
};
/* Put units in the place of others of the same ids, and other frames: in *a, or in a copy of it if somebody else has
 * it, too.  False: the names of files change, or who shares them: nothing is done. */
bool assembly_patch(struct assembly **a, const struct renderer *r, const struct assembly_change *changes, size_t n,
	struct frames *frames_take);

#endif
