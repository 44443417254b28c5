/*
 * validate.c - what a posted request must look like
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/validate.h"

#include "lib/base/str.h"

#include <string.h>

#define REQUEST_ID_MAX 250 /* bytes, as of the requestId of its upstreams; a scheduler makes them of names of hosts */
#define SERVICE_ID_MAX 220 /* an id made from it ("<id>-<ms>-DELETE") is one of a request */
#define NAME_BYTES_MAX 250
#define PROBLEMS_MAX 20
#define UPSTREAM_ID_MAX 250
#define UPSTREAM_TEXT_MAX 100
#define PATH_BYTES_MAX 2048
#define DOMAIN_BYTES_MAX 255
#define SPACE_OR_BAR "cannot contain whitespace, '/', or '|'"
#define NOT_A_NAME "cannot be '.' or '..' or contain control characters"
#define MAPPING_FOLDER "requestIdMapping" /* stands among the services in /responseHistory */
#define CONTROL "cannot contain control characters"

struct check {
	struct arena *a;
	struct strings *problems;
	enum upstream_syntax syntax;
};

/* A caller who is wrong everywhere is told enough by the first ones. */
static bool enough(const struct check *c)
{
	return c->problems->n >= PROBLEMS_MAX;
}

static void problem(const struct check *c, const char *path, const char *what)
{
	if (!enough(c))
		strings_add(c->problems, c->a, arena_printf(c->a, "%s %s", path, what));
}

/* Where we are: a field, or an element of a list and maybe a field of it. Its text is made only for
 * a problem. */
struct where {
	const char *path;
	bool element;
	size_t i;
	const char *field;
};

static void problem_at(const struct check *c, const struct where *at, const char *what)
{
	if (!at->element)
		problem(c, at->path, what);
	else
		problem(c,
			arena_printf(c->a, "%s[%zu]%s%s", at->path, at->i,
				at->field != NULL ? "." : "", at->field != NULL ? at->field : ""),
			what);
}

static bool has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0))
			return true;
	}
	return false;
}

bool validate_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= NAME_BYTES_MAX && utf8_valid(s, n) && strcmp(s, ".") != 0 &&
	       strcmp(s, "..") != 0 && strchr(s, '/') == NULL && !utf8_unfit_for_path(s, n);
}

/* Java's rule of ids: [^\s/|]+ */
static bool breaks_id_rule(const char *s)
{
	return *s == '\0' || strpbrk(s, " \t\n\v\f\r/|") != NULL;
}

static void check_id(const struct check *c, const char *path, const char *id, size_t max)
{
	if (id == NULL)
		problem(c, path, "may not be null");
	else if (breaks_id_rule(id))
		problem(c, path, SPACE_OR_BAR);
	else if (strlen(id) > max)
		problem(c, path, arena_printf(c->a, "size must be between 1 and %zu bytes", max));
	else if (!validate_name(id))
		problem(c, path, NOT_A_NAME);
}

bool validate_id(const char *s)
{
	return s != NULL && !breaks_id_rule(s) && strlen(s) <= REQUEST_ID_MAX && validate_name(s);
}

static void check_text(const struct check *c, const struct where *at, const char *s, size_t max)
{
	if (s == NULL)
		return;
	if (has_control(s))
		problem_at(c, at, CONTROL);
	if (strlen(s) > max)
		problem_at(c, at, arena_printf(c->a, "size must be between 0 and %zu bytes", max));
}

static void check_texts(
	const struct check *c, const char *path, const struct strings *list, size_t max)
{
	for (size_t i = 0; i < list->n && !enough(c); i++)
		check_text(c, &(struct where){ path, true, i, NULL }, list->items[i], max);
}

static void check_service(const struct check *c, const struct service *s)
{
	check_id(c, "loadBalancerService.serviceId", s->id, SERVICE_ID_MAX);
	if (s->id != NULL && strcmp(s->id, MAPPING_FOLDER) == 0)
		problem(c, "loadBalancerService.serviceId", "is a name that ZooKeeper's records need for something else");
	if (s->groups.n == 0)
		problem(c, "loadBalancerService.loadBalancerGroups",
			"size must be between 1 and 2147483647");
	for (size_t i = 0; i < s->groups.n && !enough(c); i++)
		if (!validate_name(s->groups.items[i]))
			problem_at(c,
				&(struct where){
					"loadBalancerService.loadBalancerGroups", true, i, NULL },
				"is no name of a group");
	check_text(c, &(struct where){ .path = "loadBalancerService.serviceBasePath" },
		s->base_path, PATH_BYTES_MAX);
	check_texts(c, "loadBalancerService.additionalPaths", &s->additional_paths, PATH_BYTES_MAX);
	check_texts(c, "loadBalancerService.domains", &s->domains, DOMAIN_BYTES_MAX);
	check_texts(c, "loadBalancerService.edgeCacheDomains", &s->edge_cache_domains,
		DOMAIN_BYTES_MAX);
	check_text(c, &(struct where){ .path = "loadBalancerService.templateName" },
		s->template_name, DOMAIN_BYTES_MAX);
}

/* Part of the name of the upstream's node, between bars. */
static void check_part(const struct check *c, const struct where *at, const char *s, size_t max)
{
	if (s == NULL)
		return;
	if (*s != '\0' && breaks_id_rule(s))
		problem_at(c, at, SPACE_OR_BAR);
	else if (utf8_unfit_for_path(s, strlen(s)))
		problem_at(c, at, CONTROL);
	if (utf8_utf16_len(s) > max)
		problem_at(c, at, arena_printf(c->a, "size must be between 0 and %zu", max));
}

static void check_address(const struct check *c, const struct where *at, const char *address)
{
	struct error err = ERROR_INIT;

	if (upstream_check_address(address, c->syntax, &err) != 0)
		problem_at(c, at, arena_printf(c->a, "is not valid: %s", err.text));
}

static void check_upstreams(const struct check *c, const char *list,
	const struct upstreams *upstreams, bool become_state)
{
	for (size_t i = 0; i < upstreams->n && !enough(c); i++) {
		const struct upstream *u = &upstreams->items[i];
		struct where at = { list, true, i, "upstream" };

		if (u->address == NULL)
			problem_at(c, &at, "may not be null");
		else if (become_state)
			check_address(c, &at, u->address);
		else if (has_control(u->address))
			problem_at(c, &at, CONTROL);
		at.field = "requestId";
		check_part(c, &at, u->request_id, UPSTREAM_ID_MAX);
		at.field = "rackId";
		check_part(c, &at, u->rack_id, UPSTREAM_TEXT_MAX);
		at.field = "group";
		check_part(c, &at, u->group, UPSTREAM_TEXT_MAX);
		at.field = "resolvedUpstream";
		if (u->resolved != NULL)
			check_address(c, &at, u->resolved);
	}
}

void validate_request(const struct request *rq, enum upstream_syntax syntax, struct arena *a,
	struct strings *problems)
{
	const struct check c = { a, problems, syntax };

	check_id(&c, "loadBalancerRequestId", rq->id, REQUEST_ID_MAX);
	check_service(&c, rq->service);
	check_upstreams(&c, "addUpstreams", &rq->add, true);
	check_upstreams(&c, "removeUpstreams", &rq->remove,
		false); /* what is there must be removable, whatever it is */
	check_upstreams(&c, "replaceUpstreams", &rq->replace, true);
}
