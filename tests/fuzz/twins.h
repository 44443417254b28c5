/*
 * twins.h - a harmless text for every text of a hostile service, and what may become of both in a file
 *
 * Each different text gets one twin, and no two the same one: a short marker that has no meaning in any file, of
 * the kind that its roles ask for, in the same order as the texts are among each other.  Texts that templates
 * compare with (words that stand in them, numbers, times) are their own twins: the renderings must take the same
 * branches.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_TWINS_H
#define TESTS_FUZZ_TWINS_H

#include "lib/base/mem.h"
#include "lib/model/service.h"

/* What a text is to the service: bits. */
enum twins_role {
	TWINS_OPTION = 1,   /* anywhere in the options */
	TWINS_NAME = 2,     /* owner, group, rack, request: not shown or compared with each other alone */
	TWINS_ADDRESS = 4,
	TWINS_PATH = 8,     /* in the form of twins_path() */
	TWINS_DOMAIN = 16,  /* in the form of twins_domain() */
	TWINS_ID = 32,
};

/* How a text may be written in a file: bits. */
enum twins_form {
	FORM_PLAIN = 1,
	FORM_BACKEND = 2,   /* id: what is no [A-Za-z0-9_.-] is :XX */
	FORM_HASH = 4,      /* id: its SHA-256 */
	FORM_SERVER = 8,    /* address: as the name of a server */
	FORM_ENCODED = 16,  /* path: percent-encoded */
	FORM_DOUBLED = 32,  /* every % twice */
	FORM_VARIABLE = 64, /* lower case, - is _ */
	FORM_DOMAIN = 128,  /* domain: as it is, for a domain is asked for in that form */
};

/* All words of a text (the templates): they stay as they are where they are options. */
struct twins_words {
	const char **items; /* sorted */
	size_t n, cap;
	struct arena *arena;
};
void twins_words_init(struct twins_words *w, const char *text);
void twins_words_release(struct twins_words *w);

struct twins;
struct twins *twins_new(const struct twins_words *known, struct arena *a);

void twins_add(struct twins *t, unsigned roles, const char *hostile);
/* Makes the twins. `head`: what the twin of the id begins with. false: the texts cannot be told apart, or one
 * has two roles that want different twins. */
bool twins_settle(struct twins *t, const char *head) MUST_CHECK;
/* NULL stays NULL. The text was added. */
const char *twins_of(const struct twins *t, const char *hostile);

/* All texts of a service; and, settled, the same service of their twins. */
void twins_add_service(struct twins *t, const struct service_state *state, struct arena *a);
const struct service_state *twins_service(const struct twins *t, const struct service_state *state, struct arena *a);

/* Is `hostile` the text `twin`, with every marker replaced by its hostile text, in one of these forms? */
bool twins_match(const struct twins *t, unsigned forms, const char *twin, size_t n, const char *hostile, size_t m);
/* Is a marker in it? */
bool twins_marked(const struct twins *t, const char *text, size_t n);
/* As twins_marked, and it counts the hostile text as seen in a file. */
bool twins_see(struct twins *t, const char *text, size_t n);
bool twins_seen(const struct twins *t, const char *hostile);

/* Paths as `routes` have them before they are encoded, domains as they have them. */
const char *twins_path(const char *path, struct arena *a);
const char *twins_domain(const char *domain, struct arena *a);

#endif
