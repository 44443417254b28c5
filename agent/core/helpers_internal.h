/*
 * helpers_internal.h - what the files of the helpers share
 *
 * Layer: agent/core, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_HELPERS_INTERNAL_H
#define AGENT_CORE_HELPERS_INTERNAL_H

#include "agent/core/helpers.h"

/* Of Baragon, both levels; the ones ending in _java are those of baragon level alone. */
template_helper_fn helper_first_of, helper_first_of_java;
template_helper_fn helper_if_equal, helper_if_equal_java;
template_helper_fn helper_if_optional_equal, helper_if_optional_equal_java;
template_helper_fn helper_if_contained_in, helper_if_contained_in_java;
template_helper_fn helper_to_nginx_var;
template_helper_fn helper_format_timestamp, helper_resolve_hostname;
template_helper_fn helper_current_rack_is_present, helper_prefer_same_rack_weighting;

/* Ours. */
template_helper_fn helper_eq, helper_ne, helper_lt, helper_lte, helper_gt, helper_gte;
template_helper_fn helper_and, helper_or, helper_not;
template_helper_fn helper_lookup, helper_log, helper_join;
template_helper_fn helper_server_name, helper_backend_name, helper_log_format;

const struct helper_env *helpers_env(const struct template_call *call);

/* A Java Optional: its value, or null. Anything else: itself. */
bool helpers_is_optional(const struct value *v);
const struct value *helpers_unwrap(const struct value *v);
/* The member of a map, unwrapped, if it is a text that is there; else NULL. */
const char *helpers_member(const struct value *map, const char *key);

/* The text that the value prints; in the arena or the value. NULL and the error: it has none. */
const char *helpers_text(const struct template_call *call, const struct value *v, struct error *err);
/* For messages: the value as JSON, shortened; in the arena. */
const char *helpers_show(const struct template_call *call, const struct value *v);

/* Null and "" */
bool helpers_absent(const struct value *v);
/* Texts, numbers and booleans. */
bool helpers_is_scalar(const struct value *v);

#endif
