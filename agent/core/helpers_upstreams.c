/*
 * helpers_upstreams.c - Baragon's helpers about upstreams: their racks, their weights, their addresses
 *
 * Layer: agent/core (pure; names are resolved by the environment).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/helpers_internal.h"
#include "agent/core/rack.h"
#include "lib/base/str.h"

#include <inttypes.h>
#include <string.h>

/* The agent's availability zone, or NULL. */
static const char *agent_zone(const struct template_call *call)
{
	const struct value *properties = value_get(call->root, "agentProperties");

	return helpers_member(value_get(properties, "ec2"), "availabilityZone");
}

static bool same_zone(const char *x, const char *y)
{
	return strlen(x) == strlen(y) && strncasecmp(x, y, strlen(x)) == 0;
}

static int check_upstreams(const struct template_call *call, const struct value *list, struct error *err)
{
	if (list->kind != VALUE_LIST)
		return error_set(err, ERR_INVALID, "%s is no list of upstreams", helpers_show(call, list));
	for (size_t i = 0; i < list->u.list.n; i++)
		if (list->u.list.items[i]->kind != VALUE_MAP)
			return error_set(err, ERR_INVALID, "%s is no upstream",
				helpers_show(call, list->u.list.items[i]));
	return 0;
}

/* True where the agent knows no zone of its own: then every rack is as good. */
int helper_current_rack_is_present(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *list = call->args[0];
	const char *zone = agent_zone(call);
	bool present = zone == NULL;
	int rc = present || list->kind == VALUE_NULL ? 0 : check_upstreams(call, list, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; !present && list->kind == VALUE_LIST && i < list->u.list.n; i++) {
		const char *rack = helpers_member(list->u.list.items[i], "rackId");

		present = rack != NULL && same_zone(rack, zone);
	}
	*out = value_bool(present);
	return 0;
}

/* The format was checked when the settings were read. */
static const struct value *print_weight(const struct template_call *call, int64_t weight)
{
	const struct helper_env *env = helpers_env(call);
	AUTO(buf_release) struct buf text = BUF_INIT;

	if (weight == 1)
		return value_text(call->arena, "");
	if (weight == 0)
		return value_text(call->arena, env->zero_weight != NULL ? env->zero_weight : "backup");
	for (const char *p = env->weighting_format != NULL ? env->weighting_format : "weight=%s"; *p != '\0'; p++) {
		if (*p != '%' || p[1] == '\0')
			buf_char(&text, *p);
		else if (*++p == '%')
			buf_char(&text, '%');
		else
			buf_printf(&text, "%" PRId64, weight);
	}
	return value_string(call->arena, buf_cstr(&text));
}

/* preferSameRackWeighting upstreams upstream */
int helper_prefer_same_rack_weighting(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *list = call->args[0], *own = call->args[1];
	AUTO(xfree_p) const char **racks = NULL;
	size_t n = 0;
	int64_t weight;
	int rc = check_upstreams(call, list, err);

	if (rc != 0)
		return rc;
	if (own->kind != VALUE_MAP)
		return error_set(err, ERR_INVALID, "%s is no upstream", helpers_show(call, own));
	racks = xcalloc(list->u.list.n + 1, sizeof(*racks));
	for (size_t i = 0; i < list->u.list.n; i++) {
		racks[n] = helpers_member(list->u.list.items[i], "rackId");
		if (racks[n] != NULL)
			n++;
	}
	rc = rack_weight(agent_zone(call), racks, n, helpers_member(own, "rackId"), &weight, err);
	if (rc == 0)
		*out = print_weight(call, weight);
	return rc;
}

struct host_port {
	const char *host; /* without brackets */
	const char *port; /* NULL: none */
	bool brackets;
};

static bool is_port(const char *s)
{
	int64_t port;

	return s[0] >= '0' && s[0] <= '9' && str_to_i64(s, 0, 65535, &port);
}

