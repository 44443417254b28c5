/*
 * checks.h - helpers that let a template refuse options of the wrong kind, at lockstep level
 *
 * The first parameter is the value, the second its name for the error: {{asInteger service.options.maxconn
 * "maxconn" 1}}.  Each gives the value in the form the file needs, or null if it is null or missing:
 *
 *   asInteger v name [min [max]]  a whole number, or a text that is one; as text, so that 0 is true
 *   asDuration v name     milliseconds, or a text with ms, s, m, h or d behind the number; as text with a unit,
 *                         from 1ms to 24d (what HAProxy and nginx both take)
 *   asFlag v name         true or false, also as text
 *   asChoice v name word...  one of these texts
 *   asText v name [max]   a text, number or boolean of 1 to max (4,000) bytes, no control characters
 *   asToken v name        letters, digits, '_' and '-', 1 to 128: names of headers, cookies, parameters
 *   asHost v name         letters, digits, '.', '_' and '-', 1 to 253
 *   asFile v name         the name of a file in a folder: as asHost, but no '.' or '-' in front
 *   asPath v name         a path of a URL: '/', then printable ASCII without blank, '"', '\' or '#'; to 2,000
 *   asMap v name [key...] a map; with keys, one that has no others
 *   asList v name         a list of texts; a text is a list of one
 *   isIn v list           is it one of them? (ifContainedIn looks for parts of texts); no check
 *   dict key=value...     a map of them: what is the same in each turn of a loop is checked once
 *   fail text...          always an error, of these texts
 *   groupWeights servers shares name   see shares.h
 *
 * An error says: option 'maxconn': 'many' is no whole number from 1 to ...
 *
 * Layer: agent/core (pure).  Threads: the rows are immutable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_CHECKS_H
#define AGENT_CORE_CHECKS_H

#include "agent/template/template.h"

const struct template_helper *checks_rows(size_t *n_out);

/* "option 'NAME': 'VALUE' WHAT" */
int checks_refuse(const char *name, const struct value *v, const char *what, struct error *err);

#endif
