/*
 * lead.h - who decides now: a service of ours, one of Java's, or nobody
 *
 * The lowest node of /workers leads.  Every service of ours makes a marker with the guid of its node before that
 * node, and both go with its session: a lowest node without a marker is Java's.
 *
 * Layer: agent/link.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_LINK_LEAD_H
#define AGENT_LINK_LEAD_H

#include "lib/records/reader.h"

enum lead {
	LEAD_NOBODY,
	LEAD_OURS,
	LEAD_JAVA,
	LEAD_CHANGING, /* it went while we were looking */
};

size_t lead_read(struct reader *r); /* some items of a reader */
enum lead lead_of(const struct reader *r, size_t at);

#endif
