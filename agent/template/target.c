/*
 * target.c - files without a grammar of their own: text and html; and finding a target
 *
 * Layer: agent/template.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/target.h"

#include "agent/template/target_write.h"

#include <string.h>

static const uint8_t controls[256] = { TARGET_CONTROLS };

unsigned target_classes(const uint8_t classes[256], const char *s, size_t n)
{
	unsigned seen = 0;

	for (size_t i = 0; i < n; i++)
		seen |= classes[(unsigned char)s[i]];
	return seen;
}

const char *target_control(const char *s, size_t n)
{
	size_t i = 0;

	if (target_classes(controls, s, n) == 0)
		return NULL;
	while (controls[(unsigned char)s[i]] == 0)
		i++;
	return &s[i];
}

int target_refuse_control(const char *s, size_t n, struct error *err)
{
	const char *bad = target_control(s, n);

	ASSERT(bad != NULL);
	return error_set(err, ERR_INVALID, "the value holds the control character 0x%02x", (unsigned char)*bad);
}

void target_escape(const uint8_t classes[256], unsigned mask, const char *before, const char *s, size_t n,
	struct buf *out)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		if ((classes[(unsigned char)s[i]] & mask) == 0)
			continue;
		buf_append(out, s + done, i - done);
		buf_str(out, before);
		done = i;
	}
	buf_append(out, s + done, n - done);
}

static uint8_t flat_next(uint8_t state, unsigned char c UNUSED)
{
	return state;
}

static const char *flat_end(uint8_t state UNUSED)
{
	return NULL;
}

static int text_put(uint8_t *state UNUSED, const char *s, size_t n, struct buf *out, struct error *err)
{
	if (target_control(s, n) != NULL)
		return target_refuse_control(s, n, err);
	buf_append(out, s, n);
	return 0;
}

/* The six of handlebars.java 1.3.1. */
static const char *entity(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#x27;";
	case '`': return "&#x60;";
	default: return NULL;
	}
}

static int html_put(uint8_t *state UNUSED, const char *s, size_t n, struct buf *out, struct error *err UNUSED)
{
	size_t done = 0;

	for (size_t i = 0; i < n; i++) {
		const char *e = entity(s[i]);

		if (e == NULL)
			continue;
		buf_append(out, s + done, i - done);
		buf_str(out, e);
		done = i + 1;
	}
	buf_append(out, s + done, n - done);
	return 0;
}

const struct target target_text = { "text", 1, flat_next, text_put, flat_end };
const struct target target_html = { "html", 1, flat_next, html_put, flat_end };

const struct target *target_of(enum template_output output, enum template_level level)
{
	switch (output) {
	case OUTPUT_DEFAULT: return level == TEMPLATE_BARAGON ? &target_html : &target_text;
	case OUTPUT_TEXT: return &target_text;
	case OUTPUT_HAPROXY: return &target_haproxy;
	case OUTPUT_HAPROXY_MAP: return &target_haproxy_map;
	case OUTPUT_NGINX: return &target_nginx;
	case OUTPUT_HTML: return &target_html;
	}
	ASSERT(false);
}

bool target_output(const char *name, enum template_output *out)
{
	for (int o = OUTPUT_TEXT; o <= OUTPUT_HTML; o++) {
		if (strcmp(target_of((enum template_output)o, TEMPLATE_LOCKSTEP)->name, name) == 0) {
			*out = (enum template_output)o;
			return true;
		}
	}
	return false;
}
