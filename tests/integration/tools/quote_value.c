/*
 * quote_value.c - values written for a kind of file: quote_value TARGET <PIECES >FILE
 *
 * PIECES are texts of a template and values in turn, beginning with a text, each ended by a NUL.  Exit status 1,
 * the reason on stderr and nothing on stdout: a value was refused.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/target.h"

#include <stdio.h>
#include <string.h>

static int put_pieces(const struct target *t, const struct buf *in, struct buf *out, struct error *err)
{
	bool value = false;
	uint8_t state = 0;

	for (size_t at = 0; at < in->len; value = !value) {
		const char *piece = in->data + at;
		size_t n = strlen(piece);

		at += n + 1;
		if (value) {
			int rc = t->put(&state, piece, n, out, err);

			if (rc != 0)
				return rc;
			continue;
		}
		buf_append(out, piece, n);
		for (size_t i = 0; i < n; i++)
			state = t->next(state, (unsigned char)piece[i]);
	}
	return 0;
}

int main(int argc, char **argv)
{
	AUTO(buf_release) struct buf in = BUF_INIT;
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;
	enum template_output output;
	char part[4096];
	size_t n;

	if (argc != 2 || !target_output(argv[1], &output)) {
		fprintf(stderr, "usage: quote_value text|haproxy|haproxy-map|nginx|html <PIECES >FILE\n");
		return 2;
	}
	while ((n = fread(part, 1, sizeof(part), stdin)) > 0)
		buf_append(&in, part, n);
	if (put_pieces(target_of(output, TEMPLATE_LOCKSTEP), &in, &out, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	return fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 2;
}