/* host, host:port, [IPv6]:port.  An IPv6 address in any other form has no port where one could be. */
static int split(const char *text, struct arena *a, struct host_port *out, struct error *err)
{
	const char *colon = strchr(text, ':'), *close = strrchr(text, ']');

	*out = (struct host_port){ text, NULL, false };
	if (colon == NULL)
		return 0;
	if (text[0] == '[' && close != NULL && close[1] == ':' && close > colon) {
		out->brackets = true;
		out->host = arena_strndup(a, text + 1, (size_t)(close - text) - 1);
		out->port = close + 2;
	} else if (text[0] != '[' && strchr(colon + 1, ':') == NULL) {
		out->host = arena_strndup(a, text, (size_t)(colon - text));
		out->port = colon + 1;
	}
	if (out->port == NULL || !is_port(out->port))
		return error_set(err, ERR_INVALID, "'%.200s' has a ':', but no valid port behind it", text);
	return 0;
}

/* Addresses as they stand: nothing to resolve. */
static bool is_address(const struct host_port *hp)
{
	const char *s = hp->host;
	int64_t part;

	if (hp->brackets || strchr(s, ':') != NULL)
		return true;
	for (int i = 0; i < 4; i++) {
		size_t n = strspn(s, "0123456789");
		char digits[4] = "";

		if (n == 0 || n > 3 || (n > 1 && s[0] == '0') || s[n] != (i < 3 ? '.' : '\0'))
			return false;
		memcpy(digits, s, n);
		if (!str_to_i64(digits, 0, 255, &part))
			return false;
		s += n + (i < 3 ? 1 : 0);
	}
	return true;
}

/* Java forgets the brackets of IPv6, which makes the port a part of the address. */
static int resolve_text(const struct template_call *call, const char *text, const char **out, struct error *err)
{
	const struct helper_env *env = helpers_env(call);
	bool ours = env->level == TEMPLATE_LOCKSTEP, v6;
	struct host_port hp;
	const char *address;
	int rc = 0;

	/* a bare IPv6 address has no port: that is no mistake */
	*out = text;
	if (ours && strspn(text, "0123456789abcdefABCDEF:.") == strlen(text) && strchr(text, ':') != strrchr(text, ':'))
		return 0;
	rc = split(text, call->arena, &hp, err);
	if (rc != 0)
		return rc;
	if (is_address(&hp) || env->resolve == NULL)
		return 0;
	address = env->resolve(env->ctx, hp.host, call->arena);
	if (address == NULL)
		return 0;
	v6 = ours && strchr(address, ':') != NULL;
	*out = hp.port == NULL ? address : arena_printf(call->arena, v6 ? "[%s]:%s" : "%s:%s", address, hp.port);
	return 0;
}

/* Java resolves first, whether it needs it or not: what is malformed fails in any case. */
static int resolve_upstream(const struct template_call *call, const struct value *u, const char **out, struct error *err)
{
	const char *resolved = helpers_member(u, "resolvedUpstream"), *text = helpers_member(u, "upstream");

	if (resolved != NULL && helpers_env(call)->level == TEMPLATE_LOCKSTEP) {
		*out = resolved;
		return 0;
	}
	if (text != NULL) {
		int rc = resolve_text(call, text, out, err);

		if (rc == 0 && resolved != NULL)
			*out = resolved;
		return rc;
	}
	return error_set(err, ERR_INVALID, "don't know how to process upstream %s", helpers_show(call, u));
}

/* resolveHostname [upstream or its text]; without one the current object. */
int helper_resolve_hostname(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->n_args > 0 ? call->args[0] : call->self;
	const char *text = NULL;
	int rc;

	if (v->kind == VALUE_STRING)
		rc = resolve_text(call, v->u.s, &text, err);
	else
		rc = resolve_upstream(call, v, &text, err);
	if (rc == 0)
		*out = value_text(call->arena, text);
	return rc;
}
