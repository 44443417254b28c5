/*
 * hostile.h - bytes as a service that a hostile scheduler sends
 *
 * Every field has values that are as they should be, any text, and among the options values of any kind.  Bytes
 * that are missing are 0, which is a value as it should be, or none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_HOSTILE_H
#define TESTS_FUZZ_HOSTILE_H

#include "lib/model/service.h"

#define HOSTILE_TEXTS_MAX 96

/* A text that is not as it should be, and the field or option it was given for. */
struct hostile_text {
	const char *field, *text;
};
struct hostile {
	struct service service;
	struct service_state state; /* of it */
	struct hostile_text texts[HOSTILE_TEXTS_MAX];
	size_t n_texts;
};

/* The object's parts live in the arena. */
void hostile_make(const uint8_t *data, size_t size, struct arena *a, struct hostile *out);

#endif
