/*
 * target.h - the grammar of a rendered file: where in it a value would stand, and how it is written there
 *
 * While a template is rendered, the evaluator feeds every byte it writes through next(); the state says where
 * the next byte stands: begin of a line, in a bare word, in a quoted string, in a comment, behind a backslash.
 * {{x}} is written by put(), which quotes for that place or refuses:
 *
 *   haproxy      bare word: \ before blank \ " ' # ; an empty text at the begin of a word is ""
 *                "...": \ before \ " $   '...': ' is written '\''   comment: as it is
 *                refused: in or at the first word of a line (it would be a keyword), behind a backslash, in
 *                the name of an environment variable
 *   haproxy-map  there is no quoting: a blank in a key, a '#' or nothing at its begin, and a blank at either
 *                end of the value are refused; so is a value of more than TARGET_MAP_VALUE_MAX bytes
 *   nginx        bare word: \ before \ " '   "..." and '...': \ before \ and the quote   comment: as it is
 *                refused: in the first word of a directive, behind a backslash or a closing quote; in a bare
 *                word what would end it: blank ; { and, at its begin, } # and nothing at all; outside of
 *                comments a '$' (nginx has no escape for it). In the name of a variable, letters digits _ alone
 *   text         as it is
 *   html         & < > " ' ` as entities
 *
 * Some words mean something to the program however they are quoted, since it compares them when the quotes are
 * gone. A value that begins a word, quoted or not, is refused if it is one of
 *   haproxy      { } ! || or if unless (also with ! before it, and | alone), and what can be a flag of an ACL:
 *                - alone, and - with one character that is no digit. A longer -word is no flag: HAProxy takes
 *                it as a value, or refuses the line.
 *   nginx        what begins with ~ = @ or ^~ (a kind of match in location, map, server_name, try_files), and ^
 * also when two values directly behind each other would make up a word of these. Where a template's own text
 * stands before the value in the same word, that text has chosen what the word is.
 * {{{x}}} writes such a value all the same.
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

#define TARGET_STATES_MAX 32
/* HAProxy reads a map in lines of at most 16,383 bytes (its buffer), and takes the rest for another line. */
#define TARGET_MAP_VALUE_MAX 4096

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
