/*
 * target_map.c - the lines of a HAProxy map: key, blanks, value
 *
 * What HAProxy 2.6.12 was seen to do (tests/integration/test_quoting.py asks it again):
 *
 * A line is a comment only if # is its very first byte; behind blanks it begins a key. The key ends at a blank
 * (space or tab; no other) or at the end of the line; the value is what follows the blanks behind it, without
 * blanks at its end, and may be empty. CR ends the line, and what follows up to LF is not read; NUL the same.
 * There is no quoting: \ " ' are bytes like all others.
 * A line of more than 16,383 bytes is read as several, each with its own key: the rest of an overlong value
 * would be an entry.  So a value must be shorter than a quarter of that.
 *
 * Layer: agent/template.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/target_write.h"

enum { BOL, INDENT, COMMENT, KEY, GAP, VALUE, STATES };

static uint8_t map_next(uint8_t state, unsigned char c)
{
	bool blank = c == ' ' || c == '\t';

	if (c == '\n')
		return BOL;
	if (c == '\r' || c == '\0')
		return COMMENT;
	switch (state) {
	case BOL: return c == '#' ? COMMENT : blank ? INDENT : KEY;
	case INDENT: return blank ? INDENT : KEY;
	case KEY: return blank ? GAP : KEY;
	case GAP: return blank ? GAP : VALUE;
	default: return state;
	}
}

#define BLANK 1

static const uint8_t classes[256] = { TARGET_CONTROLS, [' '] = BLANK };

static const char *map_wrong(uint8_t state, const char *s, size_t n, unsigned seen)
{
	bool begin = state == BOL || state == INDENT;

	if (n > TARGET_MAP_VALUE_MAX)
		return "the value is too long for a line of a map";
	if (begin && n == 0)
		return "the key of a map's line would be empty";
	if (begin && s[0] == '#')
		return "the key of a map's line cannot begin with '#'";
	if ((begin || state == KEY) && (seen & BLANK) != 0)
		return "the key of a map's line cannot hold a blank";
	if (state == GAP && n > 0 && s[0] == ' ')
		return "the value of a map's line cannot begin with a blank";
	if (state >= GAP && n > 0 && s[n - 1] == ' ')
		return "the value of a map's line cannot end with a blank";
	return NULL;
}

static int map_put(uint8_t *state, const char *s, size_t n, struct buf *out, struct error *err)
{
	unsigned seen = target_classes(classes, s, n);
	const char *wrong = map_wrong(*state, s, n, seen);

	if ((seen & TARGET_CONTROL) != 0)
		return target_refuse_control(s, n, err);
	if (wrong != NULL)
		return error_set(err, ERR_INVALID, "%s", wrong);
	buf_append(out, s, n);
	if (*state == BOL || *state == INDENT)
		*state = KEY;
	else if (*state == GAP && n > 0)
		*state = VALUE;
	return 0;
}

static const char *map_end(uint8_t state UNUSED)
{
	return NULL;
}

const struct target target_haproxy_map = { "haproxy-map", STATES, map_next, map_put, map_end };
