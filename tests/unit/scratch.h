/*
 * scratch.h - a folder of its own for a test
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

static inline char *scratch_new(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/lockstep-test-XXXXXX", tmp != NULL ? tmp : "/tmp");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static inline void scratch_free(char **dir)
{
	if (*dir == NULL)
		return;
	assert_int_equal(file_remove_tree(*dir, NULL), 0);
	xfree_p(dir);
}

#endif
