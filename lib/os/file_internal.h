/*
 * file_internal.h - what file.c and folder.c share
 *
 * Layer: lib/base; blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_OS_FILE_INTERNAL_H
#define LIB_OS_FILE_INTERNAL_H

#include "lib/base/error.h"

/* Before each call that changes the disk: the fault point. */
void file_change(void);

/* "cannot WHAT 'PATH': reason": ERR_NOT_FOUND if it does not exist, otherwise ERR_SYSTEM. */
int file_failed(struct error *err, int errnum, const char *what, const char *path);

#endif
