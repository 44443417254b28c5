/*
 * store_zk.h - the store over a ZooKeeper ensemble (libzookeeper_st, driven by the loop)
 *
 * `quorum` is Java's connect string (host:port[,host:port…]; a chroot suffix is refused), `ns` the
 * zkNamespace, made if absent.  Read only: it is not made, and every transaction is refused.  The link is DOWN until the first session.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_STORE_ZK_H
#define LIB_STORE_STORE_ZK_H

#include "lib/store/store.h"

struct store_zk_options {
	const char *quorum, *ns; /* copied */
	int session_timeout_ms, connect_timeout_ms;
	bool read_only;
};
int store_zk_new(struct loop *l, const struct store_zk_options *opt, struct store **st_out,
	struct error *err) MUST_CHECK;

#endif
