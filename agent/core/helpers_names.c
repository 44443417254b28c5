/*
 * helpers_names.c - our helpers that make names and texts for HAProxy
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/context.h"
#include "agent/core/helpers_internal.h"

#include <string.h>

static int no_name(const struct template_call *call, const char *of, struct error *err)
{
	return error_set(err, ERR_INVALID, "%s is no %s", helpers_show(call, call->args[0]), of);
}

/* serverName address, serverName upstream: always the same name for the same address. */
int helper_server_name(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->args[0];
	const char *address = v->kind == VALUE_STRING ? v->u.s : helpers_member(v, "resolvedUpstream");
	AUTO(buf_release) struct buf name = BUF_INIT;

	if (address == NULL)
		address = helpers_member(v, "upstream");
	if (address == NULL)
		return no_name(call, "upstream and no address", err);
	context_server_name(address, &name);
	*out = value_string(call->arena, buf_cstr(&name));
	return 0;
}

/* backendName id, backendName service */
int helper_backend_name(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->args[0];
	const char *id = v->kind == VALUE_MAP ? helpers_member(v, "serviceId") : NULL;
	AUTO(buf_release) struct buf name = BUF_INIT;

	if (v->kind == VALUE_MAP && id == NULL)
		id = helpers_member(v, "id");
	if (helpers_is_scalar(v))
		id = helpers_text(call, v, err);
	if (id == NULL)
		return no_name(call, "service and no id", err);
	context_backend_name(id, &name);
	*out = value_string(call->arena, buf_cstr(&name));
	return 0;
}

/* Inside a log-format string (http-request set-header, return lf-string, log-format) a lone % would begin a
 * variable or an expression.  How it is quoted for the file is not our matter. */
int helper_log_format(const struct template_call *call, const struct value **out, struct error *err)
{
	AUTO(buf_release) struct buf doubled = BUF_INIT;
	const char *text = helpers_text(call, call->args[0], err);

	if (text == NULL)
		return ERR_INVALID;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '%')
			buf_char(&doubled, '%');
		buf_char(&doubled, *p);
	}
	*out = value_string(call->arena, buf_cstr(&doubled));
	return 0;
}
