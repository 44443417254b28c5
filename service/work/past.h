/*
 * past.h - bounds of what is kept of requests that have ended
 *
 * past.c keeps the history of a service short within the transactions that end its requests; expiry.c walks over all histories once
 * in a while, for what those do not come to.
 *
 * Layer: service/work (private to it).  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_PAST_H
#define SERVICE_WORK_PAST_H

#include "lib/base/base.h"

struct worker;
struct flight;
struct step;

struct past;
struct past *past_new(struct worker *w);
void past_free(struct past **p);
void past_forget(struct past *p); /* with the flights: what was being dropped is unknown */
void past_look(struct past *p, const char *service, size_t count); /* its folder was seen, with so many entries */
/* Adds what is beyond the limit to the transaction: bytes that it takes; `bytes`: those taken in it before. */
size_t past_drop(struct past *p, struct step *step, const char *service, size_t bytes);
void past_ended(struct past *p, const struct flight *f); /* its last transaction was applied, */
void past_doubt(struct past *p, const struct flight *f); /* or was not, or nobody knows */
bool past_release(struct past *p, const char *service);  /* expiry.c is about to drop of it; false: not now */

struct expiry;
struct expiry *expiry_new(struct worker *w);
void expiry_free(struct expiry **e);

#endif
