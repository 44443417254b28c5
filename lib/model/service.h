/*
 * service.h - a service as schedulers describe it, and its state: the service with its upstreams
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_SERVICE_H
#define LIB_MODEL_SERVICE_H

#include "lib/model/record.h"
#include "lib/model/upstream.h"

struct service {
	const char *id;        /* serviceId */
	struct strings owners;
	const char *base_path; /* serviceBasePath */
	struct strings additional_paths;
	struct strings groups; /* loadBalancerGroups, a set */
	const struct value *options; /* NULL = null */
	const char *template_name;
	struct strings domains;          /* set */
	const char *edge_cache_dns;      /* deprecated: on input also added to edge_cache_domains */
	struct strings edge_cache_domains;
	bool pre_resolve_dns;
};
extern const struct record service_record;

struct service_state {
	const struct service *service;
	struct upstreams upstreams;
};
extern const struct record service_state_record;

/* Lock keys of its base paths: path for services without domains, else domain + path, for the base path and
 * each additional one. Appended to `out`, duplicates dropped. */
void service_lock_keys(const struct service *s, struct arena *a, struct strings *out);

#endif
