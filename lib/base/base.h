/*
 * base.h - attributes and small macros that every file may use
 *
 * Layer: lib/base (libc only).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_BASE_H
#define LIB_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define SENTINEL __attribute__((sentinel))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Release a local owner at the end of its scope: AUTO(buf_release) struct buf b = BUF_INIT;
 * `fn` takes a pointer to the variable, accepts an empty one and leaves it empty. */
#define AUTO(fn) __attribute__((cleanup(fn)))

/* Move ownership out of a pointer variable, leaving NULL behind. */
#define STEAL(p)                                                                                   \
	(__extension__({                                                                           \
		__typeof__(p) steal_ = (p);                                                        \
		(p) = NULL;                                                                        \
		steal_;                                                                            \
	}))

/* The struct that contains `member`, given a pointer to that member. */
#define CONTAINER_OF(ptr, type, member)                                                            \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* A programming error: logged with its place, then abort().  Never for input, network or disk. */
#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (!(cond))                                                                       \
			assert_failed(#cond, __FILE__, __LINE__);                                  \
	} while (0)
void assert_failed(const char *what, const char *file, int line) NORETURN;

/* Bytes that somebody else owns. Not necessarily NUL-terminated. */
struct slice {
	const char *p;
	size_t n;
};

#endif
