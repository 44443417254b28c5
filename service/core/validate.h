/*
 * validate.h - what a posted request must look like before anything is read or written for it
 *
 * Java's rules with Java's texts ("addUpstreams[0].rackId size must be between 0 and 100"), and
 * ours: whatever becomes a name in ZooKeeper or a line in a file of a load balancer must be fit for
 * it.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_VALIDATE_H
#define SERVICE_CORE_VALIDATE_H

#include "lib/model/request.h"

/* Appends one text per breach, each beginning with the path of the field: none = it is fine. */
void validate_request(const struct request *rq, enum upstream_syntax syntax, struct arena *a,
	struct strings *problems);

/* Can it be the name of a node in ZooKeeper: one element, no control characters, none that
 * ZooKeeper refuses? */
bool validate_name(const char *s);

/* Can it be the id of a request or a service? NULL: no. */
bool validate_id(const char *s);

#endif
