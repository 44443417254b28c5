/*
 * target.h - the grammar of a rendered file: where in it a value would stand, and how it is written there
 *
 * While a template is rendered, the evaluator feeds every byte it writes through next(); the state says where
 * the next byte stands: begin of a line, in a bare word, in a quoted string, in a comment, behind a backslash.
 * {{x}} is written by put(), which quotes for that place or refuses:
 *
 *   haproxy      bare word: \ before blank \ " ' # ; an empty text at the begin of a word is ""
 *                "...": \ before \ " $   '...': ' is written '\''   comment: as it is
 *                refused: in or at the first word of a line (it would be a keyword), behind a backslash
 *   haproxy-map  there is no quoting: a blank in a key, a '#' or nothing at its begin, and a blank at either
 *                end of the value are refused
 *   nginx        "..." and '...': \ before \ and the quote   comment: as it is
 *                refused: in the first word of a directive; in a bare word what would end or change it: blank
 *                ; { } # \ " ' and nothing at all; outside of comments a '$' (nginx has no escape for it)
 *   text         as it is
 *   html         & < > " ' ` as entities
 *
 * Control characters (below 0x20, 0x7f) are refused by every put() but html's.
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_TARGET_H
#define AGENT_TEMPLATE_TARGET_H

#include "agent/template/template.h"

#include <stdint.h>

#define TARGET_STATES_MAX 16

/* State 0 is the begin of a file. */
struct target {
	const char *name; /* as in the settings: haproxy, haproxy-map, nginx, text, html */
	uint8_t states;
	uint8_t (*next)(uint8_t state, unsigned char c);
	/* On ERR_INVALID nothing is appended, *state stays, and the text says why, without the value. */
	int (*put)(uint8_t *state, const char *s, size_t n, struct buf *out, struct error *err);
	/* Why a fragment must not end here ("in a quoted string"); NULL: it may. */
	const char *(*end)(uint8_t state);
};

extern const struct target target_text, target_html, target_haproxy, target_haproxy_map, target_nginx;

/* Never NULL. OUTPUT_DEFAULT depends on the level. */
const struct target *target_of(enum template_output output, enum template_level level);
/* By its name; false: there is none. */
bool target_output(const char *name, enum template_output *out);

/* The first control character of s, or NULL. */
const char *target_control(const char *s, size_t n);

#endif
