/*
 * lead.c - who decides now
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/lead.h"

#include "lib/records/paths.h"
#include "lib/store/latch.h"

#include <string.h>

/* The line is read before and after the markers: a marker that is missing may have gone together with its node. */
size_t lead_read(struct reader *r)
{
	size_t at = reader_children(r, PATH_WORKERS);

	reader_children(r, PATH_SERVICES);
	reader_children(r, PATH_WORKERS);
	return at;
}

static bool has_name(const struct reader *r, size_t at, const char *name)
{
	size_t n;
	const char *const *names = reader_names(r, at, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

enum lead lead_of(const struct reader *r, size_t at)
{
	const char *first = NULL;
	char guid[37], first_guid[37] = "";
	int64_t seq, first_seq = 0;
	size_t n;
	const char *const *names = reader_names(r, at, &n);

	for (size_t i = 0; i < n; i++) {
		if (!latch_parse_name(names[i], &seq, guid) || (first != NULL && seq >= first_seq))
			continue;
		first = names[i];
		first_seq = seq;
		memcpy(first_guid, guid, sizeof(guid));
	}
	if (first == NULL)
		return LEAD_NOBODY;
	if (has_name(r, at + 1, first_guid))
		return LEAD_OURS;
	return has_name(r, at + 2, first) ? LEAD_JAVA : LEAD_CHANGING;
}
