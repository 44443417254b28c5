/*
 * digest.h - SHA-256 as lower-case hex
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_DIGEST_H
#define LIB_MODEL_DIGEST_H

#include "lib/base/base.h"

#define DIGEST_HEX 65 /* with the NUL */

struct digest; /* for pieces */
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *p, size_t n);
void digest_finish(struct digest **d_take, char out[DIGEST_HEX]);
void digest_hex(const void *p, size_t n, char out[DIGEST_HEX]);

#endif
