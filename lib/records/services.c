/*
 * services.c - the committed state of one service: its node, and its upstreams, which are names of children
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/services.h"

#include "lib/records/paths.h"

size_t services_read(struct reader *r, const char *service_id)
{
	size_t at = reader_get(r, path_service(r->arena, service_id));

	reader_children(r, path_service(r->arena, service_id));
	return at;
}

int services_take(struct arena *a, const struct reader *r, size_t at, struct service_state *out, struct error *err)
{
	const struct store_node *node = reader_node(r, at);
	size_t n;
	const char *const *names = reader_names(r, at + 1, &n);
	struct service *s;
	int rc;

	*out = (struct service_state){ 0 };
	if (node == NULL || node->len == 0)
		return 0;
	rc = record_decode(&service_record, node->data, node->len, a, &s, err);
	if (rc != 0)
		return rc;
	out->service = s;
	out->upstreams.items = arena_alloc(a, (n + 1) * sizeof(struct upstream));
	for (size_t i = 0; i < n; i++)
		if (upstream_from_text(names[i], a, &out->upstreams.items[out->upstreams.n], NULL) == 0)
			out->upstreams.n++;
	return 0;
}
