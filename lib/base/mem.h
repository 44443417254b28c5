/*
 * mem.h - allocation that never returns NULL, and arenas
 *
 * Out of memory ends the process (a supervisor restarts it; HAProxies keep serving).  In exchange
 * every size that comes from outside has a limit where it enters.
 *
 * Layer: lib/base (libc only).  Threads: an arena belongs to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_MEM_H
#define LIB_BASE_MEM_H

#include "lib/base/base.h"

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size); /* zero-filled; overflow of n * size aborts */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* For AUTO(xfree_p) char *s. */
void xfree_p(void *pp);

/* Room for one more element in a growing array: doubles `*cap` when `n` has reached it. */
void *xgrow(void *items, size_t n, size_t *cap, size_t size);
#define GROW(items, n, cap) ((items) = xgrow((items), (n), &(cap), sizeof(*(items))))

/* Everything that belongs to one object, freed at once. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena **a);
void *arena_alloc(struct arena *a, size_t n); /* zero-filled, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);            /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n); /* copies n bytes, adds a NUL */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
size_t arena_used(const struct arena *a);

#endif
