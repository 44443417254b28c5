/*
 * mem.c - see mem.h
 *
 * Layer: lib/base (libc only).  Threads: an arena belongs to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_FIRST 512
#define ARENA_LARGEST (64 * 1024)
#define ARENA_ALIGN 16

struct chunk {
	alignas(ARENA_ALIGN) struct chunk *next;
	size_t used, size; /* of data */
	alignas(ARENA_ALIGN) unsigned char data[];
};

struct arena {
	struct chunk *head; /* the one that is being filled */
	size_t next_size;
	size_t used;
};

/* Without the logger: that needs memory. */
static void out_of_memory(void) NORETURN;
static void out_of_memory(void)
{
	static const char text[] = "error out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	abort();
}

void *xmalloc(size_t n)
{
	void *p = malloc(n != 0 ? n : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p;

	if (n == 0 || size == 0)
		n = size = 1;
	p = calloc(n, size);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n != 0 ? n : 1);
	if (p == NULL)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = xmalloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return text;
}

void xfree_p(void *pp)
{
	void *p;

	/* memcpy: the variable is a pointer of any type. */
	memcpy(&p, pp, sizeof(p));
	free(p);
	p = NULL;
	memcpy(pp, &p, sizeof(p));
}

void *xgrow(void *items, size_t n, size_t *cap, size_t size)
{
	size_t more;

	if (n < *cap)
		return items;
	more = *cap != 0 ? *cap : 4;
	while (more <= n) {
		ASSERT(more <= SIZE_MAX / 2);
		more *= 2;
	}
	ASSERT(more <= SIZE_MAX / size);
	items = xrealloc(items, more * size);
	*cap = more;
	return items;
}

static struct chunk *chunk_new(size_t size)
{
	struct chunk *c;

	ASSERT(size <= SIZE_MAX - sizeof(*c));
	c = xcalloc(1, sizeof(*c) + size);
	c->size = size;
	return c;
}

/* It lives in its first chunk: most arenas need no other, and are one allocation. */
struct arena *arena_new(void)
{
	struct chunk *c = chunk_new(sizeof(struct arena) + ARENA_FIRST);
	struct arena *a = (struct arena *)(void *)c->data;

	c->used = sizeof(*a);
	a->head = c;
	a->next_size = ARENA_FIRST * 2;
	return a;
}

void arena_free(struct arena **a)
{
	struct chunk *next;
	struct arena *gone;

	if (a == NULL || *a == NULL)
		return;
	gone = STEAL(*a); /* first: the pointer may be kept in the arena */
	for (struct chunk *c = gone->head; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
}

static void *take(struct arena *a, size_t n, size_t align)
{
	struct chunk *c = a->head;
	size_t at = (c->used + align - 1) & ~(align - 1);

	if (at > c->size || n > c->size - at) {
		if (n > a->next_size / 2) {
			/* A large one lives alone, so that the rest of the current chunk is not lost. */
			struct chunk *alone = chunk_new(n);

			alone->used = n;
			alone->next = c->next;
			c->next = alone;
			a->used += n;
			return alone->data;
		}
		c = chunk_new(n > a->next_size ? n : a->next_size);
		c->next = a->head;
		a->head = c;
		if (a->next_size < ARENA_LARGEST)
			a->next_size *= 2;
		at = 0;
	}
	c->used = at + n;
	a->used += n;
	return c->data + at;
}

void *arena_alloc(struct arena *a, size_t n)
{
	return take(a, n != 0 ? n : 1, ARENA_ALIGN);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy;

	ASSERT(n < SIZE_MAX);
	copy = take(a, n + 1, 1);
	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s != NULL ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *text;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	ASSERT(n >= 0);
	text = take(a, (size_t)n + 1, 1);
	vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
