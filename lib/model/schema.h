/*
 * schema.h - what a record's table says of its JSON, as a schema of OpenAPI 3.0
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_SCHEMA_H
#define LIB_MODEL_SCHEMA_H

#include "lib/model/record.h"

/* "Name":{…},"Name":{…}: these records and all that they hold, each once, by their names. They refer to each other below
 * #/components/schemas/. */
void schema_write(const struct record *const *records, size_t n, struct buf *out);

#endif
