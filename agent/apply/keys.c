/*
 * keys.c - the stage that refuses a service whose map keys are another's
 *
 * Only while a batch is prepared: what is decided is applied. A pair that is live already (two services that
 * came over from a Java cluster) is let pass, or neither could be deployed again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_internal.h"

#include "agent/core/mapkeys.h"
#include "lib/base/log.h"
#include "lib/os/file.h"

#include <stdlib.h>

#define LIVE_MAX ((size_t)1024 * 1024 * 1024)

static bool live_already(const struct apply *a, const struct fileset_file *f, const char *key)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(xfree_p) char *path = apply_live_path(a, f->path);

	return file_read(path, LIVE_MAX, &text, NULL) == 0 && mapkeys_twice(buf_cstr(&text), text.len, key);
}

static const char *describe(const struct fileset_file *f, const struct mapkeys_clash *c, struct arena *arena)
{
	if (c->other != NULL)
		return arena_printf(arena, "key '%s' of %s is that of service '%s'", c->key, f->path, c->other);
	return arena_printf(arena, "key '%s' of %s is in the header or footer", c->key, f->path);
}

int keys_run(struct apply *a, struct error *err)
{
	const struct fileset *fs = a->plan->fileset;
	struct arena *arena = arena_new();
	int rc = 0;

	a->idle = true;
	for (size_t i = 0; i < fs->n; i++) {
		const struct fileset_file *f = &fs->files[i];
		struct mapkeys_clashes found = { NULL, 0, 0 };

		mapkeys_find(f, a->item->suspects, a->item->n_suspects, &a->plan->idle, arena, &found);
		for (size_t k = 0; k < found.n; k++) {
			const struct mapkeys_clash *c = &found.items[k];
			const char *text = describe(f, c, arena);

			if (live_already(a, f, c->key)) {
				log_warn(NULL, "two services have one key of a map, and its first line counts", "service",
					c->service, "why", text);
				continue;
			}
			blame_add(a->report, c->service, text);
			if (rc == 0)
				rc = error_set(err, ERR_REFUSED, "service '%s': %s", c->service, text);
		}
		mapkeys_release(&found);
	}
	arena_free(&arena);
	return rc;
}
