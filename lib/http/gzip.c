/*
 * gzip.c - bytes to gzip, piece by piece, and back
 *
 * Layer: lib/base, zlib.  Threads: one object, one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/gzip.h"

#include "lib/base/error.h"
#include "lib/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_HEADER (MAX_WBITS + 16)
#define GZIP_OR_ZLIB (MAX_WBITS + 32)
#define MEMORY_LEVEL 8
#define PIECE ((size_t)64 * 1024)

struct gzip {
	z_stream z;
	struct buf out;
	unsigned char piece[PIECE];
};

struct gzip *gzip_new(void)
{
	struct gzip *g = xcalloc(1, sizeof(*g));
	int rc = deflateInit2(&g->z, Z_BEST_SPEED, Z_DEFLATED, GZIP_HEADER, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);

	ASSERT(rc == Z_OK); /* else there is no memory */
	return g;
}

void gzip_free(struct gzip **gp)
{
	struct gzip *g = STEAL(*gp);

	if (g == NULL)
		return;
	deflateEnd(&g->z);
	buf_release(&g->out);
	free(g);
}

void gzip_add(struct gzip *g, const void *p, size_t n, bool last)
{
	ASSERT(n <= UINT32_MAX);
	g->z.next_in = (unsigned char *)(uintptr_t)p;
	g->z.avail_in = (uInt)n;
	do {
		g->z.next_out = g->piece;
		g->z.avail_out = PIECE;
		deflate(&g->z, last ? Z_FINISH : Z_NO_FLUSH);
		buf_append(&g->out, g->piece, PIECE - g->z.avail_out);
	} while (g->z.avail_out == 0);
}

void gzip_take(struct gzip *g, struct buf *out)
{
	*out = g->out;
	g->out = (struct buf)BUF_INIT;
}

static int unpack(z_stream *z, size_t max, struct buf *out)
{
	unsigned char piece[4096];
	int rc;

	do {
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		rc = inflate(z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END)
			return ERR_INVALID;
		if (sizeof(piece) - z->avail_out > max - out->len)
			return ERR_REFUSED;
		buf_append(out, piece, sizeof(piece) - z->avail_out);
	} while (rc != Z_STREAM_END);
	return z->avail_in == 0 ? 0 : ERR_INVALID;
}

int gzip_unpack(const void *p, size_t n, size_t max, struct buf *out)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)p, .avail_in = (uInt)n };
	int rc;

	ASSERT(n <= UINT32_MAX && out->len == 0);
	rc = inflateInit2(&z, GZIP_OR_ZLIB);
	ASSERT(rc == Z_OK); /* else there is no memory */
	rc = unpack(&z, max, out);
	inflateEnd(&z);
	if (rc != 0)
		buf_clear(out);
	return rc;
}

bool gzip_accepted(const char *header)
{
	const char *q = header != NULL ? strstr(header, "gzip") : NULL;

	if (q == NULL)
		return false;
	q += strlen("gzip");
	q += strspn(q, " \t;");
	if (strncmp(q, "q=0", 3) != 0)
		return true;
	q += 3;
	return *q == '.' && strspn(q + 1, "0") < strcspn(q + 1, ",; \t");
}
